"""A client that waits does not notice that the server was killed and started again."""

from __future__ import annotations

import threading
from pathlib import Path

from adapters.client.models import JobState, JobView, ProgressView, Txt2ImgRequest
from adapters.client.sync import Client
from tests.smoke.server import serving

PATIENCE = 60.0
SLOW = '[backend]\nname = "fake"\nstep_seconds = 0.02\n'


def test_a_client_waits_on_over_a_kill_of_the_server(tmp_path: Path) -> None:
    (tmp_path / "serena.toml").write_text(SLOW)
    begun, ended = threading.Event(), list[JobView]()

    def progress(now: ProgressView) -> None:
        if now.step:
            begun.set()

    def wait(job_id: str) -> None:
        ended.append(client.wait(job_id, on_progress=progress, timeout=PATIENCE))

    with serving(tmp_path) as first, Client(first.url) as client:
        request = Txt2ImgRequest(prompt="a cat", width=64, height=64, steps=50)
        job = client.submit(request, key="once")
        waiting = threading.Thread(target=wait, args=(job.id,))
        waiting.start()
        assert begun.wait(PATIENCE)
        first.process.kill()
        first.process.wait()
        with serving(tmp_path, "--port", first.url.rpartition(":")[2]):
            waiting.join(PATIENCE)
            assert [one.state for one in ended] == [JobState.SUCCEEDED]
            assert (ended[0].id, ended[0].seed, ended[0].attempts) == (job.id, job.seed, 2)
            assert client.submit(request, key="once").id == job.id
            assert len(client.images(ended[0])) == 1
