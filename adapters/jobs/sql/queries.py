"""What only reads. Nothing here waits for who writes."""

from __future__ import annotations

import functools
import json
import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import bindparam as given
from sqlalchemy import func

from adapters.jobs.sql import statements as say
from adapters.jobs.sql.database import Session
from adapters.jobs.sql.operations import read
from adapters.jobs.sql.rows import claim_of, moment, optional_text, text
from adapters.jobs.sql.tables import ENDED, JOBS, OWING, QUEUED, RUNNING
from core.domain.errors import StorageError
from core.domain.image import BlobRef
from core.domain.job import Expired, Job, JobFilter, JobId, JobState
from core.ports.driven import Retention

_log: Final = logging.getLogger(__name__)

_MUCH: Final = 2**62
_TEXTS: Final = (JOBS.c.id, *say.TEXTS)
_NEWEST: Final = (JOBS.c.finished.desc(), JOBS.c.arrival.desc())
_IN_STATE: Final = {
    JobState.QUEUED: QUEUED,
    JobState.RUNNING: RUNNING,
    **{
        state: (JOBS.c.state == sa.literal_column(f"'{state}'")) & ENDED
        for state in JobState
        if state.is_final
    },
}
_PLACE_OF: Final = sa.select(*say.PLACE).where(JOBS.c.id == given("id"), QUEUED)

BY_ID: Final = sa.select(*_TEXTS).where(JOBS.c.id == given("id"))
OF_KEY: Final = sa.select(*_TEXTS).where(JOBS.c.claim == given("claim"))
ALL: Final = sa.select(*_TEXTS).order_by(JOBS.c.arrival)
IN_WORK: Final = sa.select(*_TEXTS).where(RUNNING).order_by(JOBS.c.taken)
DUE: Final = (
    sa.select(*_TEXTS)
    .where(OWING, JOBS.c.due <= given("now"))
    .order_by(JOBS.c.due, JOBS.c.arrival)
    .limit(given("at_most"))
)
BEFORE: Final = sa.select(func.count()).where(
    QUEUED, sa.tuple_(*say.PLACE) < sa.tuple_(given("rank"), given("turn"), given("arrival"))
)
# Those that never ran push out none that did: they are counted apart.
_HELD: Final = (
    sa.select(
        JOBS.c.arrival,
        JOBS.c.finished,
        JOBS.c.due,
        func.row_number().over(partition_by=JOBS.c.ran, order_by=_NEWEST).label("nth"),
        func.sum(JOBS.c.size).over(order_by=_NEWEST).label("total"),
    )
    .where(ENDED)
    .subquery("held")
)
SURPLUS: Final = (
    sa.select(*_TEXTS)
    .join(_HELD, _HELD.c.arrival == JOBS.c.arrival)
    .where(
        _HELD.c.due.is_(None),
        (_HELD.c.finished < given("since"))
        | (_HELD.c.nth > given("count"))
        | (_HELD.c.total > given("size")),
    )
    .order_by(_HELD.c.finished, _HELD.c.arrival)
    .limit(given("at_most"))
)


def get(session: Session, job_id: JobId) -> Job | None:
    row = session.row(BY_ID, {"id": text(job_id)})
    return None if row is None else read(session, row)


def of_key(session: Session, owner: str | None, key: str) -> Job | None:
    row = session.row(OF_KEY, {"claim": claim_of(owner, key)})
    return None if row is None else read(session, row)


def all_jobs(session: Session) -> Sequence[Job]:
    return list(_readable(session, session.rows(ALL)))


def running(session: Session) -> Sequence[Job]:
    return list(_readable(session, session.rows(IN_WORK)))


def select(session: Session, which: JobFilter) -> Sequence[Job]:
    asked = {
        "owner": optional_text(which.owner),
        "client": optional_text(which.client),
        "after": optional_text(which.after),
        "at_most": which.limit,
    }
    values = {name: value for name, value in asked.items() if value is not None}
    return list(_readable(session, session.rows(selection(frozenset(values), which.states), values)))


@functools.lru_cache(maxsize=512)
def selection(asked: frozenset[str], states: frozenset[JobState] | None) -> sa.Select[Any]:
    """The statement with these parameters, of ``owner``, ``client``, ``after`` and ``at_most``."""
    statement = sa.select(*_TEXTS).order_by(JOBS.c.arrival.desc())
    if states is not None:
        # In words, not as parameters: so an index of some states only is seen to serve.
        statement = statement.where(sa.or_(sa.false(), *(_IN_STATE[state] for state in sorted(states))))
    for name in sorted(asked & {"owner", "client"}):
        statement = statement.where(JOBS.c[name] == given(name))
    if "after" in asked:
        other = JOBS.alias("other")
        reached = sa.select(other.c.arrival).where(other.c.id == given("after")).scalar_subquery()
        statement = statement.where(JOBS.c.arrival < reached)
    return statement.limit(given("at_most")) if "at_most" in asked else statement


def due(session: Session, now: datetime, limit: int) -> Sequence[Job]:
    return list(_readable(session, session.rows(DUE, {"now": moment(now), "at_most": limit})))


def surplus(session: Session, keep: Retention, limit: int) -> Sequence[Job]:
    values = {
        "since": -_MUCH if keep.since is None else moment(keep.since),
        "count": _MUCH if keep.count is None else keep.count,
        "size": _MUCH if keep.size is None else keep.size,
        "at_most": limit,
    }
    return list(_readable(session, session.rows(SURPLUS, values)))


def count_queued(session: Session, party: str | None) -> int:
    return session.value(say.TALLY, {"name": "queued" if party is None else text(party)}) or 0


def counts(session: Session) -> Mapping[JobState, int]:
    found = {row["name"]: row["value"] for row in session.rows(say.STATE_TALLIES)}
    return {state: found.get(state.value, 0) for state in JobState}


def position(session: Session, job_id: JobId) -> int:
    place = session.row(_PLACE_OF, {"id": text(job_id)})
    return 0 if place is None else session.value(BEFORE, place)


def has_queued(session: Session) -> bool:
    return session.value(say.ANY_QUEUED) is not None


def expired(session: Session, job_id: JobId) -> Expired | None:
    row = session.row(say.GONE, {"id": text(job_id)})
    return None if row is None else Expired(json.loads(row["owner"] or "null"))


def in_use(session: Session, refs: Iterable[BlobRef]) -> frozenset[BlobRef]:
    return frozenset(ref for ref in refs if session.value(say.REFERRED, {"ref": text(ref)}) is not None)


def _readable(session: Session, rows: Iterable[Mapping[str, Any]]) -> Iterable[Job]:
    """One that cannot be read does not hide the others."""
    for row in rows:
        try:
            yield read(session, row)
        except StorageError as error:
            _log.warning("%s; it is not listed", error)
