"""Writing a fold: one short transaction that swaps batches of a tail for chunks, or changes nothing at all."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import and_, bindparam, delete, func, insert, select, update

from runlore.store.series import levels
from runlore.store.series.schema import (
    block_counter,
    metric_block,
    metric_chunk,
    metric_level,
    metric_superseded,
    metric_tail,
    segment_tail,
)
from runlore.store.series.statements import slices

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from runlore.store.database import SqlTransaction
    from runlore.store.series.source import ChunkRow


class Plan:
    """What a fold will write. Blocks are numbered from 0 here; their ids are given when it is committed."""

    def __init__(self, segment: int, folds: int, first_batch: int, end_batch: int) -> None:
        self.segment = segment
        self.folds = folds
        self.first_batch = first_batch
        self.end_batch = end_batch
        self.rows = 0
        self.blocks: list[tuple[int, bytes]] = []
        self.chunks: list[dict[str, int]] = []
        self.levels: list[dict[str, Any]] = []
        self.superseded: list[dict[str, int]] = []
        self.replaced: list[ChunkRow] = []
        self.replaced_superseded: list[tuple[int, int, int]] = []

    def add_block(self, data: bytes, refs: int = 1) -> int:
        """The number of a new block."""
        self.blocks.append((refs, data))
        return len(self.blocks) - 1


def commit(tx: SqlTransaction, plan: Plan) -> bool:
    """Write the plan. False, and nothing written, when the segment's chunks changed since it was made."""
    connection = tx.connection
    row = connection.execute(
        select(segment_tail.c.folds, segment_tail.c.first_batch, segment_tail.c.rows)
        .where(segment_tail.c.segment == plan.segment)
        .with_for_update()
    ).first()
    if row is None or (row.folds, row.first_batch) != (plan.folds, plan.first_batch):
        return False
    gone = and_(
        metric_tail.c.segment == plan.segment,
        metric_tail.c.batch >= plan.first_batch,
        metric_tail.c.batch < plan.end_batch,
    )
    size = connection.execute(
        select(func.coalesce(func.sum(func.length(metric_tail.c.data)), 0)).where(gone)
    ).scalar_one()
    connection.execute(delete(metric_tail).where(gone))
    connection.execute(
        update(segment_tail)
        .where(segment_tail.c.segment == plan.segment)
        .values(
            first_batch=plan.end_batch,
            rows=segment_tail.c.rows - plan.rows,
            size_bytes=segment_tail.c.size_bytes - size,
            folds=segment_tail.c.folds + 1,
        )
    )
    _remove_replaced(connection, plan)
    _insert_new(connection, plan)
    return True


def _remove_replaced(connection: Connection, plan: Plan) -> None:
    refs: dict[int, int] = {}
    dead: list[int] = []
    for chunk in plan.replaced:
        dead.append(chunk.block)
        refs[chunk.axis] = refs.get(chunk.axis, 0) + 1
    if plan.replaced:
        at = [{"at_key": chunk.key, "at_s0": chunk.s0} for chunk in plan.replaced]
        connection.execute(
            delete(metric_chunk).where(
                metric_chunk.c.segment == plan.segment,
                metric_chunk.c.key == bindparam("at_key"),
                metric_chunk.c.s0 == bindparam("at_s0"),
            ),
            at,
        )
        dead.extend(_remove_levels(connection, plan))
        connection.execute(
            update(metric_block)
            .where(metric_block.c.id == bindparam("at"))
            .values(refs=metric_block.c.refs - bindparam("less")),
            [{"at": axis, "less": less} for axis, less in refs.items()],
        )
        for part in slices(list(refs)):
            connection.execute(delete(metric_block).where(metric_block.c.id.in_(part), metric_block.c.refs <= 0))
    if plan.replaced_superseded:
        connection.execute(
            delete(metric_superseded).where(
                metric_superseded.c.segment == plan.segment,
                metric_superseded.c.key == bindparam("at_key"),
                metric_superseded.c.batch == bindparam("at_batch"),
            ),
            [{"at_key": key, "at_batch": batch} for key, batch, _ in plan.replaced_superseded],
        )
        dead.extend(block for _, _, block in plan.replaced_superseded)
    for part in slices(dead):
        connection.execute(delete(metric_block).where(metric_block.c.id.in_(part)))


def _remove_levels(connection: Connection, plan: Plan) -> list[int]:
    """Remove the roll-ups of replaced chunks; returns the blocks that they stood in."""
    at = [
        {"at_key": chunk.key, "at_level": level, "at_s0": chunk.s0}
        for chunk in plan.replaced
        for level in levels.LEVELS
        if chunk.levels >> level & 1
    ]
    if not at:
        return []
    blocks: list[int] = []
    s0s = sorted({row["at_s0"] for row in at})
    keys = sorted({row["at_key"] for row in at})
    replaced = {(row["at_key"], row["at_level"], row["at_s0"]) for row in at}
    for part in slices(keys):
        rows = connection.execute(
            select(metric_level.c.key, metric_level.c.level, metric_level.c.s0, metric_level.c.block).where(
                metric_level.c.segment == plan.segment,
                metric_level.c.key.in_(part),
                metric_level.c.s0 >= s0s[0],
                metric_level.c.s0 <= s0s[-1],
                metric_level.c.block.is_not(None),
            )
        )
        blocks.extend(block for key, level, s0, block in rows if (key, level, s0) in replaced)
    connection.execute(
        delete(metric_level).where(
            metric_level.c.segment == plan.segment,
            metric_level.c.key == bindparam("at_key"),
            metric_level.c.level == bindparam("at_level"),
            metric_level.c.s0 == bindparam("at_s0"),
        ),
        at,
    )
    return blocks


def _insert_new(connection: Connection, plan: Plan) -> None:
    first = connection.execute(
        select(block_counter.c.next_block).where(block_counter.c.id == 1).with_for_update()
    ).scalar()
    if first is None:
        first = 1
        connection.execute(insert(block_counter).values(id=1, next_block=first + len(plan.blocks)))
    else:
        connection.execute(update(block_counter).values(next_block=first + len(plan.blocks)))
    if plan.blocks:
        connection.execute(
            insert(metric_block),
            [
                {"id": first + at, "segment": plan.segment, "refs": refs, "data": data}
                for at, (refs, data) in enumerate(plan.blocks)
            ],
        )
    if plan.chunks:
        connection.execute(
            insert(metric_chunk),
            [row | {"axis": first + row["axis"], "block": first + row["block"]} for row in plan.chunks],
        )
    if plan.levels:
        connection.execute(
            insert(metric_level),
            [row if row["block"] is None else row | {"block": first + row["block"]} for row in plan.levels],
        )
    if plan.superseded:
        connection.execute(
            insert(metric_superseded), [row | {"block": first + row["block"]} for row in plan.superseded]
        )
