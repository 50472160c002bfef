"""Every exception Runlore raises, in one tree.

    RunloreError
    ├── UsageError              the call, its arguments or a setting are wrong
    │   └── ConfigLocked        a locked or already set config key would change
    ├── CommError               the server could not be asked, or said no
    │   ├── ServerUnreachable   no answer within the time allowed
    │   ├── AuthenticationError the key is missing, unknown or revoked
    │   ├── NotFound            the path names nothing on the server
    │   └── IncompatibleServer  the server speaks another protocol version
    ├── JournalError            a journal file cannot be used
    │   ├── CorruptFrame        bytes of a journal fail their checksum
    │   └── UnsupportedJournal  written by a newer format
    └── StoreError              the server's data folder or database
        ├── DataFolderInUse     another server has it open
        ├── DataFolderUnusable  not writable, not ours, or of a newer version
        ├── StorageFull         the disk has no room for what should be stored
        ├── StorageFailed       the disk or the database file refused to read or write
        └── Conflict            the change contradicts what is stored

One class for each thing a caller can do differently. A message says what could not be done,
with which object, why, and what to do now.
"""

from __future__ import annotations


class RunloreError(Exception):
    """Root of every exception that Runlore raises on purpose."""


class UsageError(RunloreError):
    """A call, an argument or a setting is wrong; the message names the value and what was expected."""


class ConfigLocked(UsageError):
    """A config key that is locked or already set would change without ``allow_val_change=True``."""


class CommError(RunloreError):
    """The server could not be asked, or refused."""


class ServerUnreachable(CommError):
    """No answer came from the server within the time allowed."""


class AuthenticationError(CommError):
    """The API key is missing, unknown or revoked."""


class NotFound(CommError):
    """The path names nothing on the server; the message gives the nearest match where there is one."""


class IncompatibleServer(CommError):
    """The server speaks another protocol version; the message gives both versions."""


class JournalError(RunloreError):
    """A journal file cannot be used."""


class CorruptFrame(JournalError):
    """Bytes of a journal fail their checksum.

    offset: byte position of the first damaged byte, counted from the start of the journal.
    """

    def __init__(self, message: str, *, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


class UnsupportedJournal(JournalError):
    """The file is no journal, or one of a newer format version."""


class StoreError(RunloreError):
    """The server's data folder or database cannot do what was asked."""


class DataFolderInUse(StoreError):
    """Another server process has the data folder open."""


class DataFolderUnusable(StoreError):
    """The data folder is not writable, is not ours, or was written by a newer version."""


class StorageFull(StoreError):
    """The disk has no room for what should be stored; nothing of it was kept."""


class StorageFailed(StoreError):
    """The disk or the database file refused to read or write (I/O error, damage, locked by another program)."""


class Conflict(StoreError):
    """The change contradicts what is stored (a name already taken, an offset that leaves a gap)."""
