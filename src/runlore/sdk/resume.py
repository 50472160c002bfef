"""Resuming: which run goes on, from which step, with which config and summary."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec

from runlore import folders
from runlore.errors import CommError, UsageError
from runlore.protocol import ids
from runlore.protocol.records import MAX_STEP
from runlore.sdk import entries, guard, past, process, recorder_link

if TYPE_CHECKING:
    from runlore.protocol.summary import State
    from runlore.sdk.entries import Target
    from runlore.sdk.settings import Settings


class Resumed(msgspec.Struct):
    """Where a run goes on. is_resumed: whether anything was found. directory: its local one, None without."""

    is_resumed: bool = False
    directory: Path | None = None
    starting_step: int = 0
    runtime_s: float = 0.0
    config: dict[str, Any] = msgspec.field(default_factory=dict)
    summary: dict[str, Any] = msgspec.field(default_factory=dict)
    past: past.Past | None = None
    name: str = ""
    notes: str = ""
    tags: tuple[str, ...] = ()

    @property
    def states(self) -> dict[str, State]:
        """State of the metrics with aggregates."""
        return {} if self.past is None else self.past.states


def auto_file(settings: Settings) -> Path:
    """The small file that remembers the last run of this project in this working directory for ``resume="auto"``."""
    import zlib  # noqa: PLC0415 - only here

    place = zlib.crc32(process.working_folder().encode("utf-8", "replace"))
    return folders.runs_folder(root_of(settings)) / settings.project / f"resume-{place:08x}.json"


def root_of(settings: Settings) -> Path | None:
    """The folder given by ``init(dir=)``, absolute; None for the data folder."""
    return Path(settings.root_dir).expanduser().absolute() if settings.root_dir else None


def auto_run_id(settings: Settings) -> str | None:
    """The run id in the auto-resume file; None without one. A file that cannot be read is ignored with a note."""
    path = auto_file(settings)
    try:
        content = msgspec.json.decode(path.read_bytes())
        return ids.check_run_id(content["run_id"])
    except FileNotFoundError:
        return None
    except (OSError, msgspec.DecodeError, KeyError, TypeError, AttributeError, UsageError) as error:
        guard.LOGGER.warning("cannot read %s, which says what to resume: %s; a new run begins", path, error)
        return None


def remember(settings: Settings, run_id: str) -> None:
    """Write the auto-resume file."""
    path = auto_file(settings)
    try:
        folders.private_folder(path.parent)
        folders.write_private(path, msgspec.json.encode({"run_id": run_id}))
    except OSError as error:
        guard.LOGGER.warning("cannot write %s: %s; resume='auto' will not find run %s", path, error, run_id)


def forget(settings: Settings, run_id: str) -> None:
    """Remove the auto-resume file if it names this run: it has finished well."""
    path = auto_file(settings)
    try:
        if msgspec.json.decode(path.read_bytes()).get("run_id") == run_id:
            path.unlink()
    except (OSError, msgspec.DecodeError, AttributeError):
        return


def settle(settings: Settings, run_id: str, target: Target) -> Resumed:
    """What is known of the run, locally and on the server, by the rules of ``settings.resume``.

    Raises UsageError when ``must`` finds nothing or ``never`` finds something; CommError when ``must`` or ``never``
    cannot be decided because the server gave no answer.
    """
    mode = settings.resume
    if mode is None:
        return Resumed()
    directories = past.directories_of(settings.project, run_id, [root_of(settings), None])
    local = past.read(directories) if directories else None
    remote, trouble = _ask(settings, run_id, target)
    is_found = local is not None or (remote is not None and remote.found)
    where = f"run {run_id!r} of project {settings.project!r}"
    if mode == "never" and is_found:
        raise UsageError(
            f"cannot begin {where} with resume='never': it exists already; use another id or resume='allow'"
        )
    if trouble is not None and not is_found:
        if mode in {"must", "never"}:
            raise trouble
        guard.LOGGER.warning(
            "%s; %s begins at step 0 and is kept locally. If it exists on the server, its points at the same steps "
            "will be replaced",
            trouble,
            where,
        )
    if mode == "must" and not is_found:
        raise UsageError(f"cannot resume {where}: there is no such run; check id and project, or use resume='allow'")
    return _merged(local, remote)


def warn_of_namesake(settings: Settings, run_id: str) -> None:
    """Say that a run of this id is here already, when it is begun again without saying that it should go on."""
    if past.directories_of(settings.project, run_id, [root_of(settings), None]):
        guard.LOGGER.warning(
            "run %r of project %r exists already and is begun again at step 0: its older points stay, and newer ones at the "
            "same steps replace them; use another id, or resume='allow' to go on after its last step",
            run_id,
            settings.project,
        )


def _ask(settings: Settings, run_id: str, target: Target) -> tuple[recorder_link.Found | None, CommError | None]:
    """The server's answer, or why there is none; both None when no server is known."""
    if settings.mode == "offline" or settings.recorder == "off":
        return None, None
    if target.base_url is None and not entries.local_server_lives():
        return None, None
    try:
        found = recorder_link.lookup(
            base_url=target.base_url,
            api_key=target.api_key,
            entity=settings.entity,
            project=settings.project,
            run_id=run_id,
            timeout_s=settings.init_timeout,
            insecure_disable_ssl=settings.insecure_disable_ssl,
            extra_http_headers=settings.extra_http_headers,
        )
    except CommError as error:
        return None, error
    return found, None


def _merged(local: past.Past | None, remote: recorder_link.Found | None) -> Resumed:
    """Both sources in one. The server wins where both know a config key: it may have been edited there."""
    resumed = Resumed(past=local)
    last = -MAX_STEP - 1
    if local is not None:
        resumed.is_resumed = True
        resumed.directory = local.directory
        resumed.runtime_s = local.runtime_s
        resumed.config.update(local.config)
        resumed.summary.update(local.summary)
        resumed.name, resumed.notes, resumed.tags = local.name, local.notes, local.tags
        last = max(last, -1 if local.last_step is None else local.last_step)
    if remote is not None and remote.found:
        resumed.is_resumed = True
        resumed.runtime_s = max(resumed.runtime_s, remote.runtime_s)
        resumed.config.update(remote.config)
        for name, value in remote.summary.items():
            resumed.summary.setdefault(name, value)
        resumed.name = remote.name or resumed.name
        resumed.notes = remote.notes or resumed.notes
        resumed.tags = tuple(remote.tags) or resumed.tags
        last = max(last, -1 if remote.last_step is None else remote.last_step)
    resumed.starting_step = min(max(0, last + 1), MAX_STEP) if resumed.is_resumed else 0
    return resumed
