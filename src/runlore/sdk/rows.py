"""The hot path: ``log`` calls become journal rows.

A row of scalars whose names and types were seen before goes through a cached plan: one ``pack``, one checksum, one
``write``, under the writer's lock. Everything else (a new set of names, nested data, arrays, text, definitions
with aggregates) takes the slow path, which ends in the same bytes.
"""

from __future__ import annotations

import operator
import struct
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from zlib import crc32

import msgspec

from runlore.errors import UsageError
from runlore.protocol import wire
from runlore.protocol.records import MAX_METRICS, MAX_NAME_BYTES, MAX_ROW_BYTES, MAX_STEP, Kind, Loss, Objects, Schema
from runlore.protocol.summary import State, fold, reduce_one
from runlore.sdk import guard, values

if TYPE_CHECKING:
    from runlore.sdk.metrics import Definitions
    from runlore.sdk.writer import Writer

MAX_SCHEMAS: Final = 4096
"""Most different sets of names and types of packed rows in a journal; rows with yet another one are stored as objects."""

RESERVED: Final = ("_step", "_runtime", "_timestamp", "_wandb")
"""Keys that mean something of their own. ``_timestamp`` sets a row's time, the others are not logged."""

_DEEPEST: Final = 64
_OBJECTS_HEAD_BYTES: Final = 256
_ROW: Final = int(Kind.ROW)
_time_ns = time.time_ns
# Rows are timed to whole microseconds: the clock promises no more, and the noise below it would cost a byte a point.


class _Plan(NamedTuple):
    """How to record a row whose names and types were seen before. folded: its metrics with aggregates in the summary."""

    pack: Callable[..., bytes]
    size: int
    schema: int
    folded: tuple[str, ...]


class _Layout:
    """A packed row's schema: its id in the journal and how to pack a whole frame without its checksum."""

    __slots__ = ("pack", "schema", "size")

    def __init__(self, schema: int, types: str) -> None:
        layout = struct.Struct("<IBIqq" + types)
        self.schema = schema
        self.pack: Callable[..., bytes] = layout.pack
        self.size = layout.size - 5


