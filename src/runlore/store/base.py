"""The contracts of the store: what every backend promises, in prose and types.

Everything that must be exact together is written in one ``Transaction``: an accepted journal range, its offset, the
change of config and summary, the points. A transaction that raises leaves no trace. Methods are synchronous and
thread-safe; the server calls them outside its event loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, NamedTuple, Protocol, TypeAlias

import msgspec

from runlore.protocol import query
from runlore.protocol.records import Metric
from runlore.protocol.summary import State

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from contextlib import AbstractContextManager

    import numpy as np
    from numpy.typing import NDArray

    Floats: TypeAlias = NDArray[np.float64]
    Ints: TypeAlias = NDArray[np.int64]
    Bytes: TypeAlias = NDArray[np.uint8]

Stream = Literal["history", "system"]


class Transaction(Protocol):
    """A unit of writing, opened by ``Database.write``. Opaque to callers: hand it to the stores."""


class Database(Protocol):
    """What the stores of one backend share: the place where transactions come from."""

    def write(self) -> AbstractContextManager[Transaction]:
        """Open the writing transaction; commits when the block ends, rolls back when it raises.

        One writer at a time: a second one waits. Durable after commit (power loss included).
        """

    def close(self) -> None:
        """Close every connection. Safe to call twice."""


class Block(NamedTuple):
    """Rows with the same metrics, in order of arrival.

    segment: the run segment they belong to. steps: shape (n,). times_ns: shape (n,), ns since 1970.
    columns: metric name → values of shape (n,), of dtype float64, float32, float16, int64, uint64 or bool; the dtype is
    part of the value and comes back with it.
    """

    segment: int
    stream: Stream
    steps: Ints
    times_ns: Ints
    columns: Mapping[str, np.ndarray[Any, Any]]


class ObjectPoint(NamedTuple):
    """One value that is no plain number: a string, None, a list, a typed object, a large integer. As JSON bytes."""

    segment: int
    step: int
    time_ns: int
    name: str
    json: bytes


class Cut(NamedTuple):
    """A part of a run's history: the steps [lo, hi) of a segment. None is unbounded."""

    segment: int
    lo: int | None = None
    hi: int | None = None


class Points(NamedTuple):
    """Exact points of one metric, ascending by step (and by arrival among repeats). All of shape (n,).

    values: float64 of the value (an int64 beyond 2^53 is rounded here, and exact in ``exact``).
    kinds: the type letter (``ord``) of each value as it was logged. exact: the 8 bytes of each value as logged
    (float64, int64 or uint64 bits by kind; float32 and float16 widened to float64; bool as 0 or 1), dtype uint64.
    """

    steps: Ints
    times_ns: Ints
    values: Floats
    kinds: Bytes
    exact: NDArray[np.uint64]


class Buckets(NamedTuple):
    """Exact aggregates of the points of one metric on a grid. All of shape (m,), only buckets with points, ascending.

    low, high, total: over the finite values (NaN, NaN, 0 without any). first, last: values of the points first and
    last in x, whatever they are. nan, pinf, ninf: counts. points: all of them. bucket: index on the grid.
    """

    bucket: Ints
    points: Ints
    low: Floats
    high: Floats
    total: Floats
    first: Floats
    last: Floats
    nan: Ints
    pinf: Ints
    ninf: Ints


class MetricStat(NamedTuple):
    """A metric of a segment list. kind: "number" or "object". points: those kept as newest of their step."""

    name: str
    stream: Stream
    kind: Literal["number", "object"]
    points: int
    first_step: int
    last_step: int


