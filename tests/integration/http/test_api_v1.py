"""``/api/v1`` over a real socket, with the whole of Serena behind it and its own clients in front."""

from __future__ import annotations

import asyncio
import http.server
import queue
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx
import pytest

from adapters.application import Application
from adapters.bootstrap import bootstrap
from adapters.client.aio import AsyncClient
from adapters.client.models import (
    ExtrasRequest,
    Img2ImgRequest,
    JobView,
    ProgressView,
    Txt2ImgRequest,
    job_of,
    picture,
)
from adapters.client.signatures import verified_job
from adapters.client.sync import Client
from adapters.settings import Settings
from core.domain.errors import ExpiredJob, InvalidValue, JobConflict, KeyReused, UnknownSampler
from core.domain.job import JobState
from tests.integration.http.conftest import Background
from tests.quality.test_api_runner_contract import listening
from tests.unit.adapters.http.fakes import FakeApplication

PATIENCE = 60.0
SECRET = "s3cret"
SMALL = {"width": 64, "height": 64, "steps": 3}


class Receiver:
    """A receiver of webhooks that is away the first time."""

    def __init__(self) -> None:
        self.got: queue.SimpleQueue[tuple[dict[str, str], bytes]] = queue.SimpleQueue()
        answers = iter((503,))
        got = self.got

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                got.put((dict(self.headers), body))
                self.send_response(next(answers, 204))
                self.end_headers()

            def log_message(self, *_: object) -> None: ...

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.host = f"127.0.0.1:{self.server.server_port}"


@pytest.fixture(scope="module")
def receiver() -> Iterator[Receiver]:
    found = Receiver()
    with found.server:
        thread = threading.Thread(target=found.server.serve_forever)
        thread.start()
        yield found
        found.server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def app(tmp_path_factory: pytest.TempPathFactory, receiver: Receiver) -> Iterator[Application]:
    settings = Settings(
        data_dir=tmp_path_factory.mktemp("data"),
        backend={"name": "fake", "step_seconds": 0.01},
        jobs={"webhook_hosts": [receiver.host], "webhook_secret": SECRET, "keep_hours": 24},
    )
    app = bootstrap(settings)
    app.start()
    with closing(app):
        yield app


@pytest.fixture(scope="module")
def url(app: Application) -> Iterator[str]:
    with listening(app) as found:
        yield found


@pytest.fixture(scope="module")
def client(url: str) -> Iterator[Client]:
    with Client(url) as client:
        yield client


def small(prompt: str = "a cat", **more: object) -> Txt2ImgRequest:
    return Txt2ImgRequest.model_validate({"prompt": prompt, **SMALL, **more})


def long(client: Client) -> JobView:
    """A job that runs until somebody stops it."""
    job = client.submit(small(steps=1000, n_iter=100))
    for event in client.events(job.id):
        if event.progress is not None and event.progress.step:
            return client.get(job.id)
    raise AssertionError("it ended")


def test_a_job_with_its_progress_and_its_pictures(client: Client) -> None:
    seen: list[ProgressView] = []
    job = client.run(small(steps=20, batch_size=2), on_progress=seen.append, timeout=PATIENCE)
    assert job.state is JobState.SUCCEEDED
    assert seen[0].id == job.id
    assert job.result is not None
    assert job.expires_at is not None
    pictures = client.images(job)
    assert len(set(pictures)) == len(pictures) == 2
    assert [len(data) for data in pictures] == [image.size for image in job.result.images]
    assert pictures[0].startswith(b"\x89PNG")
    assert "a cat" in job.result.images[-1].infotext
    assert next(iter(job.result.info)) == "prompt"


def test_an_extended_life_of_one_picture(client: Client) -> None:
    """Drawn, drawn over, enlarged; each a job."""
    [drawn] = client.images(client.run(small(), timeout=PATIENCE))
    over = Img2ImgRequest(prompt="a dog", init_images=[picture(drawn)], width=64, height=64, steps=3)
    [changed] = client.images(client.run(over, timeout=PATIENCE))
    larger = client.run(
        ExtrasRequest(image=picture(changed), upscaler_1="Lanczos", upscaling_resize=2), timeout=PATIENCE
    )
    assert larger.result is not None
    assert (larger.result.images[0].width, larger.kind) == (128, "extras")


def test_the_same_key_leads_back_also_after_the_end(client: Client) -> None:
    job = client.submit(small(), key="mine")
    ended = client.wait(job.id, timeout=PATIENCE)
    assert client.submit(small(), key="mine").state is JobState.SUCCEEDED
    assert client.submit(small(), key="mine").id == ended.id
    with pytest.raises(KeyReused):
        client.submit(small("a dog"), key="mine")


def test_of_a_batch_with_a_wrong_job_nothing_is_queued(client: Client, app: Application) -> None:
    before = len(app.jobs.jobs())
    with pytest.raises(UnknownSampler):
        client.submit_batch([job_of(small()), job_of(small(sampler_name="nope"))])
    assert [job for job in app.jobs.jobs() if not job.state.is_final] == []
    assert len(app.jobs.jobs()) == before
    pair = client.submit_batch([job_of(small(str(n))) for n in range(2)])
    assert [client.wait(job.id, timeout=PATIENCE).prompt for job in pair] == ["0", "1"]


