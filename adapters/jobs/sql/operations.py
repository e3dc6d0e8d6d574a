"""What changes jobs, each within a transaction in which nobody else writes.

The texts of a job are the truth; the columns beside them are made from it and serve to find it. How many jobs
are in each state, and how many of each party wait, is counted along, so that no operation counts rows.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any, Final

from adapters.jobs.places import may_take_place
from adapters.jobs.sql import statements as say
from adapters.jobs.sql.database import Session
from adapters.jobs.sql.rows import Values, changed_values, text
from core.domain.errors import JobConflict, KeyReused, QueueFull, QueueTooLarge, StorageError, UnknownJob
from core.domain.job import Job, JobId, JobState
from core.ports.driven import QueueLimits

_log: Final = logging.getLogger(__name__)

REMEMBERED: Final = timedelta(days=30) // timedelta(microseconds=1)
"""How long the id of a removed job is told from an unknown one."""


def put(
    session: Session, job: Job, values: Values, limits: QueueLimits, instead_of: Job | None = None
) -> Job:
    """Add a job; ``values`` are those of ``new_values(job)``."""
    found = session.row(say.BEFORE_PUT, values)
    assert found is not None
    if found["same_key"] is not None:
        return _of_key(session, found["same_key"], job)
    row = None if found["same_id"] is None else session.row(say.LOCKED, {"id": values["id"]})
    if not may_take_place(None if row is None else read(session, row), instead_of):
        raise JobConflict(f"there is a job {job.id} already")
    _check(limits, found, job)
    if row is not None:
        _delete(session, row)
    place = {"arrival": (found["arrival"] or 0) + 1, "turn": _turn_after(found)}
    session.run(say.INSERT, {**values, **place})
    session.known.learn(job, values)
    session.run_many(say.REFER, [{"ref": ref, "arrival": place["arrival"]} for ref in job.blobs()])
    if found["expired"] is not None:
        session.run(say.UNEXPIRE, {"id": values["id"]})
    _count(session, {"queued": 1, say.QUEUED_BYTES: job.size, values["party"]: 1})
    session.queued += 1
    return job


def take(session: Session, start: Callable[[Job], Job]) -> Job | None:
    """Start the next queued job. One that cannot be read is set aside, or nobody would ever get past it."""
    while (row := session.row(say.NEXT)) is not None:
        try:
            old = read(session, row)
        except StorageError as error:
            _log.error("%s; it is set aside", error)
            session.run(say.SET_ASIDE, {"at": row["arrival"]})
            bytes_of_it = {say.QUEUED_BYTES: -row["size"]}
            _count(session, {"queued": -1, row["party"]: -1, say.UNREADABLE: 1, **bytes_of_it})
            continue
        new = start(old)
        session.run(say.TURN_CLOCK, {"rank": row["rank"], "turn": row["turn"]})
        _replace(session, row, old, new)
        return new
    return None


def update(session: Session, job_id: JobId, change: Callable[[Job], Job]) -> Job:
    row = session.row(say.LOCKED, {"id": text(job_id)})
    if row is None:
        raise UnknownJob(job_id)
    old = read(session, row)
    new = change(old)
    if new.id != job_id:
        raise JobConflict(f"job {job_id} cannot become job {new.id}")
    if new is not old:
        _replace(session, row, old, new)
    return new


def remove(session: Session, job: Job, now: int) -> Job | None:
    """Remember that it expired at ``now``, and forget those that expired too long ago."""
    row = session.row(say.LOCKED, {"id": text(job.id)})
    if row is None:
        return None
    found = read(session, row)
    if not found.state.is_final or not found.is_same_as(job):
        return None
    _delete(session, row)
    session.run(say.FORGET_EXPIRED, {"before": now - REMEMBERED})
    session.run(say.EXPIRE, {"id": row["id"], "removed": now, "owner": json.dumps(found.owner)})
    return found


def read(session: Session, row: Mapping[str, Any]) -> Job:
    """Raises ``StorageError`` when it makes no job: another version wrote it, or something damaged it."""
    try:
        return session.known.of(row)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        name = row.get("id") or "in the store"
        raise StorageError(f"job {name} cannot be read; another version of Serena stored it") from error


def _of_key(session: Session, arrival: int, job: Job) -> Job:
    row = session.row(say.BY_ARRIVAL, {"arrival": arrival})
    assert row is not None
    assert job.key is not None
    earlier = read(session, row)
    if earlier.digest != job.digest:
        raise KeyReused(job.key)
    return earlier


def _delete(session: Session, row: Mapping[str, Any]) -> None:
    """A job that has ended: it waits in no line."""
    session.run(say.DELETE, {"at": row["arrival"]})
    session.run(say.UNREFER_ALL, {"arrival": row["arrival"]})
    _count(session, {row["state"]: -1})


def _check(limits: QueueLimits, found: Mapping[str, Any], job: Job) -> None:
    """``found`` is what ``BEFORE_PUT`` found."""
    waiting, of_party = found["waiting"] or 0, found["waiting_of_party"] or 0
    if limits.total is not None and waiting >= limits.total:
        raise QueueFull(limits.total, waiting)
    if limits.party is not None and of_party >= limits.party:
        raise QueueFull(limits.party, waiting)
    if limits.size is not None and limits.too_large(found["waiting_bytes"] or 0, job.input_size):
        raise QueueTooLarge(limits.size, waiting)


def _turn_after(found: Mapping[str, Any]) -> int:
    return max(found["clock"] or 0, found["last"] or 0) + 1


def _replace(session: Session, row: Mapping[str, Any], old: Job, new: Job) -> None:
    values = changed_values(old, new, row["request"])
    place = {"turn": row["turn"], "taken": None}
    if (values["rank"], values["party"]) != (row["rank"], row["party"]):
        found = session.row(say.LAST_TURN, values)
        assert found is not None
        place["turn"] = _turn_after(found)
    if new.state is JobState.RUNNING:
        place["taken"] = row["taken"] or (session.value(say.TALLY, {"name": "taken"}) or 0) + 1
    statement = say.UPDATE_ALL if "request" in values else say.UPDATE
    session.run(statement, {**values, **place, "at": row["arrival"]})
    session.known.learn(new, {**row, **values})
    _refer(session, row["arrival"], old, new)
    _recount(session, row, new, values["party"])


def _refer(session: Session, arrival: int, old: Job, new: Job) -> None:
    if new.request is old.request and new.result is old.result and new.files is old.files:
        return
    before, after = old.blobs(), new.blobs()
    session.run_many(say.UNREFER, [{"ref": ref, "arrival": arrival} for ref in before - after])
    session.run_many(say.REFER, [{"ref": ref, "arrival": arrival} for ref in after - before])


def _recount(session: Session, row: Mapping[str, Any], new: Job, party: str) -> None:
    changes: Counter[str] = Counter()
    changes[row["state"]] -= 1
    changes[new.state.value] += 1
    if row["state"] == JobState.QUEUED:
        changes[row["party"]] -= 1
        changes[say.QUEUED_BYTES] -= row["size"]
    if new.state is JobState.QUEUED:
        changes[party] += 1
        changes[say.QUEUED_BYTES] += new.size
        session.queued += row["state"] != JobState.QUEUED or row["rank"] != -new.priority
    if new.state is JobState.RUNNING and row["taken"] is None:
        changes["taken"] += 1
    _count(session, changes)


def _count(session: Session, changes: Mapping[str, int]) -> None:
    changed = {name: by for name, by in changes.items() if by}
    session.run_many(say.COUNT, [{"name": name, "value": by} for name, by in changed.items()])
    for name, by in changed.items():
        if by < 0 and ":" in name:
            session.run(say.FORGET_TALLY, {"name": name})
