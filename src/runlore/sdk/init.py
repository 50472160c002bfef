"""``init``: settles what a run is, opens its journal, makes sure that a recorder lives. Local work only.

The one exception is resuming, which may need a server's answer and waits for it at most ``init_timeout``.
"""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from runlore.errors import JournalError, UsageError
from runlore.protocol import ids, records
from runlore.sdk import (
    active,
    config_sources,
    entries,
    exits,
    forks,
    guard,
    names,
    process,
    service,
    terminal,
    waiting,
)
from runlore.sdk import resume as resuming
from runlore.sdk.place import Place, settle_directory
from runlore.sdk.run import Run
from runlore.sdk.settings import Settings, settle
from runlore.sdk.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


def init(
    entity: str | None = None,
    project: str | None = None,
    dir: str | os.PathLike[str] | None = None,  # noqa: A002 - W&B's name
    id: str | None = None,  # noqa: A002 - W&B's name
    name: str | None = None,
    notes: str | None = None,
    tags: str | Sequence[str] | None = None,
    config: Any = None,
    config_exclude_keys: list[str] | None = None,
    config_include_keys: list[str] | None = None,
    allow_val_change: bool | None = None,
    group: str | None = None,
    job_type: str | None = None,
    mode: str | None = None,
    force: bool | None = None,  # noqa: ARG001 - W&B's argument
    reinit: bool | str | None = None,
    resume: bool | str | None = None,
    resume_from: str | None = None,
    fork_from: str | None = None,
    save_code: bool | None = None,
    tensorboard: bool | None = None,
    sync_tensorboard: bool | None = None,
    monitor_gym: bool | None = None,
    settings: Settings | Mapping[str, Any] | None = None,
    anonymous: str | None = None,  # noqa: ARG001 - W&B's argument
) -> Run:
    """Begin a run, or go on with one, and make it the current one.

    entity, project, id, name, notes, tags, group, job_type: what the run is; see the settings of the same names.
    dir: folder under which ``runs/`` is made. config: a dictionary, parsed arguments, flags, an object with fields or the
    path of a YAML file; config_exclude_keys, config_include_keys: top-level keys to leave out or to keep.
    mode: online, offline, disabled or shared. reinit: what to do when a run is active. resume: must, allow, never, auto.
    settings: everything else (``docs/reference/settings.md``).

    Raises UsageError for a wrong argument, setting or config, for ``resume="must"`` without such a run and ``resume="never"``
    with one; CommError when these two cannot be decided; JournalError when nothing can be written.
    """
    guard.forget("value ")
    if resume is False:
        resume = None
    for given, what in ((resume_from, "resume_from"), (fork_from, "fork_from")):
        if given is not None:
            raise UsageError(f"cannot use init({what}=): it is not available in this version of Runlore")
    for flag, what in (
        (save_code, "save_code"),
        (tensorboard or sync_tensorboard, "sync_tensorboard"),
        (monitor_gym, "monitor_gym"),
    ):
        if flag:
            guard.warn_once(
                f"value init {what}", "init(%s=) is not available in this version of Runlore and is ignored", what
            )
    arguments = {
        "entity": entity,
        "project": project,
        "root_dir": dir,
        "run_id": id,
        "run_name": name,
        "run_notes": notes,
        "run_tags": tags,
        "run_group": group,
        "run_job_type": job_type,
        "mode": mode,
        "resume": resume,
        "reinit": reinit,
        "allow_val_change": allow_val_change,
    }
    settled = settle(arguments, settings)
    _hush(settled)
    previous = _previous_run(settled)
    if previous is not None:
        return previous
    parent = service.of_parent()
    if parent is not None and service.is_main_module_imported_again():
        run = Run.attach(parent)
        active.add(run, is_global=True)
        return run
    content = config_sources.from_files(list(settled.config_paths), settled.program or process.program())
    content.update(config_sources.parse(config, exclude=config_exclude_keys, include=config_include_keys))
    if settled.mode == "disabled":
        return _begin_disabled(settled, content)
    return _begin(settled, content, parent)


def _hush(settings: Settings) -> None:
    """``silent`` also stops our warnings."""
    if settings.silent:
        guard.LOGGER.setLevel(logging.CRITICAL + 1)
    elif guard.LOGGER.level > logging.CRITICAL:
        guard.LOGGER.setLevel(logging.NOTSET)


def _previous_run(settings: Settings) -> Run | None:
    """The active run to be returned by the reinit policy; None after the policy has made way for a new one."""
    own = [run for run in active.runs() if not run.is_inherited and not run.is_attached]
    if not own:
        return None
    policy = settings.reinit
    if policy == "finish_previous" or (policy == "default" and process.is_notebook()):
        for run in own:
            run.finish()
        return None
    if policy == "create_new":
        return None
    if settings.resume == "must":
        raise UsageError(
            "cannot resume a run while another one is active: finish it with run.finish(), or pass reinit='create_new'"
        )
    return active.current() or own[0]


def _begin_disabled(settings: Settings, content: dict[str, Any]) -> Run:
    settings.run_id = settings.run_id or ids.new_run_id()
    settings.run_name = settings.run_name or f"disabled-{settings.run_id}"
    run = Run(settings, None, resuming.Resumed())
    run.config.update(content, allow_val_change=True)
    active.add(run, is_global=settings.reinit != "create_new" or active.current() is None)
    exits.install(with_signals=False)
    return run


