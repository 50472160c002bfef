"""Alembic revisions of the whole database, the series' tables too."""
