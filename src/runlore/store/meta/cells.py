"""A document (config, summary) as cells: what it has at each dotted path, in the form that comparing and sorting need."""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Final, NamedTuple

import msgspec


class Type(IntEnum):
    """What a value is. Numbers, texts and lists have an order, in which they come one after the other."""

    NULL = 0
    NUMBER = 1
    TEXT = 2
    LIST = 3
    NAN = 4
    MAP = 5
    OBJECT = 6
    """A map that is one value: typed (with a ``_type``) or empty."""


class Cell(NamedTuple):
    """A value. number: of a number, true and false as 1 and 0. text: of a text, or of a list as JSON."""

    type: Type
    number: float | None = None
    text: str | None = None


_WORDS: Final = {
    "NaN": Cell(Type.NAN),
    "Infinity": Cell(Type.NUMBER, float("inf")),
    "-Infinity": Cell(Type.NUMBER, float("-inf")),
}
"""What documents hold for the numbers that JSON lacks."""


def cell_of(value: Any) -> Cell:
    """A JSON value as a cell."""
    if isinstance(value, str):
        return _WORDS.get(value) or Cell(Type.TEXT, None, value)
    if isinstance(value, bool | int | float):
        return Cell(Type.NUMBER, float(value))
    if value is None:
        return Cell(Type.NULL)
    if isinstance(value, list):
        return Cell(Type.LIST, None, msgspec.json.encode(value).decode())
    return Cell(Type.MAP if value and "_type" not in value else Type.OBJECT)


def cells_of(document: dict[str, Any]) -> dict[str, Cell]:
    """Dotted path → value, for every map inside and every leaf.

    Keys may hold dots themselves, so that two values can have one path; the one with the longest first key then
    stands, and so on with its rest.
    """
    if not any(type(value) is dict for value in document.values()):
        return {key: cell_of(value) for key, value in document.items()}
    found: dict[str, tuple[tuple[int, ...], Cell]] = {}
    _collect(document, "", (), found)
    return {path: cell for path, (_, cell) in found.items()}


def leaves(cells: dict[str, Cell]) -> set[str]:
    """The paths that hold values, not maps of further paths."""
    return {path for path, cell in cells.items() if cell.type is not Type.MAP}


def _collect(
    document: dict[str, Any], prefix: str, lengths: tuple[int, ...], found: dict[str, tuple[tuple[int, ...], Cell]]
) -> None:
    for key, value in document.items():
        path, here = prefix + key, (*lengths, len(key))
        cell = cell_of(value)
        if path not in found or found[path][0] < here:
            found[path] = (here, cell)
        if cell.type is Type.MAP:
            _collect(value, f"{path}.", here, found)
