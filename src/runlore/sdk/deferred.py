"""Tensors on an accelerator, read in a thread of their own: reading one waits for the device, the training must not."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Any, Final

from runlore.sdk import guard

if TYPE_CHECKING:
    from collections.abc import Callable

DRAIN_S: Final = 60.0
"""Longest wait for tensors that are still being computed when a run finishes."""

_Item = tuple[int, int, dict[str, Any]]


class DeferredReads:
    """Reads tensors in the order they were logged and hands their values on.

    log_at: takes (values, step, time_ns). The thread starts with the first tensor.
    """

    def __init__(self, log_at: Callable[[dict[str, Any], int, int], None]) -> None:
        self._log_at = log_at
        self._queue: queue.SimpleQueue[_Item | None] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None

    def put(self, step: int, time_ns: int, tensors: dict[str, Any]) -> None:
        """Take tensors as they are now. A copy is queued on the device itself, so that later changes do not show."""
        copies = {name: _copy(tensor) for name, tensor in tensors.items()}
        if self._thread is None:
            self._thread = threading.Thread(target=self._work, name="runlore-deferred", daemon=True)
            self._thread.start()
        self._queue.put((step, time_ns, copies))

    def close(self) -> None:
        """Wait until everything is read, at most a minute."""
        if self._thread is None:
            return
        self._queue.put(None)
        self._thread.join(DRAIN_S)
        if self._thread.is_alive():
            guard.LOGGER.warning(
                "tensors of %d or more rows were not ready %g s after the run's end and are not recorded",
                self._queue.qsize(),
                DRAIN_S,
            )
        self._thread = None

    def after_fork(self) -> None:
        """In a forked child: the parent's tensors are the parent's affair, and its device cannot be used here."""
        self._queue = queue.SimpleQueue()
        self._thread = None

    def _work(self) -> None:
        while (item := self._queue.get()) is not None:
            step, time_ns, tensors = item
            with guard.guarded("read deferred tensors"):
                self._log_at({name: _on_host(tensor) for name, tensor in tensors.items()}, step, time_ns)


def _copy(tensor: Any) -> Any:
    detached = tensor.detach() if hasattr(tensor, "detach") else tensor
    return detached.clone() if hasattr(detached, "clone") else detached


def _on_host(tensor: Any) -> Any:
    size = 1
    for length in tensor.shape:
        size *= int(length)
    if size == 1:
        return tensor.item()
    return tensor.cpu() if hasattr(tensor, "cpu") else tensor
