"""Jobs, their blobs, the clocks of turns and the tallies."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

COUNTER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "jobs",
        sa.Column("arrival", COUNTER, primary_key=True, autoincrement=False),
        sa.Column("id", sa.Text, nullable=False, unique=True),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("rank", sa.BigInteger, nullable=False),
        sa.Column("turn", sa.BigInteger, nullable=False),
        sa.Column("party", sa.Text, nullable=False),
        sa.Column("owner", sa.Text),
        sa.Column("client", sa.Text),
        sa.Column("claim", sa.Text, unique=True),
        sa.Column("taken", sa.BigInteger),
        sa.Column("ran", sa.Integer, nullable=False),
        sa.Column("created", sa.BigInteger, nullable=False),
        sa.Column("finished", sa.BigInteger),
        sa.Column("due", sa.BigInteger),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("document", sa.Text, nullable=False),
        sa.Column("request", sa.Text, nullable=False),
        sa.Column("result", sa.Text),
    )
    _index("jobs_in_line", "rank", "turn", "arrival", where="state = 'queued'")
    _index("jobs_of_party_in_line", "party", "rank", "turn", where="state = 'queued'")
    _index("jobs_running", "arrival", where="state = 'running'")
    _index("jobs_ended", "finished", "arrival", "ran", "size", "due", where="finished IS NOT NULL")
    _index("jobs_owing", "due", "arrival", where="due IS NOT NULL")
    _index("jobs_of_owner", "owner", "arrival", where="owner IS NOT NULL")
    _index("jobs_of_client", "client", "arrival", where="client IS NOT NULL")
    _index("jobs_waiting", "arrival", where="state = 'queued'")
    _index("jobs_ended_by_state", "state", "arrival", where="finished IS NOT NULL")
    op.create_table(
        "job_blobs",
        sa.Column("ref", sa.Text, primary_key=True),
        sa.Column("arrival", COUNTER, primary_key=True, autoincrement=False),
    )
    op.create_index("ix_job_blobs_arrival", "job_blobs", ["arrival"])
    op.create_table(
        "clocks",
        sa.Column("rank", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("turn", sa.BigInteger, nullable=False),
    )
    op.create_table(
        "tallies",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("value", sa.BigInteger, nullable=False),
    )


def _index(name: str, *columns: str, where: str) -> None:
    clause = sa.text(where)
    op.create_index(name, "jobs", list(columns), sqlite_where=clause, postgresql_where=clause)
