"""The server's data folder: made, checked and locked before anything in it is opened.

version           layout version of the folder
lock              held by the server that has the folder open; holds its pid
runlore.sqlite    everything about runs and their points
blobs/            files by content
owner-key         API key of the owner, readable by them only
"""

from __future__ import annotations

import os
import sys
from typing import IO, TYPE_CHECKING, Final, Self

from runlore.errors import DataFolderInUse, DataFolderUnusable

if sys.platform == "win32":
    import msvcrt
else:
    import fcntl

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

VERSION: Final = 1


class DataFolder:
    """A data folder that is there and may be written to. Opening it takes no lock; ``lock`` does."""

    def __init__(self, path: Path) -> None:
        """Make the folder where it is missing, for its owner only.

        Raises DataFolderUnusable when that cannot be, when it is not ours, or when it is of a newer version.
        """
        self.path = path.expanduser().absolute()
        self._lock: IO[str] | None = None
        try:
            self.path.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._check_version()
            self.blobs.mkdir(exist_ok=True, mode=0o700)
            if not os.access(self.path, os.W_OK | os.X_OK):
                raise PermissionError(13, "not writable")
        except (OSError, UnicodeError, ValueError) as error:
            raise DataFolderUnusable(
                f"cannot use {self.path} as the data folder: {_reason(error)}; "
                "make it writable, or name another one with --data"
            ) from error

    @property
    def database_url(self) -> str:
        """Where the SQL database is."""
        return f"sqlite:///{self.path / 'runlore.sqlite'}"

    @property
    def blobs(self) -> Path:
        """Folder of the files."""
        return self.path / "blobs"

    @property
    def owner_key(self) -> Path:
        """File of the owner's API key."""
        return self.path / "owner-key"

    def lock(self) -> Self:
        """Take the folder for this process until ``release``.

        Raises DataFolderInUse when another process has it.
        """
        path = self.path / "lock"
        try:
            handle = path.open("a+", encoding="utf-8")
        except OSError as error:
            raise DataFolderUnusable(f"cannot open {path}: {_reason(error)}; make the folder writable") from error
        if not _try_lock(handle):
            handle.seek(0)
            holder = handle.read().strip() or "unknown"
            handle.close()
            raise DataFolderInUse(
                f"cannot open the data folder {self.path}: the server with process id {holder} has it open; "
                "stop that one, or name another folder with --data"
            )
        handle.seek(0)
        handle.truncate()
        handle.write(str(os.getpid()))
        handle.flush()
        self._lock = handle
        return self

    def release(self) -> None:
        """Give the folder back; no error when it is not held."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _check_version(self) -> None:
        path = self.path / "version"
        if path.exists():
            found = int(path.read_text(encoding="utf-8"))
            if found > VERSION:
                raise ValueError(f"it has version {found}, this program knows up to {VERSION}; update runlore")
        elif any(self.path.iterdir()):
            raise ValueError("it holds files of something else")
        else:
            path.write_text(f"{VERSION}\n", encoding="utf-8")


def write_secret(path: Path, text: str) -> None:
    """Write a file that only its owner can read, at once or not at all."""
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(path)


def _reason(error: Exception) -> str:
    return (error.strerror or str(error)) if isinstance(error, OSError) else str(error)


if sys.platform == "win32":

    def _try_lock(handle: IO[str]) -> bool:
        try:
            handle.seek(1 << 30)  # a locked byte cannot be read, so that it lies behind the pid
            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True

else:

    def _try_lock(handle: IO[str]) -> bool:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
