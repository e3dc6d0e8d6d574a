"""Ids of jobs that were removed, so that they are told from unknown ones."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "expired",
        sa.Column("id", sa.Text, primary_key=True),
        sa.Column("removed", sa.BigInteger, nullable=False),
    )
    op.create_index("ix_expired_removed", "expired", ["removed"])
