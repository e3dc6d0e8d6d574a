"""The HTTP status of every error, and what of its text goes out. Needs no web framework."""

from __future__ import annotations

import re
from collections.abc import Mapping

from core.domain import errors as domain
from core.domain.errors import SerenaError
from core.domain.job import JobError

RETRY_SECONDS = 5

STATUS: Mapping[type[SerenaError], int] = {
    domain.InvalidRequest: 422,
    domain.UnknownSampler: 400,
    domain.UnknownScheduler: 400,
    domain.UnknownModel: 404,
    domain.InitImageMissing: 404,
    domain.UnknownJob: 404,
    domain.ExpiredJob: 410,
    domain.JobConflict: 409,
    domain.Interrupted: 409,
    domain.UnusableName: 422,
    domain.QueueFull: 429,
    domain.NotReady: 503,
    domain.NotKept: 503,
}
"""By class; a subclass has the status of its nearest base, and what is not listed has 500."""

INTERNAL = "Serena failed while it handled this request; its log says why"

A_FILE = "a file of the server"
_ABSOLUTE = re.compile(r"""'(?:/|[A-Za-z]:)[^']*'|"(?:/|[A-Za-z]:)[^"]*\"""")
_BARE = re.compile(r"""(?:^|(?<=[\s('"=]))(?:/|[A-Za-z]:[\\/])[^\s'")]*""")
_KINDS = {kind.__name__: kind for kind in vars(domain).values() if isinstance(kind, type)}


def status_of(kind: type[SerenaError]) -> int:
    return next((STATUS[base] for base in kind.__mro__ if base in STATUS), 500)


def kind_of(error: JobError) -> type[SerenaError] | None:
    """The class of what a job failed with; None if it is none of ours."""
    kind = _KINDS.get(error.kind)
    return kind if kind is not None and issubclass(kind, SerenaError) else None


def public_text(kind: type[SerenaError], message: str) -> str:
    """The sentence for callers. Where a server keeps its files is nobody's business; the log has the path."""
    return _ABSOLUTE.sub(A_FILE, message) if kind in (domain.StorageError, domain.NotKept) else message


def without_paths(text: str) -> str:
    """What somebody else's code said, without the absolute paths in it, quoted or not."""
    return _BARE.sub(A_FILE, _ABSOLUTE.sub(A_FILE, text))
