"""``run.config``: hyperparameters, with W&B's rules about changing them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, MutableMapping
from typing import TYPE_CHECKING, Any

from runlore.errors import ConfigLocked
from runlore.protocol.records import Config as ConfigRecord
from runlore.sdk import config_sources, guard, values
from runlore.sdk.process import is_notebook
from runlore.sdk.sections import Section, at, changed

if TYPE_CHECKING:
    from collections.abc import Callable


class Config(MutableMapping[str, Any]):
    """The configuration of a run: read and set by item, attribute or dotted path, at any depth.

    Changing the value of a key that is already set raises ConfigLocked, unless the new value is equal,
    ``allow_val_change`` is given (here, or to ``init``), or the program is a notebook. Assignment by item or attribute follows
    the same rule. Values are kept as plain data: tuples become lists, objects with fields become dictionaries.
    """

    def __init__(
        self,
        send: Callable[[ConfigRecord], None],
        content: Mapping[str, Any] | None = None,
        *,
        allow_val_change: bool = False,
    ) -> None:
        object.__setattr__(self, "_send", send)
        object.__setattr__(self, "_content", dict(content or {}))
        object.__setattr__(self, "_locks", {})
        object.__setattr__(self, "_allow", allow_val_change)

    def __getitem__(self, key: str) -> Any:
        content: dict[str, Any] = self._content
        if key in content:
            value = content[key]
            return Section(self, (key,), value) if type(value) is dict else value
        head, _, rest = key.partition(".") if isinstance(key, str) else (key, "", "")
        if rest and isinstance(content.get(head), dict):
            found = self[head]
            for part in rest.split("."):
                found = found[part]
            return found
        raise KeyError(key)

    def __setitem__(self, key: str, value: Any) -> None:
        if "." in key and key not in self._content and isinstance(self._content.get(key.partition(".")[0]), dict):
            *path, last = key.split(".")
            self.change(tuple(path), {last: value}, ())
            return
        self._set({key: value})

    def __delitem__(self, key: str) -> None:
        if key not in self._content:
            raise KeyError(key)
        self._check(key, None, allow=True)
        del self._content[key]
        self._send(ConfigRecord(remove=[key]))

    def __getattr__(self, key: str) -> Any:
        try:
            return self[key]
        except KeyError:
            raise AttributeError(f"config has no key {key!r}") from None

    def __setattr__(self, key: str, value: Any) -> None:
        self[key] = value

    def __delattr__(self, key: str) -> None:
        del self[key]

    def __contains__(self, key: object) -> bool:
        try:
            self[key]  # type: ignore[index]
        except (KeyError, TypeError):
            return False
        return True

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._content))

    def __len__(self) -> int:
        return len(self._content)

    def __repr__(self) -> str:
        return repr(self._content)

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a key or dotted path, ``default`` when it is absent."""
        try:
            return self[key]
        except (KeyError, TypeError):
            return default

    def update(self, d: Any = None, allow_val_change: bool | None = None, **kwargs: Any) -> None:  # type: ignore[override]
        """Set many keys at once, from anything that ``init(config=)`` takes. Raises ConfigLocked, UsageError."""
        self._set({**config_sources.parse(d), **kwargs}, allow_val_change)

    def setdefaults(self, d: Any) -> None:
        """Set only the keys that are absent."""
        self._set({key: value for key, value in config_sources.parse(d).items() if key not in self._content})

    def as_dict(self) -> dict[str, Any]:
        """A copy as plain nested dictionaries."""
        return dict(values.to_json(self._content))

    def persist(self) -> None:
        """Record the whole configuration once more. Every change is recorded at once anyway."""
        self._send(ConfigRecord(set=dict(self._content)))

    def update_locked(
        self, d: Mapping[str, Any], user: str | None = None, _allow_val_change: bool | None = None
    ) -> None:
        """Set keys and lock them: a later change is refused with a warning. user: who locks, such as "sweep"."""
        self._set(d, True if _allow_val_change is None else _allow_val_change, ignore_locks=True)
        self._locks.update(dict.fromkeys(d, user or "a sweep"))

    def change(self, path: tuple[str, ...], values_: Mapping[str, Any], removed: Iterable[str]) -> dict[str, Any]:
        """Change a nested dictionary (see ``sections.Owner``)."""
        inner = at(self._content, path)
        wanted = {key: self._converted(key, value) for key, value in values_.items()}
        if any(key in inner and inner[key] != value for key, value in wanted.items()):
            key = next(key for key, value in wanted.items() if key in inner and inner[key] != value)
            self._check(".".join((*path, key)), wanted[key], allow=None, old=inner[key])
        if self._is_locked(path[0]):
            return inner
        top = changed(self._content, path, wanted, removed)[path[0]]
        self._content[path[0]] = top
        self._send(ConfigRecord(set={path[0]: top}))
        return at(self._content, path)

    def _set(self, given: Mapping[str, Any], allow: bool | None = None, *, ignore_locks: bool = False) -> None:
        accepted: dict[str, Any] = {}
        for key, value in given.items():
            if not ignore_locks and allow is not True and self._is_locked(key):
                continue
            plain = self._converted(key, value)
            if key in self._content and not _same(self._content[key], plain):
                self._check(key, plain, allow, self._content[key])
            accepted[key] = plain
        if accepted:
            self._content.update(accepted)
            self._send(ConfigRecord(set=accepted))

    def _converted(self, key: str, value: Any) -> Any:
        def note(text: str) -> None:
            guard.warn_once(
                f"value config {key}",
                "config %r: a value of type %s is kept as text: %s",
                key,
                type(value).__name__,
                text,
            )

        try:
            return values.to_json(value, note)
        except Exception as error:  # noqa: BLE001 - foreign objects may raise anything
            text = object.__repr__(value)
            note(f"{text} ({error})")
            return text

    def _is_locked(self, key: str) -> bool:
        by = self._locks.get(key)
        if by is None or self._allow:
            return False
        guard.warn_once(
            f"value config lock {key}",
            "config key %r was set by %s and is locked: the change is ignored; give allow_val_change=True to change it",
            key,
            by,
        )
        return True

    def _check(self, key: str, new: Any, allow: bool | None, old: Any = None) -> None:
        if allow or (allow is None and self._allow) or is_notebook():
            return
        raise ConfigLocked(
            f"cannot change config key {key!r} from {old!r} to {new!r}: it is already set; "
            "pass allow_val_change=True to config.update() or init() if the change is meant"
        )


def _same(old: Any, new: Any) -> bool:
    return bool(old == new) or (old != old and new != new)  # noqa: PLR0124 - NaN equals NaN here
