"""Runs of a server: a lazy list of a project's runs, and one run with its history."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Literal, overload

import msgspec

from runlore.api import history
from runlore.api.document import Document, from_json
from runlore.errors import UsageError
from runlore.protocol import messages, query
from runlore.protocol.ids import check_tag
from runlore.transport import path_of

if TYPE_CHECKING:
    from runlore.api.connection import Connection

MAX_PER_PAGE: Final = 1000
"""What the server gives at once."""

_OWN_COLUMNS: Final = ("_step", "_timestamp", "_runtime")


class Run:
    """A run on a server.

    ``name``, ``notes``, ``tags``, ``group`` can be set, ``config`` and ``summary`` changed by key; ``update()`` sends it.
    Everything else is as the server said when this object was made; ``load()`` asks again.
    """

    def __init__(self, connection: Connection, message: messages.Run, detail: messages.RunDetail | None = None) -> None:
        self._connection = connection
        self._message = message
        self._detail = detail
        self._fields: dict[str, Any] = {}
        self.config = Document(from_json(message.config), self.update)
        self.summary = Document(from_json(message.summary), self.update)

    def __repr__(self) -> str:
        return f"<Run {'/'.join(self.path)} ({self.state})>"

    @property
    def id(self) -> str:
        """The run's id, unique in its project."""
        return self._message.id

    @property
    def entity(self) -> str:
        """Who the run's project belongs to."""
        return self._message.entity

    @property
    def project(self) -> str:
        """The project's name."""
        return self._message.project

    @property
    def path(self) -> list[str]:
        """Entity, project and id."""
        return [self.entity, self.project, self.id]

    @property
    def url(self) -> str:
        """The run's page."""
        return f"{self._connection.base_url}/{path_of(self.entity, self.project)}/runs/{path_of(self.id)}"

    @property
    def state(self) -> str:
        """running, finished, failed, crashed, killed, preempting, preempted or pending."""
        return self._message.state

    @property
    def user(self) -> str:
        """Who uploaded it."""
        return self._message.user

    @property
    def job_type(self) -> str:
        """The kind of work, as given to ``init``."""
        return self._message.job_type

    @property
    def created_at(self) -> str:
        """When it began, ISO 8601 in UTC."""
        return self._message.created_at

    @property
    def duration_s(self) -> float:
        """Seconds from its beginning to its last sign of life."""
        return self._message.duration_s

    @property
    def last_history_step(self) -> int:
        """The highest step logged, -1 before the first row."""
        return -1 if self._message.last_step is None else self._message.last_step

    lastHistoryStep = last_history_step  # noqa: N815 - the name that scripts for W&B use

    @property
    def name(self) -> str:
        """The display name."""
        return str(self._fields.get("name", self._message.name))

    @name.setter
    def name(self, value: str) -> None:
        self._fields["name"] = value

    @property
    def notes(self) -> str:
        """Free text about the run."""
        return str(self._fields.get("notes", self._message.notes))

    @notes.setter
    def notes(self, value: str) -> None:
        self._fields["notes"] = value

    @property
    def group(self) -> str:
        """The group it belongs to, "" for none."""
        return str(self._fields.get("group", self._message.group))

    @group.setter
    def group(self, value: str) -> None:
        self._fields["group"] = value

    @property
    def tags(self) -> list[str]:
        """The tags. Set a new list, or change this one, and call ``update()``."""
        found: list[str] = self._fields.setdefault("tags", list(self._message.tags))
        return found

    @tags.setter
    def tags(self, value: Sequence[str]) -> None:
        self._fields["tags"] = list(value)

    @property
    def detail(self) -> messages.RunDetail:
        """Everything that its page shows: metrics, writers, metadata, losses. Fetched when first asked for."""
        if self._detail is None:
            self.load()
        assert self._detail is not None
        return self._detail

    @property
    def metadata(self) -> dict[str, Any]:
        """Facts about the process and the machine."""
        return self.detail.metadata

    @property
    def metrics(self) -> list[str]:
        """Names of all metrics logged, those of the machine left out."""
        return [metric.name for metric in self.detail.metrics if metric.stream == "history"]

    def load(self) -> Run:
        """Ask the server again, forgetting changes that were not sent. Raises CommError and its kinds."""
        self._detail = self._connection.get(f"runs/{path_of(*self.path)}", messages.RunDetail)
        self._take(self._detail.run)
        return self

    def update(self) -> None:
        """Send all that was changed here. Raises UsageError for a bad tag, CommError and its kinds."""
        if self._fields.get("tags") == self._message.tags:
            del self._fields["tags"]
        for tag in self._fields.get("tags", []):
            check_tag(tag)
        config, config_remove = self.config.pending()
        summary, summary_remove = self.summary.pending()
        change = messages.RunChange(
            **self._fields,
            config=config,
            config_remove=config_remove,
            summary=summary,
            summary_remove=summary_remove,
        )
        if change == messages.RunChange():
            return
        self._take(self._connection.send("PATCH", f"runs/{path_of(*self.path)}", change, messages.Run))

    def scan_history(
        self,
        keys: Sequence[str] | None = None,
        page_size: int = 10_000,
        min_step: int | None = None,
        max_step: int | None = None,
        repeats: Literal["last", "all"] = "last",
    ) -> Iterator[dict[str, Any]]:
        """Every row exactly as logged, ascending by step, those of ``page_size`` steps fetched at a time.

        keys: only rows that have all of them, and only these values; None for all rows whole. A row always has
        ``_step``, ``_timestamp`` (seconds since 1970) and ``_runtime`` (seconds since the run began) unless ``keys``
        leaves them out. min_step is inclusive, max_step is not.
        repeats: what to give where a step was logged more than once: "last", one row with the newest value of each metric;
        "all", a row for each ``log`` call, in the order of their times. Raises UsageError, CommError and its kinds.
        """
        if repeats not in {"last", "all"}:
            raise UsageError(f"cannot read history with repeats={repeats!r}: expected 'last' or 'all'")
        if page_size < 1:
            raise UsageError(f"cannot read history in pages of {page_size} rows: at least 1 is needed")
        wanted = None if keys is None else list(dict.fromkeys(keys))
        asked = None if wanted is None else [key for key in wanted if key not in _OWN_COLUMNS] or None
        began_s = datetime.fromisoformat(self.created_at).timestamp()
        pages = history.scan(
            self._connection,
            self._message,
            asked,
            page_size=page_size,
            min_step=min_step,
            max_step=max_step,
            repeats=repeats,
        )
        for row in pages:
            row["_runtime"] = row["_timestamp"] - began_s
            if wanted is None:
                yield row
            elif all(key in row for key in wanted):
                yield {key: row[key] for key in wanted}

    def history(
        self, keys: Sequence[str] | None = None, *, repeats: Literal["last", "all"] = "last"
    ) -> list[dict[str, Any]]:
        """All rows at once, exact and complete, as ``scan_history`` gives them. Raises CommError and its kinds."""
        return list(self.scan_history(keys, repeats=repeats))

    def _take(self, message: messages.Run) -> None:
        self._message = message
        self._fields.clear()
        self.config.replace(from_json(message.config))
        self.summary.replace(from_json(message.summary))


