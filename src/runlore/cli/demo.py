"""``runlore demo``."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - Typer reads the annotation
from typing import Annotated

import typer


def demo(
    data: Annotated[
        Path | None,
        typer.Option("--data", metavar="FOLDER", help="Keep everything in this folder. Default: a temporary one."),
    ] = None,
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port of the server; 0 takes any that is free.")
    ] = 0,
    is_once: Annotated[bool, typer.Option("--once", help="Stop when the trainings are done.")] = False,
    is_opened: Annotated[bool, typer.Option("--open", help="Open the dashboard in this machine's browser.")] = False,
    epochs: Annotated[int, typer.Option("--epochs", min=1, help="How long each training lasts.")] = 100,
    runs: Annotated[int, typer.Option("--runs", min=1, help="How many trainings.")] = 6,
    jobs: Annotated[int, typer.Option("--jobs", min=1, help="How many trainings at a time.")] = 2,
) -> None:
    """Start a server, train small models on handwritten digits, and print where to watch them."""
    from runlore.demo.show import Options, show

    show(Options(data, port, is_once, is_opened, epochs, runs, jobs))
