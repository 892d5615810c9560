"""Run by Alembic: applies migrations on the connection that `fewslice.project.opening` gives."""

from __future__ import annotations

from alembic import context

from fewslice.project.tables import Base

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_as_batch=True,  # SQLite changes a table by making it anew
)
with context.begin_transaction():
    context.run_migrations()
