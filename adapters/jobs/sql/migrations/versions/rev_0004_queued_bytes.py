"""What the waiting jobs hold, counted along from now on: who leaves the queue takes its size from it."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.execute("DELETE FROM tallies WHERE name = 'queued_bytes'")
    op.execute(
        "INSERT INTO tallies (name, value) "
        "SELECT 'queued_bytes', coalesce(sum(size), 0) FROM jobs WHERE state = 'queued'"
    )
