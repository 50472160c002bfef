"""The one place where faults of Runlore itself are swallowed, so that they cannot stop a training.

A fault is told once per kind on the ``runlore`` logger. With ``RUNLORE_STRICT=1`` it is raised again, as in our tests.
"""

from __future__ import annotations

import logging
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

LOGGER: Final = logging.getLogger("runlore")
"""Where Runlore says what it has to say to the user's program."""


class _Prefix(logging.Filter):
    """Says who speaks where the program has not set up logging, so that only the bare message is shown."""

    def filter(self, record: logging.LogRecord) -> bool:
        if not LOGGER.hasHandlers():
            record.msg = f"runlore: {record.msg}"
        return True


LOGGER.addFilter(_Prefix())

_MOST: Final = 1000
_told: set[str] = set()


def is_strict() -> bool:
    """Whether faults are raised again instead of swallowed."""
    return os.environ.get("RUNLORE_STRICT", "") not in {"", "0", "false"}


def warn_once(kind: str, message: str, *args: object) -> None:
    """Log a warning unless one of the same ``kind`` was logged by this process before."""
    if kind not in _told and len(_told) < _MOST:
        _told.add(kind)
        LOGGER.warning(message, *args)


def forget(prefix: str) -> None:
    """Let the warnings whose kind begins with ``prefix`` be told again (a new run begins)."""
    _told.difference_update([kind for kind in _told if kind.startswith(prefix)])


def report(doing: str, error: Exception) -> None:
    """Tell a fault of ours and go on. doing: what could not be done, such as "log a row"."""
    if is_strict():
        raise error
    kind = f"fault {doing} {type(error).__name__}"
    if kind not in _told:
        _told.add(kind)
        LOGGER.error(
            "could not %s (%s: %s), which is a fault of Runlore; the program itself is not affected. Further faults of this kind are not shown",
            doing,
            type(error).__name__,
            error,
            exc_info=error if LOGGER.isEnabledFor(logging.DEBUG) else None,
        )


@contextmanager
def guarded(doing: str) -> Iterator[None]:
    """Swallow any fault inside the block after telling it once."""
    try:
        yield
    except Exception as error:  # noqa: BLE001 - this is the one place for it
        report(doing, error)
