"""A bounded cache of decoded columns and tails. Holds only what never changes, so that nothing in it can be stale."""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

V = TypeVar("V")


class SizedCache(Generic[V]):
    """The most recently used values, up to ``limit_bytes`` by ``size_of``. Threads share it."""

    def __init__(self, limit_bytes: int, size_of: Callable[[V], int]) -> None:
        self._limit = limit_bytes
        self._size_of = size_of
        self._held: OrderedDict[Hashable, V] = OrderedDict()
        self._lock = threading.Lock()
        self.size_bytes = 0

    def get(self, key: Hashable) -> V | None:
        """The value, or None."""
        with self._lock:
            value = self._held.get(key)
            if value is not None:
                self._held.move_to_end(key)
            return value

    def put(self, key: Hashable, value: V) -> None:
        """Keep the value, and let the least recently used ones go for it."""
        size = self._size_of(value)
        if size > self._limit:
            return
        with self._lock:
            if key in self._held:
                return
            self._held[key] = value
            self.size_bytes += size
            while self.size_bytes > self._limit:
                _, gone = self._held.popitem(last=False)
                self.size_bytes -= self._size_of(gone)
