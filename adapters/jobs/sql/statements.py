"""What the operations that change something say to the database."""

from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import bindparam as given
from sqlalchemy import func

from adapters.jobs.sql.tables import BLOBS, CLOCKS, EXPIRED, JOBS, QUEUED, TALLIES
from core.domain.job import JobState

UNREADABLE: Final = "unreadable"
"""In place of the state of a job whose texts no longer make a job."""

QUEUED_BYTES: Final = "queued_bytes"
"""The tally of what those that wait hold."""

COLUMNS: Final = tuple(column.name for column in JOBS.columns)
SMALL: Final = tuple(
    name for name in COLUMNS if name not in ("arrival", "id", "created", "turn", "taken", "request", "result")
)
TEXTS: Final = (JOBS.c.document, JOBS.c.request, JOBS.c.result)
PLACE: Final = (JOBS.c.rank, JOBS.c.turn, JOBS.c.arrival)


def _tally(name: sa.ColumnElement[str]) -> sa.ScalarSelect[int]:
    return sa.select(TALLIES.c.value).where(TALLIES.c.name == name).scalar_subquery()


LAST_TURN: Final = sa.select(
    sa.select(func.max(JOBS.c.turn))
    .where(JOBS.c.party == given("party"), JOBS.c.rank == given("rank"), QUEUED)
    .scalar_subquery()
    .label("last"),
    sa.select(CLOCKS.c.turn).where(CLOCKS.c.rank == given("rank")).scalar_subquery().label("clock"),
)
BEFORE_PUT: Final = LAST_TURN.add_columns(
    sa.select(func.max(JOBS.c.arrival)).scalar_subquery().label("arrival"),
    sa.select(JOBS.c.arrival).where(JOBS.c.id == given("id")).scalar_subquery().label("same_id"),
    sa.select(JOBS.c.arrival).where(JOBS.c.claim == given("claim")).scalar_subquery().label("same_key"),
    sa.select(EXPIRED.c.removed).where(EXPIRED.c.id == given("id")).scalar_subquery().label("expired"),
    _tally(sa.literal("queued")).label("waiting"),
    _tally(sa.literal(QUEUED_BYTES)).label("waiting_bytes"),
    _tally(given("party")).label("waiting_of_party"),
)
INSERT: Final = sa.insert(JOBS).values({name: given(name) for name in COLUMNS})

NEXT: Final = (
    sa.select(JOBS)
    .where(QUEUED)
    .order_by(*PLACE)
    .limit(1)
    .with_for_update(skip_locked=True)
)  # fmt: skip
ANY_QUEUED: Final = sa.select(JOBS.c.arrival).where(QUEUED).limit(1)
BY_ARRIVAL: Final = sa.select(*TEXTS).where(JOBS.c.arrival == given("arrival"))
LOCKED: Final = sa.select(JOBS).where(JOBS.c.id == given("id")).with_for_update()

_PLACED: Final[dict[str, Any]] = {name: given(name) for name in (*SMALL, "turn", "taken")}
_OF_ARRIVAL: Final = JOBS.c.arrival == given("at")
UPDATE: Final = sa.update(JOBS).where(_OF_ARRIVAL).values(_PLACED)
UPDATE_ALL: Final = (
    sa.update(JOBS)
    .where(_OF_ARRIVAL)
    .values({**_PLACED, "request": given("request"), "result": given("result")})
)
SET_ASIDE: Final = sa.update(JOBS).where(_OF_ARRIVAL).values(state=sa.literal(UNREADABLE))
DELETE: Final = sa.delete(JOBS).where(_OF_ARRIVAL)

# The same words for SQLite and PostgreSQL, which SQLAlchemy has no common construct for.
TURN_CLOCK: Final = sa.text(
    "INSERT INTO clocks (rank, turn) VALUES (:rank, :turn) "
    "ON CONFLICT (rank) DO UPDATE SET turn = excluded.turn WHERE clocks.turn < excluded.turn"
)
COUNT: Final = sa.text(
    "INSERT INTO tallies (name, value) VALUES (:name, :value) "
    "ON CONFLICT (name) DO UPDATE SET value = tallies.value + excluded.value"
)
FORGET_TALLY: Final = sa.delete(TALLIES).where(TALLIES.c.name == given("name"), TALLIES.c.value == 0)
TALLY: Final = sa.select(TALLIES.c.value).where(TALLIES.c.name == given("name"))
STATE_TALLIES: Final = sa.select(TALLIES.c.name, TALLIES.c.value).where(
    TALLIES.c.name.in_([state.value for state in JobState])
)

REFER: Final = sa.insert(BLOBS).values(ref=given("ref"), arrival=given("arrival"))
UNREFER: Final = sa.delete(BLOBS).where(BLOBS.c.ref == given("ref"), BLOBS.c.arrival == given("arrival"))
UNREFER_ALL: Final = sa.delete(BLOBS).where(BLOBS.c.arrival == given("arrival"))
REFERRED: Final = sa.select(BLOBS.c.arrival).where(BLOBS.c.ref == given("ref")).limit(1)

EXPIRE: Final = sa.insert(EXPIRED).values(id=given("id"), removed=given("removed"), owner=given("owner"))
UNEXPIRE: Final = sa.delete(EXPIRED).where(EXPIRED.c.id == given("id"))
FORGET_EXPIRED: Final = sa.delete(EXPIRED).where(EXPIRED.c.removed < given("before"))
GONE: Final = sa.select(EXPIRED.c.owner).where(EXPIRED.c.id == given("id"))
