"""The body of an error, by the API that was asked: each family of clients reads its own shape."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from starlette.types import Scope

from adapters.http.wire.problems import PROBLEM, code_of, make_problem

Body = Mapping[str, Any]


class Facts(NamedTuple):
    """What is known of an error. ``kind`` is its class; ``error`` may be the reference's name for it."""

    status: int
    error: str
    detail: str
    errors: str
    kind: str
    more: Mapping[str, Any]


Shape = Callable[[Facts], tuple[Body, Mapping[str, str]]]
"""From the facts to the body and more headers."""

OWN = "/api/v1/"
OPENAI = "/v1/"

_KINDS = {401: "authentication_error", 403: "permission_error", 429: "rate_limit_error"}
_CODES = {401: "invalid_api_key", 429: "rate_limit_exceeded"}
_LATER = (429, 503)


def reference_shape(facts: Facts) -> tuple[Body, Mapping[str, str]]:
    """``/sdapi/v1`` and all that belongs to no other API."""
    return {"error": facts.error, "detail": facts.detail, "body": "", "errors": facts.errors}, {}


def openai_shape(facts: Facts) -> tuple[Body, Mapping[str, str]]:
    """What the refusals below ``/v1`` are outside of its own routes."""
    text = facts.errors or facts.detail or facts.error
    return openai_error(facts.status, text, code=_CODES.get(facts.status))


def openai_error(
    status: int, message: str, param: str | None = None, code: str | None = None
) -> tuple[Body, Mapping[str, str]]:
    """``{"error": {message, type, param, code}}``. The clients repeat a 409 and every 5xx by themselves,
    unless they are told that it leads nowhere."""
    kind = _KINDS.get(status) or ("server_error" if status >= 500 else "invalid_request_error")
    body = {"error": {"message": message, "type": kind, "param": param, "code": code}}
    return body, {} if status in _LATER else {"x-should-retry": "false"}


def problem_shape(facts: Facts) -> tuple[Body, Mapping[str, str]]:
    """What an error below ``/api/v1`` is."""
    text = facts.errors or facts.detail or facts.error
    found = make_problem(facts.status, code_of(facts.kind, facts.status), text, **facts.more)
    return found.model_dump(mode="json", exclude_none=True), {"Content-Type": PROBLEM}


SHAPES: tuple[tuple[str, Shape], ...] = ((OWN, problem_shape), (OPENAI, openai_shape))
"""By how the path begins; the first that fits."""


def shape_of(scope: Scope | None) -> Shape:
    """That of the API to which the request went; without a request the reference's."""
    path = "" if scope is None else own_path(scope) + "/"
    return next((shape for prefix, shape in SHAPES if path.startswith(prefix)), reference_shape)


def own_path(scope: Scope) -> str:
    """Below the subpath, if there is one."""
    path: str = scope.get("path", "")
    return path.removeprefix(scope.get("root_path", ""))
