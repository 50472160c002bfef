"""Console output in SQL: compressed chunks as written, numbered by the lines that they finish."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec
import zstandard
from sqlalchemy import func, insert, select
from sqlalchemy.dialects.sqlite import insert as upsert

from runlore.store.base import ConsoleChunk, ConsoleTail
from runlore.store.meta import schema
from runlore.store.meta.connection import SqlRoom

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runlore.store.base import Transaction

_DATA: Final = msgspec.msgpack.Decoder(tuple[ConsoleTail, list[tuple[int, str]]])


class SqlConsole(SqlRoom):
    """The console of the ``JournalStore`` in SQL."""

    def console_ends(
        self, tx: Transaction, runs: Sequence[int]
    ) -> tuple[dict[int, int], dict[tuple[int, str, str], ConsoleTail]]:
        """See ``JournalStore.console_ends``."""
        chunk, tail = schema.console_chunk.c, schema.console_tail.c
        connection = self._writing(tx)
        lines = connection.execute(
            select(chunk.run, func.max(chunk.first_line + chunk.lines)).where(chunk.run.in_(runs)).group_by(chunk.run)
        )
        finished = {run: count for run, count in lines}  # noqa: C416 - a Result is no mapping
        tails = connection.execute(select(schema.console_tail).where(tail.run.in_(runs)))
        return finished, {
            (row.run, row.writer, row.stream): ConsoleTail(row.time_ns, row.text, row.column) for row in tails
        }

    def add_console(
        self, tx: Transaction, chunks: Sequence[ConsoleChunk], tails: Mapping[tuple[int, str, str], ConsoleTail]
    ) -> None:
        """See ``JournalStore.add_console``."""
        connection = self._writing(tx)
        compress = zstandard.ZstdCompressor(level=3).compress
        if chunks:
            rows = [
                {
                    "run": chunk.run,
                    "writer": chunk.writer,
                    "stream": chunk.stream,
                    "first_line": chunk.first_line,
                    "lines": chunk.lines,
                    "data": compress(msgspec.msgpack.encode((tuple(chunk.carry), chunk.pieces))),
                }
                for chunk in chunks
            ]
            connection.execute(insert(schema.console_chunk), rows)
        if tails:
            statement = upsert(schema.console_tail)
            replacing = statement.on_conflict_do_update(
                index_elements=["run", "writer", "stream"],
                set_={name: statement.excluded[name] for name in ("time_ns", "text", "column")},
            )
            ends = [
                {"run": run, "writer": writer, "stream": stream, **tail._asdict()}
                for (run, writer, stream), tail in tails.items()
            ]
            connection.execute(replacing, ends)

    def console(self, run: int, *, first_line: int, count: int) -> list[ConsoleChunk]:
        """See ``JournalStore.console``."""
        columns = schema.console_chunk.c
        # the last chunk that begins at or before the line and finishes some: none before it reaches the line
        start = (
            select(func.coalesce(func.max(columns.first_line), 0))
            .where(columns.run == run, columns.first_line <= first_line, columns.lines > 0)
            .scalar_subquery()
        )
        statement = (
            select(schema.console_chunk)
            .where(
                columns.run == run,
                columns.first_line >= start,
                columns.first_line < first_line + count,
                columns.lines > 0,
            )
            .order_by(columns.first_line)
        )
        with self._reading() as connection:
            rows = connection.execute(statement).all()
        unpack = zstandard.ZstdDecompressor().decompress
        return [
            ConsoleChunk(row.run, row.writer, row.stream, row.first_line, row.lines, *_DATA.decode(unpack(row.data)))
            for row in rows
        ]

    def console_state(self, run: int) -> tuple[int, list[tuple[str, str, ConsoleTail]]]:
        """See ``JournalStore.console_state``."""
        chunk, tail = schema.console_chunk.c, schema.console_tail.c
        with self._reading() as connection:
            lines = connection.scalar(select(func.max(chunk.first_line + chunk.lines)).where(chunk.run == run))
            rows = connection.execute(
                select(schema.console_tail)
                .where(tail.run == run, tail.text != "")
                .order_by(tail.time_ns, tail.writer, tail.stream)
            ).all()
        return lines or 0, [(row.writer, row.stream, ConsoleTail(row.time_ns, row.text, row.column)) for row in rows]