class SeriesStore(Protocol):
    """Points of metrics. A point is (segment, stream, metric, step) → value with a time and an order of arrival.

    Duties of a backend:

    - ``append`` inside a transaction is visible to every read that begins after the commit, and to none before.
    - Reading takes the newest arrival of each step (``repeats="last"``), or all arrivals (``repeats="all"``). Order
      within one ``append`` is the order of the blocks and of the rows in them; earlier appends are older.
    - Values are bit-exact, NaN and ±Inf included; nothing is sampled, rounded or dropped.
    - Upkeep (``fold``) changes no answer, and may be interrupted at any instant.
    """

    def append(self, tx: Transaction, blocks: Sequence[Block], objects: Sequence[ObjectPoint]) -> None:
        """Store rows. Set-wise: the cost is by bytes and by distinct segments, not by rows."""

    def points(
        self, cuts: Sequence[Cut], metric: str, *, stream: Stream = "history", repeats: Literal["last", "all"] = "last"
    ) -> Points:
        """The exact points of a metric within the cuts (disjoint in steps); empty when there are none."""

    def points_many(self, runs: Sequence[Sequence[Cut]], metric: str, *, stream: Stream = "history") -> list[Points]:
        """``points`` for many runs in few statements, in the order given."""

    def buckets(
        self,
        runs: Sequence[Sequence[Cut]],
        metric: str,
        *,
        lo: int,
        width: int,
        count: int,
        stream: Stream = "history",
    ) -> list[Buckets]:
        """Aggregates by step on the grid ``[lo + b·width, lo + (b+1)·width)``, b in [0, count), for each run in order.

        width: a power of two; lo: a multiple of it.
        """

    def objects(
        self, cuts: Sequence[Cut], names: Iterable[str] | None = None, *, repeats: Literal["last", "all"] = "last"
    ) -> list[ObjectPoint]:
        """The values that are no plain numbers, ascending by name and step; of all names when ``names`` is None."""

    def metrics(self, cuts: Sequence[Cut]) -> list[MetricStat]:
        """What metrics there are, by name. Cheap: does not read values."""

    def fold(self, *, limit_rows: int | None = None, only: Iterable[int] | None = None, force: bool = False) -> int:
        """Merge tails that are long enough (or any, with ``force``) into chunks; returns the rows folded.

        limit_rows: stop after about so many. only: these segments. One short transaction a segment.
        """

    def delete(self, tx: Transaction, segments: Sequence[int]) -> None:
        """Forget segments for good."""


class BlobStore(Protocol):
    """Files by content. A blob is named by the SHA-256 of its bytes (64 hexadecimal digits) and never changes."""

    def put(self, data: bytes | memoryview) -> str:
        """Store the bytes and return their digest. Storing what is there already costs no space."""

    def get(self, digest: str) -> bytes:
        """The bytes. Raises NotFound when there are none, StoreError when they fail their digest."""

    def size(self, digest: str) -> int | None:
        """Size in bytes, None when the blob is not there."""

    def delete(self, digest: str) -> None:
        """Remove the bytes; no error when there are none."""


class Account(NamedTuple):
    """A user as a credential shows them. entity: the default entity; entities: all that may be read and written."""

    id: int
    name: str
    entity: str
    entities: tuple[str, ...]


class UserInfo(NamedTuple):
    """A user as listed. keys: how many API keys are not revoked."""

    id: int
    name: str
    created_ns: int
    keys: int


class KeyInfo(NamedTuple):
    """An API key as listed; the key itself is not stored. revoked_ns: None while it is valid."""

    id: int
    user: str
    created_ns: int
    revoked_ns: int | None


class ProjectInfo(NamedTuple):
    """A project as listed. active_ns: the last change of any of its runs, None without runs."""

    id: int
    entity: str
    name: str
    runs: int
    running: int
    created_ns: int
    active_ns: int | None


class RunRecord(msgspec.Struct, kw_only=True):
    """All of a run but its points and its console. Mutable: ingest changes it and hands it to ``save_runs``.

    Times are ns since 1970. record_ns: time of the newest record of its journals (the writer's clock). live_state: the
    state while it runs. is_silent: the state «crashed» was given for want of signs of life, so that the next one takes it back. states, definitions: see ``protocol/summary.py``.
    summary: floats in it may be NaN or ±Inf only as the strings of ``protocol/messages.py``.
    """

    key: int
    project_key: int
    entity: str
    project: str
    id: str
    ordinal: int
    segment: int
    name: str
    state: str = "running"
    live_state: str = "running"
    is_silent: bool = False
    created_ns: int
    updated_ns: int
    finished_ns: int | None = None
    record_ns: int = 0
    user: str = ""
    notes: str = ""
    tags: list[str] = msgspec.field(default_factory=list)
    group: str = ""
    job_type: str = ""
    exit_code: int | None = None
    state_reason: str = ""
    last_step: int | None = None
    rows: int = 0
    lost_rows: int = 0
    version: int = 0
    config: dict[str, Any] = msgspec.field(default_factory=dict)
    summary: dict[str, Any] = msgspec.field(default_factory=dict)
    metadata: dict[str, Any] = msgspec.field(default_factory=dict)
    states: dict[str, State] = msgspec.field(default_factory=dict)
    definitions: dict[str, Metric] = msgspec.field(default_factory=dict)


