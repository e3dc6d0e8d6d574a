"""The tables as they are now. ``migrations`` holds how they came about; a test compares the two."""

from __future__ import annotations

import sqlalchemy as sa

METADATA = sa.MetaData()

# SQLite counts rows only in a column of the type INTEGER.
COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")

JOBS = sa.Table(
    "jobs",
    METADATA,
    # The order in which jobs came.
    sa.Column("arrival", COUNTER, primary_key=True, autoincrement=False),
    sa.Column("id", sa.Text, nullable=False, unique=True),
    sa.Column("state", sa.Text, nullable=False),
    # The priority, negated: the smallest is next.
    sa.Column("rank", sa.BigInteger, nullable=False),
    sa.Column("turn", sa.BigInteger, nullable=False),
    sa.Column("party", sa.Text, nullable=False),
    sa.Column("owner", sa.Text),
    sa.Column("client", sa.Text),
    # Owner and idempotency key.
    sa.Column("claim", sa.Text, unique=True),
    # Of those that run, the order in which they were taken.
    sa.Column("taken", sa.BigInteger),
    # 1 for one that was started.
    sa.Column("ran", sa.Integer, nullable=False),
    # Times are microseconds since 1970; the last two are those of ended jobs only.
    sa.Column("created", sa.BigInteger, nullable=False),
    sa.Column("finished", sa.BigInteger),
    sa.Column("due", sa.BigInteger),
    # Bytes of its request and its pictures.
    sa.Column("size", sa.BigInteger, nullable=False),
    # Texts come last: who reads the columns before does not pass over them. The first holds what the others
    # do not; request and frozen inputs never change, and are not written again.
    sa.Column("document", sa.Text, nullable=False),
    sa.Column("request", sa.Text, nullable=False),
    sa.Column("result", sa.Text),
)

# Literals, not parameters: only so does a planner see that a partial index serves.
QUEUED = JOBS.c.state == sa.literal_column("'queued'")
RUNNING = JOBS.c.state == sa.literal_column("'running'")
ENDED = JOBS.c.finished.is_not(None)
OWING = JOBS.c.due.is_not(None)


def _index(name: str, *columns: sa.Column[int] | sa.Column[str], where: sa.ColumnElement[bool]) -> None:
    sa.Index(name, *columns, sqlite_where=where, postgresql_where=where)


_index("jobs_in_line", JOBS.c.rank, JOBS.c.turn, JOBS.c.arrival, where=QUEUED)
_index("jobs_of_party_in_line", JOBS.c.party, JOBS.c.rank, JOBS.c.turn, where=QUEUED)
_index("jobs_running", JOBS.c.arrival, where=RUNNING)
_index("jobs_ended", JOBS.c.finished, JOBS.c.arrival, JOBS.c.ran, JOBS.c.size, JOBS.c.due, where=ENDED)
_index("jobs_owing", JOBS.c.due, JOBS.c.arrival, where=OWING)
_index("jobs_of_owner", JOBS.c.owner, JOBS.c.arrival, where=JOBS.c.owner.is_not(None))
_index("jobs_of_client", JOBS.c.client, JOBS.c.arrival, where=JOBS.c.client.is_not(None))
# No index begins with the state of all jobs: SQLite would take it for the line too, and sort.
_index("jobs_waiting", JOBS.c.arrival, where=QUEUED)
_index("jobs_ended_by_state", JOBS.c.state, JOBS.c.arrival, where=ENDED)

# Which job needs which blob.
BLOBS = sa.Table(
    "job_blobs",
    METADATA,
    sa.Column("ref", sa.Text, primary_key=True),
    sa.Column("arrival", COUNTER, primary_key=True, autoincrement=False, index=True),
)

# The largest turn that was taken, by priority.
CLOCKS = sa.Table(
    "clocks",
    METADATA,
    sa.Column("rank", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("turn", sa.BigInteger, nullable=False),
)

# How many jobs are in each state, how many of each party wait, and how many bytes those that wait hold.
TALLIES = sa.Table(
    "tallies",
    METADATA,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.BigInteger, nullable=False),
)

# Ids of jobs that were removed.
EXPIRED = sa.Table(
    "expired",
    METADATA,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("removed", sa.BigInteger, nullable=False, index=True),
    # Whose it was, as JSON; NULL: an earlier release did not note that.
    sa.Column("owner", sa.Text),
)

VERSION = sa.Table(
    "alembic_version", sa.MetaData(), sa.Column("version_num", sa.String(32), primary_key=True)
)
