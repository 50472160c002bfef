"""Virtual environments for the peers of ``sdk.py`` and ``series.py``: one each, made once, kept under a cache folder."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import platformdirs

if TYPE_CHECKING:
    from pathlib import Path

REQUIREMENTS: Final[dict[str, list[str]]] = {
    "wandb": ["wandb"],
    "trackio": ["trackio"],
    "tensorboardX": ["tensorboardX"],
    "mlflow": ["mlflow"],
    "duckdb": ["duckdb", "numpy"],
}
"""Peer → what is installed for it. Newest versions; the table prints which ones they were."""


def default_cache() -> Path:
    """Where the environments live when ``--cache`` does not say."""
    return platformdirs.user_cache_path("runlore") / "benchmarks"


def python_of(peer: str, cache: Path) -> Path:
    """The interpreter of the peer's environment, which is made on first use.

    Raises subprocess.CalledProcessError when it cannot be made; its ``stderr`` says why.
    """
    folder = cache / peer
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    done = folder / "complete"
    if done.exists():
        return python
    subprocess.run([sys.executable, "-m", "venv", "--clear", str(folder)], check=True, capture_output=True, text=True)
    subprocess.run(
        [str(python), "-m", "pip", "install", "--quiet", *REQUIREMENTS[peer]],
        check=True,
        capture_output=True,
        text=True,
    )
    done.touch()
    return python
