"""``run.summary``: the last value of every metric, or its aggregates, and what the user sets there."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

from runlore.protocol.records import Summary as SummaryRecord
from runlore.sdk import guard, values
from runlore.sdk.sections import Section, at, changed

if TYPE_CHECKING:
    from collections.abc import Callable


class Summary(MutableMapping[str, Any]):
    """The summary of a run: read and set by item, attribute or dotted path.

    Follows the logged rows by itself. What is set here stands until the metric is logged again. Nested values that were
    logged as ``{"a": {"b": 1}}`` are found both as ``summary["a.b"]`` and ``summary["a"]["b"]``.
    """

    def __init__(
        self,
        send: Callable[[SummaryRecord], None],
        latest: dict[str, Any],
        builtin: Callable[[], dict[str, Any]],
    ) -> None:
        object.__setattr__(self, "_send", send)
        object.__setattr__(self, "_latest", latest)
        object.__setattr__(self, "_builtin", builtin)

    def __getitem__(self, key: str) -> Any:
        latest: dict[str, Any] = self._latest
        if key in latest:
            value = _plain(latest[key])
            return Section(self, (key,), value) if type(value) is dict else value
        if key.startswith("_"):
            builtin = self._builtin()
            if key in builtin:
                return builtin[key]
        nested = _nested(latest, key)
        if nested:
            return Section(self, (key,), nested)
        head, _, rest = key.partition(".")
        if rest and isinstance(latest.get(head), dict):
            found = self[head]
            for part in rest.split("."):
                found = found[part]
            return found
        raise KeyError(key)

    def __setitem__(self, key: str, value: Any) -> None:
        self.update({key: value})

    def __delitem__(self, key: str) -> None:
        if key not in self._latest:
            raise KeyError(key)
        del self._latest[key]
        self._send(SummaryRecord(remove=[key]))

    def __getattr__(self, key: str) -> Any:
        try:
            return self[key]
        except KeyError:
            raise AttributeError(f"summary has no key {key!r}") from None

    def __setattr__(self, key: str, value: Any) -> None:
        self[key] = value

    def __delattr__(self, key: str) -> None:
        del self[key]

    def __contains__(self, key: object) -> bool:
        try:
            self[key]  # type: ignore[index]
        except (KeyError, TypeError, AttributeError):
            return False
        return True

    def __iter__(self) -> Iterator[str]:
        yield from list(self._latest)
        yield from self._builtin()

    def __len__(self) -> int:
        return len(self._latest) + len(self._builtin())

    def __repr__(self) -> str:
        return repr(self.as_dict())

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a key or dotted path, ``default`` when it is absent."""
        try:
            return self[key]
        except KeyError:
            return default

    def update(self, d: Mapping[str, Any] | None = None, **kwargs: Any) -> None:  # type: ignore[override]
        """Set many keys at once. A value that cannot be recorded is named in a warning and left out."""
        accepted: dict[str, Any] = {}
        for key, value in {**(d or {}), **kwargs}.items():
            try:
                accepted[str(key)] = _recordable(value)
            except Exception as error:  # noqa: BLE001 - foreign objects may raise anything
                guard.warn_once(
                    f"value summary {key}",
                    "cannot record summary %r of type %s: %s; the rest is kept",
                    key,
                    type(value).__name__,
                    error,
                )
        if accepted:
            self._send(SummaryRecord(set=accepted))
            self._latest.update(accepted)

    def as_dict(self) -> dict[str, Any]:
        """A copy as plain data, with ``_step``, ``_runtime`` and ``_timestamp``."""
        found = {key: _plain(value) for key, value in list(self._latest.items())}
        found.update(self._builtin())
        return found

    def change(self, path: tuple[str, ...], values_: Mapping[str, Any], removed: Iterable[str]) -> dict[str, Any]:
        """Change a nested dictionary (see ``sections.Owner``)."""
        latest: dict[str, Any] = self._latest
        wanted = {key: _recordable(value) for key, value in values_.items()}
        if path[0] not in latest:  # logged as a nested row: its leaves stand under dotted names
            prefix = ".".join(path)
            gone = [f"{prefix}.{key}" for key in removed]
            leaves = {f"{prefix}.{key}": value for key, value in wanted.items()}
            self._send(SummaryRecord(set=leaves, remove=gone))
            latest.update(leaves)
            for key in gone:
                latest.pop(key, None)
            return _nested(latest, prefix)
        top = changed(latest, path, wanted, removed)[path[0]]
        latest[path[0]] = top
        self._send(SummaryRecord(set={path[0]: top}))
        return at(latest, path)


def _recordable(value: Any) -> Any:
    if values.is_tensor(value):
        found = values.recordable(value)
        return found.value if isinstance(found, values.Number) else found
    return values.to_json(value)


def _plain(value: Any) -> Any:
    """The value as plain Python data: rows of the fast path leave numpy scalars behind."""
    numpy = sys.modules.get("numpy")
    return value.item() if numpy is not None and isinstance(value, numpy.generic) else value


def _nested(latest: Mapping[str, Any], key: str) -> dict[str, Any]:
    """The nested dictionary of all dotted names below ``key``, empty when there are none."""
    prefix = f"{key}."
    found: dict[str, Any] = {}
    for name, value in list(latest.items()):
        if name.startswith(prefix):
            *path, last = name[len(prefix) :].split(".")
            inner = found
            for part in path:
                nested = inner.setdefault(part, {})
                inner = nested if isinstance(nested, dict) else {}
            inner[last] = _plain(value)
    return found
