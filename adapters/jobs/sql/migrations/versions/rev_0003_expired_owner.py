"""Whose a removed job was, so that its owner is told that it has expired."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("expired", sa.Column("owner", sa.Text))
