"""Which runs are active in this process, and what the module-level names do before there is one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NoReturn

from runlore.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from runlore.sdk.run import Run

_runs: list[Run] = []
_globals: list[Run] = []


def add(run: Run, *, is_global: bool) -> None:
    """Take a begun run in. is_global: it becomes the one that module-level functions act on."""
    _runs.append(run)
    if is_global:
        _globals[:] = [run]


def remove(run: Run) -> None:
    """A run has finished."""
    if run in _runs:
        _runs.remove(run)
    if run in _globals:
        _globals.remove(run)


def runs() -> list[Run]:
    """All active runs, the latest begun first."""
    return list(reversed(_runs))


def current() -> Run | None:
    """The run that module-level functions act on, None without one."""
    return _globals[0] if _globals else None


def required(what: str) -> Run:
    """The current run. Raises UsageError, naming ``what`` was called, when there is none."""
    run = current()
    if run is None:
        raise UsageError(f"cannot call {what} before runlore.init(): no run is active; call runlore.init() first")
    return run


class BeforeInit:
    """Stands for ``runlore.config`` and ``runlore.summary`` while no run is active: any use of it raises UsageError."""

    def __init__(self, name: str) -> None:
        object.__setattr__(self, "_name", name)

    def _refuse(self, what: str) -> NoReturn:
        raise UsageError(f"cannot use {what} before runlore.init(): no run is active; call runlore.init() first")

    def __getattr__(self, key: str) -> Any:
        if key.startswith("__"):
            raise AttributeError(key)
        self._refuse(f"{self._name}.{key}")

    def __setattr__(self, key: str, value: Any) -> None:
        self._refuse(f"{self._name}.{key}")

    def __getitem__(self, key: str) -> Any:
        self._refuse(f"{self._name}[{key!r}]")

    def __setitem__(self, key: str, value: Any) -> None:
        self._refuse(f"{self._name}[{key!r}]")

    def __contains__(self, key: object) -> bool:
        self._refuse(self._name)

    def __iter__(self) -> Iterator[str]:
        self._refuse(self._name)
