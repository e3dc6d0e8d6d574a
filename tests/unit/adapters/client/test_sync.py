from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from adapters.client.addresses import without_userinfo
from adapters.client.errors import ServerRefusal, ServerUnreachable
from adapters.client.events import JobEvent
from adapters.client.models import (
    AnyRequest,
    ExtrasRequest,
    FileData,
    Img2ImgRequest,
    InterrogateRequest,
    Txt2ImgRequest,
    job_of,
    picture,
)
from adapters.client.sync import Client
from core.domain.errors import (
    BackendError,
    ExpiredJob,
    InvalidRequest,
    JobConflict,
    KeyReused,
    NotReady,
    QueueFull,
    SerenaError,
    UnknownJob,
    UnknownSampler,
)
from tests.unit.adapters.client.conftest import (
    DONE,
    HASTY,
    JOB,
    MODELS,
    PLUGINS,
    Server,
    event,
    problem,
    progress,
    stream,
)

CAT = Txt2ImgRequest(prompt="a cat")
LOST = httpx.ConnectError("nobody there")


def test_a_request_is_sent_as_it_was_made(client: Client, server: Server) -> None:
    server.answers = [httpx.Response(202, json=JOB)]
    job = client.submit(CAT, priority=2, webhook="https://a.example", key="k")
    assert (job.id, job.state) == ("j1", "queued")
    assert server.bodies() == [
        {"kind": "txt2img", "request": {"prompt": "a cat"}, "priority": 2, "webhook": "https://a.example"}
    ]
    assert server.asked[0].headers["Idempotency-Key"] == "k"


def test_a_job_may_ask_for_no_company(client: Client, server: Server) -> None:
    server.answers = [httpx.Response(202, json={"jobs": []})]
    asked = [CAT, Img2ImgRequest(init_images=["x"]), InterrogateRequest(image="x")]
    client.submit_batch([job_of(request, deterministic=True) for request in asked])
    [body] = server.bodies()
    assert [job.get("deterministic") for job in body["jobs"]] == [True, True, None]


@pytest.mark.parametrize(
    ("request_", "kind"),
    [
        (Txt2ImgRequest(), "txt2img"),
        (Img2ImgRequest(init_images=["x"]), "img2img"),
        (ExtrasRequest(imageList=[FileData(data="x", name="a")]), "extras"),
        (InterrogateRequest(image="x"), "interrogate"),
    ],
)
def test_the_kind_follows_from_the_request(
    client: Client, server: Server, request_: AnyRequest, kind: str
) -> None:
    server.answers = [httpx.Response(202, json={"jobs": [JOB]})]
    [job] = client.submit_batch([job_of(request_)])
    assert job.id == "j1"
    assert server.bodies()[0]["jobs"][0]["kind"] == kind


def test_a_submission_is_repeated_with_its_key(client: Client, server: Server) -> None:
    server.answers = [LOST, httpx.ReadTimeout("slow"), httpx.Response(202, json=JOB)]
    client.submit(CAT)
    keys = {request.headers["Idempotency-Key"] for request in server.asked}
    assert (len(server.asked), len(keys)) == (3, 1)
    server.answers = [httpx.Response(202, json=JOB)]
    client.submit(CAT)
    assert server.asked[-1].headers["Idempotency-Key"] not in keys


def test_a_server_that_stays_away(client: Client, server: Server) -> None:
    server.answers = [LOST]
    with pytest.raises(ServerUnreachable, match="nobody there") as found:
        client.get("j1")
    assert found.value.url == "http://serena.example"
    assert len(server.asked) == 3


def test_the_password_in_a_url_is_told_to_nobody(server: Server) -> None:
    url = "http://anna:s3cret@serena.example"
    with Client(url, transport=httpx.MockTransport(server), retries=HASTY) as client:
        server.answers = [LOST]
        with pytest.raises(ServerUnreachable) as silent:
            client.get("j1")
        assert silent.value.url == "http://serena.example"
        server.answers = [httpx.Response(502, text="<html>")]
        with pytest.raises(ServerRefusal, match="is the address right") as odd:
            client.get("j1")
    assert "s3cret" not in f"{silent.value} {odd.value}"


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://a:p@ss@host:1/x@y?z", "http://host:1/x@y?z"),
        ("http://host/a@b", "http://host/a@b"),
        ("a:p@host", "host"),
        ("ftp://a:p@host", "ftp://host"),
    ],
)
def test_a_url_without_its_password(url: str, shown: str) -> None:
    assert without_userinfo(url) == shown


