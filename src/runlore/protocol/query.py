"""Which runs, in which order: W&B's Mongo-style filters and order strings, checked and as structs.

Pure: nothing here knows how runs are stored. What each key and operator means is told in ``docs/guides/query.md``.
A filter is a tree of ``Compare``, ``All``, ``Some`` and ``Not``; operators that negate ($ne, $nin, $nor) become ``Not``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from difflib import get_close_matches
from typing import Any, Final, Literal, TypeAlias, get_args

import msgspec

from runlore.errors import UsageError
from runlore.protocol.documents import plain

MAX_COMPARISONS: Final = 200
MAX_DEPTH: Final = 20
MAX_VALUES: Final = 10_000
"""Values in all $in and $nin of a filter together."""

MAX_PATTERN: Final = 1_000

Scalar: TypeAlias = bool | int | float | str | None
Operator = Literal["eq", "gt", "gte", "lt", "lte", "in", "exists", "regex"]
Kind = Literal["text", "tags", "time", "number"]

FIELDS: Final[dict[str, Kind]] = {
    "id": "text", "name": "text", "state": "text", "user": "text", "group": "text", "job_type": "text",
    "sweep": "text", "notes": "text", "state_reason": "text", "tags": "tags",
    "created_at": "time", "updated_at": "time", "finished_at": "time", "heartbeat_at": "time",
    "ordinal": "number", "duration_s": "number", "last_step": "number", "rows": "number", "lost_rows": "number",
    "exit_code": "number", "version": "number", "key": "number",
}  # fmt: skip
"""Every field of a run that can be asked for, and what its values are."""

ALIASES: Final = {
    "display_name": "name", "displayName": "name", "username": "user", "jobType": "job_type", "createdAt": "created_at",
    "updatedAt": "updated_at", "finishedAt": "finished_at", "heartbeatAt": "heartbeat_at", "duration": "duration_s",
}  # fmt: skip
"""Other names of fields, those of W&B among them."""

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_DOCUMENTS: Final = (("config.", "config"), ("summary_metrics.", "summary"), ("summary.", "summary"))
_ORDERINGS: Final = ("gt", "gte", "lt", "lte")
_OPERATORS: Final = frozenset(get_args(Operator))
OPERATORS_SPELLED: Final = "$eq, $ne, $gt, $gte, $lt, $lte, $in, $nin, $exists, $regex, $not"


class Key(msgspec.Struct, frozen=True):
    """What is compared or sorted by: a field of the run, or a dotted path in its config or summary."""

    place: Literal["run", "config", "summary"]
    name: str

    def __str__(self) -> str:
        return self.name if self.place == "run" else f"{self.place}.{self.name}{'.value' * self._is_wrapped()}"

    def _is_wrapped(self) -> bool:
        return self.place == "config" and self.name.endswith(".value")


class Compare(msgspec.Struct, frozen=True):
    """One key compared. values: one operand, those of "in", and True or False for "exists".

    Operands of times are microseconds since 1970; "" as operand of a text field is None.
    """

    key: Key
    operator: Operator
    values: tuple[Scalar, ...]


class All(msgspec.Struct, frozen=True):
    """Every part holds; true without parts."""

    parts: tuple[Filter, ...]


class Some(msgspec.Struct, frozen=True):
    """One part at least holds."""

    parts: tuple[Filter, ...]


class Not(msgspec.Struct, frozen=True):
    """The part does not hold; so runs without a value match the negation of a comparison."""

    part: Filter


Filter: TypeAlias = Compare | All | Some | Not


class Term(msgspec.Struct, frozen=True):
    """One key of an order. Runs without a value come last, whatever the direction."""

    key: Key
    is_descending: bool = False

    def __str__(self) -> str:
        return f"{'-' if self.is_descending else ''}{self.key}"


NEWEST_FIRST: Final = (Term(Key("run", "created_at"), is_descending=True),)
EVERYTHING: Final = All(())


def parse_key(text: str) -> Key:
    """The key that a name of W&B or Runlore means. Raises UsageError with the nearest known name.

    ``config.x.value`` is ``config.x``: W&B keeps each config value in such a map.
    """
    _check_text(text)
    for prefix, place in _DOCUMENTS:
        path = text.removeprefix(prefix)
        if path and path != text:
            name = path.removesuffix(".value") if place == "config" else path
            return Key("config" if place == "config" else "summary", name or path)
    name = ALIASES.get(text, text)
    if name in FIELDS:
        return Key("run", name)
    near = get_close_matches(text, [*FIELDS, *ALIASES], 1)
    nearest = f"; did you mean {near[0]!r}?" if near else ""
    raise UsageError(
        f"cannot use {text!r} as a key of runs: expected one of {', '.join(FIELDS)}, config.<path> or "
        f"summary_metrics.<path>{nearest}"
    )


def parse_order(text: str) -> tuple[Term, ...]:
    """The keys to sort by, from text such as "-created_at" or "+config.lr,-summary_metrics.loss". Raises UsageError."""
    terms: list[tuple[str, str]] = []
    for piece in text.split(","):
        given = piece.strip()
        name = given.lstrip("+-")
        if terms and terms[-1][1].startswith(tuple(prefix for prefix, _ in _DOCUMENTS)) and not _is_key(name):
            # a comma inside of a config or summary key
            terms[-1] = (terms[-1][0], f"{terms[-1][1]},{piece}")
            continue
        if len(given) - len(name) > 1:
            raise UsageError(f"cannot sort by {given!r}: expected at most one sign, + or -, before a key")
        terms.append((given[: len(given) - len(name)], name))
    if len(terms) > 20:
        raise UsageError(f"cannot sort by {len(terms)} keys: at most 20 are allowed")
    try:
        return tuple(Term(parse_key(name), sign == "-") for sign, name in terms)
    except UsageError as error:
        raise UsageError(f"cannot sort by {text!r}: {error}") from error


def print_order(terms: tuple[Term, ...]) -> str:
    """The order as text that ``parse_order`` reads."""
    return ",".join(str(term) for term in terms)


def parse_filter(filters: Mapping[str, Any] | None) -> Filter:
    """The filter that a mapping in W&B's form means; None and an empty one mean every run.

    Raises UsageError that names the key, the operator or the value, and what is expected.
    """
    return EVERYTHING if filters is None else _Parser().conditions(filters, "filters", 0)


def parse_filter_text(text: str) -> Filter:
    """``parse_filter`` of JSON text; "" means every run. Raises UsageError."""
    if not text.strip():
        return EVERYTHING
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError) as error:
        raise UsageError(f"cannot use filters {text[:80]!r}: expected a JSON object ({error})") from error
    return parse_filter(found)


def print_filter(found: Filter) -> dict[str, Any]:
    """The filter as a mapping that ``parse_filter`` reads back to an equal one; values are those of JSON."""
    match found:
        case All(parts):
            return {"$and": [print_filter(part) for part in parts]} if parts else {}
        case Some(parts):
            return {"$or": [print_filter(part) for part in parts]}
        case Not(part):
            return {"$not": print_filter(part)}
        case Compare(key, operator, values):
            shown = [_shown(key, value) for value in values] if operator not in {"exists", "regex"} else list(values)
            return {str(key): {f"${operator}": shown if operator == "in" else shown[0]}}


def _is_key(name: str) -> bool:
    return name in FIELDS or name in ALIASES or name.startswith(tuple(prefix for prefix, _ in _DOCUMENTS))


def _shown(key: Key, value: Scalar) -> Scalar:
    if key.place == "run" and FIELDS[key.name] == "time" and isinstance(value, int):
        return (_EPOCH + timedelta(microseconds=value)).isoformat().replace("+00:00", "Z")
    return value


class _Parser:
    """One filter being read: counts what it holds, so that a filter has bounds."""

    def __init__(self) -> None:
        self._comparisons = 0
        self._values = 0

    def conditions(self, given: Any, where: str, depth: int) -> Filter:
        if not isinstance(given, Mapping):
            raise UsageError(f"cannot use {_short(given)} as {where}: expected an object of keys and conditions")
        if depth > MAX_DEPTH:
            raise UsageError(f"cannot use filters nested deeper than {MAX_DEPTH} levels; write them flatter")
        parts = [self._condition(name, value, depth) for name, value in given.items()]
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _condition(self, name: Any, value: Any, depth: int) -> Filter:
        if not isinstance(name, str):
            raise UsageError(f"cannot use {_short(name)} as a key of filters: expected a string")
        match name:
            case "$and":
                return All(self._list(name, value, depth))
            case "$or":
                return Some(self._list(name, value, depth))
            case "$nor":
                return Not(Some(self._list(name, value, depth)))
            case "$not":
                return Not(self.conditions(value, "the value of '$not'", depth + 1))
        if name.startswith("$"):
            raise UsageError(f"cannot use operator {name!r} here: expected a key, $and, $or, $nor or $not")
        key = parse_key(name)
        if isinstance(value, Mapping):
            return self._operators(key, name, value, depth)
        return self._compare(key, name, "eq", value)

    def _list(self, name: str, value: Any, depth: int) -> tuple[Filter, ...]:
        if not isinstance(value, list | tuple) or not value:
            raise UsageError(f"cannot use {_short(value)} as the value of {name!r}: expected a list of filters")
        return tuple(self.conditions(part, f"a filter in {name!r}", depth + 1) for part in value)

    def _operators(self, key: Key, name: str, given: Mapping[Any, Any], depth: int) -> Filter:
        if depth > MAX_DEPTH:
            raise UsageError(f"cannot use filters nested deeper than {MAX_DEPTH} levels; write them flatter")
        if not given:
            raise UsageError(f"cannot compare {name!r} with {{}}: expected a value or operators, {OPERATORS_SPELLED}")
        parts: list[Filter] = []
        for spelled, value in given.items():
            operator = str(spelled).removeprefix("$")
            if operator in {"ne", "nin"}:
                parts.append(Not(self._compare(key, name, "eq" if operator == "ne" else "in", value)))
            elif operator == "not" and isinstance(value, Mapping):
                parts.append(Not(self._operators(key, name, value, depth + 1)))
            elif operator == "not":
                raise UsageError(f"cannot use {_short(value)} as {name!r} $not: expected an object of operators")
            elif str(spelled).startswith("$") and operator in _OPERATORS:
                parts.append(self._compare(key, name, operator, value))  # type: ignore[arg-type] # looked up just now
            else:
                near = get_close_matches(str(spelled), OPERATORS_SPELLED.split(", "), 1)
                nearest = f"; did you mean {near[0]!r}?" if near else ""
                raise UsageError(
                    f"cannot compare {name!r} by {_short(spelled)}: expected a value or operators, {OPERATORS_SPELLED}{nearest}"
                )
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _compare(self, key: Key, name: str, operator: Operator, value: Any) -> Compare:
        self._comparisons += 1
        if self._comparisons > MAX_COMPARISONS:
            raise UsageError(
                f"cannot use filters with more than {MAX_COMPARISONS} comparisons; use $in for many values"
            )
        where = f"{name!r} ${operator}"
        if operator == "exists":
            if not isinstance(value, bool):
                raise UsageError(f"cannot use {_short(value)} as {where}: expected true or false")
            return Compare(key, operator, (value,))
        kind = FIELDS[key.name] if key.place == "run" else None
        if operator == "regex":
            if not isinstance(value, str) or len(value) > MAX_PATTERN or kind in {"time", "number"}:
                raise UsageError(
                    f"cannot use {_short(value)} as {where}: expected a regular expression of at most {MAX_PATTERN} "
                    "characters for a key with texts"
                )
            _check_text(value)
            return Compare(key, operator, (value,))
        if operator == "in":
            if not isinstance(value, list | tuple):
                raise UsageError(f"cannot use {_short(value)} as {where}: expected a list of values")
            self._values += len(value)
            if self._values > MAX_VALUES:
                raise UsageError(f"cannot use {where} here: at most {MAX_VALUES:,} values are allowed in all lists")
            return Compare(key, operator, tuple(_operand(kind, where, item) for item in value))
        operand = _operand(kind, where, value)
        if operator in _ORDERINGS and (operand is None or kind == "tags" or operand == "NaN"):
            raise UsageError(f"cannot use {_short(value)} as {where}: expected a number or text that has an order")
        return Compare(key, operator, (operand,))


def _operand(kind: Kind | None, where: str, value: Any) -> Scalar:
    """The value as it is compared. Raises UsageError when values of the key can never be like it."""
    if not isinstance(value, bool | int | float | str | None):
        raise UsageError(
            f"cannot use {_short(value)} as {where}: expected a number, text, true, false or null; "
            "for one of several values use $in"
        )
    if value is None:
        return None
    if isinstance(value, str):
        _check_text(value)
    elif isinstance(value, int) and abs(value) > 2**53:
        try:
            value = float(value)
        except OverflowError:
            raise UsageError(f"cannot use {_short(value)} as {where}: expected a number below 1.8e308") from None
    match kind:
        case None:
            return plain(value)  # type: ignore[no-any-return] # a scalar stays one
        case "number":
            if isinstance(value, str) or not math.isfinite(value):
                raise UsageError(f"cannot use {_short(value)} as {where}: expected a number")
            return int(value) if isinstance(value, bool) else value
        case "time":
            return _microseconds(where, value)
    if not isinstance(value, str):
        raise UsageError(f"cannot use {_short(value)} as {where}: expected text")
    return value if value or kind == "tags" else None


def _microseconds(where: str, value: Scalar) -> int:
    """An ISO 8601 time as µs since 1970, UTC unless it says otherwise."""
    try:
        moment = datetime.fromisoformat(value) if isinstance(value, str) else None
        if moment is not None:
            moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
            return (moment - _EPOCH) // timedelta(microseconds=1)
    except (ValueError, OverflowError):
        moment = None
    raise UsageError(
        f"cannot use {_short(value)} as {where}: expected a time in ISO 8601, such as '2025-01-31' or "
        "'2025-01-31T12:00:00Z'"
    )


def _check_text(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise UsageError(f"cannot use {_short(text)} in filters: it is no Unicode text ({error.reason})") from error


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:77]}..."
