from __future__ import annotations

import pytest

from adapters.cli.file_progress import MIB, file_bar
from adapters.cli.progress import Bars, Lines, left_text, shortened, step_text, watcher
from core.domain.job import JobId, JobState
from core.domain.progress import Progress
from core.domain.request import GenerationRequest
from tests.unit.adapters.cli.fakes import FakeService

RUNNING = JobState.RUNNING


@pytest.mark.parametrize(
    ("progress", "text"),
    [
        (Progress(state=JobState.QUEUED), "waiting"),
        (Progress(state=JobState.QUEUED, position=2), "waiting behind 2"),
        (Progress(state=RUNNING), "starting"),
        (Progress(state=RUNNING, stage="finalize"), "finalize"),
        (Progress(state=RUNNING, stage="execute", step=3, steps=20, iterations=1), "step 3/20"),
        (
            Progress(state=RUNNING, stage="execute", step=3, steps=9, iteration=1, iterations=4),
            "batch 2/4 step 3/9",
        ),
    ],
)
def test_step_text(progress: Progress, text: str) -> None:
    assert step_text(progress) == text


@pytest.mark.parametrize(
    ("eta", "text"),
    [(None, "time left unknown"), (0.2, "0:00 left"), (61.0, "1:01 left"), (-3.0, "0:00 left")],
)
def test_left_text(eta: float | None, text: str) -> None:
    assert left_text(eta) == text


def test_long_prompts_are_cut() -> None:
    assert shortened("a\n cat") == "a cat"
    assert len(shortened("cat " * 50)) == 40


def test_lines_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    with watcher() as watching:
        assert isinstance(watching, Lines)


def test_bars_say_how_each_job_ended(capsys: pytest.CaptureFixture[str]) -> None:
    service = FakeService()
    done, stopped = (service.submit(GenerationRequest(prompt=prompt)) for prompt in ("a [red] cat", "a dog"))
    service.interrupt(stopped)
    with Bars() as bars:
        for job_id in (done, stopped):
            bars.begin(job_id, service.get(job_id).request.prompt)
            bars.show(job_id, service.progress(job_id))
        bars.end(service.wait(done))
        bars.end(service.get(stopped))
        bars.show(JobId("unheard of"), Progress())
    shown = capsys.readouterr().err
    assert "a [red] cat" in shown
    assert "done" in shown
    assert "cancelled" in shown


def test_a_bar_for_a_file(capsys: pytest.CaptureFixture[str]) -> None:
    with file_bar("pulling [red]/cat") as told:
        told(MIB, 4 * MIB)
        told(4 * MIB, 4 * MIB)
    assert "pulling [red]/cat" in capsys.readouterr().err
