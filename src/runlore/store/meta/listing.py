"""The runs table in SQL: which runs of a project, in which order.

Every condition is true or false, never NULL, so that it can be negated. Values in config and summary are looked up in
``run_kv``, all runs of a path side by side.
"""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import ColumnElement, Select, String, and_, case, cast, false, func, not_, or_, select, true

from runlore.protocol import query
from runlore.store.meta import schema
from runlore.store.meta.cells import Type, cell_of
from runlore.store.patterns import check_patterns

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_RUN: Final = schema.run.c
_ORDERED_TYPES: Final = (Type.NUMBER.value, Type.TEXT.value, Type.LIST.value)
_DURATION_NS: Final = func.max(func.coalesce(_RUN.finished_ns, _RUN.record_ns) - _RUN.created_ns, 0)


def _text(column: ColumnElement[str]) -> ColumnElement[Any]:
    return func.nullif(column, "")


_FIELDS: Final[dict[str, ColumnElement[Any]]] = {
    "id": _RUN.id,
    "name": _text(_RUN.name),
    "state": _RUN.state,
    "user": _text(_RUN.user),
    "group": _text(_RUN.group),
    "job_type": _text(_RUN.job_type),
    "notes": _text(_RUN.notes),
    "state_reason": _text(_RUN.state_reason),
    "tags": func.nullif(_RUN.tags, "[]"),
    "created_at": _RUN.created_ns,
    "updated_at": _RUN.updated_ns,
    "finished_at": _RUN.finished_ns,
    "heartbeat_at": _RUN.record_ns,
    "ordinal": _RUN.ordinal,
    "duration_s": _DURATION_NS,
    "last_step": _RUN.last_step,
    "rows": _RUN.rows,
    "lost_rows": _RUN.lost_rows,
    "exit_code": _RUN.exit_code,
    "version": _RUN.version,
    "key": _RUN.key,
}
_NEVER_MISSING: Final = frozenset(
    {"id", "state", "created_at", "updated_at", "heartbeat_at", "ordinal", "rows", "lost_rows", "version", "key"}
)


def filtered(project: int, filters: query.Filter, search: str) -> list[ColumnElement[bool]]:
    """The conditions for the runs of a project that match and hold ``search`` in name, id, group, a tag or notes.

    Raises UsageError for a regular expression that is none.
    """
    check_patterns(filters)
    conditions = [_RUN.project_id == project]
    if filters != query.EVERYTHING:
        conditions.append(_condition(filters, project))
    if search:
        wanted = search.lower()
        tags = func.json_each(_RUN.tags).table_valued("value")
        in_tags = select(tags.c.value).where(_contains(cast(tags.c.value, String), wanted)).exists()
        texts = (_RUN.name, _RUN.id, _RUN.group, _RUN.notes)
        conditions.append(or_(*(_contains(column, wanted) for column in texts), in_tags))
    return conditions


def ordered(statement: Select[Any], project: int, order: Sequence[query.Term]) -> Select[Any]:
    """The statement for runs in the order asked for; what is missing last, then by ordinal."""
    columns: list[ColumnElement[Any]] = []
    source: Any = schema.run
    for number, term in enumerate(order):
        if term.key.place != "run":
            cell = schema.run_kv.alias(f"cell{number}")
            of_path = and_(cell.c.run == _RUN.key, cell.c.key == _key_id(term.key, project))
            source = source.outerjoin(cell, of_path)
            rank = case((cell.c.type.in_(_ORDERED_TYPES), cell.c.type))
            columns += [rank.is_(None), *(_directed(value, term) for value in (rank, cell.c.number, cell.c.text))]
        elif term.key.name != "sweep":  # which no run has
            value = _FIELDS[term.key.name]
            columns += [] if term.key.name in _NEVER_MISSING else [value.is_(None)]
            columns.append(_directed(func.lower(value) if term.key.name == "name" else value, term))
    last = order[-1] if order else query.NEWEST_FIRST[-1]
    return statement.select_from(source).order_by(*columns, _directed(_RUN.ordinal, last))


def _directed(value: ColumnElement[Any], term: query.Term) -> ColumnElement[Any]:
    return value.desc() if term.is_descending else value.asc()


def _contains(column: ColumnElement[str], wanted: str) -> ColumnElement[bool]:
    return func.instr(func.lower(column), wanted) > 0


