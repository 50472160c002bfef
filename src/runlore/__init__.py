"""Runlore: experiment tracking that loses nothing. The public face; ``import runlore as wandb`` works for scripts.

import runlore

with runlore.init(project="p", config={"lr": 0.01}) as run:
    for _ in range(100):
        run.log({"loss": 0.5})
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from runlore.errors import (
    AuthenticationError,
    CommError,
    ConfigLocked,
    JournalError,
    RunloreError,
    UsageError,
)
from runlore.errors import RunloreError as Error
from runlore.sdk.init import init
from runlore.sdk.login import login
from runlore.sdk.module import define_metric, finish, log, mark_preempting, setup, teardown
from runlore.sdk.run import Run
from runlore.sdk.settings import Settings

if TYPE_CHECKING:
    from runlore.api import Api
    from runlore.sdk.config import Config
    from runlore.sdk.summary import Summary

    __version__: str
    config: Config
    run: Run | None
    summary: Summary

__all__ = [
    "Api",
    "AuthenticationError",
    "CommError",
    "ConfigLocked",
    "Error",
    "JournalError",
    "Run",
    "RunloreError",
    "Settings",
    "UsageError",
    "__version__",
    "config",
    "define_metric",
    "finish",
    "init",
    "log",
    "login",
    "mark_preempting",
    "run",
    "setup",
    "summary",
    "teardown",
]


def __getattr__(name: str) -> Any:
    if name == "Api":
        from runlore.api import Api  # noqa: PLC0415 - brings an HTTP client, which training does not need

        return Api
    from runlore.sdk import module  # noqa: PLC0415 - keeps the public face free of names that are not public

    return module.attribute(name)
