"""Whose a removed job was, so that its owner is told that it has expired; and what the waiting jobs hold."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("expired", sa.Column("owner", sa.Text))
    # Counted along from now on: each job that leaves the queue takes its size from it.
    op.execute(
        "INSERT INTO tallies (name, value) "
        "SELECT 'queued_bytes', coalesce(sum(size), 0) FROM jobs WHERE state = 'queued'"
    )
