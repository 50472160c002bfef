"""The reference of the runs query: filters and orders over records, written for being obviously right."""

from __future__ import annotations

import math
import operator
from typing import TYPE_CHECKING, Any, Final

import msgspec

from runlore.protocol import query
from runlore.store.patterns import matches

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from runlore.store.base import RunRecord

_ABSENT: Final = object()
_NAN: Final = "NaN"
_NUMBERS: Final = {"Infinity": math.inf, "-Infinity": -math.inf}
_COMPARED: Final[dict[str, Callable[[Any, Any], bool]]] = {
    "gt": operator.gt,
    "gte": operator.ge,
    "lt": operator.lt,
    "lte": operator.le,
}


def fulfils(run: RunRecord, found: query.Filter) -> bool:
    """Whether the run matches."""
    match found:
        case query.All(parts):
            return all(fulfils(run, part) for part in parts)
        case query.Some(parts):
            return any(fulfils(run, part) for part in parts)
        case query.Not(part):
            return not fulfils(run, part)
        case query.Compare(key):
            return _compare(_value(run, key), found)


def arranged(runs: Iterable[RunRecord], order: Sequence[query.Term]) -> list[RunRecord]:
    """The runs in order: by the first key, those equal in it by the second, and so on; the last by ordinal."""
    terms = order or query.NEWEST_FIRST
    found = sorted(runs, key=lambda run: run.ordinal, reverse=terms[-1].is_descending)
    for term in reversed(terms):
        ranks = {run.key: _rank(term.key, _sorted_by(run, term.key)) for run in found}
        found.sort(key=lambda run: ranks[run.key] or (0, 0), reverse=term.is_descending)
        found.sort(key=lambda run: ranks[run.key] is None)
    return found


def _value(run: RunRecord, key: query.Key) -> Any:
    """What is compared: a value as in JSON, _ABSENT for none. Times in µs, cut to ms; durations in seconds."""
    if key.place != "run":
        return _at(run.config if key.place == "config" else run.summary, key.name)
    if key.name == "sweep":
        return _ABSENT
    match query.FIELDS[key.name]:
        case "time":
            at_ns = _time_ns(run, key.name)
            return _ABSENT if at_ns is None else at_ns // 1_000_000 * 1000
        case "number" if key.name == "duration_s":
            return _duration_ns(run) / 1e9
        case "number":
            number = getattr(run, key.name)
            return _ABSENT if number is None else number
    return getattr(run, key.name) or _ABSENT


def _sorted_by(run: RunRecord, key: query.Key) -> Any:
    if key.place == "run" and query.FIELDS[key.name] == "time":
        return _time_ns(run, key.name)
    if key == query.Key("run", "duration_s"):
        return _duration_ns(run)
    value = _value(run, key)
    return value.lower() if key == query.Key("run", "name") and isinstance(value, str) else value


def _time_ns(run: RunRecord, name: str) -> int | None:
    times = {
        "created_at": run.created_ns,
        "updated_at": run.updated_ns,
        "finished_at": run.finished_ns,
        "heartbeat_at": run.record_ns,
    }
    return times[name]


def _duration_ns(run: RunRecord) -> int:
    end_ns = run.record_ns if run.finished_ns is None else run.finished_ns
    return max(end_ns - run.created_ns, 0)


def _compare(value: Any, found: query.Compare) -> bool:
    if found.operator == "exists":
        return (value is not _ABSENT) == found.values[0]
    tags = value if found.key == query.Key("run", "tags") and value is not _ABSENT else [value]
    if found.operator == "regex":
        pattern = str(found.values[0])
        return any(isinstance(text, str) and text not in _words(found.key) and matches(pattern, text) for text in tags)
    if found.operator in {"eq", "in"}:
        return any(_is_equal(found.key, item, operand) for item in tags for operand in found.values)
    left, right = _number_or_text(found.key, value), _number_or_text(found.key, found.values[0])
    return _are_alike(left, right) and _COMPARED[found.operator](left, right)


def _is_equal(key: query.Key, value: Any, operand: query.Scalar) -> bool:
    if operand is None:
        return value is _ABSENT or value is None
    if key.place != "run" and _NAN in (value, operand):
        return bool(value == operand)
    left, right = _number_or_text(key, value), _number_or_text(key, operand)
    return _are_alike(left, right) and left == right


def _are_alike(left: float | str | None, right: float | str | None) -> bool:
    return left is not None and right is not None and isinstance(left, str) == isinstance(right, str)


def _words(key: query.Key) -> frozenset[str]:
    """Texts that stand for numbers: in documents only."""
    return frozenset() if key.place == "run" else frozenset({*_NUMBERS, _NAN})


def _number_or_text(key: query.Key, value: Any) -> float | str | None:
    if isinstance(value, str) and value in _words(key):
        return _NUMBERS.get(value)
    if isinstance(value, bool | int | float):
        return value if key.place == "run" else float(value)
    return value if isinstance(value, str) else None


def _at(document: Any, path: str) -> Any:
    """The value at a dotted path; keys may hold dots themselves, and the longest first key stands.

    A map with a type is one value; nothing inside of it is found.
    """
    if not isinstance(document, dict):
        return _ABSENT
    if path in document:
        return document[path]
    parts = path.split(".")
    for count in range(len(parts) - 1, 0, -1):
        inner = document.get(".".join(parts[:count]))
        if isinstance(inner, dict) and "_type" not in inner:
            found = _at(inner, ".".join(parts[count:]))
            if found is not _ABSENT:
                return found
    return _ABSENT


def _rank(key: query.Key, value: Any) -> tuple[int, Any] | None:
    """Where a value stands in an order: numbers, texts, lists; None for what has no place in it."""
    if isinstance(value, list):
        return 2, msgspec.json.encode(value).decode()
    found = _number_or_text(key, value)
    return None if found is None else (int(isinstance(found, str)), found)
