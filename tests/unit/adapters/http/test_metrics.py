from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from starlette.types import Message, Receive, Scope, Send

from adapters.http.app import create_app
from adapters.http.metrics import Metrics
from adapters.http.middleware.measuring import Measuring
from core.domain.errors import InvalidValue, KeyReused, ModelError, NotReady, QueueFull, SerenaError
from core.domain.job import FrozenInputs, Job, JobError, JobId
from core.domain.request import GenerationRequest
from tests.unit.adapters.http.conftest import Client
from tests.unit.adapters.http.fakes import NOW, FakeApplication

SAMPLE = re.compile(r"^(\w+)(\{.*\})? (\S+)$", re.MULTILINE)
QUEUED = Job(
    id=JobId("j"),
    request=GenerationRequest(),
    frozen=FrozenInputs(seed=1, subseed=1, model=None),
    created_at=NOW,
)


@pytest.fixture
def metrics(fake: FakeApplication) -> Metrics:
    return Metrics(fake.application().jobs, "fake")


def samples(text: str) -> Iterator[tuple[str, float]]:
    """``name{labels}`` and value."""
    for name, labels, value in SAMPLE.findall(text):
        if not name.endswith("_created"):
            yield name + labels, float(value)


def read(metrics: Metrics) -> dict[str, float]:
    return dict(samples(metrics.render().decode()))


def test_a_job_is_counted_from_end_to_end(metrics: Metrics, fake: FakeApplication) -> None:
    fake.submit(GenerationRequest(n_iter=2))
    done = fake.jobs()[0]
    metrics.accepted(done)
    metrics.started(done)
    metrics.stepped(done, 0.02)
    metrics.stepped(done, 0.04)
    metrics.ended(done)
    found = read(metrics)
    assert found['serena_jobs_accepted_total{kind="txt2img"}'] == 1
    assert found['serena_queue_seconds_sum{kind="txt2img"}'] == 2
    assert found['serena_job_seconds_sum{kind="txt2img",outcome="succeeded"}'] == 3
    assert found["serena_step_seconds_count"] == 2
    assert found["serena_step_seconds_sum"] == pytest.approx(0.06)
    assert found['serena_images_total{kind="txt2img"}'] == 2


def test_ends_without_pictures(metrics: Metrics) -> None:
    running = QUEUED.start(NOW)
    metrics.ended(QUEUED.cancel(NOW))
    metrics.ended(running.cancel(NOW + timedelta(seconds=1)))
    metrics.ended(running.fail(JobError("BackendError", "no"), NOW - timedelta(seconds=9)))
    metrics.requeued(running.requeue())
    metrics.restarted()
    found = read(metrics)
    assert found['serena_cancels_total{kind="txt2img",was="queued"}'] == 1
    assert found['serena_cancels_total{kind="txt2img",was="running"}'] == 1
    assert found['serena_job_seconds_sum{kind="txt2img",outcome="failed"}'] == 0, "the clock went back"
    assert 'serena_images_total{kind="txt2img"}' not in found
    assert (found["serena_jobs_requeued_total"], found["serena_backend_restarts_total"]) == (1, 1)


def test_a_job_that_never_began_has_waited_for_nothing(metrics: Metrics) -> None:
    metrics.started(QUEUED)
    assert 'serena_queue_seconds_sum{kind="txt2img"}' not in read(metrics)


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (QueueFull(3), "queue_full"),
        (NotReady("no"), "not_ready"),
        (KeyReused("k"), "key_reused"),
        (InvalidValue("n", 1, "it must be 2"), "invalid"),
        (ModelError("odd"), "other"),
    ],
)
def test_rejections_by_reason(metrics: Metrics, error: SerenaError, reason: str) -> None:
    metrics.rejected(error)
    assert read(metrics)[f'serena_jobs_rejected_total{{reason="{reason}"}}'] == 1


def test_the_queue_is_looked_up(metrics: Metrics, fake: FakeApplication) -> None:
    fake.automatic = False
    fake.submit(GenerationRequest())
    fake.submit(GenerationRequest())
    fake.begin(fake.submit(GenerationRequest()))
    fake.draining = True
    assert read(metrics)["serena_outage"] == 0
    fake.outage.begin("there is no worker")
    found = read(metrics)
    assert (found['serena_jobs{state="queued"}'], found['serena_jobs{state="running"}']) == (2, 1)
    assert (found["serena_queue_length"], found["serena_draining"], found["serena_outage"]) == (2, 1, 1)


def test_what_callers_send_makes_no_label(metrics: Metrics) -> None:
    for n in range(50):
        metrics.answered(f"ODD{n}", "none", 404, 0.1)
    assert read(metrics)['serena_http_request_seconds_count{method="other",route="none",status="404"}'] == 50


def test_answers_by_route(client: Client) -> None:
    client.post("/v1/images/generations", {"prompt": "a"})
    for path in ("/nowhere/1", "/nowhere/2", "/v1/models/one", "/v1/models/two"):
        client.get(path)
    answer = client.get("/metrics")
    assert answer.headers["Content-Type"].startswith("text/plain")
    found = dict(samples(answer.text))
    told = {key: value for key, value in found.items() if "request_seconds_count" in key}
    assert told == {
        f'serena_http_request_seconds_count{{method="{method}",route="{route}",status="{status}"}}': count
        for method, route, status, count in (
            ("POST", "/v1/images/generations", 200, 1),
            ("GET", "none", 404, 2),
            ("GET", "/v1/models/{name:path}", 404, 2),
        )
    }


def test_below_a_subpath_routes_are_told_too(client_with: Callable[..., Client]) -> None:
    client = client_with(http={"subpath": "/serena"})
    client.get("/serena/health/live")
    assert 'route="/health/live"' in client.get("/serena/metrics").text


def test_each_server_counts_for_itself(fake: FakeApplication) -> None:
    first, second = (Client(create_app(fake.application())) for _ in range(2))
    first.get("/health/live")
    assert 'route="/health/live"' not in second.get("/metrics").text


def test_numbers_need_the_password_unless_they_are_open(client_with: Callable[..., Client]) -> None:
    users = ["anna:a"]
    assert client_with(http={"users": users}).get("/metrics").status_code == 401
    assert client_with(http={"users": users}).get("/metrics", auth=("anna", "a")).status_code == 200
    open_to_all = client_with(http={"users": users, "open_metrics": True})
    assert open_to_all.get("/metrics").status_code == 200
    assert open_to_all.get("/sdapi/v1/samplers").status_code == 401


def test_an_answer_that_never_came_is_a_500() -> None:
    told: list[tuple[str, str, int]] = []

    async def broken(scope: Scope, receive: Receive, send: Send) -> None:
        raise RuntimeError("odd")

    async def ask(kind: str) -> None:
        async def receive() -> Message:
            return {"type": "http.disconnect"}

        async def send(message: Message) -> None: ...

        layer = Measuring(broken, lambda *values: told.append(values[:3]))
        await layer({"type": kind, "method": "GET", "path": "/"}, receive, send)

    for kind in ("http", "lifespan"):
        with pytest.raises(RuntimeError):
            asyncio.run(ask(kind))
    assert told == [("GET", "none", 500)]
