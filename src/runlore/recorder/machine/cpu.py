"""The host's processor cores."""

from __future__ import annotations

import psutil


def _busy(times: object) -> tuple[float, float]:
    """Busy and total seconds of a core since it started."""
    # Time of guests is part of "user" already.
    fields = {
        name: float(getattr(times, name)) for name in getattr(times, "_fields", ()) if not name.startswith("guest")
    }
    total = sum(fields.values())
    return total - fields.get("idle", 0.0) - fields.get("iowait", 0.0), total


class Cores:
    """Use of each core since the last reading, in percent: ``cpu.<i>.cpu_percent``."""

    def __init__(self) -> None:
        self._last = [_busy(times) for times in psutil.cpu_times(percpu=True)]

    def read(self) -> dict[str, float]:
        """One reading; a core without measurable time since the last one is left out."""
        now = [_busy(times) for times in psutil.cpu_times(percpu=True)]
        found = {
            f"cpu.{i}.cpu_percent": min(100.0, max(0.0, 100.0 * (busy - old_busy) / (total - old_total)))
            for i, ((busy, total), (old_busy, old_total)) in enumerate(zip(now, self._last, strict=False))
            if total > old_total
        }
        self._last = now
        return found
