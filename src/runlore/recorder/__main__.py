"""``python -m runlore.recorder``: ``run`` is the recorder process, ``lookup`` asks a server one question for the SDK."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
from logging.handlers import RotatingFileHandler
from typing import TYPE_CHECKING, Final

from runlore import folders

if TYPE_CHECKING:
    from runlore.recorder.daemon import Daemon

LOG_BYTES: Final = 1024 * 1024
LOG_FILES: Final = 2


def _start_log() -> None:
    handler = RotatingFileHandler(folders.recorder_log(), maxBytes=LOG_BYTES, backupCount=LOG_FILES, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(process)d %(levelname)s %(message)s"))
    logger = logging.getLogger("runlore")
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False


def _run(idle_s: float, unreachable_idle_s: float) -> int:
    from runlore.recorder import daemon  # noqa: PLC0415 - lookup does without it

    folders.data_folder()
    os.umask(0o077)
    # The folder that the first trainer was started in must be free to go.
    os.chdir(os.path.abspath(os.sep))  # noqa: PTH100
    _start_log()
    working: list[Daemon] = []

    def on_signal(_number: int, _frame: object) -> None:
        for each in working:
            each.stop()

    signal.signal(signal.SIGTERM, on_signal)
    signal.signal(signal.SIGINT, on_signal)
    if hasattr(signal, "SIGHUP"):
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
    daemon.run(idle_s=idle_s, unreachable_idle_s=unreachable_idle_s, on_daemon=working.append)
    return 0


def main(arguments: list[str] | None = None) -> int:
    """The process's exit code. ``run`` ends with 0 also when another recorder is at work."""
    parser = argparse.ArgumentParser(prog="python -m runlore.recorder", description="The recorder of Runlore.")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="drain journals, sample the machine, end when there is nothing to do")
    run.add_argument("--idle-s", type=float, default=10.0, help="seconds to stay without work (default 10)")
    run.add_argument(
        "--unreachable-idle-s",
        type=float,
        default=600.0,
        help="seconds to stay when servers are known but nothing can be shipped (default 600)",
    )
    commands.add_parser("lookup", help="read a question as JSON from stdin, write the answer as JSON to stdout")
    chosen = parser.parse_args(arguments)
    if chosen.command == "run":
        return _run(chosen.idle_s, chosen.unreachable_idle_s)
    from runlore.recorder import lookup  # noqa: PLC0415 - the recorder does without it

    sys.stdout.buffer.write(lookup.answer(sys.stdin.buffer.read()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
