"""Nested dictionaries of config and summary that notice when they are changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


class Owner(Protocol):
    """What a section belongs to."""

    def change(self, path: tuple[str, ...], values: Mapping[str, Any], removed: Iterable[str]) -> dict[str, Any]:
        """Set and remove keys of the dictionary at ``path``; returns its new content. Raises as the owner decides."""


class Section(dict[str, Any]):
    """A nested dictionary with attribute access, whose changes go through its owner.

    A plain ``dict`` for everyone who only reads. Copies and pickles are plain dictionaries.
    """

    def __init__(self, owner: Owner, path: tuple[str, ...], values: Mapping[str, Any]) -> None:
        super().__init__(values)
        object.__setattr__(self, "_owner", owner)
        object.__setattr__(self, "_path", path)

    def _apply(self, values: Mapping[str, Any], removed: Iterable[str] = ()) -> None:
        content = self._owner.change(self._path, values, removed)
        super().clear()
        super().update(content)

    def __getitem__(self, key: str) -> Any:
        value = super().__getitem__(key)
        return Section(self._owner, (*self._path, key), value) if type(value) is dict else value

    def get(self, key: str, default: Any = None) -> Any:
        """The value of ``key``, ``default`` when it is absent."""
        return self[key] if key in self else default  # noqa: SIM401 - this is that method

    def __getattr__(self, key: str) -> Any:
        try:
            return self[key]
        except KeyError:
            raise AttributeError(f"there is no {'.'.join((*self._path, key))!r}") from None

    def __setitem__(self, key: str, value: Any) -> None:
        self._apply({key: value})

    __setattr__ = __setitem__

    def __delitem__(self, key: str) -> None:
        if key not in self:
            raise KeyError(key)
        self._apply({}, [key])

    def update(self, *args: Any, **kwargs: Any) -> None:
        """As ``dict.update``."""
        self._apply(dict(*args, **kwargs))

    def setdefault(self, key: str, default: Any = None) -> Any:
        """As ``dict.setdefault``."""
        if key not in self:
            self._apply({key: default})
        return self[key]

    def pop(self, key: str, *default: Any) -> Any:
        """As ``dict.pop``."""
        if key not in self and default:
            return default[0]
        value = self[key]
        del self[key]
        return value

    def clear(self) -> None:
        """As ``dict.clear``."""
        self._apply({}, list(self))

    def __reduce__(self) -> tuple[Any, ...]:
        return (dict, (dict(self),))

    def __copy__(self) -> dict[str, Any]:
        return dict(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> dict[str, Any]:
        return {key: dict(value) if isinstance(value, dict) else value for key, value in self.items()}


def changed(
    tree: dict[str, Any], path: tuple[str, ...], values: Mapping[str, Any], removed: Iterable[str]
) -> dict[str, Any]:
    """A copy of ``tree`` in which the dictionary at ``path`` (made where it is missing) has the changes."""
    copy = dict(tree)
    if path:
        inner = copy.get(path[0])
        copy[path[0]] = changed(inner if isinstance(inner, dict) else {}, path[1:], values, removed)
        return copy
    for key in removed:
        copy.pop(key, None)
    copy.update(values)
    return copy


def at(tree: dict[str, Any], path: Iterable[str]) -> dict[str, Any]:
    """The dictionary at ``path``, an empty one where there is none."""
    found: Any = tree
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}