def _begin(settings: Settings, content: dict[str, Any], parent: service.Description | None) -> Run:
    target = entries.target_of(settings)
    if settings.run_id is None and settings.resume == "auto":
        settings.run_id = resuming.auto_run_id(settings)
    elif settings.resume == "auto" and (other := resuming.auto_run_id(settings)) not in {None, settings.run_id}:
        guard.LOGGER.warning(
            "run %s is begun, not %s, which resume='auto' would go on with: an id was given", settings.run_id, other
        )
    is_id_given = settings.run_id is not None
    settings.run_id = settings.run_id or ids.new_run_id()
    joins = _joins_parent(settings, parent)
    resumed = resuming.settle(settings, settings.run_id, target) if is_id_given else _nothing_to_resume(settings)
    if is_id_given and settings.resume is None and settings.mode != "shared" and not joins:
        resuming.warn_of_namesake(settings, settings.run_id)
    changed = _take_over(settings, resumed)
    root = resuming.root_of(settings)
    started_s = time.time()
    try:
        known = Path(parent.directory) if joins and parent is not None else resumed.directory
        directory = settle_directory(settings, known, root, started_s)
        settings.run_name = settings.run_name or names.new_name(_count_of_runs(directory.parent))
        place = Place(
            directory,
            settings,
            target,
            version=VERSION,
            role="worker" if joins or not settings.x_primary or not settings.x_update_finish_state else "primary",
            resume=(settings.resume or "") if resumed.is_resumed else "",
            runtime_s=parent.runtime_s() if joins and parent is not None else resumed.runtime_s,
        )
        run = Run(settings, place, resumed)
        forks.install()
        exits.install(with_signals=settings.handle_signals)
        run.begin()
    except OSError as error:
        raise JournalError(
            f"cannot begin run {settings.run_id!r}: its journal cannot be made ({error}); "
            "free space, or name another folder with init(dir=) or RUNLORE_DIR"
        ) from error
    active.add(run, is_global=settings.reinit != "create_new" or active.current() is None)
    with guard.guarded("record what the run is"):
        if resumed.is_resumed and changed != records.Run():
            run.change(changed)
        if content:
            run.config.update(content, allow_val_change=True)
        run.describe(VERSION, int(started_s * 1e9))
        service.publish(service.describe(settings, directory, place.writer))
        if settings.resume == "auto":
            resuming.remember(settings, settings.run_id)
        _say_hello(run, settings, target, resumed)
    return run


def _nothing_to_resume(settings: Settings) -> resuming.Resumed:
    """A new id cannot be found anywhere, so that nobody need be asked. Raises UsageError for ``must``."""
    if settings.resume == "must":
        raise UsageError("cannot resume with resume='must': no id was given; pass init(id=) or set RUNLORE_RUN_ID")
    return resuming.Resumed()


def _joins_parent(settings: Settings, parent: service.Description | None) -> bool:
    """Whether this process was started by the one that has the run open, and adds to it."""
    return (
        parent is not None
        and settings.run_id == parent.run_id
        and settings.project == parent.project
        and settings.resume is None
        and "x_primary" not in settings.given()
    )


def _take_over(settings: Settings, resumed: resuming.Resumed) -> records.Run:
    """Let name, notes, tags, group and job type of a resumed run stay, unless new ones are given; these are returned."""
    changed = records.Run(
        name=settings.run_name or None,
        notes=settings.run_notes or None,
        tags=list(settings.run_tags) or None,
        group=settings.run_group or None,
        job_type=settings.run_job_type or None,
    )
    settings.run_name = settings.run_name or resumed.name
    settings.run_notes = settings.run_notes or resumed.notes
    if not settings.run_tags and resumed.tags:
        settings.run_tags = resumed.tags
    if resumed.past is not None:
        settings.run_group = settings.run_group or resumed.past.group
        settings.run_job_type = settings.run_job_type or resumed.past.job_type
    return changed


def _count_of_runs(folder: Path) -> int:
    try:
        return sum(1 for name in os.listdir(folder) if not name.endswith(".json"))  # noqa: PTH208 - names are enough
    except OSError:
        return 1


def _say_hello(run: Run, settings: Settings, target: entries.Target, resumed: resuming.Resumed) -> None:
    if settings.silent:
        return
    begun = f"resumes at step {run.starting_step}" if resumed.is_resumed else "begins"
    lines = [f"run {run.name} ({run.id}) of project {run.project} {begun}"]
    if not settings.quiet:
        lines.append(f"kept in {run.sync_dir}")
    if settings.mode == "offline":
        lines.append(f"offline: upload it later with: runlore sync {run.sync_dir}")
    elif run.url is not None:
        lines.append(f"watch it at {run.url}")
    elif target.base_url is not None:
        lines.append(f"uploads to {target.base_url}")
    elif waiting.has_destination(target):
        lines.append("uploads to the local server")
    else:
        lines.append("no server is running: `runlore server` shows this run, now or later")
    terminal.say(lines)
