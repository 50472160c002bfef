"""Where Runlore keeps things on this machine: the one place that SDK, recorder, CLI and server agree on.

A leaf: path arithmetic, the making of private folders and the atomic writing of small private files. The tree is

    data folder                        RUNLORE_DIR, else the platform's place for user data; only its owner may enter
      runs/<project>/<time>-<run id>/  a run's journals and files (under another root with ``init(dir=)``)
      active/<host>/<writer>.json      what the recorder of a host must drain
      sync/<writer>.json               how far it got
      recorder-<host>.lock .log .json  held, written and filled by the one recorder of a user on a host
      server/  server.json             data of a local server; its address while it runs
      credentials.json                 API keys by server
"""

from __future__ import annotations

import logging
import os
import re
import socket
import time
from pathlib import Path
from typing import Final

from runlore.errors import UsageError

ENVIRONMENT_NAME: Final = "RUNLORE_DIR"
"""Names the data folder."""

_UNSAFE: Final = re.compile(r"[^A-Za-z0-9_.-]")
_settled: dict[str, Path] = {}


def _preferred() -> Path:
    named = os.environ.get(ENVIRONMENT_NAME)
    if named:
        return Path(os.path.abspath(os.path.expanduser(named)))  # noqa: PTH100, PTH111 - keeps symbolic links as given
    import platformdirs  # noqa: PLC0415 - costs as much as the rest of the import

    return Path(platformdirs.user_data_path("runlore", appauthor=False))


def private_folder(path: Path) -> Path:
    """The folder itself, made with mode 0700 where it was missing, parents included. Raises OSError."""
    missing = [path, *path.parents]
    for folder in reversed(missing):
        if not folder.is_dir():
            folder.mkdir(mode=0o700, exist_ok=True)
    return path


def _is_usable(folder: Path) -> str:
    """Why the folder cannot be used, "" when it can."""
    try:
        private_folder(folder)
    except OSError as error:
        return str(error)
    return "" if os.access(folder, os.W_OK | os.X_OK) else "it is not writable"


def _fallback(preferred: Path, why: str) -> Path:
    import tempfile  # noqa: PLC0415 - slow to import, rarely needed

    owner = str(os.getuid()) if hasattr(os, "getuid") else _UNSAFE.sub("_", os.environ.get("USERNAME", "user"))
    folder = Path(tempfile.gettempdir()) / f"runlore-{owner}"
    trouble = _is_usable(folder)
    if not trouble and hasattr(os, "getuid") and (folder.is_symlink() or folder.stat().st_uid != os.getuid()):
        trouble = "it belongs to someone else"
    if trouble:
        raise UsageError(
            f"cannot keep data in {preferred} ({why}), nor in {folder} ({trouble}); "
            f"set {ENVIRONMENT_NAME} to a folder that you may write to"
        )
    logging.getLogger("runlore").warning(
        "cannot keep data in %s (%s); using %s, which may not survive a restart of the machine; "
        "set %s to a folder that you may write to",
        preferred,
        why,
        folder,
        ENVIRONMENT_NAME,
    )
    return folder


def data_folder() -> Path:
    """The data folder, absolute and existing, of mode 0700 where it was made here.

    When the preferred place cannot be written, ``<temporary folder>/runlore-<user id>`` is used and a warning says so,
    once a process. Raises UsageError when that is no use either.
    """
    named = os.environ.get(ENVIRONMENT_NAME, "")
    known = _settled.get(named)
    if known is not None and known.is_dir():
        return known
    preferred = _preferred()
    why = _is_usable(preferred)
    folder = _fallback(preferred, why) if why else preferred
    _settled[named] = folder
    return folder


def host_name() -> str:
    """The machine's name as it stands in file names: letters, digits, ``_.-``."""
    return _UNSAFE.sub("_", socket.gethostname()) or "localhost"


def run_folder(project: str, run_id: str, started_s: float, root: Path | None = None) -> Path:
    """Local directory of a run, not yet made. started_s: seconds since 1970. root: in place of the data folder."""
    stamp = time.strftime("%Y%m%d-%H%M%S", time.localtime(started_s))
    return (data_folder() if root is None else root) / "runs" / project / f"{stamp}-{run_id}"


def runs_folder(root: Path | None = None) -> Path:
    """Folder of all local run directories, ``<project>/<time>-<run id>`` below it; may not exist."""
    return (data_folder() if root is None else root) / "runs"


def active_folder(host: str | None = None) -> Path:
    """Folder of the entries that the recorder of ``host`` (default: this one) must drain; exists."""
    return private_folder(data_folder() / "active" / (host_name() if host is None else host))


def sync_folder() -> Path:
    """Folder of the recorder's progress files, ``<writer>.json``; exists."""
    return private_folder(data_folder() / "sync")


def recorder_lock(host: str | None = None) -> Path:
    """File whose lock is held by the one recorder of this user on ``host`` while it lives."""
    return data_folder() / f"recorder-{host_name() if host is None else host}.lock"


def recorder_log(host: str | None = None) -> Path:
    """Log file of the recorder."""
    return data_folder() / f"recorder-{host_name() if host is None else host}.log"


def recorder_file(host: str | None = None) -> Path:
    """JSON file about the recorder: its pid and when it started."""
    return data_folder() / f"recorder-{host_name() if host is None else host}.json"


def server_folder() -> Path:
    """Default data of ``runlore server``; may not exist."""
    return data_folder() / "server"


def server_file() -> Path:
    """JSON file about this user's running server (url, pid, data, api_key); absent while none runs."""
    return data_folder() / "server.json"


def credentials_file() -> Path:
    """JSON file of API keys by server address; may not exist."""
    return data_folder() / "credentials.json"


def write_private(path: Path, data: bytes) -> None:
    """Put ``data`` into a file of mode 0600, whole or not at all: readers see the old or the new content.

    Raises OSError.
    """
    temporary = path.with_name(f".{path.name[:64]}-{os.urandom(8).hex()}")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0), 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
        temporary.replace(path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