class JournalRecord(msgspec.Struct, kw_only=True):
    """A journal of a run and how far it is stored. Mutable, like ``RunRecord``.

    record_ns: time of its newest record but an exit. seen_ns: its last heartbeat, by the server's clock. exit_ns: when it ended, None while it has not; exit_state, exit_code and exit_reason then tell how.
    """

    writer: str
    run: int
    offset: int = 0
    role: str = "primary"
    label: str = ""
    host: str = ""
    pid: int = 0
    damaged_bytes: int = 0
    record_ns: int = 0
    seen_ns: int = 0
    exit_ns: int | None = None
    exit_state: str = ""
    exit_code: int | None = None
    exit_reason: str = ""


class SchemaRow(NamedTuple):
    """The layout of a journal's packed rows, see ``protocol.records.Schema``."""

    writer: str
    id: int
    names: list[str]
    types: str


class ConsoleTail(NamedTuple):
    """The unfinished line of a stream of a writer, as a terminal would show it. column: where the next character goes."""

    time_ns: int
    text: str
    column: int


class ConsoleChunk(NamedTuple):
    """Console output of one writer and stream as written. pieces: (time_ns, text). carry: the unfinished line before it.

    first_line: number of the first line it finishes; lines: how many it finishes.
    """

    run: int
    writer: str
    stream: str
    first_line: int
    lines: int
    carry: ConsoleTail
    pieces: list[tuple[int, str]]


class LossRow(NamedTuple):
    """What could not be kept of a run, summed by reason."""

    run: int
    reason: str
    rows: int
    size_bytes: int
    times: int


class MetricName(NamedTuple):
    """That a run has a metric."""

    run: int
    stream: Stream
    name: str


class KeyCount(NamedTuple):
    """A key of a project and how many of its runs have it. kind: "config", "summary" or "metric"."""

    kind: str
    name: str
    runs: int


class AccountStore(Protocol):
    """Users, their entities, API keys, browser sessions and one-time links. Only digests of secrets are ever stored."""

    def add_user(self, tx: Transaction, name: str, *, now_ns: int) -> int:
        """Create the user and the entity of the same name, which is their default. Raises Conflict when the name is taken."""

    def users(self) -> list[UserInfo]:
        """All users, by name."""

    def account(self, name: str) -> Account | None:
        """The user of a name."""

    def add_key(self, tx: Transaction, user: int, digest: bytes, *, now_ns: int) -> int:
        """Store an API key's digest; returns the key's id."""

    def keys(self) -> list[KeyInfo]:
        """All API keys, the oldest first, revoked ones too."""

    def revoke_key(self, tx: Transaction, key: int, *, now_ns: int) -> bool:
        """Make a key useless at once; false when there is no such key. Revoking twice is no error."""

    def account_of_key(self, digest: bytes) -> Account | None:
        """Whose valid key has this digest."""

    def add_session(self, tx: Transaction, digest: bytes, user: int, *, expires_ns: int) -> None:
        """Open a browser session."""

    def account_of_session(self, digest: bytes, *, now_ns: int) -> Account | None:
        """Whose session this is, unless it has expired."""

    def delete_session(self, tx: Transaction, digest: bytes) -> None:
        """Close a session; no error when there is none."""

    def add_link(self, tx: Transaction, digest: bytes, user: int, *, expires_ns: int) -> None:
        """Store a one-time link's digest."""

    def take_link(self, tx: Transaction, digest: bytes, *, now_ns: int) -> int | None:
        """Use up a link: the user's id the first time, None ever after, and when it has expired."""

    def purge_expired(self, tx: Transaction, *, now_ns: int) -> None:
        """Forget sessions and links that have expired."""


