"""The state of a run, as a pure function of its journals: who still lives, and who ended how and when."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from runlore.store.base import JournalRecord, RunRecord

FINAL_STATES: Final = frozenset({"finished", "failed", "crashed", "killed", "preempted"})
LIVE_STATES: Final = frozenset({"running", "pending", "preempting"})


def settle(
    run: RunRecord,
    journals: Sequence[JournalRecord],
    *,
    is_alive: Callable[[JournalRecord], bool],
    heard_ns: Callable[[JournalRecord], int],
) -> bool:
    """Give the run the state that follows from its journals; true when that changed it.

    A run lives while a primary writer has not ended and shows signs of life. Otherwise the latest end decides; a writer
    that fell silent counts as crashed at its last sign of life. Before a primary is known, any writer keeps the run alive,
    and no writer's end ends it. is_alive: whether a writer was heard of lately. heard_ns: when that was.
    """
    before = (run.state, run.finished_ns, run.exit_code, run.state_reason, run.is_silent)
    primaries = [journal for journal in journals if journal.role == "primary"]
    ends: list[tuple[int, str, int | None, str, bool]] = []
    lives = False
    for journal in primaries or journals:
        if journal.exit_ns is not None and primaries:
            ends.append((journal.exit_ns, journal.exit_state, journal.exit_code, journal.exit_reason, False))
        elif is_alive(journal):
            lives = True
        else:
            silent_ns = heard_ns(journal)
            ends.append((silent_ns, "crashed", None, f"no sign of life since {iso(silent_ns)}", True))
    if lives or not ends:
        run.state, run.finished_ns, run.exit_code, run.state_reason, run.is_silent = (
            run.live_state,
            None,
            None,
            "",
            False,
        )
    else:
        run.finished_ns, run.state, run.exit_code, run.state_reason, run.is_silent = max(ends, key=lambda end: end[0])
    return before != (run.state, run.finished_ns, run.exit_code, run.state_reason, run.is_silent)


def iso(time_ns: int) -> str:
    """The time as ISO 8601 in UTC with milliseconds."""
    millis = min(max(time_ns // 1_000_000, 0), 253_402_300_799_999)
    return datetime.fromtimestamp(millis / 1000, tz=UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
