"""Everything below ``/api/v1`` that goes wrong is a problem, whoever found it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from adapters.http.wire.problems import class_name, slug
from core.domain import errors as domain
from tests.unit.adapters.http.api_v1.conftest import JOBS, problem
from tests.unit.adapters.http.conftest import Client
from tests.unit.adapters.http.fakes import FakeApplication

Ask = dict[str, Any]
FORM = {"Content-Type": "text/plain"}
JSON = {"Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("method", "path", "options", "status", "code"),
    [
        ("GET", "/api/v1/nope", {}, 404, "not-found"),
        ("PUT", JOBS, {}, 405, "method-not-allowed"),
        ("POST", JOBS, {"content": b"x" * 2_000_000}, 413, "request-entity-too-large"),
        ("POST", JOBS, {"content": b"a=b", "headers": FORM}, 415, "unsupported-media-type"),
        ("POST", JOBS, {"json": {}, "headers": {"Origin": "http://evil.example"}}, 403, "foreign-origin"),
        ("GET", JOBS, {"headers": {"Host": "evil.example"}}, 421, "unknown-host"),
        ("POST", JOBS, {"content": b"{", "headers": JSON}, 422, "invalid-request"),
        ("GET", f"{JOBS}/nope", {}, 404, "unknown-job"),
        ("GET", f"{JOBS}/nope/events", {}, 404, "unknown-job"),
    ],
)  # fmt: skip
def test_a_problem(
    client_with: Callable[..., Client], method: str, path: str, options: Ask, status: int, code: str
) -> None:
    problem(client_with(http={"max_body_mb": 1}).ask(method, path, **options), status, code)


def test_a_body_that_is_too_large_without_saying_so(client_with: Callable[..., Client]) -> None:
    async def chunks() -> Any:
        for _ in range(20):
            yield b"x" * 100_000

    client = client_with(http={"max_body_mb": 1})
    problem(
        client.ask("POST", JOBS, content=chunks(), headers=JSON),
        413,
        "request-entity-too-large",
    )


def test_what_nobody_foresaw(client: Client, fake: FakeApplication) -> None:
    fake.refusal = ZeroDivisionError("/secret")
    answer = client.post(JOBS, {"kind": "txt2img", "request": {}})
    assert "secret" not in problem(answer, 500, "internal-server-error")["detail"]


def test_the_other_apis_keep_their_shapes(client: Client) -> None:
    assert client.get("/nope").json() == {"detail": "Not Found"}
    assert list(client.post("/sdapi/v1/txt2img", {"width": "x"}).json()) == ["detail"]
    assert list(client.post("/sdapi/v1/img2img", {}).json()) == ["error", "detail", "body", "errors"]


def test_a_code_is_the_name_of_the_class() -> None:
    """So that a client finds the class again."""
    kinds = [k for k in vars(domain).values() if isinstance(k, type) and issubclass(k, domain.SerenaError)]
    assert [class_name(slug(kind.__name__)) for kind in kinds] == [kind.__name__ for kind in kinds]
    assert slug("QueueFull") == "queue-full"
