"""A disk that fails to keep jobs: callers are told, readiness says why, and then all goes on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from adapters.application import Application
from adapters.bootstrap import bootstrap
from adapters.http.app import create_app
from adapters.jobs.sql.doubt import AGAIN_SECONDS
from adapters.jobs.sql.sqlite import PATIENCE, open_sqlite
from adapters.jobs.sql.store import SqlJobStore
from adapters.settings import Settings
from core.domain.errors import StorageError
from core.jobs.outage import Outages
from tests.unit.adapters.http.conftest import Client

BODY = {"prompt": "a cat", "steps": 1, "width": 64, "height": 64}


class Disk:
    """:ivar now: its clock."""

    fails = False
    now = 0.0

    def flush(self) -> None:
        if self.fails:
            raise StorageError("cannot write '/srv/data/jobs.sqlite-wal': Input/output error")


@pytest.fixture
def disk() -> Disk:
    return Disk()


@pytest.fixture
def app(disk: Disk, tmp_path: Path) -> Iterator[Application]:
    outages = Outages()
    database = open_sqlite(
        tmp_path / "jobs.sqlite", flush=disk.flush, report=outages.stored, seconds=lambda: disk.now
    )
    app = bootstrap(
        Settings(data_dir=tmp_path, backend={"name": "fake"}),
        serving=True,
        outages=outages,
        job_store=SqlJobStore(database, patience=PATIENCE),
    )
    app.start()
    with closing(app):
        yield app


def test_what_may_not_last_is_not_told_as_kept(app: Application, disk: Disk) -> None:
    client = Client(create_app(app))
    assert client.post("/sdapi/v1/txt2img", BODY).status_code == 200
    disk.fails = True
    answer = client.post("/sdapi/v1/txt2img", BODY)
    assert (answer.status_code, answer.json()["error"]) == (503, "NotKept")
    assert answer.json()["detail"].startswith("cannot write a file of the server: Input/output error; until")
    assert answer.headers["retry-after"] == "5"
    disk.fails = False  # which proves nothing yet
    for path in ("/api/v1/jobs", "/api/v1/queue"):
        assert client.get(path).status_code == 503
    ready = client.get("/health/ready")
    assert ready.status_code == 503
    assert "until the disk has shown that it keeps jobs" in ready.json()["reason"]
    disk.now += AGAIN_SECONDS
    # Whoever comes while another thread writes all anew is refused once more.
    assert any(client.post("/sdapi/v1/txt2img", BODY).status_code == 200 for _ in range(20))
    assert "disk" not in client.get("/health/ready").json()["reason"]
