"""Starts the recorder process when none lives, and asks it one-shot questions. Never imports it."""

from __future__ import annotations

import os
import sys
import time
from typing import Any, Final

import msgspec

from runlore import folders
from runlore.errors import AuthenticationError, CommError, IncompatibleServer, ServerUnreachable
from runlore.sdk import guard

_LOOK_PAUSE_S: Final = 1.0
_START_PAUSE_S: Final = 3.0
_GRACE_S: Final = 10.0
_last_look = _last_start = float("-inf")


class Found(msgspec.Struct, kw_only=True):
    """What a server says about a run."""

    found: bool = False
    last_step: int | None = None
    runtime_s: float = 0.0
    config: dict[str, Any] = msgspec.field(default_factory=dict)
    summary: dict[str, Any] = msgspec.field(default_factory=dict)
    name: str = ""
    notes: str = ""
    tags: list[str] = msgspec.field(default_factory=list)
    error: str | None = None
    error_kind: str | None = None


def is_alive() -> bool:
    """Whether a recorder of this user lives on this machine: it holds its lock."""
    try:
        import fcntl  # noqa: PLC0415 - not on Windows
    except ImportError:
        return _is_alive_by_pid()
    try:
        descriptor = os.open(folders.recorder_lock(), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return _is_alive_by_pid()
    finally:
        os.close(descriptor)
    return False


def _is_alive_by_pid() -> bool:
    """For file systems and platforms without flock."""
    from runlore.sdk.process import is_alive as is_process_alive  # noqa: PLC0415 - rarely needed

    try:
        content = msgspec.json.decode(folders.recorder_file().read_bytes())
    except (OSError, msgspec.DecodeError):
        return False
    pid = content.get("pid") if isinstance(content, dict) else None
    return isinstance(pid, int) and is_process_alive(pid, 0.0)


def ensure(*, now: bool = False) -> None:
    """Start a recorder when none lives. Looks at most each second and starts at most every 3 s, unless ``now``.

    Faults are told once and not raised.
    """
    global _last_look, _last_start  # noqa: PLW0603 - one recorder a machine, so one time of start a process
    moment = time.monotonic()
    if not now and (moment - _last_look < _LOOK_PAUSE_S or moment - _last_start < _START_PAUSE_S):
        return
    _last_look = moment
    if not sys.executable:
        guard.warn_once("recorder executable", "cannot start the recorder: the path of the Python program is not known")
        return
    with guard.guarded("start the recorder"):
        if not is_alive():
            _last_start = moment
            _start()


def _environment() -> dict[str, str]:
    """The environment for a process with another working directory: relative import paths are made absolute."""
    environment = dict(os.environ)
    paths = environment.get("PYTHONPATH")
    if paths:
        absolute = [os.path.abspath(path) for path in paths.split(os.pathsep) if path]  # noqa: PTH100 - "" must stay out
        environment["PYTHONPATH"] = os.pathsep.join(absolute)
    return environment


def _start() -> None:
    import subprocess  # noqa: PLC0415 - slow to import

    command = [sys.executable, "-m", "runlore.recorder", "run"]
    flags = 0
    if sys.platform == "win32":
        flags = subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP
    else:
        # The shell ends at once, so that the recorder is no child of the training process: nothing to reap,
        # and no stranger among the children that a program waits for.
        command = ["/bin/sh", "-c", '"$@" &', "sh", *command]
    started = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        cwd=folders.data_folder(),
        env=_environment(),
        creationflags=flags,
        start_new_session=True,
    )
    if sys.platform != "win32":
        started.wait(_GRACE_S)


def lookup(
    *,
    base_url: str | None,
    api_key: str | None,
    entity: str,
    project: str,
    run_id: str,
    timeout_s: float,
    insecure_disable_ssl: bool = False,
    extra_http_headers: dict[str, str] | None = None,
) -> Found:
    """Ask a server (None: the local one) about a run, in a process of its own. Waits at most ``timeout_s`` and a few seconds.

    Raises ServerUnreachable, AuthenticationError, IncompatibleServer, CommError.
    """
    import subprocess  # noqa: PLC0415 - slow to import

    question = {
        "base_url": base_url,
        "api_key": api_key,
        "entity": entity,
        "project": project,
        "run_id": run_id,
        "timeout_s": timeout_s,
        "insecure_disable_ssl": insecure_disable_ssl,
        "extra_http_headers": extra_http_headers or {},
    }
    try:
        done = subprocess.run(
            [sys.executable, "-m", "runlore.recorder", "lookup"],
            input=msgspec.json.encode(question),
            capture_output=True,
            cwd=folders.data_folder(),
            env=_environment(),
            check=False,
            timeout=timeout_s + _GRACE_S,
        )
        found = msgspec.json.decode(done.stdout, type=Found)
    except subprocess.TimeoutExpired as error:
        raise ServerUnreachable(
            f"cannot ask {base_url or 'the local server'} about run {run_id!r}: no answer within {timeout_s:g} s"
        ) from error
    except (OSError, msgspec.DecodeError) as error:
        raise CommError(
            f"cannot ask {base_url or 'the local server'} about run {run_id!r}: the recorder gave no answer ({error})"
        ) from error
    if found.error_kind is None:
        return found
    kinds: dict[str | None, type[CommError]] = {
        "unreachable": ServerUnreachable,
        "auth": AuthenticationError,
        "incompatible": IncompatibleServer,
    }
    reason = found.error or found.error_kind
    raise kinds.get(found.error_kind, CommError)(f"cannot ask about run {run_id!r}: {reason}")