class Runs(Sequence[Run]):
    """The runs of a project, fetched a page at a time when they are looked at.

    ``len()`` is the number of all that match. Slices and negative indices work.
    """

    def __init__(
        self,
        connection: Connection,
        entity: str,
        project: str,
        *,
        filters: Mapping[str, Any] | None = None,
        order: str = "-created_at",
        per_page: int = 50,
        search: str = "",
    ) -> None:
        if not 1 <= per_page <= MAX_PER_PAGE:
            raise UsageError(f"cannot list runs {per_page} a page: expected 1 to {MAX_PER_PAGE}")
        wanted = query.print_filter(query.parse_filter(filters))
        self._connection = connection
        self._path = f"projects/{path_of(entity, project)}/runs"
        self._query = {
            "sort": query.print_order(query.parse_order(order)),
            "filters": msgspec.json.encode(wanted).decode() if wanted else None,
            "search": search or None,
            "limit": per_page,
        }
        self._per_page = per_page
        self._found: dict[int, Run] = {}
        self._total: int | None = None

    def __repr__(self) -> str:
        return f"<Runs {self._path}>"

    def __len__(self) -> int:
        if self._total is None:
            self._fetch(0)
        assert self._total is not None
        return self._total

    @overload
    def __getitem__(self, index: int) -> Run: ...
    @overload
    def __getitem__(self, index: slice) -> list[Run]: ...
    def __getitem__(self, index: int | slice) -> Run | list[Run]:
        if isinstance(index, slice):
            return [self[at] for at in range(*index.indices(len(self)))]
        at = index + len(self) if index < 0 else index
        if at not in self._found and at >= 0 and (self._total is None or at < self._total):
            self._fetch(at - at % self._per_page)
        if at not in self._found:
            raise IndexError(f"run number {index} of {len(self)}")
        return self._found[at]

    def __iter__(self) -> Iterator[Run]:
        at = 0
        while at < len(self):
            yield self[at]
            at += 1

    def _fetch(self, offset: int) -> None:
        page = self._connection.get(self._path, messages.Runs, {**self._query, "offset": offset})
        self._total = page.total
        for place, message in enumerate(page.runs):
            self._found[page.offset + place] = Run(self._connection, message)
