"""The runs table in SQL: which runs of a project, in which order. What depends on SQLite's JSON functions stands here only."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import ColumnElement, Select, String, case, cast, func, or_

from runlore.store.meta import schema

if TYPE_CHECKING:
    from collections.abc import Sequence

_RUN: Final = schema.run.c

_FIELDS: Final[dict[str, ColumnElement[Any]]] = {
    "key": _RUN.key,
    "id": _RUN.id,
    "ordinal": _RUN.ordinal,
    "name": func.lower(_RUN.name),
    "state": _RUN.state,
    "created_at": _RUN.created_ns,
    "updated_at": _RUN.updated_ns,
    "finished_at": _RUN.finished_ns,
    "duration_s": func.coalesce(_RUN.finished_ns, _RUN.record_ns) - _RUN.created_ns,
    "user": _RUN.user,
    "notes": func.nullif(_RUN.notes, ""),
    "tags": func.nullif(_RUN.tags, "[]"),
    "group": func.nullif(_RUN.group, ""),
    "job_type": func.nullif(_RUN.job_type, ""),
    "exit_code": _RUN.exit_code,
    "state_reason": func.nullif(_RUN.state_reason, ""),
    "last_step": _RUN.last_step,
    "rows": _RUN.rows,
    "lost_rows": _RUN.lost_rows,
    "version": _RUN.version,
}


def filtered(statement: Select[Any], project: int, search: str) -> Select[Any]:
    """The statement for the runs of a project that hold ``search`` in name, id, group, a tag or notes."""
    statement = statement.where(_RUN.project_id == project)
    if not search:
        return statement
    wanted = search.lower()
    tags = func.json_each(_RUN.tags).table_valued("value")
    in_tags = Select(tags.c.value).where(_contains(cast(tags.c.value, String), wanted)).exists()
    return statement.where(
        or_(*(_contains(column, wanted) for column in (_RUN.name, _RUN.id, _RUN.group, _RUN.notes)), in_tags)
    )


def ordered(statement: Select[Any], sort: str) -> Select[Any]:
    """The statement in the order asked for; what is missing last, then by ordinal.

    Raises ValueError when there is no such field.
    """
    is_descending = sort.startswith("-")
    field = sort.removeprefix("-")
    kind, _, path = field.partition(".")
    if kind in {"config", "summary"} and path:
        value = _document_value(_RUN[kind], path)
    elif field in _FIELDS:
        value = _FIELDS[field]
    else:
        raise ValueError(
            f"cannot sort by {field!r}: expected one of {', '.join(sorted(_FIELDS))}, config.<path> or summary.<path>"
        )
    direction = value.desc() if is_descending else value.asc()
    return statement.order_by(value.is_(None), direction, _RUN.ordinal.desc() if is_descending else _RUN.ordinal.asc())


def _contains(column: ColumnElement[str], wanted: str) -> ColumnElement[bool]:
    return func.instr(func.lower(column), wanted) > 0


def _document_value(document: ColumnElement[str], path: str) -> ColumnElement[Any]:
    """The value at a dotted path. A key may hold dots itself, so every way of reading the path is tried, whole keys first."""
    parts = path.split(".")
    readings = [_at(document, keys) for keys in _splits(parts)]
    value: ColumnElement[Any] = readings[0] if len(readings) == 1 else func.coalesce(*readings)
    # documents hold what JSON has no numbers for as words; NaN has no place in an order
    return case((value == "NaN", None), (value == "Infinity", math.inf), (value == "-Infinity", -math.inf), else_=value)


_MAX_READINGS: Final = 16


def _splits(parts: Sequence[str]) -> list[list[str]]:
    """Every way to join neighbouring parts with dots, the fewest keys first, at most ``_MAX_READINGS``."""
    found = [
        _join(parts, cuts)
        for cuts in sorted(range(2 ** min(len(parts) - 1, 12)), key=lambda bits: (bits.bit_count(), bits))
    ]
    deepest = list(parts)
    kept = found[: _MAX_READINGS - 1]
    return kept if deepest in kept else [*kept, deepest]


def _join(parts: Sequence[str], cuts: int) -> list[str]:
    keys = [parts[0]]
    for index, part in enumerate(parts[1:]):
        if cuts >> index & 1:
            keys.append(part)
        else:
            keys[-1] += "." + part
    return keys


def _at(document: ColumnElement[str], keys: Sequence[str]) -> ColumnElement[Any]:
    if not any('"' in key or "\\" in key for key in keys):
        return func.json_extract(document, "$" + "".join(f'."{key}"' for key in keys))
    # SQLite's paths cannot quote these, so that the key is looked for by comparison
    for key in keys[:-1]:
        entries = func.json_each(document).table_valued("key", "value")
        document = Select(entries.c.value).where(entries.c.key == key).scalar_subquery()
    entries = func.json_each(document).table_valued("key", "value")
    return Select(entries.c.value).where(entries.c.key == keys[-1]).scalar_subquery()
