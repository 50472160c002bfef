"""Small training scripts as processes of their own, for benchmarks and journeys."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from typing import TYPE_CHECKING

from harness.live_server import RUNLORE, environment

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def start_script(home: Path, code: str, *words: str, extra: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """Start ``code`` (dedented) in a fresh interpreter whose data folder is ``home``; words are its ``sys.argv[1:]``.

    The code is kept as a file, because multiprocessing's spawn must be able to import it.
    """
    number = len(list(home.glob("script-*.py")))
    file = home / f"script-{number}.py"
    file.write_text(textwrap.dedent(code))
    return subprocess.Popen(
        [sys.executable, str(file), *words],
        env=environment(home, extra),
        cwd=home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def run_script(
    home: Path,
    code: str,
    *words: str,
    extra: Mapping[str, str] | None = None,
    expected: int | None = 0,
    timeout_s: float = 60,
) -> subprocess.CompletedProcess[str]:
    """Run ``code`` to its end. Raises RuntimeError with its output when the exit code is not ``expected`` (None: any)."""
    process = start_script(home, code, *words, extra=extra)
    try:
        output, errors = process.communicate(timeout=timeout_s)
    except subprocess.TimeoutExpired:
        process.kill()
        output, errors = process.communicate()
        raise RuntimeError(f"the script did not end within {timeout_s:g} s:\n{output}\n{errors}") from None
    if expected is not None and process.returncode != expected:
        raise RuntimeError(f"the script ended with {process.returncode}, expected {expected}:\n{output}\n{errors}")
    return subprocess.CompletedProcess(process.args, process.returncode, output, errors)


def run_command(
    home: Path,
    *words: str,
    extra: Mapping[str, str] | None = None,
    typed: str = "",
    expected: int | None = 0,
    timeout_s: float = 60,
) -> subprocess.CompletedProcess[str]:
    """Run ``runlore WORDS`` to its end. typed: its standard input.

    Raises RuntimeError with its output when the exit code is not ``expected`` (None: any).
    """
    done = subprocess.run(
        [*RUNLORE, *words],
        env=environment(home, extra),
        input=typed,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )
    if expected is not None and done.returncode != expected:
        raise RuntimeError(f"runlore {' '.join(words)} ended with {done.returncode}:\n{done.stdout}\n{done.stderr}")
    return done
