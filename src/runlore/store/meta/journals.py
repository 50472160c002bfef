"""Journals in SQL: how far each is stored, the layouts of its rows, and what was lost."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.exc import IntegrityError

from runlore.errors import Conflict
from runlore.store.base import JournalRecord, LossRow, SchemaRow
from runlore.store.meta import schema
from runlore.store.meta.connection import SqlRoom

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runlore.store.base import Transaction

_CHANGING: Final = (
    "offset", "role", "label", "host", "pid", "damaged_bytes", "record_ns", "seen_ns", "exit_ns", "exit_state", "exit_code", "exit_reason",
)  # fmt: skip
_UPDATE: Final = (
    update(schema.journal)
    .where(schema.journal.c.writer == bindparam("of_writer"))
    .values({name: bindparam(f"new_{name}") for name in _CHANGING})
)
_TOUCH: Final = (
    update(schema.journal)
    .where(schema.journal.c.writer == bindparam("of_writer"))
    .values(seen_ns=bindparam("new_seen_ns"))
)
_LAYOUT: Final = msgspec.msgpack.Decoder(tuple[list[str], str])


class SqlJournals(SqlRoom):
    """The journals of the ``JournalStore`` in SQL."""

    def journals(self, writers: Sequence[str], tx: Transaction | None = None) -> dict[str, JournalRecord]:
        """See ``JournalStore.journals``."""
        statement = select(schema.journal).where(schema.journal.c.writer.in_(writers))
        with self._reading(tx) as connection:
            rows = connection.execute(statement).mappings().all()
        return {row["writer"]: _record(row) for row in rows}

    def journals_of(self, runs: Sequence[int], tx: Transaction | None = None) -> dict[int, list[JournalRecord]]:
        """See ``JournalStore.journals_of``."""
        found: dict[int, list[JournalRecord]] = defaultdict(list)
        columns = schema.journal.c
        statement = select(schema.journal).where(columns.run.in_(runs)).order_by(columns.run, columns.position)
        with self._reading(tx) as connection:
            for row in connection.execute(statement).mappings():
                found[row["run"]].append(_record(row))
        return dict(found)

    def add_journal(self, tx: Transaction, journal: JournalRecord) -> None:
        """See ``JournalStore.add_journal``."""
        try:
            self._writing(tx).execute(insert(schema.journal).values(**msgspec.structs.asdict(journal)))
        except IntegrityError as error:
            raise Conflict(f"cannot add journal {journal.writer!r}: it is known") from error

    def save_journals(self, tx: Transaction, journals: Sequence[JournalRecord]) -> None:
        """See ``JournalStore.save_journals``."""
        if journals:
            rows = [
                {f"new_{name}": getattr(journal, name) for name in _CHANGING} | {"of_writer": journal.writer}
                for journal in journals
            ]
            self._writing(tx).execute(_UPDATE, rows)

    def touch_journals(self, tx: Transaction, seen: Mapping[str, int]) -> None:
        """See ``JournalStore.touch_journals``."""
        if seen:
            rows = [{"of_writer": writer, "new_seen_ns": seen_ns} for writer, seen_ns in seen.items()]
            self._writing(tx).execute(_TOUCH, rows)

    def schemas(self, writer: str) -> dict[int, SchemaRow]:
        """See ``JournalStore.schemas``."""
        columns = schema.writer_schema.c
        with self._reading() as connection:
            rows = connection.execute(select(columns.id, columns.layout).where(columns.writer == writer)).all()
        return {row.id: SchemaRow(writer, row.id, *_LAYOUT.decode(row.layout)) for row in rows}

    def add_schemas(self, tx: Transaction, schemas: Sequence[SchemaRow]) -> None:
        """See ``JournalStore.add_schemas``."""
        if not schemas:
            return
        rows = [
            {"writer": row.writer, "id": row.id, "layout": msgspec.msgpack.encode((row.names, row.types))}
            for row in schemas
        ]
        statement = upsert(schema.writer_schema)
        replacing = statement.on_conflict_do_update(
            index_elements=["writer", "id"], set_={"layout": statement.excluded.layout}
        )
        self._writing(tx).execute(replacing, rows)

    def add_losses(self, tx: Transaction, losses: Sequence[LossRow]) -> None:
        """See ``JournalStore.add_losses``."""
        if not losses:
            return
        statement = upsert(schema.loss)
        columns, added = schema.loss.c, statement.excluded
        adding = statement.on_conflict_do_update(
            index_elements=["run", "reason"],
            set_={
                "rows": columns.rows + added.rows,
                "size_bytes": columns.size_bytes + added.size_bytes,
                "times": columns.times + added.times,
            },
        )
        self._writing(tx).execute(adding, [loss._asdict() for loss in losses])

    def losses(self, run: int) -> list[LossRow]:
        """See ``JournalStore.losses``."""
        statement = select(schema.loss).where(schema.loss.c.run == run).order_by(schema.loss.c.reason)
        with self._reading() as connection:
            return [LossRow(*row) for row in connection.execute(statement)]


def _record(row: Mapping[Any, Any]) -> JournalRecord:
    return JournalRecord(**{name: value for name, value in row.items() if name != "position"})
