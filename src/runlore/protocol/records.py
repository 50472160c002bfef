"""One struct for each kind of journal record, and the kind numbers.

Scalar rows do not appear here: they are packed binary (``wire.py``). Every other record is a MessagePack map
of one of these structs, so that a field can be added without a new format version: readers ignore names they
do not know and use the default for names that are absent.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any, Final

import msgspec

FORMAT: Final = 1
"""Version of the journal format, in every header."""

MAX_STEP: Final = 2**53
"""Steps lie in [-MAX_STEP, MAX_STEP], so that every one is exact in a browser's number."""

MAX_NAME_BYTES: Final = 1024
"""Longest metric name, in bytes of UTF-8."""

MAX_ROW_BYTES: Final = 25_000_000
"""Longest row that is kept, in encoded bytes. Of a longer one the largest values are left out, with a warning."""

MAX_METRICS: Final = 100_000
"""Most metrics of a run that a server keeps, those of the machine aside."""


class Kind(IntEnum):
    """Kind numbers of frames. Numbers are never reused."""

    HEADER = 1
    SCHEMA = 2
    ROW = 3
    OBJECTS = 4
    CONFIG = 5
    SUMMARY = 6
    METRIC = 7
    CONSOLE = 8
    RUN = 9
    SYSTEM = 10
    EXIT = 11
    LOSS = 12
    METADATA = 13


class Record(msgspec.Struct, omit_defaults=True):
    """Base of the MessagePack records."""


class Header(Record, kw_only=True):
    """First record of a journal: which run, which writer, where it runs.

    writer: 32 hexadecimal digits, unique to this journal. role: "primary" closes the run by its exit, "worker"
    (a forked child, a further process of a shared run) does not, "recorder" holds machine metrics and notices.
    entity: "" means the default entity of whoever uploads. time_ns: wall clock, ns since 1970 (as everywhere).
    resume: "" for a new run, else the mode that resumed it. starting_step: first automatic step of this writer.
    runtime_s: seconds the run had already lasted when this writer opened it. pid_start: start time of the process
    as the operating system tells it, seconds since 1970, so that a reused pid is not taken for this process.
    """

    run_id: str
    project: str
    writer: str
    time_ns: int
    role: str = "primary"
    entity: str = ""
    name: str = ""
    notes: str = ""
    tags: list[str] = msgspec.field(default_factory=list)
    group: str = ""
    job_type: str = ""
    resume: str = ""
    starting_step: int = 0
    runtime_s: float = 0.0
    label: str = ""
    host: str = ""
    pid: int = 0
    pid_start: float = 0.0
    format: int = FORMAT
    version: str = ""


class Schema(Record, kw_only=True):
    """Layout of packed rows: ``names[i]`` is stored as ``types[i]``.

    id: counts from 0 within a journal. types: one struct letter a name (``wire.TYPE_SIZES``).
    """

    id: int
    names: list[str]
    types: str


class Objects(Record, kw_only=True):
    """Values of a row that do not fit a packed row: strings, None, typed objects, lists, big integers.

    Integers outside 64 bits are written as {"_type": "integer", "value": "<decimal digits>"}.
    """

    step: int
    time_ns: int
    values: dict[str, Any]


class Config(Record, kw_only=True):
    """Change of the configuration. Keys are top-level; a value replaces the old one whole."""

    set: dict[str, Any] = msgspec.field(default_factory=dict)
    remove: list[str] = msgspec.field(default_factory=list)


class Summary(Record, kw_only=True):
    """Explicit change of the summary. Values that follow from logged rows are not written: see ``summary.py``."""

    set: dict[str, Any] = msgspec.field(default_factory=dict)
    remove: list[str] = msgspec.field(default_factory=list)


class Metric(Record, kw_only=True):
    """A ``define_metric`` call.

    name: a metric, or a prefix followed by one ``*``. summary: any of min, max, mean, last, best, copy, none.
    goal: "minimize", "maximize" or "" and matters to ``best`` only.
    """

    name: str
    step_metric: str = ""
    step_sync: bool = True
    hidden: bool = False
    summary: list[str] = msgspec.field(default_factory=list)
    goal: str = ""
    overwrite: bool = False


class Console(Record, kw_only=True):
    """Console output as it was written, with its control characters. stream: "stdout" or "stderr"."""

    time_ns: int
    text: str
    stream: str = "stdout"


class Run(Record, kw_only=True):
    """Change of the run's own fields; None leaves a field as it is.

    state: only "running", "preempting" or "pending"; final states come from ``Exit``.
    """

    name: str | None = None
    notes: str | None = None
    tags: list[str] | None = None
    group: str | None = None
    job_type: str | None = None
    state: str | None = None


class System(Record, kw_only=True):
    """Machine metrics of one window. values: name → [mean, min, max]; samples: readings in the window."""

    start_ns: int
    end_ns: int
    samples: int
    values: dict[str, list[float]]


class Exit(Record, kw_only=True):
    """End of a writer. From the primary writer, or from the recorder on its behalf, it is the end of the run.

    state: "finished", "failed", "crashed", "killed" or "preempted". signal: its name where known, such as "SIGKILL".
    on_behalf_of: the writer that vanished, when the recorder writes this for it.
    """

    time_ns: int
    state: str
    exit_code: int | None = None
    signal: str = ""
    reason: str = ""
    on_behalf_of: str = ""


class Loss(Record, kw_only=True):
    """What could not be kept, and why: shown on the run."""

    time_ns: int
    reason: str
    rows: int = 0
    size_bytes: int = 0


class Metadata(Record, kw_only=True):
    """Facts about the process and machine (python, os, host, cpu, program, args); later values replace earlier ones."""

    values: dict[str, Any]