def test_what_may_not_be_done_twice_is_not_repeated(client: Client, server: Server) -> None:
    server.answers = [LOST]
    for ask in (client.retry, client.delete, client.skip):
        server.asked.clear()
        with pytest.raises(ServerUnreachable):
            ask("j1")
        assert len(server.asked) == 1


def test_a_full_queue_is_asked_again(client: Client, server: Server) -> None:
    server.answers = [problem(429, "queue-full", queue_length=9), httpx.Response(202, json=JOB)]
    assert client.submit(CAT).id == "j1"
    server.answers = [problem(429, "queue-full", queue_length=9)]
    with pytest.raises(QueueFull) as found:
        client.submit(CAT)
    assert found.value.limit == 9
    server.answers = [problem(503, "not-ready")]
    with pytest.raises(NotReady):
        client.submit(CAT)


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (404, "unknown-job", UnknownJob),
        (410, "expired-job", ExpiredJob),
        (409, "job-conflict", JobConflict),
        (422, "key-reused", KeyReused),
        (422, "invalid-request", InvalidRequest),
        (400, "unknown-sampler", UnknownSampler),
    ],
)
def test_errors_are_those_of_the_tree(
    client: Client, server: Server, status: int, code: str, kind: type[SerenaError]
) -> None:
    server.answers = [problem(status, code, "what was wrong")]
    with pytest.raises(SerenaError) as found:
        client.get("j1")
    assert type(found.value) is kind
    assert str(found.value) == "what was wrong"
    assert len(server.asked) == 1


def test_errors_that_have_no_class(client: Client, server: Server) -> None:
    server.answers = [problem(401, "unauthorized", "no password")]
    with pytest.raises(ServerRefusal, match="no password") as found:
        client.queue()
    assert (found.value.status, found.value.code) == (401, "unauthorized")
    server.answers = [httpx.Response(502, text="<html>a proxy</html>")]
    with pytest.raises(ServerRefusal, match="is the address right"):
        client.queue()


def test_a_listing_goes_over_its_pages(client: Client, server: Server) -> None:
    def page(*ids: str, cursor: str | None = None) -> httpx.Response:
        return httpx.Response(200, json={"jobs": [{**JOB, "id": name} for name in ids], "next": cursor})

    server.answers = [page("a", "b", cursor="b"), page("c")]
    assert [job.id for job in client.jobs(["queued", "running"])] == ["a", "b", "c"]
    assert [str(request.url.query, "ascii") for request in server.asked] == [
        "limit=100&state=queued&state=running",
        "limit=100&state=queued&state=running&cursor=b",
    ]
    server.answers = [page("a", "b", cursor="b"), page("c", "d", cursor="d")]
    assert [job.id for job in client.jobs(limit=3)] == ["a", "b", "c"]


def test_small_calls(client: Client, server: Server) -> None:
    server.answers = [httpx.Response(200, json=JOB)]
    for ask in (client.get, client.cancel, client.skip, client.retry):
        assert ask("a b").id == "j1"
    server.answers = [httpx.Response(204)]
    client.delete("j1")
    server.answers = [httpx.Response(200, content=b"png")]
    assert (client.image("j1", 2), client.preview("j1")) == (b"png", b"png")
    asked = [f"{request.method} {request.url.raw_path.decode()}" for request in server.asked]
    assert asked == [
        "GET /api/v1/jobs/a%20b",
        "POST /api/v1/jobs/a%20b/cancel",
        "POST /api/v1/jobs/a%20b/skip",
        "POST /api/v1/jobs/a%20b/retry",
        "DELETE /api/v1/jobs/j1",
        "GET /api/v1/jobs/j1/images/2",
        "GET /api/v1/jobs/j1/preview",
    ]
    server.answers = [
        httpx.Response(200, json={"counts": {}, "limit": 3, "draining": False, "retention": {}})
    ]
    assert client.queue().limit == 3
    server.answers = [httpx.Response(200, json=MODELS)]
    assert client.models().models[0].family == "sd1"
    server.answers = [httpx.Response(200, json=PLUGINS)]
    assert client.plugins()[0].called[0].late == 1
    server.answers = [httpx.Response(200, json=MODELS["models"][0])]
    assert client.model("a b/c [12]").bytes == 7
    assert server.asked[-1].url.raw_path == b"/api/v1/models/a%20b/c%20%5B12%5D"


