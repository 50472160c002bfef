"""Files by content in a folder: a blob's name is the SHA-256 of its bytes, so that it is stored once and never changes.

Blobs lie at ``ab/cd/abcd…`` under the folder, each put there whole under its final name. What is read is checked
against its name.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import obstore
from obstore.exceptions import BaseError
from obstore.store import LocalStore

from runlore.errors import NotFound, StorageFailed, StorageFull

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_FULL: Final = (f"os error {errno.ENOSPC})", f"os error {errno.EDQUOT})", f"os error {errno.EFBIG})")


class LocalBlobStore:
    """Blobs in a folder of this machine; fulfils ``BlobStore``.

    folder: made when it is not there. Every method may raise StorageFailed, and ``put`` StorageFull.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        with _faults("open the blob folder", str(folder)):
            self._store = LocalStore(folder, mkdir=True)

    def put(self, data: bytes | memoryview) -> str:
        """Store the bytes and return their digest; durable on return (power loss included)."""
        digest = hashlib.sha256(data).hexdigest()
        if self.size(digest) != len(data):
            with _faults("store blob", digest):
                obstore.put(self._store, _key(digest), bytes(data), use_multipart=False)
                self._make_durable(digest)
        return digest

    def get(self, digest: str) -> bytes:
        """The bytes. Raises NotFound when there are none, StorageFailed when they are not those that were stored."""
        try:
            with _faults("read blob", digest):
                data = bytes(obstore.get(self._store, _key(digest)).bytes())
        except FileNotFoundError as error:
            raise NotFound(f"cannot read blob {digest!r}: there is none") from error
        if hashlib.sha256(data).hexdigest() != digest:
            raise StorageFailed(
                f"cannot read blob {digest!r}: its {len(data)} bytes under {self._folder} fail their digest; check the disk"
            )
        return data

    def size(self, digest: str) -> int | None:
        """Size in bytes, None when the blob is not there."""
        try:
            with _faults("look for blob", digest):
                return obstore.head(self._store, _key(digest))["size"]
        except FileNotFoundError:
            return None

    def delete(self, digest: str) -> None:
        """Remove the bytes; no error when there are none."""
        try:
            with _faults("delete blob", digest):
                obstore.delete(self._store, _key(digest))
        except FileNotFoundError:
            return

    def _make_durable(self, digest: str) -> None:
        """Have the file and the folders that name it on disk; folders cannot be synced on Windows."""
        path = self._folder / _key(digest)
        _sync(path)
        if os.name != "nt":
            for folder in (path.parent, path.parent.parent, self._folder):
                _sync(folder)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDWR if path.is_file() and os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _key(digest: str) -> str:
    """Where a blob lies. What is no digest lies nowhere: it is never used as a path."""
    if not _DIGEST.fullmatch(digest):
        raise FileNotFoundError(digest)
    return f"{digest[:2]}/{digest[2:4]}/{digest}"


@contextmanager
def _faults(action: str, what: str) -> Iterator[None]:
    """Turn faults of the disk into ours; a missing file stays FileNotFoundError."""
    try:
        yield
    except FileNotFoundError:
        raise
    except (BaseError, OSError) as error:
        cause = str(error).partition("\n")[0]
        if any(sign in str(error) for sign in _FULL) or getattr(error, "errno", None) in {errno.ENOSPC, errno.EDQUOT}:
            raise StorageFull(f"cannot {action} {what}: {cause}; free some space on its disk") from error
        raise StorageFailed(f"cannot {action} {what}: {cause}; check the disk and the folder's permissions") from error
