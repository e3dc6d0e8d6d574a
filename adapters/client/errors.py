"""From answers to exceptions: those of the tree that the server raised, as far as it is in the tree."""

from __future__ import annotations

import httpx
from pydantic import ValidationError

from adapters.client.addresses import without_userinfo
from adapters.client.models import Problem, class_name
from core.domain import errors as domain
from core.domain.errors import QueueFull, SerenaError, revive


class ServerUnreachable(SerenaError):
    """No answer came. What was asked may have been done; with the same key it is not done twice.

    :ivar url: of the server, without a name or a password that stood in it.
    """

    def __init__(self, url: str, reason: object) -> None:
        self.url = without_userinfo(url)
        super().__init__(f"{self.url} cannot be reached: {reason}")


class ServerRefusal(SerenaError):
    """The server said no, for a reason that has no class: a wrong password, a body that is too large."""

    def __init__(self, status: int, code: str, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.code = code


def error_of(response: httpx.Response) -> SerenaError:
    """The exception for an answer that says no. Its body must have been read."""
    try:
        problem = Problem.model_validate_json(response.content)
    except ValidationError:
        url = without_userinfo(str(response.url))
        text = f"{url} answered {response.status_code}, not as Serena does: is the address right?"
        return ServerRefusal(response.status_code, "", text)
    if _is_known(problem):
        return error_from(problem)
    return ServerRefusal(problem.status, problem.code, problem.detail)


def error_from(problem: Problem) -> SerenaError:
    """The error that a problem tells of; ``BackendError`` for one that is none of ours."""
    error = revive(class_name(problem.code), problem.detail)
    if isinstance(error, QueueFull):
        error.limit = problem.queue_length or 0
    return error


def retry_after(response: httpx.Response) -> float:
    """Seconds after which the server wants to be asked again; 0 if it does not say."""
    told = response.headers.get("Retry-After", "")
    return float(told) if told.isascii() and told.isdigit() else 0.0


def _is_known(problem: Problem) -> bool:
    kind = getattr(domain, class_name(problem.code), None)
    return isinstance(kind, type) and issubclass(kind, SerenaError)
