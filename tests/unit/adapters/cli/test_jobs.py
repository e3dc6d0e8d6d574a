"""``serena jobs`` and ``--server``, against a real server and against the data folder of one."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from adapters.application import Application
from adapters.bootstrap import LocalHost, bootstrap
from adapters.cli.app import create_cli
from adapters.cli.errors import run
from adapters.cli.flags import DrawFlags
from adapters.cli.job_access import LocalJobs
from adapters.cli.progress import Lines
from adapters.cli.remote import RemoteRun, file_name, requests_for
from adapters.client.models import ImageView
from adapters.client.sync import Client
from adapters.settings import Settings
from core.domain.errors import InvalidImage
from core.domain.job import JobId, JobState
from core.domain.request import GenerationRequest
from core.drafts import RequestDraft
from plugins.hookspecs import hookimpl
from tests.quality.test_api_runner_contract import listening
from tests.unit.adapters.cli.conftest import Answer

SMALL = ("--width", "64", "--height", "64", "--steps", "3")
CURSED = "a cursed cat"

Command = Callable[..., Answer]


class Cursed:
    """A plugin that fails for one prompt."""

    @hookimpl
    def serena_prepare(self, draft: RequestDraft) -> None:
        if draft.request.prompt == CURSED:
            raise ValueError("it is cursed")


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Command:
    """The command on this machine: call it with its arguments."""

    def call(*argv: str) -> Answer:
        code = run(create_cli(LocalHost()), argv)
        captured = capsys.readouterr()
        return Answer(code, captured.out, captured.err)

    return call


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Application]:
    backend = {"name": "fake", "step_seconds": 0.01}
    app = bootstrap(
        Settings(data_dir=tmp_path_factory.mktemp("server"), backend=backend), plugins=[("cursed", Cursed())]
    )
    app.start()
    with closing(app):
        yield app


@pytest.fixture(scope="module")
def url(app: Application) -> Iterator[str]:
    with listening(app) as found:
        yield found


@pytest.fixture
def there(command: Command, url: str, tmp_path: Path) -> Command:
    return lambda *argv: command(*argv, "--server", url, "--data-dir", str(tmp_path))


def drawn(there: Command, *prompts: str) -> list[dict[str, Any]]:
    answer = there("txt2img", *prompts, *SMALL, "--json")
    assert answer.code == 0, answer.err
    return [json.loads(line) for line in answer.out.splitlines()]


def test_pictures_are_drawn_there_and_kept_here(there: Command, app: Application, tmp_path: Path) -> None:
    first, second = drawn(there, "a cat", "a dog")
    assert (first["prompt"], second["prompt"], first["state"]) == ("a cat", "a dog", "succeeded")
    [image] = first["images"]
    assert Path(image["path"]).parent == tmp_path / "outputs"
    with Image.open(image["path"]) as found:
        assert found.size == (64, 64)
    assert list(app.settings.data_dir.rglob("*.png")) == []


def test_lines_and_progress_are_as_they_are_here(there: Command) -> None:
    answer = there("txt2img", "a cat", *SMALL, "--steps", "40", "--no-save")
    assert answer.code == 0
    assert answer.out.startswith("(not saved)  seed ")
    assert "a cat: step " in answer.err


def test_over_a_picture(there: Command, tmp_path: Path) -> None:
    Image.new("RGB", (64, 64), "red").save(tmp_path / "red.png")
    files = ("--init", str(tmp_path / "red.png"), "--mask", str(tmp_path / "red.png"))
    answer = there("img2img", "a cat", *files, *SMALL, "--option", "samples_format=jpg")
    assert (answer.code, answer.out.split()[0][-4:]) == (0, ".jpg")
    missing = there("img2img", "a cat", "--init", str(tmp_path / "none.png"))
    assert (missing.code, "cannot read" in missing.err) == (2, True)


def test_what_the_server_refuses(there: Command, command: Command) -> None:
    answer = there("txt2img", "a cat", "--sampler", "nope")
    assert (answer.code, "Sampler not found" in answer.err) == (2, True)
    nobody = command("jobs", "list", "--server", "ftp://anna:s3cret@x")
    assert (nobody.code, "is no URL" in nobody.err, "s3cret" in nobody.err) == (2, True, False)
    odd = command("jobs", "list", "--server", "http://anna:s3/cret@x")
    assert (odd.code, "no URL that can be read" in odd.err, "s3" in odd.err) == (2, True, False)


def test_files_stay_in_the_folder_whatever_the_server_says() -> None:
    image = ImageView(
        index=0, url="", width=8, height=8, seed=1, subseed=1, infotext="", format="png", size=1
    )
    assert file_name("../../x", image) == "..%2F..%2Fx-0.png"
    assert file_name("task(a)", image) == "task(a)-0.png"
    with pytest.raises(InvalidImage, match=r"'/\.\./sh'; it must be png"):
        file_name("a", image.model_copy(update={"format": "/../sh"}))


def test_ctrl_c_stops_the_jobs_there(url: str) -> None:
    class Impatient(Lines):
        """A user who presses Ctrl-C when the first step is done."""

        def show(self, job_id: JobId, progress: Any) -> None:
            if progress.step and not progress.interrupted:
                raise KeyboardInterrupt

    flags = DrawFlags(prompt=["a", "b"], width=64, height=64, steps=1000, n_iter=50)
    with Client(url) as client:
        jobs, interrupted = RemoteRun(client, Impatient()).draw(requests_for(flags))
    assert interrupted
    assert [job.state for job in jobs] == [JobState.CANCELLED] * 2


def test_jobs_of_a_server(there: Command, app: Application) -> None:
    [first] = drawn(there, "a cat")
    listed = there("jobs", "list", "--limit", "1", "--json")
    assert [job["id"] for job in json.loads(listed.out)] == [first["job"]]
    assert first["job"] in there("jobs", "list", "--state", "succeeded").out
    assert json.loads(there_show(there, first["job"]).out)["prompt"] == "a cat"
    again = json.loads(there("jobs", "retry", first["job"], "--json").out)[0]["id"]
    assert "succeeded" in there("jobs", "watch", again).out
    assert there("jobs", "cancel", again).code == 0
    assert there("jobs", "purge", first["job"]).out == "1 forgotten\n"
    gone = there_show(there, first["job"])
    assert (gone.code, "expired" in gone.err) == (1, True)
    assert there("jobs", "purge").code == 2
    assert there("jobs", "purge", "--all").code == 0
    assert app.jobs.jobs() == []
    assert there("jobs", "list").out == "there are no jobs\n"


def there_show(there: Command, job_id: str) -> Answer:
    return there("jobs", "show", job_id)


def test_a_job_that_runs_is_not_purged(there: Command, app: Application) -> None:
    request = GenerationRequest(width=64, height=64, steps=1000, n_iter=50)
    job_id = app.images.submit(request)
    refused = there("jobs", "purge", job_id)
    assert (refused.code, "cancel it first" in refused.err) == (1, True)
    there("jobs", "cancel", job_id)
    assert app.images.wait(job_id, 60).state is JobState.CANCELLED


def test_a_job_that_fails(there: Command, app: Application) -> None:
    job_id = app.images.submit(GenerationRequest(prompt=CURSED, width=64, height=64))
    watched = there("jobs", "watch", job_id)
    assert (watched.code, "it is cursed" in watched.err) == (1, True)
    assert there("jobs", "watch", "nope").code == 1
    answer = there("txt2img", CURSED, *SMALL, "--json")
    assert (answer.code, "it is cursed" in answer.err) == (1, True)
    assert "it is cursed" in json.loads(answer.out)["error"]


# The data folder of this machine


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Application]:
    """One that keeps its jobs, and does not draw."""
    app = bootstrap(Settings(data_dir=tmp_path, backend={"name": "fake"}), serving=True)
    with closing(app):
        yield app


@pytest.fixture
def here(command: Command, tmp_path: Path) -> Command:
    return lambda *argv: command(*argv, "--data-dir", str(tmp_path))


def test_jobs_of_the_data_folder(here: Command, server: Application) -> None:
    ids = [server.images.submit(GenerationRequest(prompt=str(n))) for n in range(3)]
    listed = json.loads(here("jobs", "list", "--json").out)
    assert [job["id"] for job in listed] == ids[::-1]
    assert json.loads(here("jobs", "show", ids[0]).out)["progress"]["position"] == 0
    assert "cancelled" in here("jobs", "cancel", ids[0]).out
    assert server.jobs.get(ids[0]).state is JobState.CANCELLED
    refused = here("jobs", "purge", ids[1])
    assert (refused.code, ids[1] in refused.err) == (1, True)
    again = json.loads(here("jobs", "retry", ids[0], "--json").out)[0]["id"]
    assert server.jobs.get(JobId(again)).state is JobState.QUEUED
    assert here("jobs", "purge", "--all").out == "1 forgotten\n"
    assert len(server.jobs.jobs()) == 3
    assert here("jobs", "show", "nope").code == 1


def test_watching_follows_to_the_end(server: Application) -> None:
    job_id = server.images.submit(GenerationRequest())
    events = LocalJobs(server.jobs).events(job_id)
    first = next(events)
    assert first.progress is not None
    assert first.progress.state is JobState.QUEUED
    threading.Thread(target=server.jobs.interrupt, args=(job_id,)).start()
    assert [event.job.state for event in events if event.job] == [JobState.CANCELLED]
