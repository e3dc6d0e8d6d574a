"""Errors of the own API: problem details as RFC 9457 has them. Needs no web framework."""

from __future__ import annotations

import re
from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

from pydantic import BaseModel, Field

from core.domain.request import Kind

PROBLEM = "application/problem+json"
TYPE = "urn:serena:problem:"
_MEMBERS = frozenset(kind.value for kind in Kind)
OF_THE_REFERENCE = "HTTPException"
"""A name that says nothing: the status tells more."""


class InvalidField(BaseModel):
    """One thing that is wrong with a request."""

    pointer: str = Field(description="where it is: a JSON pointer into the body, or the parameter's name")
    detail: str
    code: str


class Problem(BaseModel):
    """What was wrong. ``code`` is stable; the texts are for people and may change."""

    type: str = Field(examples=["urn:serena:problem:unknown-job"])
    title: str
    status: int
    detail: str = Field(description="what was wrong, with which value, and what would be right")
    code: str = Field(examples=["unknown-job"])
    queue_length: int | None = Field(None, description="of a queue that is full: how many jobs wait")
    errors: list[InvalidField] | None = Field(None, description="of a body that does not fit: what is wrong")


def slug(name: str) -> str:
    """``QueueFull`` as ``queue-full``."""
    return "-".join(re.findall(r"[A-Z]+(?![a-z])|[A-Z][a-z]*|\d+", name)).lower()


def class_name(code: str) -> str:
    """The inverse of :func:`slug`, for names without abbreviations."""
    return "".join(word.capitalize() for word in code.split("-"))


def code_of(kind: str, status: int) -> str:
    """The stable code of an error by its class name, or by the status where that says nothing."""
    return slug(kind if kind != OF_THE_REFERENCE else HTTPStatus(status).phrase.title().replace(" ", ""))


def make_problem(
    status: int,
    code: str,
    detail: str,
    queue_length: int | None = None,
    errors: Sequence[dict[str, Any]] | None = None,
) -> Problem:
    """
    :param errors: as :func:`adapters.http.validation.v1_error` gives them.
    """
    return Problem(
        type=TYPE + code,
        title=code.replace("-", " ").capitalize(),
        status=status,
        detail=detail,
        code=code,
        queue_length=queue_length,
        errors=None if errors is None else [_field(entry) for entry in errors],
    )


def pointer_of(loc: Sequence[Any]) -> str:
    """A JSON pointer into the body without the names of the union's members, or a parameter's name."""
    where, *path = map(str, loc)
    path = [part for part in path if part not in _MEMBERS]
    return "/" + "/".join(path) if where == "body" else ".".join(path)


def _field(entry: dict[str, Any]) -> InvalidField:
    return InvalidField(pointer=pointer_of(entry["loc"]), detail=entry["msg"], code=entry["type"])
