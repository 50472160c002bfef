"""What happens to active runs when the process forks."""

from __future__ import annotations

import os

from runlore.sdk import active, exits, guard, pulse

_is_installed = False


def install() -> None:
    """Be told of forks, once a process and its children."""
    global _is_installed  # noqa: PLW0603 - the interpreter keeps the hooks for good
    if _is_installed or not hasattr(os, "register_at_fork"):
        return
    _is_installed = True
    os.register_at_fork(before=pulse.stop, after_in_parent=pulse.start, after_in_child=_in_child)


def _in_child() -> None:
    with guard.guarded("settle into a forked child"):
        pulse.after_fork()
        exits.after_fork()
        for run in active.runs():
            run.after_fork()
