"""Answers belong to whoever annotates a scan apart from the others."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the lane of answers. Nobody knows whose the old ones are: they stay everybody's."""
    op.add_column("answers", sa.Column("lane", sa.Integer(), nullable=False, server_default="0"))
