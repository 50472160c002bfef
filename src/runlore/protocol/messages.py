"""HTTP messages: one struct for each request and answer body of ``/api/v1``.

The routes are described in ``docs/design/http.md``. Times are ISO 8601 strings in UTC with milliseconds, durations
are seconds. NaN and ±Inf inside JSON documents (config, summary) travel as the strings "NaN", "Infinity", "-Infinity".
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

PROTOCOL: Final = 1
"""Version of the HTTP protocol; a client refuses a server with another one."""


class Message(msgspec.Struct, omit_defaults=False, kw_only=True):
    """Base of the messages."""


class ErrorBody(Message):
    """What went wrong. code: kebab case, stable (``docs/reference/errors.md``). field: the offending input, if one."""

    code: str
    message: str
    hint: str = ""
    field: str | None = None
    offset: int | None = None


class ErrorMessage(Message):
    """The one shape of every error answer."""

    error: ErrorBody


class Health(Message):
    """Whether the server lives, and which versions it speaks."""

    status: str
    version: str
    protocol: int
    journal_format: int


class Me(Message):
    """Who the credential belongs to. entity: the default entity. entities: all that may be written to."""

    user: str
    entity: str
    entities: list[str]


class SessionRequest(Message):
    """Exactly one of a one-time link token and an API key, exchanged for a session cookie."""

    link: str | None = None
    api_key: str | None = None


class Accepted(Message):
    """Answer to a journal range. offset: everything before it is stored durably. url: the run's page."""

    offset: int
    entity: str
    project: str
    run_id: str
    url: str
    stop: bool = False


class Heartbeat(Message):
    """The writers (journals) that the recorder sees alive."""

    writers: list[str]


class HeartbeatAnswer(Message):
    """known: writers the server has; the recorder ships the others from offset 0. stop: writers asked to stop."""

    known: list[str]
    stop: list[str]


class Project(Message):
    """A project as listed. last_activity: of its newest run, None without runs."""

    entity: str
    name: str
    runs: int
    running: int
    created_at: str
    last_activity: str | None


class Projects(Message):
    """All projects the caller may see, the latest active first."""

    projects: list[Project]


class Run(Message):
    """A run as listed. ordinal: counts from 1 within its project and decides the run's colour.

    key: opaque number, stable, for change hints and series lines. state: see ``docs/guides/view.md``.
    duration_s: from creation to the last sign of life. last_step: None before the first row.
    """

    key: int
    entity: str
    project: str
    id: str
    ordinal: int
    name: str
    state: str
    created_at: str
    updated_at: str
    finished_at: str | None
    duration_s: float
    user: str
    notes: str
    tags: list[str]
    group: str
    job_type: str
    exit_code: int | None
    state_reason: str
    last_step: int | None
    rows: int
    lost_rows: int
    version: int
    config: dict[str, Any]
    summary: dict[str, Any]


class Runs(Message):
    """One page of a project's runs. total: all that match, whatever the page."""

    runs: list[Run]
    total: int
    offset: int


class Key(Message):
    """A config or summary key of a project. name: dotted path. runs: how many runs have it."""

    name: str
    runs: int


class Keys(Message):
    """The config and summary keys of a project, most frequent first."""

    config: list[Key]
    summary: list[Key]
    metrics: list[Key]


class Writer(Message):
    """A journal of a run: a process that wrote to it."""

    writer: str
    role: str
    label: str
    host: str
    pid: int
    offset: int
    last_seen: str
    damaged_bytes: int


class Definition(Message):
    """How a metric is shown by default (``define_metric``). x: the metric of its x-axis, "" for the step."""

    x: str
    hidden: bool
    summary: list[str]
    goal: str


class MetricInfo(Message):
    """A metric of a run. stream: "history" or "system". kind: "number" or "object"; objects have no chart."""

    name: str
    stream: str
    kind: str
    count: int
    first_step: int
    last_step: int
    definition: Definition


class RunDetail(Message):
    """A run with all that its page shows. losses: what could not be kept, in words."""

    run: Run
    metadata: dict[str, Any]
    metrics: list[MetricInfo]
    writers: list[Writer]
    losses: list[str]


class RunChange(Message):
    """Changes of a run from outside; None leaves a field as it is. Maps are merged by top-level key."""

    name: str | None = None
    notes: str | None = None
    tags: list[str] | None = None
    group: str | None = None
    config: dict[str, Any] | None = None
    config_remove: list[str] | None = None
    summary: dict[str, Any] | None = None
    summary_remove: list[str] | None = None


class RunPath(Message):
    """Which run. entity: "" means the caller's default entity."""

    entity: str
    project: str
    id: str


class SeriesRequest(Message):
    """One panel's data. The answer is a column frame, see ``docs/design/http.md``.

    x: "_step", "_runtime" (seconds since the run's start), "_timestamp" (seconds since 1970) or a metric.
    x_min, x_max: the inclusive range looked at, None for all. buckets: wanted number, 1 to 20,000.
    raw_limit: a line with no more points than this in the range comes back as its points.
    stream: "history" or "system".
    """

    runs: list[RunPath]
    metrics: list[str]
    x: str = "_step"
    x_min: float | None = None
    x_max: float | None = None
    buckets: int = 1000
    raw_limit: int = 2000
    stream: str = "history"


class ConsoleLine(Message):
    """A line as a terminal would show it in the end. number: counts from 0 within the run."""

    number: int
    time: str
    stream: str
    writer: str
    text: str


class ConsolePage(Message):
    """Lines from ``offset``; total: all lines so far. The last line may still grow."""

    lines: list[ConsoleLine]
    offset: int
    total: int


class Change(Message):
    """A hint that runs changed. cursor: strictly increasing; runs: their keys; projects: "entity/project" names."""

    cursor: int
    runs: list[int]
    projects: list[str]


class Changes(Message):
    """All hints after a cursor, merged. gap: the cursor was too old, look at everything again."""

    cursor: int
    runs: list[int]
    projects: list[str]
    gap: bool
