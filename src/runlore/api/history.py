"""Exact rows of a run, page by page, out of column frames."""

from __future__ import annotations

import sys
from array import array
from typing import TYPE_CHECKING, Any, Final, Literal
from urllib.parse import quote

from runlore.errors import CommError
from runlore.protocol import columns
from runlore.transport import path_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from runlore.api.connection import Connection
    from runlore.protocol import messages

_CODES: Final = {"f8": "d", "i8": "q", "u4": "I", "u1": "B"}
_PRESENT: Final = ":present"
_WHOLE: Final = frozenset("qQ")
_MAX_KEYS_IN_ADDRESS: Final = 500
_MAX_BYTES_IN_ADDRESS: Final = 4_000


def _values(kind: str, data: memoryview) -> Sequence[Any]:
    values = array(_CODES[kind])
    values.frombytes(data)
    if sys.byteorder == "big":
        values.byteswap()
    return values


def _type_of(letters: str) -> type[int | float | bool]:
    """The Python type of numbers whose type letters (``runlore.protocol.wire``) are these."""
    kinds = frozenset(letters)
    if kinds == {"?"}:
        return bool
    return int if kinds and kinds <= _WHOLE else float


def rows_of(frame: bytes, keys: Sequence[str] | None = None) -> list[dict[str, Any]]:
    """The rows of a history frame: ``_step``, ``_timestamp`` and what each row has of ``keys``, in the types as logged.

    keys: None for all. Where a key's values were logged as numbers of several types, they are all floats. Raises ValueError.
    """
    found, meta = columns.decode(frame)
    steps = _values(*found["_step"])
    times = _values(*found["_timestamp"])
    rows: list[dict[str, Any]] = [{"_step": step, "_timestamp": time} for step, time in zip(steps, times, strict=True)]
    types = meta.get("types", {})
    for key in types if keys is None else keys:
        if key not in found or key + _PRESENT not in found:
            continue
        as_logged = _type_of(types.get(key, ""))
        for row, value, present in zip(rows, _values(*found[key]), _values(*found[key + _PRESENT]), strict=True):
            if present:
                row[key] = as_logged(value)
    wanted = None if keys is None else set(keys)
    for at, key, value in meta.get("objects", []):
        if wanted is None or key in wanted:
            rows[at][key] = value
    return rows


def _is_too_long_for_an_address(keys: Sequence[str]) -> bool:
    """Whether it is better to read all metrics than to name so many in the request."""
    return len(keys) > _MAX_KEYS_IN_ADDRESS or len("&keys=".join(map(quote, keys))) > _MAX_BYTES_IN_ADDRESS


def scan(
    connection: Connection,
    run: messages.Run,
    keys: Sequence[str] | None,
    *,
    page_size: int,
    min_step: int | None,
    max_step: int | None,
    repeats: Literal["last", "all"] = "last",
) -> Iterator[dict[str, Any]]:
    """Rows ascending by step, from ``min_step`` on and below ``max_step``, those of ``page_size`` steps at a time.

    keys: None for all metrics. Raises CommError and its kinds.
    """
    path = f"runs/{path_of(run.entity, run.project, run.id)}/history"
    at = min_step
    while True:
        query = {
            "keys": None if keys is None or _is_too_long_for_an_address(keys) else list(keys),
            "min_step": at,
            "max_step": None if max_step is None else max_step - 1,
            "limit": page_size,
            "repeats": repeats if repeats != "last" else None,
        }
        try:
            rows = rows_of(connection.get_bytes(path, query), keys)
        except (ValueError, KeyError, IndexError) as error:
            raise CommError(f"cannot read the history of run {run.id!r} from {connection.base_url}: {error}") from error
        yield from rows
        if len({row["_step"] for row in rows}) < page_size:
            return
        at = rows[-1]["_step"] + 1