class RunStore(Protocol):
    """Projects and runs."""

    def open_project(self, tx: Transaction, entity: str, name: str, *, now_ns: int) -> int:
        """The project's key; created when it is not there. The entity exists."""

    def project(self, entity: str, name: str) -> int | None:
        """The project's key, None when there is none."""

    def projects(self, entities: Sequence[str]) -> list[ProjectInfo]:
        """The projects of these entities, the latest active first."""

    def open_run(
        self, tx: Transaction, project: int, run_id: str, *, user: str, name: str, now_ns: int
    ) -> tuple[int, bool]:
        """The run's key, and whether it was created just now, with the next ordinal of its project and one segment."""

    def find_run(self, entity: str, project: str, run_id: str) -> RunRecord | None:
        """The run at a path."""

    def runs_by_key(self, keys: Sequence[int], tx: Transaction | None = None) -> dict[int, RunRecord]:
        """The runs with these keys; those that are not there are left out. Within ``tx`` when given."""

    def save_runs(self, tx: Transaction, runs: Sequence[RunRecord]) -> None:
        """Write the runs back, each with its version raised by one, and bring the key counts of their projects up to date."""

    def list_runs(
        self,
        project: int,
        *,
        offset: int,
        limit: int,
        order: Sequence[query.Term] = query.NEWEST_FIRST,
        filters: query.Filter = query.EVERYTHING,
        search: str = "",
    ) -> tuple[list[RunRecord], int]:
        """A page of the project's runs and the number of all that match.

        filters: what runs must fulfil; numbers are compared with numbers (as float64, true and false as 1 and 0) and texts
        with texts (by code point). order: numbers before texts before lists; runs without a value, and those whose value
        is null, NaN or a map, come last both ways; equal ones by ordinal, in the direction of the last term. Names are
        sorted whatever the case. search: contained, whatever the case, in name, id, group, a tag or notes.
        Raises UsageError for a regular expression that is none.
        """

    def key_counts(self, project: int) -> list[KeyCount]:
        """The config, summary and metric keys of a project, most frequent first, then by name."""

    def cuts(self, runs: Sequence[int]) -> dict[int, list[Cut]]:
        """The history of each run as its segments."""

    def live_runs(self) -> list[int]:
        """The keys of the runs whose state is not final."""

    def metric_names(self, tx: Transaction, run: int) -> set[tuple[Stream, str]]:
        """The metrics that the run is known to have."""

    def add_metric_names(self, tx: Transaction, names: Sequence[MetricName]) -> None:
        """Remember metrics of runs; those known already are no error."""


class JournalStore(Protocol):
    """Where the journals' bytes went: offsets, schemas, console output, losses."""

    def journals(self, writers: Sequence[str], tx: Transaction | None = None) -> dict[str, JournalRecord]:
        """The journals of these writers; unknown ones are left out."""

    def journals_of(self, runs: Sequence[int], tx: Transaction | None = None) -> dict[int, list[JournalRecord]]:
        """The journals of each run, the oldest first."""

    def add_journal(self, tx: Transaction, journal: JournalRecord) -> None:
        """A new journal. Raises Conflict when the writer is known."""

    def save_journals(self, tx: Transaction, journals: Sequence[JournalRecord]) -> None:
        """Write the journals back."""

    def touch_journals(self, tx: Transaction, seen: Mapping[str, int]) -> None:
        """Set the time each writer was last seen."""

    def schemas(self, writer: str) -> dict[int, SchemaRow]:
        """The row layouts of a journal, by id."""

    def add_schemas(self, tx: Transaction, schemas: Sequence[SchemaRow]) -> None:
        """Remember row layouts; one that is known already is replaced."""

    def console_ends(
        self, tx: Transaction, runs: Sequence[int]
    ) -> tuple[dict[int, int], dict[tuple[int, str, str], ConsoleTail]]:
        """For each run the number of finished lines, and for each (run, writer, stream) the unfinished line."""

    def add_console(
        self, tx: Transaction, chunks: Sequence[ConsoleChunk], tails: Mapping[tuple[int, str, str], ConsoleTail]
    ) -> None:
        """Append console output in order, and set the unfinished lines as they are after it."""

    def console(self, run: int, *, first_line: int, count: int) -> list[ConsoleChunk]:
        """The chunks that finish the lines [first_line, first_line + count), in order."""

    def console_state(self, run: int) -> tuple[int, list[tuple[str, str, ConsoleTail]]]:
        """The number of finished lines, and (writer, stream, line) of each unfinished one that is not empty."""

    def add_losses(self, tx: Transaction, losses: Sequence[LossRow]) -> None:
        """Add to what is known lost, summed by run and reason."""

    def losses(self, run: int) -> list[LossRow]:
        """What was lost of a run, by reason."""


class MetaStore(AccountStore, RunStore, JournalStore, Protocol):
    """Everything about runs but their points: who, which, where from, and how far it is stored.

    Duties of a backend:

    - What is written in a transaction is visible to reads without ``tx`` after its commit, and to reads with the same
      ``tx`` at once.
    - Methods with lists are set-wise: their cost in statements does not depend on the length of the list.
    - A ``RunRecord`` that was read is the caller's own; changing it changes nothing until ``save_runs``.
    - Names are compared exactly, case included.
    """
