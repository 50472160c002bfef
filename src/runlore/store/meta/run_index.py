"""Keeps ``run_kv`` and the key counts in step with the documents of runs: in their transaction, changed paths only."""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

import msgspec
from sqlalchemy import bindparam, delete, select
from sqlalchemy.dialects.sqlite import insert as upsert

from runlore.store.meta import schema
from runlore.store.meta.cells import cells_of, leaves
from runlore.store.meta.projects import count_keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import Connection

_NAMES_AT_ONCE: Final = 10_000
"""Below SQLite's limit of variables in a statement."""

_KV: Final = schema.run_kv
_PUT: Final = upsert(_KV)
_PUT_CHANGED: Final = _PUT.on_conflict_do_update(
    index_elements=["key", "run"],
    set_={"type": _PUT.excluded.type, "number": _PUT.excluded.number, "text": _PUT.excluded.text},
)
_REMOVE: Final = delete(_KV).where(_KV.c.key == bindparam("of_key"), _KV.c.run == bindparam("of_run"))


class Change(NamedTuple):
    """A document of a run before and after, as JSON text."""

    project: int
    run: int
    kind: Literal["config", "summary"]
    before: str
    after: str


def index(connection: Connection, changes: Iterable[Change], *, counts: bool = True) -> None:
    """Bring the index, and with ``counts`` the key counts, from the documents before to those after."""
    puts: list[tuple[int, str, str, dict[str, Any]]] = []
    removals: list[tuple[int, str, str, int]] = []
    totals: Counter[tuple[int, str, str]] = Counter()
    for change in changes:
        if change.before == change.after:
            continue
        before, after = (cells_of(msgspec.json.decode(text)) for text in (change.before, change.after))
        for path, cell in after.items():
            if before.get(path) != cell:
                row = {"run": change.run, "type": cell.type.value, "number": cell.number, "text": cell.text}
                puts.append((change.project, change.kind, path, row))
        removals += [(change.project, change.kind, path, change.run) for path in before.keys() - after.keys()]
        if counts:
            old, new = leaves(before), leaves(after)
            totals.update((change.project, change.kind, path) for path in new - old)
            totals.subtract((change.project, change.kind, path) for path in old - new)
    names = [put[:3] for put in puts] + [removal[:3] for removal in removals]
    keys = _key_ids(connection, names)
    if puts:
        connection.execute(
            _PUT_CHANGED, [row | {"key": keys[project, kind, path]} for project, kind, path, row in puts]
        )
    if removals:
        rows = [{"of_key": keys[project, kind, path], "of_run": run} for project, kind, path, run in removals]
        connection.execute(_REMOVE, rows)
    count_keys(connection, totals)


def _key_ids(connection: Connection, names: Sequence[tuple[int, str, str]]) -> dict[tuple[int, str, str], int]:
    """The ids of (project, kind, path); new ones are made."""
    wanted: dict[tuple[int, str], set[str]] = defaultdict(set)
    for project, kind, name in names:
        wanted[project, kind].add(name)
    columns = schema.run_key.c
    found: dict[tuple[int, str, str], int] = {}
    for (project, kind), all_names in wanted.items():
        ordered = sorted(all_names)
        for at in range(0, len(ordered), _NAMES_AT_ONCE):
            some = ordered[at : at + _NAMES_AT_ONCE]
            statement = select(columns.name, columns.id).where(
                columns.project_id == project, columns.kind == kind, columns.name.in_(some)
            )
            known = {name: number for name, number in connection.execute(statement)}  # noqa: C416 - a Result is no mapping
            fresh = [{"project_id": project, "kind": kind, "name": name} for name in some if name not in known]
            if fresh:
                connection.execute(upsert(schema.run_key), fresh)
                known = {name: number for name, number in connection.execute(statement)}  # noqa: C416
            found.update(((project, kind, name), number) for name, number in known.items())
    return found
