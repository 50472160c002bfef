"""The one MetaData that every table of the embedded and the PostgreSQL database hangs on.

Tables are defined where they are used (``meta/schema.py``, ``series/schema.py``); Alembic reads them from here. The
naming convention gives every constraint a name, so that a later migration can find it.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import MetaData

metadata: Final = MetaData(
    naming_convention={
        "ix": "ix_%(column_0_N_label)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)