def test_who_asks(client_with: Callable[..., Client], server: Server) -> None:
    server.answers = [httpx.Response(200, json=JOB)]
    client_with(auth=("anna", "1"), client_id="me").get("x")
    client_with(api_key="sk").get("x")
    first, second = server.asked
    assert first.headers["Authorization"] == "Basic " + base64.b64encode(b"anna:1").decode()
    assert (first.headers["X-Client-Id"], second.headers["Authorization"]) == ("me", "Bearer sk")


def test_waiting_tells_of_progress(client: Client, server: Server) -> None:
    news = stream(
        "retry: 2000\n\n",
        event(2, "state", progress(0.0, "queued")),
        ": still here\n\n",
        event(4, "progress", progress(0.5)),
        event(5, "end", DONE),
    )
    server.answers = [httpx.Response(202, json=JOB), news]
    fractions: list[float] = []
    job = client.run(CAT, on_progress=lambda now: fractions.append(now.fraction))
    assert (job.state, fractions) == ("succeeded", [0.0, 0.5])
    server.answers = [httpx.Response(200, content=b"png")]
    assert client.images(job) == [b"png"]
    assert client.images(client_job(client, server)) == []


def client_job(client: Client, server: Server) -> Any:
    server.answers = [httpx.Response(200, json=JOB)]
    return client.get("j1")


def test_a_job_that_failed_raises_its_error(client: Client, server: Server) -> None:
    def failed(code: str) -> httpx.Response:
        told = {"type": "x", "title": "x", "status": 500, "detail": "out of ink", "code": code}
        return stream(event(3, "end", {**JOB, "state": "failed", "error": told}))

    server.answers = [failed("model-error")]
    with pytest.raises(SerenaError, match="out of ink") as found:
        client.wait("j1")
    assert type(found.value).__name__ == "ModelError"
    server.answers = [failed("zero-division-error")]
    with pytest.raises(BackendError, match="out of ink"):
        client.wait("j1")


def test_a_stream_that_breaks_goes_on_where_it_was(client: Client, server: Server) -> None:
    server.answers = [
        stream(event(2, "progress", progress(0.1))),
        httpx.ConnectError("restarting"),
        problem(503, "not-ready"),
        stream(event(4, "progress", progress(0.2)), "id: 6\nevent: progress\n"),
        stream(event(7, "end", DONE)),
    ]
    found = list(client.events("j1"))
    assert [(one.id, one.name) for one in found] == [(2, "progress"), (4, "progress"), (7, "end")]
    assert [request.headers.get("Last-Event-ID") for request in server.asked] == [None, "2", "2", "2", "4"]
    assert found[0] == JobEvent(2, "progress", progress=found[0].progress)


def test_events_after_the_end(client: Client, server: Server) -> None:
    server.answers = [httpx.Response(204)]
    assert list(client.events("j1", since=7)) == []
    assert server.asked[0].headers["Last-Event-ID"] == "7"


def test_a_stream_of_an_unknown_job(client: Client, server: Server) -> None:
    server.answers = [problem(404, "unknown-job")]
    with pytest.raises(UnknownJob):
        list(client.events("j1"))


def test_a_stream_without_a_server_is_given_up(client: Client, server: Server) -> None:
    server.answers = [LOST]
    with pytest.raises(ServerUnreachable, match="nobody there"):
        list(client.events("j1"))
    server.answers = [stream()]
    with pytest.raises(ServerUnreachable, match="no events"):
        list(client.events("j1"))
    assert len(server.asked) > 3


def test_waiting_has_an_end(client: Client, server: Server) -> None:
    server.answers = [stream(event(2, "progress", progress(0.1)))]
    with pytest.raises(TimeoutError, match=r"0\.01 seconds"):
        client.wait("j1", timeout=0.01)


def test_pictures_from_bytes_and_files(tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"png")
    assert picture(b"png") == picture(tmp_path / "a.png") == picture(str(tmp_path / "a.png")) == "cG5n"


def test_it_is_closed_with_its_block() -> None:
    with Client() as client:
        assert not client._http.is_closed
    assert client._http.is_closed
