"""``runlore sync``."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - Typer reads the annotation
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from runlore.recorder.sync import SyncResult


def sync(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(help="Run folders, folders of runs, or journals (*.rlj).", show_default=False, exists=True),
    ] = None,
    is_all: Annotated[bool, typer.Option("--all", help="Every local run.")] = False,
    is_json: Annotated[bool, typer.Option("--json", help="Print JSON: what became of each journal.")] = False,
) -> None:
    """Upload local runs to the server: offline runs, and whatever was not sent yet."""
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

    from runlore import credentials
    from runlore.cli import output
    from runlore.errors import UsageError
    from runlore.recorder.entries import Settings
    from runlore.recorder.sync import SyncProgress
    from runlore.recorder.sync import sync as upload
    from runlore.sdk.settings import settle

    if bool(paths) == is_all:
        raise UsageError("cannot sync: name run folders, or give --all for every local run")
    server = credentials.need()
    chosen = settle({})
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        console=Console(stderr=True),
        transient=True,
        disable=not Console(stderr=True).is_terminal,
    )
    with bar:
        task = bar.add_task("looking", total=None)

        def show(at: SyncProgress) -> None:
            label = f"journal {at.number} of {at.total}, run {at.run_id}"
            bar.update(task, description=label, completed=at.sent_bytes, total=at.size_bytes)

        results = upload(
            paths,
            server.base_url,
            server.api_key,
            show,
            settings=Settings(
                insecure_disable_ssl=chosen.insecure_disable_ssl, extra_http_headers=chosen.extra_http_headers
            ),
        )
    if is_json:
        output.print_json([{**result._asdict(), "path": str(result.path)} for result in results])
    else:
        _tell(results, server.base_url)
    if any(result.state == "failed" for result in results):
        raise typer.Exit(1)


def _tell(results: Sequence[SyncResult], base_url: str) -> None:
    from runlore.cli import output

    runs: dict[tuple[str, str], list[SyncResult]] = {}
    for result in results:
        if result.state == "failed":
            typer.echo(f"failed: {result.path}: {result.error}", err=True)
        else:
            runs.setdefault((result.project, result.run_id), []).append(result)
    for (project, run_id), journals in runs.items():
        sent = sum(result.sent_bytes for result in journals)
        what = f"sent {output.size_text(sent)}" if sent else "was there already"
        if any(result.state == "open" for result in journals):
            what += ", still being written"
        damaged = sum(result.damaged_bytes for result in journals)
        if damaged:
            what += f", {output.size_text(damaged)} of it damaged"
        typer.echo(
            f"{project}/{run_id}: {what}  {next((result.url for result in journals if result.url), '')}".rstrip()
        )
    failed = sum(result.state == "failed" for result in results)
    typer.echo(f"{len(runs)} runs are on {base_url}" + (f"; {failed} journals failed" if failed else ""))
