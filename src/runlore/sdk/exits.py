"""Every way out of the process, and the one final state that each of them gives the active runs.

normal end                    finished, exit code 0
exception                     failed, exit code 1
``sys.exit(n)``               finished for 0 or None, else failed with that code
Ctrl-C (KeyboardInterrupt)    killed, SIGINT
SIGTERM, SIGHUP               killed, with the signal; preempted after ``mark_preempting``
``os._exit``, SIGKILL, power  nothing is written here: the recorder or the server notices, crashed
"""

from __future__ import annotations

import atexit
import os
import signal
import sys
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from runlore.sdk import active, guard

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import FrameType, TracebackType

SIGNALS: Final = ("SIGTERM", "SIGHUP")


class Ending(NamedTuple):
    """How a process or a ``with`` block ends. exit_code: as the shell would see it."""

    exit_code: int
    signal: str = ""
    reason: str = ""


GOOD: Final = Ending(0)

_is_installed = False
_ending: Ending | None = None


def of_exception(error: BaseException | None) -> Ending:
    """The ending that an exception means, which leaves a block or the program."""
    if error is None or isinstance(error, GeneratorExit):
        return GOOD
    if isinstance(error, SystemExit):
        return of_exit_code(error.code)
    if isinstance(error, KeyboardInterrupt):
        return Ending(128 + signal.SIGINT, "SIGINT", "interrupted from the keyboard")
    text = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return Ending(1, "", text if len(text) <= 1000 else f"{text[:999]}…")


def of_exit_code(code: Any) -> Ending:
    """The ending that ``sys.exit(code)`` means."""
    if code is None:
        return GOOD
    if isinstance(code, int):
        return Ending(code & 0xFF, "", f"sys.exit({int(code)})" if code else "")
    return Ending(1, "", str(code)[:1000])


def install(*, with_signals: bool) -> None:
    """Put the hooks in place, once a process. with_signals: also for SIGTERM and SIGHUP, where they have no handler."""
    global _is_installed, _ending  # noqa: PLW0603 - one set of hooks a process
    _ending = None
    if with_signals:
        _install_signals()
    if _is_installed:
        return
    _is_installed = True
    atexit.register(_at_exit)
    _wrap_excepthook()
    _wrap_exit()


def at_end_of_child(close: Callable[[], None]) -> None:
    """Call ``close`` when this forked child ends; children of ``multiprocessing`` skip ``atexit``."""
    util = sys.modules.get("multiprocessing.util")
    process = sys.modules.get("multiprocessing.process")
    if util is not None and process is not None and process.parent_process() is not None:
        util.Finalize(None, close, exitpriority=10)


def after_fork() -> None:
    """In a forked child: signals do what they did before us. How the parent's program ends is not the child's affair."""
    global _ending  # noqa: PLW0603 - see install
    _ending = None
    for name in SIGNALS:
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is _on_signal:
            try:
                signal.signal(number, signal.SIG_DFL)
            except ValueError:
                return


def _wrap_excepthook() -> None:
    before = sys.excepthook

    def excepthook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        global _ending  # noqa: PLW0603 - see install
        _ending = of_exception(error)
        before(kind, error, trace)

    sys.excepthook = excepthook


def _wrap_exit() -> None:
    before = sys.exit

    def exit(status: Any = None, /) -> Any:  # noqa: A001 - stands in for it
        global _ending  # noqa: PLW0603 - see install
        _ending = of_exit_code(status)
        before(status)

    sys.exit = exit


def _install_signals() -> None:
    for name in SIGNALS:
        number = getattr(signal, name, None)
        if number is None:
            continue
        try:
            if signal.getsignal(number) is signal.SIG_DFL:
                signal.signal(number, _on_signal)
        except ValueError:  # not in the main thread
            return


def _on_signal(number: int, _frame: FrameType | None) -> None:
    """Record the end of every run without waiting for anything, then let the signal do what it would have done."""
    name = signal.Signals(number).name
    for run in active.runs():
        with guard.guarded("finish a run on a signal"):
            run.close(Ending(128 + number, name, f"ended by {name}"), waits=False)
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)


def _at_exit() -> None:
    ending = _ending or GOOD
    for run in active.runs():
        with guard.guarded("finish a run at the end of the program"):
            run.close(ending)
