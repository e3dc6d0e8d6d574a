"""A job as a row, and back."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import re
import typing
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from core.domain.errors import StorageError
from core.domain.job import FrozenInputs, Job
from core.domain.request import GenerationRequest
from core.domain.result import GenerationResult
from core.domain.serial import from_plain, to_plain

Values = dict[str, Any]

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_APART: Final = frozenset({"request", "frozen", "result"})
_HINTS: Final = typing.get_type_hints(Job)
_SMALL: Final = [field.name for field in dataclasses.fields(Job) if field.name not in _APART]
_UNSTORABLE: Final = re.compile("[\\\\\x00\ud800-\udfff]")
_LONGEST: Final = 500
_FARTHEST: Final = 2**40
_CACHED: Final = 16_384


def moment(time: datetime | None) -> int | None:
    """Microseconds since 1970."""
    return None if time is None else (time - _EPOCH) // _MICROSECOND


def text(value: str) -> str:
    """``value`` as a text that every database takes and can index; different values stay different."""
    safe = _UNSTORABLE.sub(lambda found: f"\\{ord(found[0]):04x}", value)
    if len(safe) <= _LONGEST:
        return safe
    # No short value has two backslashes in a row: a backslash in it is followed by four digits.
    return safe[:80] + "\\\\" + hashlib.sha256(safe.encode()).hexdigest()


def optional_text(value: str | None) -> str | None:
    return None if value is None else text(value)


def claim(job: Job) -> str | None:
    """What is unique to the owner and the key of a job; None for a job without a key."""
    return None if job.key is None else claim_of(job.owner, job.key)


def claim_of(owner: str | None, key: str) -> str:
    return text(json.dumps([owner, key]))


def small_values(job: Job) -> Values:
    """The columns that change while a job lives."""
    ended = job.state.is_final
    return {
        "state": job.state.value,
        "rank": -max(-_FARTHEST, min(job.priority, _FARTHEST)),
        "party": text(job.party),
        "owner": optional_text(job.owner),
        "client": optional_text(job.client),
        "claim": claim(job),
        "ran": int(job.started_at is not None),
        "finished": moment(job.finished_at) if ended else None,
        "due": moment(job.due_at) if ended else None,
        "size": job.size,
        "document": json.dumps({name: to_plain(getattr(job, name)) for name in _SMALL}),
    }


def large_values(job: Job) -> Values:
    """The columns that are written once."""
    request = {"request": to_plain(job.request), "frozen": to_plain(job.frozen)}
    return {"request": json.dumps(request), "result": _result_text(job)}


def new_values(job: Job) -> Values:
    """Every column of a job that comes, but for its turn and its arrival."""
    created = {"id": text(job.id), "created": moment(job.created_at), "taken": None}
    return {**created, **small_values(job), **large_values(job)}


def changed_values(old: Job, new: Job, request: str) -> Values:
    """The columns that may differ between two states of a job. Large texts are not made again.

    :param request: the column of that name, as it was made of ``old``.
    """
    values = small_values(new)
    if new.request is not old.request or new.frozen is not old.frozen:
        values.update(large_values(new))
    elif new.result is not old.result:
        values.update(request=request, result=_result_text(new))
    return values


def job_of(row: Mapping[str, Any]) -> Job:
    """The job of a row with the columns ``document``, ``request`` and ``result``."""
    small = json.loads(row["document"])
    request, frozen = _inputs(row["request"])
    result = None if row["result"] is None else from_plain(GenerationResult, json.loads(row["result"]))
    fields = {name: from_plain(_HINTS[name], value) for name, value in small.items()}
    return Job(request=request, frozen=frozen, result=result, **fields)


def _result_text(job: Job) -> str | None:
    """Raises ``StorageError`` for what has no JSON form: plugins and backends write into results."""
    try:
        return None if job.result is None else json.dumps(to_plain(job.result))
    except (TypeError, ValueError, RecursionError) as error:
        raise StorageError(f"the result of job {job.id} cannot be kept: {error}") from error


def _inputs(document: str) -> tuple[GenerationRequest, FrozenInputs]:
    # A job is read several times, its inputs stay the same, and most of the work of reading is theirs.
    return _cached_inputs(document) if len(document) <= _CACHED else _read_inputs(document)


def _read_inputs(document: str) -> tuple[GenerationRequest, FrozenInputs]:
    plain = json.loads(document)
    return from_plain(GenerationRequest, plain["request"]), from_plain(FrozenInputs, plain["frozen"])


_cached_inputs = functools.lru_cache(maxsize=512)(_read_inputs)
