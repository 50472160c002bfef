"""Waiting for the upload when a run ends: as long as bytes move, and no longer than a while without."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, NamedTuple

from runlore.sdk import entries, recorder_link, terminal

if TYPE_CHECKING:
    from runlore.sdk.entries import Target

POLL_S: Final = 0.05
_FIRST_NOTE_S: Final = 2.0
_NOTE_S: Final = 5.0


class Outcome(NamedTuple):
    """is_complete: the server has everything. error: what the recorder last had trouble with. sent_bytes: acknowledged."""

    is_complete: bool
    error: str
    sent_bytes: int


def has_destination(target: Target) -> bool:
    """Whether there is a server that the recorder can upload to right now."""
    return target.base_url is not None or entries.local_server_lives()


def wait_for_upload(writer: str, size_bytes: int, timeout_s: float, *, is_quiet: bool) -> Outcome:
    """Wait until the recorder has the acknowledgement for ``size_bytes`` of the journal.

    timeout_s: give up after so many seconds without progress, 0 never does. An interrupt from the keyboard gives up, too.
    """
    sent = 0
    error = ""
    moved = told = time.monotonic()
    begun = moved
    try:
        while True:
            progress = entries.read_progress(writer)
            now = time.monotonic()
            if progress is not None:
                error = progress.error
                if progress.offset > sent:
                    sent, moved = progress.offset, now
            if sent >= size_bytes:
                return Outcome(is_complete=True, error="", sent_bytes=sent)
            if timeout_s and now - moved >= timeout_s:
                return Outcome(is_complete=False, error=error, sent_bytes=sent)
            if not is_quiet and now - begun >= _FIRST_NOTE_S and now - told >= _NOTE_S:
                told = now
                terminal.say(
                    [f"uploading: {sent / 1e6:.1f} of {size_bytes / 1e6:.1f} MB" + (f" ({error})" if error else "")]
                )
            recorder_link.ensure()
            time.sleep(POLL_S)
    except KeyboardInterrupt:
        return Outcome(is_complete=False, error="interrupted from the keyboard", sent_bytes=sent)
