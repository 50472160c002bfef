"""Module-level forms (``runlore.log`` and so on): they act on the current run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runlore.sdk import absent, active, exits, guard, recorder_link
from runlore.sdk.settings import settle
from runlore.sdk.version import VERSION

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from runlore.sdk.metrics import Metric
    from runlore.sdk.settings import Settings


def log(data: Mapping[str, Any], step: int | None = None, commit: bool | None = None) -> None:
    """``run.log`` of the current run. Raises UsageError before ``init``."""
    active.required("runlore.log()").log(data, step, commit)


def define_metric(
    name: str,
    step_metric: str | Metric | None = None,
    step_sync: bool | None = None,
    hidden: bool | None = None,
    summary: str | Sequence[str] | None = None,
    goal: str | None = None,
    overwrite: bool | None = None,
) -> Metric:
    """``run.define_metric`` of the current run. Raises UsageError before ``init``."""
    run = active.required("runlore.define_metric()")
    return run.define_metric(name, step_metric, step_sync, hidden, summary, goal, overwrite)


def finish(exit_code: int | None = None, quiet: bool | None = None) -> None:
    """``run.finish`` of the current run; without one nothing happens."""
    run = active.current()
    if run is not None:
        run.finish(exit_code, quiet)


def mark_preempting() -> None:
    """``run.mark_preempting`` of the current run. Raises UsageError before ``init``."""
    active.required("runlore.mark_preempting()").mark_preempting()


def setup(settings: Settings | None = None) -> None:
    """Start the recorder, if none lives. ``init`` does so by itself."""
    if settle({}, settings).recorder == "auto":
        recorder_link.ensure(now=True)


def teardown(exit_code: int | None = None) -> None:
    """Finish every active run of this process. The recorder ends by itself when it has nothing left to do."""
    for run in active.runs():
        with guard.guarded("finish a run"):
            run.close(exits.of_exit_code(exit_code))


def attribute(name: str) -> Any:
    """Module attributes that follow the current run: run, config, summary; and the version. Raises AttributeError."""
    if name == "run":
        return active.current()
    if name in {"config", "summary"}:
        run = active.current()
        return active.BeforeInit(f"runlore.{name}") if run is None else getattr(run, name)
    if name == "__version__":
        return VERSION
    raise absent.missing("runlore", name, absent.MODULE_NAMES)
