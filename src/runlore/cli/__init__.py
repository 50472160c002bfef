"""The command line: one file per command, each a thin caller."""

from __future__ import annotations

from runlore.cli.main import app, main

__all__ = ["app", "main"]