class Rows:
    """The history of a run as this process writes it.

    latest: name → last value, which is the summary that follows from rows. Values of fast rows stand there as they were
    given (numpy scalars included). defer: takes (step, time_ns, {name: tensor}) for tensors on an accelerator, None to
    read them at once.
    """

    def __init__(
        self,
        writer: Writer,
        definitions: Definitions,
        latest: dict[str, Any],
        states: dict[str, State],
        step: int,
        defer: Callable[[int, int, dict[str, Any]], None] | None = None,
    ) -> None:
        self._writer = writer
        self._definitions = definitions
        self._latest = latest
        self._states = states
        self._step = step
        self._defer = defer
        self._plans: dict[tuple[tuple[str, ...], tuple[type, ...]], _Plan] = {}
        self._layouts: dict[tuple[tuple[str, ...], str], _Layout] = {}
        self._last_step: int | None = None
        self._last_time_ns = 0
        self.rebind()

    def rebind(self) -> None:
        """Follow the writer to its present journal and lock."""
        self._lock = self._writer.lock
        journal = self._writer.journal
        self._append: Callable[[bytes], None] = journal.append if journal is not None else self._append_slowly

    def _append_slowly(self, frame: bytes) -> None:
        self._writer.append(frame, 1)
        self.rebind()

    @property
    def step(self) -> int:
        """The step that the next ``log`` call without ``step`` will use. Never goes down."""
        return self._step

    @property
    def last(self) -> tuple[int | None, int]:
        """Step and time (ns since 1970) of the last row of this process; None and 0 before the first."""
        return self._last_step, self._last_time_ns

    @property
    def schemas(self) -> dict[int, tuple[tuple[str, ...], str]]:
        """Names and types of this journal's packed rows, by schema id."""
        return {layout.schema: key for key, layout in self._layouts.items()}

    def forget_plans(self) -> None:
        """Plan every row anew: definitions changed, or the run is finished."""
        self._plans.clear()

    def close(self) -> None:
        """Take no more rows: ``log`` raises from now on."""
        with self._lock:
            self._plans.clear()
            self._append = self._append_slowly

    def after_fork(self) -> None:
        """In a forked child: rows go into a journal of its own, which has no schema yet."""
        self._plans.clear()
        self._layouts.clear()
        self.rebind()

    def log(self, data: Mapping[str, Any], step: int | None = None, commit: bool | None = None) -> None:
        """Record one row. Raises TypeError for a non-mapping or a key that is no string, UsageError when finished."""
        try:
            given = data.values()
            plan = self._plans.get((tuple(data), tuple(map(type, given))))
        except (AttributeError, TypeError, RuntimeError):
            plan = None
        if plan is None or (step is not None and (type(step) is not int or not -MAX_STEP <= step <= MAX_STEP)):
            self._log_slowly(data, step, commit)
            return
        now = _time_ns() // 1000 * 1000
        with self._lock:
            before = self._step
            if step is None:
                row_step = before
                if commit is None or commit:
                    self._step = before + 1
            else:
                row_step = step
                if step >= before:
                    self._step = step + 1 if commit else step
            try:
                body = plan.pack(plan.size, _ROW, plan.schema, row_step, now, *given)
            except struct.error:  # an integer beyond 64 bits, or the mapping changed under our hands
                self._step = before
            else:
                self._append(crc32(body).to_bytes(4, "little") + body)
                if plan.folded:
                    self._fold(data, plan.folded)
                else:
                    self._latest.update(data)
                self._last_step = row_step
                self._last_time_ns = now
                return
        self._log_slowly(data, step, commit)

    def _fold(self, data: Mapping[str, Any], folded: tuple[str, ...]) -> None:
        """Bring the summary up to date where some metrics of the row have aggregates."""
        kept = {name: self._latest[name] for name in folded if name in self._latest}
        self._latest.update(data)
        for name in folded:
            if name in kept:
                self._latest[name] = kept[name]
            else:
                del self._latest[name]
            value = data[name]
            plain = value.item() if hasattr(value, "item") else value
            fold(self._latest, self._states, self._definitions.of(name), name, reduce_one(plain))

    def log_at(self, data: Mapping[str, Any], step: int, time_ns: int) -> None:
        """Record values for a step and time that were settled before, without touching the step counter."""
        with guard.guarded("log deferred values"):
            numbers, objects, _ = self._sort_out(data)
            with self._lock:
                self._write(numbers, objects, step, time_ns)

    def _log_slowly(self, data: Any, step: Any, commit: bool | None) -> None:
        if not isinstance(data, Mapping):
            raise TypeError(f"cannot log a {type(data).__name__}: expected a dictionary of names and values")
        for key in data:
            if not isinstance(key, str):
                raise TypeError(f"cannot log under the key {key!r} of type {type(key).__name__}: expected a string")
        if self._writer.is_closed:
            raise UsageError("cannot log: the run is finished; nothing of this call is recorded")
        try:
            self._log_checked(data, _checked_step(step), commit)
        except UsageError:
            raise
        except Exception as error:  # noqa: BLE001 - told once by the guard, training goes on
            guard.report("log a row", error)

    def _log_checked(self, data: Mapping[str, Any], step: int | None, commit: bool | None) -> None:
        time_ns = self._time_of(data)
        numbers, objects, on_device = self._sort_out(data)
        with self._lock:
            row_step = self._advance(step, commit)
            if not numbers and not objects and not on_device:
                return
            missing = self._definitions.missing_indexes((*numbers, *objects, *on_device))
            exact = len(numbers) == len(data) and not on_device and not missing
            for name in missing:
                self._add_index(name, numbers)
            layout = self._write(numbers, objects, row_step, time_ns)
            if exact and layout is not None:
                self._remember_plan(data, numbers, layout)
        if on_device and self._defer is not None:
            self._defer(row_step, time_ns, on_device)

    def _advance(self, step: int | None, commit: bool | None) -> int:
        """The row's step; moves the counter."""
        before = self._step
        if step is None:
            if commit is None or commit:
                self._step = before + 1
            return before
        if step >= before:
            self._step = step + 1 if commit else step
        return step

    def _time_of(self, data: Mapping[str, Any]) -> int:
        if "_timestamp" in data:
            try:
                return int(float(data["_timestamp"]) * 1e9)
            except (TypeError, ValueError, OverflowError):
                guard.warn_once(
                    "value _timestamp",
                    "cannot use %r as _timestamp: expected seconds since 1970; the row gets the present time",
                    data["_timestamp"],
                )
        return _time_ns() // 1000 * 1000

    def _sort_out(self, data: Mapping[str, Any]) -> tuple[dict[str, values.Number], dict[str, Any], dict[str, Any]]:
        """Scalars, other values, and tensors to be read later, by full name."""
        numbers: dict[str, values.Number] = {}
        objects: dict[str, Any] = {}
        on_device: dict[str, Any] = {}
        pending: list[tuple[str, Any]] = [
            (key, value) for key, value in reversed(list(data.items())) if not _is_reserved(key)
        ]
        while pending:
            name, value = pending.pop()
            try:
                found = values.recordable(value, defer=self._defer is not None)
                if isinstance(found, Mapping):
                    if found and "_type" not in found:
                        pending.extend(_members(name, found))
                        continue
                    found = values.to_json(found)
            except Exception as error:  # noqa: BLE001 - foreign objects may raise anything
                _tell_unrecordable(name, value, error)
                continue
            name = _checked_name(name)
            if isinstance(found, values.Number):
                numbers[name] = found
                objects.pop(name, None)
            elif isinstance(found, values.OnDevice):
                on_device[name] = found.tensor
            else:
                objects[name] = found
                numbers.pop(name, None)
        return numbers, objects, on_device

    def _add_index(self, name: str, numbers: dict[str, values.Number]) -> None:
        """Copy the last value of a step metric into a row that lacks it."""
        last = self._latest.get(name)
        if isinstance(last, dict):
            last = last.get("last")
        if last is None:
            return
        found = values.recordable(last)
        if isinstance(found, values.Number):
            numbers[name] = found

    def _write(
        self, numbers: dict[str, values.Number], objects: dict[str, Any], step: int, time_ns: int
    ) -> _Layout | None:
        """Append a row as one write and fold it into the summary. The layout of its packed part, if it has one."""
        names = tuple(numbers)
        layout = self._layout(names, "".join([number.letter for number in numbers.values()])) if names else None
        plain = [number.value for number in numbers.values()]
        if layout is None and names:
            objects = {**objects, **dict(zip(names, plain, strict=True))}
        frame = b""
        if layout is not None:
            if layout.size > MAX_ROW_BYTES:
                self._refuse(layout.size, names)
                return None
            body = layout.pack(layout.size, _ROW, layout.schema, step, time_ns, *plain)
            frame = crc32(body).to_bytes(4, "little") + body
        if objects:
            encoded = wire.encode(Objects(step=step, time_ns=time_ns, values=objects)) if _fits(objects) else b""
            if not encoded or len(frame) + len(encoded) > MAX_ROW_BYTES:
                objects = self._without_largest(objects, MAX_ROW_BYTES - len(frame), is_all=not frame)
                encoded = wire.encode(Objects(step=step, time_ns=time_ns, values=objects)) if objects else b""
            frame += encoded
            if not frame:
                return None
        self._append(frame)
        self._last_step, self._last_time_ns = step, time_ns
        for name, value in zip(names, plain, strict=True):
            fold(self._latest, self._states, self._definitions.of(name), name, reduce_one(value))
        for name, value in objects.items():
            fold(self._latest, self._states, self._definitions.of(name), name, reduce_one(value))
        if len(self._latest) > MAX_METRICS:
            guard.warn_once(
                "value metrics",
                "more than %d metrics were logged: a server keeps no further ones of a run, they stay in the local journal only. "
                "Log what changes with the data as a value, not as a name",
                MAX_METRICS,
            )
        return layout

    def _layout(self, names: tuple[str, ...], types: str) -> _Layout | None:
        known = self._layouts.get((names, types))
        if known is not None:
            return known
        if len(self._layouts) >= MAX_SCHEMAS:
            guard.warn_once(
                "value schemas",
                "more than %d different sets of names were logged; rows with further ones are stored in a larger form. "
                "Log a changing name as a value instead",
                MAX_SCHEMAS,
            )
            return None
        layout = _Layout(len(self._layouts), types)
        if layout.size <= MAX_ROW_BYTES:
            schema = Schema(id=layout.schema, names=list(names), types=types)
            self._writer.append(wire.encode(schema), 0, is_vital=True)
            self.rebind()
            self._layouts[names, types] = layout
        return layout

    def _remember_plan(self, data: Mapping[str, Any], numbers: dict[str, values.Number], layout: _Layout) -> None:
        """Let the next row like this one take the fast path, where it ends in the same bytes."""
        names = tuple(data)
        if tuple(numbers) != names or len(self._plans) >= MAX_SCHEMAS:
            return
        types = tuple(map(type, data.values()))
        if all(values.LETTERS.get(kind) == number.letter for kind, number in zip(types, numbers.values(), strict=True)):
            folded = tuple(name for name in names if self._definitions.has_aggregate((name,)))
            self._plans[names, types] = _Plan(layout.pack, layout.size, layout.schema, folded)

    def _without_largest(self, objects: dict[str, Any], most_bytes: int, *, is_all: bool) -> dict[str, Any]:
        """The values that fit, after the largest were left out with a warning. is_all: nothing else is in the row."""
        sizes = {name: len(msgspec.msgpack.encode(value)) + 4 * len(name) + 16 for name, value in objects.items()}
        left_out: list[str] = []
        for name in sorted(sizes, key=sizes.__getitem__, reverse=True):
            if sum(sizes.values()) + _OBJECTS_HEAD_BYTES <= most_bytes:
                break
            left_out.append(f"{name!r} of {sizes[name]} bytes")
            size_bytes = sizes.pop(name)
            self._writer.send(
                Loss(
                    time_ns=_time_ns(),
                    reason=f"a value of {name[:100]!r} of {size_bytes} bytes exceeds the limit of {MAX_ROW_BYTES} a row",
                    rows=int(is_all and not sizes),
                    size_bytes=size_bytes,
                )
            )
        guard.LOGGER.warning(
            "cannot record %s: at most %d bytes are allowed in one row; the rest of the row is kept; log large data in parts",
            ", ".join(left_out[:3]) + ("…" if len(left_out) > 3 else ""),
            MAX_ROW_BYTES,
        )
        return {name: objects[name] for name in objects if name in sizes}

    def _refuse(self, size_bytes: int, names: tuple[str, ...]) -> None:
        guard.LOGGER.warning(
            "a row of about %d bytes (%s) is not recorded: at most %d bytes are allowed in one row; "
            "log large data in parts",
            size_bytes,
            ", ".join(names[:3]) + ("…" if len(names) > 3 else ""),
            MAX_ROW_BYTES,
        )
        self._writer.send(
            Loss(
                time_ns=_time_ns(),
                reason=f"a row of about {size_bytes} bytes exceeds the limit of {MAX_ROW_BYTES}",
                rows=1,
                size_bytes=size_bytes,
            )
        )


