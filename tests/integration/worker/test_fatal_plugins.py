"""A plugin that kills its process costs one attempt of its own job, and is named; the server and the others
go on."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from starlette.testclient import TestClient

from adapters.application import Application
from adapters.bootstrap import bootstrap
from adapters.http.app import create_app
from adapters.settings import load_settings
from core.domain.errors import InvalidValue, WorkerDied
from core.domain.job import JobState
from core.domain.request import GenerationRequest
from tests.quality.apart import INSTALLED, Notes

PATIENCE = 60.0
ATTEMPTS = 2


@pytest.fixture(scope="module")
def notes(tmp_path_factory: pytest.TempPathFactory) -> Notes:
    return Notes(tmp_path_factory.mktemp("notes"))


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, notes: Notes) -> Iterator[Application]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(INSTALLED)
        patch.setenv("SERENA_TEST_NOTES", str(notes.folder))
        settings = load_settings(
            data_dir=tmp_path_factory.mktemp("data"),
            backend={"name": "fake", "max_runs": 2},
            worker={"kind": "process", "timeout_seconds": 2},
            jobs={"max_attempts": ATTEMPTS},
        )
        app = bootstrap(settings)
        app.start()
        yield app
        app.close()
    assert notes.lines("shutdown") != []


def request(prompt: str, **more: int) -> GenerationRequest:
    return GenerationRequest(prompt=prompt, seed=1, width=64, height=64, **{"steps": 2, **more})


@contextmanager
def asking(app: Application) -> Iterator[list[int]]:
    """Asks for the progress all the time; the codes of the answers."""
    codes: list[int] = []
    over = threading.Event()

    def ask(client: httpx.Client) -> None:
        while not over.is_set():
            codes.append(client.get("/sdapi/v1/progress").status_code)

    with TestClient(create_app(app), base_url="http://127.0.0.1") as client:
        thread = threading.Thread(target=ask, args=(client,))
        thread.start()
        yield codes
        over.set()
        thread.join(PATIENCE)


IN_IT = r" while plugin 'fatal' was in (serena_\w+ and in )?serena_prepare"
"""Others may be in another hook of it at that moment."""


def deaths(app: Application) -> int:
    """Failures of the plugin in that hook, beside the one that the child sees itself and does not survive."""
    found = {(one.plugin, one.hook): one.failures for one in app.plugin_calls()}
    return found.get(("fatal", "serena_prepare"), 0)


@pytest.mark.parametrize(
    ("prompt", "reason"),
    [
        ("abort", rf"the worker was killed by signal 6 \(SIGABRT\){IN_IT}"),
        pytest.param("exit", f"the worker ended with exit code 3{IN_IT}", marks=pytest.mark.faults),
        pytest.param(
            "segfault", rf"the worker was killed by signal 11 \(SIGSEGV\){IN_IT}", marks=pytest.mark.faults
        ),
        ("hang", f"the worker gave no sign of life for 2 seconds and was ended{IN_IT}"),
        ("greedy", r"the worker ran out of memory \("),
    ],
)
def test_a_poisoned_job_fails_with_its_reason_and_the_others_are_drawn(
    app: Application, prompt: str, reason: str
) -> None:
    before = deaths(app)
    with asking(app) as codes:
        ids = [app.images.submit(request(text)) for text in ("a cat", prompt, "a dog", "a bird")]
        others = [app.images.wait(job_id, PATIENCE) for job_id in (ids[0], *ids[2:])]
        with pytest.raises(WorkerDied, match=reason):
            app.images.wait(ids[1], PATIENCE)
    poisoned = app.jobs.get(ids[1])
    assert (poisoned.state, poisoned.attempts) == (JobState.FAILED, ATTEMPTS)
    assert {job.state for job in others} == {JobState.SUCCEEDED}
    assert {job.attempts for job in others} <= {1, 2}  # who was in the same process is drawn once more
    assert set(codes) == {200}
    assert deaths(app) - before == (0 if prompt == "greedy" else ATTEMPTS)


def test_a_job_whose_process_died_once_is_drawn_at_the_second_attempt(
    app: Application, tmp_path: Path
) -> None:
    job = app.images.wait(app.images.submit(request(f"once {tmp_path / 'flag'}")), PATIENCE)
    assert (job.state, job.attempts) == (JobState.SUCCEEDED, 2)


def test_what_a_plugin_prints_disturbs_nothing(app: Application) -> None:
    assert app.images.wait(app.images.submit(request("noisy")), PATIENCE).state is JobState.SUCCEEDED


def test_a_hanging_job_can_be_cancelled(app: Application) -> None:
    job_id = app.images.submit(request("hang"))
    deadline = time.monotonic() + PATIENCE
    while app.jobs.get(job_id).state is not JobState.RUNNING:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    app.jobs.interrupt(job_id)
    assert app.images.wait(job_id, PATIENCE).state is JobState.CANCELLED


def test_the_plugins_are_those_of_the_child_and_hear_of_files(app: Application, notes: Notes) -> None:
    job = app.images.wait(
        app.images.submit(
            GenerationRequest(prompt="a cat", seed=1, width=64, height=64, steps=2, save_images=True)
        ),
        PATIENCE,
    )
    assert job.result is not None
    assert notes.lines("saved") == [image.path for image in job.result.images]
    assert "fatal" in [report.name for report in app.plugins]
    assert app.memory.memory().device is None
    app.memory.unload()
    app.memory.reload()


def test_settings_of_a_plugin_in_the_child_are_options_here(app: Application) -> None:
    """The child checks them: its plugins' code is nowhere else."""
    app.settle()
    colours = []
    for colour in ("blue", None):
        overrides = {} if colour is None else {"fatal_colour": colour}
        order = GenerationRequest(
            prompt="a cat", seed=1, width=64, height=64, steps=1, override_settings=overrides
        )
        result = app.images.wait(app.images.submit(order), PATIENCE).result
        assert result is not None
        colours.append(result.images[0].infotext.partition("Colour: ")[2].partition(",")[0])
    assert colours == ["blue", app.options.get()["fatal_colour"]] == ["blue", "red"]
    with pytest.raises(InvalidValue, match=r"option fatal_colour is 'X'; string should match pattern"):
        app.options.set({"fatal_colour": "X"})


def test_what_plugins_cost_in_the_child_is_counted_here(app: Application) -> None:
    app.images.wait(app.images.submit(request("a cat")), PATIENCE)
    found = {(one.plugin, one.hook): one.calls for one in app.plugin_calls()}
    assert found["fatal", "serena_prepare"] >= 1
