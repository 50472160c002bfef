"""Config and summary of a run on a server: a mapping that knows which keys were changed here."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any, Final

_SPOKEN: Final = {"NaN": math.nan, "Infinity": math.inf, "-Infinity": -math.inf}


def from_json(value: Any) -> Any:
    """The value with "NaN", "Infinity" and "-Infinity" as numbers again."""
    if isinstance(value, dict):
        return {key: from_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [from_json(item) for item in value]
    return _SPOKEN.get(value, value) if isinstance(value, str) else value


def to_json(value: Any) -> Any:
    """The value with NaN and ±Inf as the words that JSON documents use for them."""
    if isinstance(value, Mapping):
        return {str(key): to_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [to_json(item) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("Infinity" if value > 0 else "-Infinity")
    return value


class Document(MutableMapping[str, Any]):
    """A run's config or summary. Setting and deleting keys stays here until ``update`` sends it.

    Keys are top-level; a value replaces the old one whole.
    """

    def __init__(self, values: dict[str, Any], send: Callable[[], None]) -> None:
        self._values = values
        self._send = send
        self._changed: set[str] = set()
        self._removed: set[str] = set()

    def __getitem__(self, key: str) -> Any:
        return self._values[key]

    def __setitem__(self, key: str, value: Any) -> None:
        if not isinstance(key, str):
            raise TypeError(f"cannot set key {key!r}: expected a string, not {type(key).__name__}")
        self._values[key] = value
        self._changed.add(key)
        self._removed.discard(key)

    def __delitem__(self, key: str) -> None:
        del self._values[key]
        self._changed.discard(key)
        self._removed.add(key)

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return repr(self._values)

    def update(self, *others: Any, **values: Any) -> None:
        """Set keys as ``dict.update`` does and send all changes to the server. Raises CommError and its kinds."""
        super().update(*others, **values)
        self._send()

    def pending(self) -> tuple[dict[str, Any] | None, list[str] | None]:
        """What was changed and removed here and not sent yet, as JSON values; None for nothing."""
        changed = {key: to_json(self._values[key]) for key in sorted(self._changed)}
        return changed or None, sorted(self._removed) or None

    def replace(self, values: dict[str, Any]) -> None:
        """Take the server's values, forgetting what was pending."""
        self._values = values
        self._changed.clear()
        self._removed.clear()
