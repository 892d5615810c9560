"""Changes of the tables, one module each, applied in order by Alembic."""