def _condition(found: query.Filter, project: int) -> ColumnElement[bool]:
    match found:
        case query.All(parts):
            return and_(true(), *(_condition(part, project) for part in parts))
        case query.Some(parts):
            return or_(false(), *(_condition(part, project) for part in parts))
        case query.Not(part):
            return not_(_condition(part, project))
        case query.Compare(key):
            if key.place != "run":
                return _in_document(found, project)
            if key.name == "tags":
                return _in_tags(found)
            return _in_field(found)


def _key_id(key: query.Key, project: int) -> ColumnElement[int]:
    columns = schema.run_key.c
    statement = select(columns.id).where(
        columns.project_id == project, columns.kind == key.place, columns.name == key.name
    )
    return statement.scalar_subquery()


_COMPARED: Final[dict[str, Callable[[Any, Any], ColumnElement[bool]]]] = {
    "eq": operator.eq,
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
    "regex": lambda value, pattern: func.regexp(pattern, value) == 1,
}


def _in_document(found: query.Compare, project: int) -> ColumnElement[bool]:
    """Whether the runs whose cell fulfils the condition hold the run."""
    cell = schema.run_kv.c

    def runs_with(*conditions: ColumnElement[bool]) -> ColumnElement[bool]:
        return _RUN.key.in_(select(cell.run).where(cell.key == _key_id(found.key, project), *conditions))

    if found.operator == "exists":
        return runs_with() if found.values[0] else not_(runs_with())
    if found.operator == "regex":
        return runs_with(cell.type == Type.TEXT.value, _COMPARED["regex"](cell.text, found.values[0]))
    if found.operator not in {"eq", "in"}:
        operand = cell_of(found.values[0])
        if operand.type is Type.NUMBER:
            return runs_with(_COMPARED[found.operator](cell.number, operand.number))
        return runs_with(cell.type == Type.TEXT.value, _COMPARED[found.operator](cell.text, operand.text))
    operands = [cell_of(value) for value in found.values]
    equals: list[ColumnElement[bool]] = []
    if numbers := [operand.number for operand in operands if operand.type is Type.NUMBER]:
        equals.append(cell.number.in_(numbers))
    if texts := [operand.text for operand in operands if operand.type is Type.TEXT]:
        equals.append(and_(cell.type == Type.TEXT.value, cell.text.in_(texts)))
    if any(operand.type is Type.NAN for operand in operands):
        equals.append(cell.type == Type.NAN.value)
    conditions = [runs_with(or_(*equals))] if equals else []
    if any(operand.type is Type.NULL for operand in operands):
        conditions.append(not_(runs_with(cell.type != Type.NULL.value)))
    return or_(false(), *conditions)


def _in_tags(found: query.Compare) -> ColumnElement[bool]:
    """Whether any tag fulfils the condition."""
    has_none = _RUN.tags == "[]"
    if found.operator == "exists":
        return not_(has_none) if found.values[0] else has_none
    tags = func.json_each(_RUN.tags).table_valued("value")
    tag = cast(tags.c.value, String)
    if found.operator == "regex":
        return select(tags.c.value).where(_COMPARED["regex"](tag, found.values[0])).exists()
    conditions = [has_none] if None in found.values else []
    if texts := [value for value in found.values if value is not None]:
        conditions.append(select(tags.c.value).where(tag.in_(texts)).exists())
    return or_(false(), *conditions)


def _in_field(found: query.Compare) -> ColumnElement[bool]:
    if found.key.name == "sweep":  # which no run has
        is_met = found.values[0] is False if found.operator == "exists" else None in found.values
        return true() if is_met else false()
    value = _FIELDS[found.key.name]
    if found.operator == "exists":
        return value.is_not(None) if found.values[0] else value.is_(None)
    kind = query.FIELDS[found.key.name]
    if kind == "time":
        value = value // 1_000_000 * 1000  # as shown: whole milliseconds
    elif found.key.name == "duration_s":
        value = value / 1e9
    if found.operator == "in":
        given = [operand for operand in found.values if operand is not None]
        is_among = func.coalesce(value.in_(given), false()) if given else false()
        return or_(is_among, value.is_(None)) if None in found.values else is_among
    operand = found.values[0]
    return value.is_(None) if operand is None else func.coalesce(_COMPARED[found.operator](value, operand), false())