def test_cancel_hits_the_right_one(client: Client) -> None:
    runs = long(client)
    waits, goes_on = client.submit(small("waits")), client.submit(small("goes on"))
    assert client.get(waits.id).progress is not None
    assert client.cancel(waits.id).state is JobState.CANCELLED
    with pytest.raises(JobConflict):
        client.retry(runs.id)
    client.cancel(runs.id)
    assert client.wait(runs.id, timeout=PATIENCE).state is JobState.CANCELLED
    assert client.wait(goes_on.id, timeout=PATIENCE).state is JobState.SUCCEEDED


def test_a_preview_while_it_runs(client: Client) -> None:
    job = long(client)
    assert client.preview(job.id)[:4] in (b"\x89PNG", b"\xff\xd8\xff\xe0", b"RIFF")
    client.delete(job.id)
    client.wait(job.id, timeout=PATIENCE)


def test_a_retry_draws_the_same_picture(client: Client) -> None:
    first = client.run(small(seed=-1), timeout=PATIENCE)
    again = client.wait(client.retry(first.id).id, timeout=PATIENCE)
    assert (again.id != first.id, again.seed) == (True, first.seed)
    assert client.images(again) == client.images(first)


def test_what_was_forgotten_has_expired(client: Client) -> None:
    job = client.run(small(), timeout=PATIENCE)
    client.delete(job.id)
    for ask in (client.get, client.image, client.retry, lambda name: list(client.events(name))):
        with pytest.raises(ExpiredJob):
            ask(job.id)


def test_a_listing(client: Client, app: Application) -> None:
    jobs = [client.run(small(str(n)), timeout=PATIENCE) for n in range(3)]
    assert [job.id for job in client.jobs(["succeeded"], limit=3)] == [job.id for job in jobs[::-1]]
    retention = client.queue().retention
    assert (retention.count, retention.hours, retention.megabytes) == (1000, 24, 512)


def test_a_webhook_follows_the_end_and_is_sent_again(client: Client, receiver: Receiver) -> None:
    job = client.submit(small(), webhook=f"http://{receiver.host}/hook")
    tries = [receiver.got.get(timeout=PATIENCE) for _ in range(2)]
    told = [verified_job(headers, body, SECRET) for headers, body in tries]
    assert [(one.id, one.state) for one in told] == [(job.id, JobState.SUCCEEDED)] * 2
    assert len({headers["X-Serena-Delivery"] for headers, _ in tries}) == 1
    assert told[0].result is not None
    with pytest.raises(InvalidValue, match="webhook"):
        client.submit(small(), webhook="http://elsewhere.example/")


def test_the_async_client(url: str) -> None:
    async def scene() -> list[list[bytes]]:
        async with AsyncClient(url) as client:
            jobs = await asyncio.gather(*(client.run(small(str(n)), timeout=PATIENCE) for n in range(3)))
            return [await client.images(job) for job in jobs]

    drawn = asyncio.run(scene())
    assert len({picture for pictures in drawn for picture in pictures}) == 3


def test_many_idle_streams_cost_no_threads(client: Client, url: str) -> None:
    job = long(client)
    waits = client.submit(small())
    request = f"GET /api/v1/jobs/{waits.id}/events HTTP/1.1\r\nHost: localhost\r\n\r\n".encode()
    port = int(url.rpartition(":")[2])

    async def scene() -> int:
        before = threading.active_count()
        streams = [await asyncio.open_connection("127.0.0.1", port) for _ in range(100)]
        for _, writer in streams:
            writer.write(request)
        for reader, _ in streams:
            await reader.readuntil(b"event: state\n")
        more = threading.active_count() - before
        client.cancel(job.id)
        for reader, writer in streams:
            await reader.readuntil(b"event: end\n")
            writer.close()
        return more

    # The threads of the pool that looks, and no more than it may have.
    assert asyncio.run(scene()) < 40


def test_the_files_lie_where_the_answer_says(client: Client, app: Application) -> None:
    job = client.run(small(save_images=True), timeout=PATIENCE)
    assert job.result is not None
    [image] = job.result.images
    assert image.path is not None
    assert Path(app.settings.data_dir, image.path).read_bytes() == client.image(job.id)


def test_a_stream_does_not_hold_up_the_end_of_the_server(fake: FakeApplication) -> None:
    fake.automatic = False
    with (
        Background(fake, grace=60, drain_seconds=0) as server,
        httpx.Client(base_url=server.url, timeout=PATIENCE) as http,
    ):
        job = http.post("/api/v1/jobs", json={"kind": "txt2img", "request": {}}).json()
        with http.stream("GET", f"{job['url']}/events") as stream:
            lines = stream.iter_lines()
            assert next(line for line in lines if line.startswith("event: ")) == "event: state"
            server.stop()
            assert "event: end" not in list(lines)
    assert fake.calls[-1] == "close"
