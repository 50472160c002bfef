"""The host's network traffic."""

from __future__ import annotations

import psutil


class Network:
    """``network.sent`` and ``network.recv``: bytes over all interfaces since the first reading."""

    def __init__(self) -> None:
        self._first = psutil.net_io_counters()

    def read(self) -> dict[str, float]:
        """One reading; empty where the system does not tell."""
        now = psutil.net_io_counters()
        if now is None or self._first is None:
            return {}
        return {
            "network.sent": float(now.bytes_sent - self._first.bytes_sent),
            "network.recv": float(now.bytes_recv - self._first.bytes_recv),
        }
