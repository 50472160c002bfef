"""What the local journals of a run tell, so that it can be resumed without a server, and shown when it ends."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from runlore import folders
from runlore.protocol import frames, records, wire
from runlore.protocol.records import Kind
from runlore.protocol.summary import State, fold, reduce_one
from runlore.sdk import guard
from runlore.sdk.metrics import Definitions

if TYPE_CHECKING:
    import struct
    from collections.abc import Iterator

SUFFIX: Final = ".rlj"
_PART_BYTES: Final = 4 * 1024 * 1024
_PLACE_BYTES: Final = 16 * 1024


class Past(msgspec.Struct):
    """A run as its local journals have it. last_step: None before the first row."""

    directory: Path
    last_step: int | None = None
    runtime_s: float = 0.0
    config: dict[str, Any] = msgspec.field(default_factory=dict)
    summary: dict[str, Any] = msgspec.field(default_factory=dict)
    states: dict[str, State] = msgspec.field(default_factory=dict)
    definitions: list[records.Metric] = msgspec.field(default_factory=list)
    name: str = ""
    notes: str = ""
    tags: tuple[str, ...] = ()
    group: str = ""
    job_type: str = ""


class _Schema(NamedTuple):
    names: list[str]
    layout: struct.Struct
    needs_every_row: bool


def directories_of(project: str, run_id: str, roots: list[Path | None]) -> list[Path]:
    """Local directories of a run, the oldest first. roots: places to look in, None for the data folder."""
    found: dict[Path, None] = {}
    for root in roots:
        folder = folders.runs_folder(root) / project
        try:
            names = [entry.name for entry in folder.iterdir()]
        except OSError:
            continue
        for name in sorted(names):
            # <YYYYMMDD>-<HHMMSS>-<run id>
            if name[16:] == run_id and name[15:16] == "-":
                found[folder / name] = None
    return list(found)


def read(directories: list[Path]) -> Past | None:
    """The run in these directories, None when they hold no readable journal with a header."""
    journals: list[tuple[int, Path, records.Header]] = []
    for directory in directories:
        for path in directory.glob(f"*{SUFFIX}"):
            header = read_header(path)
            if header is not None and header.role != "recorder":
                journals.append((header.time_ns, path, header))
    if not journals:
        return None
    journals.sort(key=lambda item: item[0])
    past = Past(directory=journals[-1][1].parent)
    definitions = Definitions()
    for _, path, header in journals:
        _take_header(past, header)
        with guard.guarded(f"read journal {path}"):
            _take_journal(past, definitions, path, header)
    past.definitions = list(definitions.by_name.values())
    return past


def read_header(path: Path) -> records.Header | None:
    """The header of a journal, None when the file has none that can be read."""
    try:
        with path.open("rb") as file:
            start = file.read(1 << 20)
    except OSError:
        return None
    if not start.startswith(frames.MAGIC):
        return None
    first = next(frames.scan(memoryview(start)[len(frames.MAGIC) :], is_final=False), None)
    if not isinstance(first, frames.Frame) or first.kind != Kind.HEADER:
        return None
    found = wire.decode(first.kind, first.payload)
    return found if isinstance(found, records.Header) else None


def _take_header(past: Past, header: records.Header) -> None:
    past.name = header.name or past.name
    past.notes = header.notes or past.notes
    past.tags = tuple(header.tags) or past.tags
    past.group = header.group or past.group
    past.job_type = header.job_type or past.job_type


def _take_journal(past: Past, definitions: Definitions, path: Path, header: records.Header) -> None:
    """Fold one journal into the past. Rows without aggregates count by their last one only."""
    schemas: dict[int, _Schema] = {}
    last_rows: dict[int, bytes] = {}
    last_ns = header.time_ns

    def fold_last_rows() -> None:
        for schema_id, payload in last_rows.items():
            fold_row(schemas[schema_id], payload)
        last_rows.clear()

    def fold_row(schema: _Schema, payload: bytes | memoryview) -> None:
        for name, value in zip(schema.names, schema.layout.unpack(payload)[3:], strict=True):
            fold(past.summary, past.states, definitions.of(name), name, reduce_one(value))

    for kind, payload in _frames(path):
        if kind == Kind.ROW:
            schema_id, step, time_ns = wire.ROW_HEAD.unpack_from(payload)
            schema = schemas.get(schema_id)
            if schema is None:
                continue
            past.last_step = step if past.last_step is None else max(past.last_step, step)
            last_ns = max(last_ns, time_ns)
            if schema.needs_every_row:
                fold_row(schema, payload)
            else:
                last_rows.pop(schema_id, None)  # so that the order of insertion is the order of the last rows
                last_rows[schema_id] = bytes(payload)
            continue
        record = wire.decode(kind, payload)
        if isinstance(record, records.Schema):
            needs = definitions.has_aggregate(record.names)
            schemas[record.id] = _Schema(record.names, wire.row_struct(record.types), needs)
        elif isinstance(record, records.Objects):
            fold_last_rows()
            past.last_step = record.step if past.last_step is None else max(past.last_step, record.step)
            last_ns = max(last_ns, record.time_ns)
            for name, value in record.values.items():
                fold(past.summary, past.states, definitions.of(name), name, reduce_one(value))
        elif isinstance(record, records.Summary):
            fold_last_rows()
            past.summary.update(record.set)
            for name in record.remove:
                past.summary.pop(name, None)
        elif isinstance(record, records.Config):
            past.config.update(record.set)
            for name in record.remove:
                past.config.pop(name, None)
        elif isinstance(record, records.Metric):
            fold_last_rows()
            definitions.add(record)
            for schema_id, schema in schemas.items():
                schemas[schema_id] = schema._replace(needs_every_row=definitions.has_aggregate(schema.names))
        elif isinstance(record, records.Run):
            _take_change(past, record)
        elif isinstance(record, records.Exit):
            last_ns = max(last_ns, record.time_ns)
    fold_last_rows()
    past.runtime_s = max(past.runtime_s, header.runtime_s + (last_ns - header.time_ns) / 1e9)


def _take_change(past: Past, record: records.Run) -> None:
    past.name = record.name if record.name is not None else past.name
    past.notes = record.notes if record.notes is not None else past.notes
    past.tags = tuple(record.tags) if record.tags is not None else past.tags
    past.group = record.group if record.group is not None else past.group
    past.job_type = record.job_type if record.job_type is not None else past.job_type


def _frames(path: Path) -> Iterator[tuple[int, memoryview]]:
    """Kind and payload of every intact frame, read in parts."""
    with path.open("rb") as file:
        file.seek(len(frames.MAGIC))
        rest = b""
        while True:
            part = file.read(_PART_BYTES)
            view = memoryview(rest + part)
            at = 0
            while (end := frames.frame_end(view, at)) is not None:
                yield view[at + 8], view[at + frames.HEAD_SIZE : end]
                at = end
            rest = bytes(view[at:])
            if part and _may_go_on(rest):
                continue
            for item in frames.scan(rest + file.read(), is_final=False):
                if isinstance(item, frames.Frame):
                    yield item.kind, item.payload
            return


def _may_go_on(start: bytes) -> bool:
    """Whether these bytes can be the beginning of a frame that is not read to its end."""
    if len(start) < frames.HEAD_SIZE:
        return True
    length = frames.HEAD.unpack_from(start)[1]
    return bool(len(start) < frames.HEAD_SIZE + length <= frames.HEAD_SIZE + frames.MAX_PAYLOAD)


def history_of(path: Path, schemas: dict[int, tuple[tuple[str, ...], str]], points: int) -> dict[str, list[float]]:
    """About ``points`` evenly spread values of each packed metric of a journal, for a small picture of its course.

    schemas: id → (names, types) of the journal's packed rows. Reads a bounded number of places, however long it is.
    """
    size = path.stat().st_size
    start = len(frames.MAGIC)
    is_short = size <= points * _PLACE_BYTES
    places = [start] if is_short else [start + (size - start) * index // points for index in range(points)]
    layouts = {schema: (names, wire.row_struct(types)) for schema, (names, types) in schemas.items()}
    courses: dict[str, list[float]] = {}
    with path.open("rb") as file:
        for place in places:
            file.seek(place)
            for name, course in _rows_of(file.read(size if is_short else _PLACE_BYTES), layouts).items():
                courses.setdefault(name, []).extend(course if is_short else course[:1])
    return {name: _thinned(course, points) for name, course in courses.items()}


def _rows_of(data: bytes, layouts: dict[int, tuple[tuple[str, ...], struct.Struct]]) -> dict[str, list[float]]:
    courses: dict[str, list[float]] = {}
    for item in frames.scan(data, is_final=False):
        if not isinstance(item, frames.Frame) or item.kind != Kind.ROW:
            continue
        known = layouts.get(wire.ROW_HEAD.unpack_from(item.payload)[0])
        if known is not None and known[1].size == len(item.payload):
            for name, value in zip(known[0], known[1].unpack(item.payload)[3:], strict=True):
                courses.setdefault(name, []).append(float(value))
    return courses


def _thinned(course: list[float], points: int) -> list[float]:
    if len(course) <= points:
        return course
    return [course[index * (len(course) - 1) // (points - 1)] for index in range(points)]
