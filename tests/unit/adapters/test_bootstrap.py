"""The composition root: what is put in is used, started and closed in order."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from adapters.bootstrap import LocalHost, bootstrap, main
from adapters.settings import Settings, load_settings
from adapters.worker.thread import ThreadWorker
from core.domain.errors import NotReady, UnknownBackend
from core.domain.job import JobId, JobState
from plugins.hookspecs import AppInfo, hookimpl
from tests.unit.core.workshop import ScriptedBackend, request


def settings(folder: Path, **fields: Any) -> Settings:
    return load_settings(data_dir=folder, **{"backend": {"name": "fake"}, **fields})


class Noting:
    def __init__(self) -> None:
        self.notes: list[str] = []

    @hookimpl
    def serena_ready(self, app: AppInfo) -> None:
        self.notes.append(f"ready {app.backend}")

    @hookimpl
    def serena_shutdown(self) -> None:
        self.notes.append("shutdown")


def test_an_application_draws_between_start_and_close(tmp_path: Path) -> None:
    noting, backend = Noting(), ScriptedBackend()
    app = bootstrap(settings(tmp_path), plugins=[("noting", noting)], backend=backend)
    assert app.health.ready()[0] is False
    app.start()
    try:
        job = app.images.wait(app.images.submit(request(save_images=True)), 20)
        assert job.state is JobState.SUCCEEDED
    finally:
        app.close()
    assert noting.notes == ["ready fake", "shutdown"]
    assert backend.closed == 1
    assert app.health.ready() == (False, "the server is stopping")
    assert [report.name for report in app.plugins if report.name == "noting"] == ["noting"]
    assert list(tmp_path.rglob("*.png"))


def test_the_default_model_is_the_one_that_options_show(tmp_path: Path) -> None:
    app = bootstrap(settings(tmp_path, models={"default": "fake-model"}))
    current = app.models.current()
    assert current is not None
    assert app.options.get()["sd_model_checkpoint"] == current.identity.title
    job_id = app.images.submit(request(seed=-1))
    assert 0 <= app.jobs.get(job_id).frozen.seed <= 4294967293
    assert app.jobs.progress(preview=True).preview is None


def test_what_is_kept_for_plugins_of_a_child_is_frozen_before_it_is_up(tmp_path: Path) -> None:
    (tmp_path / "serena-options.json").write_text('{"sepia_tone": 2}', encoding="utf-8")
    app = bootstrap(settings(tmp_path, worker={"kind": "process"}))
    assert app.health.ready() == (False, "the plugins are being loaded")
    with pytest.raises(
        NotReady, match="an option 'sepia_tone' is not known yet: the plugins are being loaded"
    ):
        app.images.submit(request(override_settings={"sepia_tone": 3}))
    assert app.jobs.get(app.images.submit(request())).frozen.options == {"sepia_tone": 2}
    app.options.set({"n_rows": 2})
    assert app.jobs.get(app.images.submit(request())).frozen.options == {"sepia_tone": 2, "n_rows": 2}
    app.close()


def test_what_is_configured_of_built_in_plugins_is_known_before_the_child_is_up(tmp_path: Path) -> None:
    told = {"block": ["wildcards"], "save_as": {"format": "webp"}, "sepia": {"tone": 2}}
    app = bootstrap(settings(tmp_path, worker={"kind": "process"}, plugins=told))
    assert app.options.get()["save_as_format"] == "webp"
    assert "wildcards" not in {report.name for report in app.plugins}
    app.close()


def test_an_unknown_backend_is_told(tmp_path: Path) -> None:
    with pytest.raises(UnknownBackend, match="'tpu'"):
        bootstrap(settings(tmp_path, backend={"name": "tpu"}))


def test_the_local_host(tmp_path: Path) -> None:
    host, here = LocalHost(), settings(tmp_path)
    assert host.open(here).backend == "fake"
    assert {backend.name for backend in host.backends(here)} >= {"fake", "torch"}
    assert list(host.plugins(here)) == list(host.open(here).plugins)
    assert list(host.plugins(settings(tmp_path, backend={"name": "tpu"}))) == list(host.plugins(here))
    assert host.diagnose(here)[0].topic == "python"


def test_the_command_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["version"]) == 0
    assert capsys.readouterr().out


class FailingLoop:
    """A store that fails once, then works until told to stop."""

    def __init__(self) -> None:
        self.calls = 0
        self.again = threading.Event()

    def run_next(self, timeout: float | None = None) -> JobId | None:
        self.calls += 1
        if self.calls == 1:
            raise OSError("the disk is gone")
        self.again.set()
        return None


def test_a_worker_survives_a_store_that_fails(caplog: pytest.LogCaptureFixture) -> None:
    loop = FailingLoop()
    worker = ThreadWorker(loop, 1)
    worker.start()
    assert loop.again.wait(20)
    worker.stop()
    assert "could not run a job" in caplog.text