def _fits(objects: dict[str, Any]) -> bool:
    """A cheap look at strings and lists, so that nothing far too large is encoded just to be refused."""
    size = sum(len(value) for value in objects.values() if isinstance(value, str | list))
    return size <= MAX_ROW_BYTES


def _members(name: str, mapping: Mapping[Any, Any]) -> list[tuple[str, Any]]:
    """A nested mapping's items under their full names, the last first. Raises Unrecordable when it holds itself."""
    if name.count(".") > _DEEPEST:
        raise values.Unrecordable("it is nested too deeply, or holds itself")
    return [(f"{name}.{key}", item) for key, item in reversed(list(mapping.items()))]


def _is_reserved(key: str) -> bool:
    if key not in RESERVED:
        return False
    if key in {"_step", "_runtime"}:
        guard.warn_once(
            f"value reserved {key}",
            "the key %r is reserved and not recorded; log under another name%s",
            key,
            ", or give log(step=)" if key == "_step" else "",
        )
    return True


def _checked_step(step: Any) -> int | None:
    """The step as an integer; None, after a warning, for one that cannot be used."""
    if step is None:
        return None
    number: int | None = None
    try:
        number = operator.index(step)
    except TypeError:
        if hasattr(step, "__float__") and (as_float := float(step)).is_integer():
            number = int(as_float)
    if number is not None and -MAX_STEP <= number <= MAX_STEP:
        return number
    guard.warn_once(
        f"value step {type(step).__name__}",
        "cannot use %r as a step: expected an integer from -2**53 to 2**53; the row is kept at the automatic step",
        step,
    )
    return None


def _checked_name(name: str) -> str:
    """The name itself, or cut to 1024 bytes after a warning."""
    if len(name) * 4 <= MAX_NAME_BYTES and name.isascii():
        return name
    encoded = name.encode("utf-8", "replace")
    if len(encoded) <= MAX_NAME_BYTES:
        return encoded.decode()
    cut = encoded[:MAX_NAME_BYTES].decode("utf-8", "ignore")
    guard.warn_once(
        f"value name {cut}",
        "a metric name of %d bytes is cut to %d bytes: %s…",
        len(encoded),
        MAX_NAME_BYTES,
        cut[:64],
    )
    return cut


def _tell_unrecordable(name: str, value: Any, error: Exception) -> None:
    why = (
        str(error) if isinstance(error, values.Unrecordable) else f"reading it failed ({type(error).__name__}: {error})"
    )
    guard.warn_once(
        f"value {name} {type(value).__name__}",
        "cannot record %r of type %s: %s; the rest of the row is kept",
        name,
        type(value).__name__,
        why,
    )
