"""How request bodies are read: strict JSON, so that nothing gets in that could not go out again."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter, Request, Response
from fastapi.routing import APIRoute


def strict_json(data: bytes) -> Any:
    """Parse JSON as the standard has it: no NaN, no infinities, no half surrogates, no bottomless nesting.

    Raises ``json.JSONDecodeError`` for everything that is wrong, so that each gets the reference's 422.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        shown = data.decode("utf-8", "replace")
        raise json.JSONDecodeError("Invalid UTF-8", shown, min(error.start, len(shown))) from None
    try:
        value = json.loads(text, parse_float=_finite, parse_constant=_refuse)
        if "\\ud" in text or "\\uD" in text:
            json.dumps(value, ensure_ascii=False).encode()
    except RecursionError:
        raise json.JSONDecodeError("Nested too deeply", text, 0) from None
    except json.JSONDecodeError:
        raise
    except ValueError as error:
        raise json.JSONDecodeError(_reason(error), text, 0) from None
    return value


def _reason(error: ValueError) -> str:
    if isinstance(error, UnicodeEncodeError):
        return "Unpaired surrogate"
    return str(error.args[0]) if isinstance(error, _RefusedError) else "Number too long"


class _RefusedError(ValueError):
    """A number that JSON does not have."""


def _refuse(word: str) -> float:
    raise _RefusedError(f"{word} is not a JSON number")


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise _RefusedError("Number out of range")
    return number


class StrictRequest(Request):
    """A request whose body is parsed strictly."""

    async def json(self) -> Any:
        if not hasattr(self, "_strict"):
            self._strict = strict_json(await self.body())
        return self._strict


class StrictRoute(APIRoute):
    """A route that hands FastAPI a :class:`StrictRequest`."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handler = super().get_route_handler()

        async def handle(request: Request) -> Response:
            return await handler(StrictRequest(request.scope, request.receive))

        return handle


def router(prefix: str = "", tags: list[str] | None = None) -> APIRouter:
    """An empty router of strict routes."""
    return APIRouter(prefix=prefix, route_class=StrictRoute, tags=list(tags or ()))
