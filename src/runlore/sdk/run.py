"""``Run``: the object that a training script holds. Thin: it turns calls into records and leaves the work to others."""

from __future__ import annotations

import os
import time
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple, Self

from runlore.errors import UsageError
from runlore.protocol import ids, records
from runlore.sdk import (
    absent,
    active,
    console,
    entries,
    exits,
    guard,
    past,
    process,
    pulse,
    recorder_link,
    resume,
    service,
    terminal,
    waiting,
)
from runlore.sdk.config import Config
from runlore.sdk.deferred import DeferredReads
from runlore.sdk.metrics import Definitions, Metric, metric_record
from runlore.sdk.place import Place
from runlore.sdk.rows import Rows
from runlore.sdk.summary import Summary
from runlore.sdk.writer import Writer

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from types import TracebackType

    from runlore.sdk.resume import Resumed
    from runlore.sdk.settings import Settings

NOWHERE: Final = "nowhere"
"""``dir`` of a disabled run, which makes no file."""


class RunStatus(NamedTuple):
    """How far the upload is. Counts are bytes of this process's journal; sync_time: of the last progress, s since 1970."""

    sync_items_total: int
    sync_items_pending: int
    sync_time: float | None


class Run:
    """A run: its history, configuration, summary and end. Made by ``runlore.init``; safe to use from several threads.

    Leaving a ``with`` block finishes it; an exception that leaves the block marks it failed and goes on.
    """

    def __init__(self, settings: Settings, place: Place | None, resumed: Resumed) -> None:
        self._settings = settings
        self._place = place
        self._resumed = resumed
        self._pid = os.getpid()
        self._begun_ns = time.time_ns()
        self._is_finished = False
        self._is_preempting = False
        self._url: str | None = None
        self._definitions = Definitions()
        if resumed.past is not None:
            for definition in resumed.past.definitions:
                self._definitions.add(definition)
        latest = dict(resumed.summary)
        self._writer = Writer(None if place is None else lambda: place.open_journal(lambda: self._rows.step))
        self._deferred = DeferredReads(self._log_deferred) if settings.defer_tensors else None
        self._rows = Rows(
            self._writer,
            self._definitions,
            latest,
            dict(resumed.states),
            resumed.starting_step,
            None if self._deferred is None else self._deferred.put,
        )
        self._config = Config(self._send, resumed.config, allow_val_change=settings.allow_val_change)
        self._summary = Summary(self._send, latest, self._builtin_summary)
        self._console = console.ConsoleRecording(self._writer)

    # ── life ────────────────────────────────────────────────────────────────────────────────────────────────

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> Literal[False]:
        ending = exits.of_exception(error)
        if error is not None and ending.exit_code and not isinstance(error, SystemExit) and self._records_console:
            with guard.guarded("record a traceback"):
                self._console.write("stderr", "".join(traceback.format_exception(kind, error, trace)))
        self.close(ending)
        return False

    def finish(self, exit_code: int | None = None, quiet: bool | None = None) -> None:
        """End the run and wait for its upload as long as bytes move (setting ``finish_timeout``). Never raises.

        exit_code: 0 or None means finished, anything else failed. quiet: say less in the terminal.
        """
        with guard.guarded("finish the run"):
            self.close(exits.of_exit_code(exit_code), is_quiet=quiet)

    def close(self, ending: exits.Ending, *, waits: bool = True, is_quiet: bool | None = None) -> None:
        """End the run as ``ending`` says. waits: for deferred tensors and the upload. Only the first call counts."""
        if self._is_finished:
            return
        if self._deferred is not None and waits:
            self._deferred.close()
        console.end(self._console)
        with guard.guarded("record the last output"):
            self._console.flush()
        self._is_finished = True
        self._close_writer(ending)
        active.remove(self)
        pulse.remove(self._chore)
        if self._place is None or self._place.is_child:
            return
        service.withdraw(self.id)
        if ending.exit_code == 0 and self._settings.resume == "auto":
            resume.forget(self._settings, self.id)
        self._place.announce()
        if self._settings.recorder == "auto":
            recorder_link.ensure()  # a run may be over before its first background chore
        with guard.guarded("say how the run ended"):
            self._say_goodbye(waits=waits, is_quiet=self._settings.quiet if is_quiet is None else is_quiet)

    def begin(self) -> None:
        """Open the journal and begin the background chores. For ``init``. Raises OSError."""
        if self._place is None:
            return
        self._writer.start()
        self._rows.rebind()
        self._begin_chores()

    def after_fork(self) -> None:
        """In a forked child: this object records into a journal of the child's own, should it record anything."""
        self._writer.after_fork()
        self._rows.after_fork()
        self._console.after_fork()
        console.end(self._console)
        if self._deferred is not None:
            self._deferred.after_fork()
        if self._place is not None:
            self._place.after_fork()
            self._writer.on_open = self._begin_in_child

    def _begin_in_child(self) -> None:
        exits.at_end_of_child(lambda: self.close(exits.GOOD))
        self._begin_chores()

    def _begin_chores(self) -> None:
        if self._settings.console != "off":
            console.begin(self._console)
        pulse.add(self._chore)

    def _close_writer(self, ending: exits.Ending) -> None:
        state = "finished" if ending.exit_code == 0 else "killed" if ending.signal else "failed"
        if self._is_preempting and ending.exit_code:
            state = "preempted"
        self._rows.close()
        with guard.guarded("write the end of the run"):
            self._writer.close(
                records.Exit(
                    time_ns=time.time_ns(),
                    state=state,
                    exit_code=ending.exit_code,
                    signal=ending.signal,
                    reason=ending.reason,
                )
            )

    def _chore(self) -> None:
        """What wants doing each half second while the run is active."""
        if self._is_finished or self._place is None:
            return
        self._console.flush()
        self._writer.retry()
        self._place.announce()
        if self._settings.recorder == "auto":
            recorder_link.ensure()

    def _say_goodbye(self, *, waits: bool, is_quiet: bool) -> None:
        place, settings = self._place, self._settings
        journal = self._writer.journal
        if place is None or journal is None:
            return
        size = journal.size()
        outcome: waiting.Outcome | None = None
        if (
            waits
            and settings.recorder == "auto"
            and settings.mode != "offline"
            and waiting.has_destination(place.target)
        ):
            outcome = waiting.wait_for_upload(
                place.writer, size, settings.finish_timeout, is_quiet=is_quiet or settings.silent
            )
        if settings.silent:
            return
        if not is_quiet and waits:
            courses = past.history_of(journal.path, self._rows.schemas, terminal.POINTS)
            terminal.say([*terminal.history_block(courses), *terminal.summary_block(self._summary.as_dict())])
        terminal.say(self._last_words(outcome, size))

    def _last_words(self, outcome: waiting.Outcome | None, size: int) -> list[str]:
        title = f"run {self.name} ({self.id})"
        if outcome is not None and outcome.is_complete:
            return [f"{title} is at {self.url or 'the server'}"]
        if outcome is not None:
            why = f" ({outcome.error})" if outcome.error else ""
            return [
                f"{title}: {outcome.sent_bytes} of {size} bytes are uploaded so far{why}",
                "the recorder goes on with it; `runlore status` tells how far it is, `runlore sync` tries again by hand",
            ]
        if self._settings.mode == "offline":
            return [f"{title} is kept offline; upload it with: runlore sync {self.sync_dir}"]
        return [f"{title} is kept in {self.sync_dir}"]

    # ── recording ───────────────────────────────────────────────────────────────────────────────────────────

    def log(self, data: Mapping[str, Any], step: int | None = None, commit: bool | None = None) -> None:
        """Record one row of values. When it returns, the row survives the death of this process.

        data: names and values; nested dictionaries are flattened with dots. step: of the row; without it the row gets
        the present step. commit: whether the step is complete and the next row gets the next one; default: True without
        ``step``, False with it. Rows of one step are merged; any step may come at any time.

        Raises TypeError when ``data`` is no mapping or has a key that is no string, UsageError when the run is finished. A
        value that cannot be recorded is named in a warning and the rest of the row is kept.
        """
        self._rows.log(data, step, commit)

    def define_metric(
        self,
        name: str,
        step_metric: str | Metric | None = None,
        step_sync: bool | None = None,
        hidden: bool | None = None,
        summary: str | Sequence[str] | None = None,
        goal: str | None = None,
        overwrite: bool | None = None,
    ) -> Metric:
        """Say how a metric is shown and summarised.

        name: a metric, or a prefix that ends in one ``*``. step_metric: the metric on its x-axis. step_sync: add the last value
        of ``step_metric`` to rows that lack it (default True). hidden: no chart of its own. summary: one or several of min,
        max, mean, last, best, copy, none (a list or comma separated). goal: "minimize" or "maximize", for best. overwrite:
        forget what earlier calls said of this name. Raises UsageError.
        """
        record = metric_record(name, step_metric, step_sync, hidden, summary, goal, overwrite)
        self._send(record)
        with self._writer.lock:
            merged = self._definitions.add(record)
            self._rows.forget_plans()
        return Metric(merged)

    def describe(self, version: str, started_ns: int) -> None:
        """Record what is known of the process and the machine, as far as the settings allow. For ``init``."""
        settings = self._settings
        if settings.disable_meta:
            return
        facts = process.describe(version, with_machine=not settings.disable_machine_info, started_ns=started_ns)
        if settings.program:
            facts["program"] = settings.program
        if settings.host and "host" in facts:
            facts["host"] = settings.host
        self._send(records.Metadata(values=facts))

    def change(self, record: records.Run) -> None:
        """Record a change of the run's own fields. For ``init``, which resumes a run under a new name."""
        self._send(record)

    def mark_preempting(self) -> None:
        """Say that this process is about to be preempted: an end other than a good one then counts as preempted."""
        self._is_preempting = True
        self._send(records.Run(state="preempting"))

    def status(self) -> RunStatus:
        """How far the upload of this process's journal is."""
        journal = self._writer.journal
        if journal is None or self._place is None:
            return RunStatus(0, 0, None)
        size = journal.size() + journal.waiting_bytes
        progress = entries.read_progress(self._place.writer)
        if progress is None:
            return RunStatus(size, size, None)
        return RunStatus(size, max(0, size - progress.offset), progress.updated or None)

    def _send(self, record: records.Record) -> None:
        try:
            self._writer.send(record)
        except UsageError:
            raise
        except Exception as error:  # noqa: BLE001 - told once by the guard, training goes on
            guard.report(f"record {type(record).__name__.lower()}", error)

    def _log_deferred(self, data: dict[str, Any], step: int, time_ns: int) -> None:
        self._rows.log_at(data, step, time_ns)

    def _builtin_summary(self) -> dict[str, Any]:
        step, time_ns = self._rows.last
        if step is None:
            return {}
        runtime = self._resumed.runtime_s + (time_ns - self._begun_ns) / 1e9
        return {"_step": step, "_runtime": runtime, "_timestamp": time_ns / 1e9}

    # ── facts ───────────────────────────────────────────────────────────────────────────────────────────────

    @property
    def is_inherited(self) -> bool:
        """Whether this process was forked from the one that began the run."""
        return os.getpid() != self._pid

    @property
    def is_attached(self) -> bool:
        """Whether the run was begun by another process, to which this one only adds."""
        return self._place is not None and self._place.is_child

    @property
    def _records_console(self) -> bool:
        return self._place is not None and self._settings.console != "off"

    @property
    def config(self) -> Config:
        """The configuration."""
        return self._config

    @property
    def summary(self) -> Summary:
        """The summary."""
        return self._summary

    @property
    def settings(self) -> Settings:
        """The settings in force."""
        return self._settings

    @property
    def id(self) -> str:
        """The run's id, unique in its project."""
        return self._settings.run_id or ""

    @property
    def name(self) -> str:
        """The run's name."""
        return self._settings.run_name

    @name.setter
    def name(self, name: str) -> None:
        self._settings.run_name = name
        self._send(records.Run(name=self._settings.run_name))

    @property
    def notes(self) -> str:
        """The run's notes."""
        return self._settings.run_notes

    @notes.setter
    def notes(self, notes: str) -> None:
        self._settings.run_notes = notes
        self._send(records.Run(notes=notes))

    @property
    def tags(self) -> tuple[str, ...]:
        """The run's tags. Setting raises UsageError for a tag that has not 1 to 64 characters."""
        return self._settings.run_tags

    @tags.setter
    def tags(self, tags: Sequence[str]) -> None:
        checked = tuple(ids.check_tag(tag) for tag in ([tags] if isinstance(tags, str) else dict.fromkeys(tags)))
        self._settings.run_tags = checked
        self._send(records.Run(tags=list(checked)))

    @property
    def group(self) -> str:
        """The run's group, "" without one."""
        return self._settings.run_group

    @property
    def job_type(self) -> str:
        """The run's job type, "" without one."""
        return self._settings.run_job_type

    @property
    def project(self) -> str:
        """The run's project."""
        return self._settings.project

    @property
    def entity(self) -> str:
        """Who the run belongs to; "" until a server has said which entity is the default."""
        return self._settings.entity or self._known_progress()[1]

    @property
    def path(self) -> str:
        """``entity/project/id``, without the entity while it is not known."""
        return "/".join(part for part in (self.entity, self.project, self.id) if part)

    @property
    def url(self) -> str | None:
        """Address of the run's page; None while no server has accepted the run."""
        if self._url is None:
            self._url = self._known_progress()[0] or self._expected_url()
        return self._url

    @property
    def project_url(self) -> str | None:
        """Address of the project's page, None as ``url``."""
        return None if self.url is None else self.url.rpartition("/runs/")[0]

    def get_url(self) -> str | None:
        """The same as ``url``."""
        return self.url

    def get_project_url(self) -> str | None:
        """The same as ``project_url``."""
        return self.project_url

    @property
    def sweep_id(self) -> str | None:
        """None: this run belongs to no sweep."""
        return None

    @property
    def sweep_url(self) -> str | None:
        """None: this run belongs to no sweep."""
        return None

    def get_sweep_url(self) -> str | None:
        """The same as ``sweep_url``."""
        return self.sweep_url

    @property
    def dir(self) -> str:
        """Folder for the run's files."""
        return str(self._place.directory / "files") if self._place is not None else NOWHERE

    @property
    def sync_dir(self) -> str:
        """The run's local directory, with its journals."""
        return str(self._place.directory) if self._place is not None else NOWHERE

    @property
    def start_time(self) -> float:
        """When this process began the run, seconds since 1970."""
        return self._begun_ns / 1e9

    @property
    def starting_step(self) -> int:
        """The first automatic step of this process: 0, or the one after the last of the resumed run."""
        return self._resumed.starting_step

    @property
    def step(self) -> int:
        """The step that the next ``log`` without ``step`` uses. Never goes down."""
        return self._rows.step

    @property
    def resumed(self) -> bool:
        """Whether an earlier run goes on here."""
        return self._resumed.is_resumed

    @property
    def offline(self) -> bool:
        """Whether nothing is uploaded by itself."""
        return self._settings.mode == "offline"

    @property
    def disabled(self) -> bool:
        """Whether nothing is recorded at all."""
        return self._place is None

    def _known_progress(self) -> tuple[str, str]:
        """Page and entity as the server gave them; empty while it did not."""
        progress = None if self._place is None or not self._place.writer else entries.read_progress(self._place.writer)
        return ("", "") if progress is None else (progress.url, progress.entity)

    def _expected_url(self) -> str | None:
        base_url = None if self._place is None or self.offline else self._place.target.base_url
        if base_url is None or not self._settings.entity:
            return None
        from urllib.parse import quote  # noqa: PLC0415 - rarely needed

        entity, project, run_id = (quote(part, safe="") for part in (self._settings.entity, self.project, self.id))
        return f"{base_url}/{entity}/{project}/runs/{run_id}"

    def __repr__(self) -> str:
        return f"<Run {self.path} {self.name!r}>"

    def __reduce__(self) -> tuple[Any, ...]:
        if self._place is None:
            return (Run, (self._settings, None, self._resumed))
        return (Run.attach, (service.describe(self._settings, self._place.directory, self._place.writer),))

    def __copy__(self) -> Run:
        return self

    def __deepcopy__(self, memo: dict[int, Any]) -> Run:
        return self

    def __getattr__(self, name: str) -> Any:
        raise absent.missing("Run", name, absent.RUN_NAMES)

    @classmethod
    def attach(cls, description: service.Description) -> Run:
        """The run that another process of this machine began, to record into it as one of its workers.

        The same object where this process began it. Makes no file before something is recorded.
        """
        known = next((run for run in active.runs() if run.id == description.run_id), None)
        if known is not None:
            return known
        settings = service.settings_of(description)
        place = Place(
            Path(description.directory),
            settings,
            service.target_of(description, settings),
            version=description.version,
            role="worker",
            resume="",
            runtime_s=description.runtime_s(),
            is_child=True,
        )
        run = cls(settings, place, resume.Resumed())
        run._writer.on_open = run._begin_in_child
        active.add(run, is_global=False)
        return run
