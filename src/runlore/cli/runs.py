"""``runlore runs``."""

from __future__ import annotations

from typing import Annotated

import typer

app = typer.Typer(no_args_is_help=True, help="Runs on the server.")


@app.callback()
def runs() -> None:
    """Runs on the server."""


@app.command("ls")
def ls(
    project: Annotated[
        str, typer.Argument(help="PROJECT or ENTITY/PROJECT. Default: every project.", show_default=False)
    ] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help="Show at most so many runs of a project.")] = 50,
    order: Annotated[
        str, typer.Option("--order", help="A field, config.PATH or summary.PATH; - in front for descending.")
    ] = "-created_at",
    search: Annotated[str, typer.Option("--search", help="Text in the name, id, group, tags or notes.")] = "",
    is_json: Annotated[bool, typer.Option("--json", help="Print JSON: a list of runs.")] = False,
) -> None:
    """List runs, newest first."""
    from runlore.api import Api
    from runlore.cli import output

    api = Api()
    lists = (
        [api.runs(project, order=order, search=search, per_page=min(limit, 200))]
        if project
        else [found.runs(order=order, search=search, per_page=min(limit, 200)) for found in api.projects()]
    )
    found = [run for listed in lists for run in listed[:limit]]
    if is_json:
        output.print_json(
            [
                {
                    "entity": run.entity,
                    "project": run.project,
                    "id": run.id,
                    "name": run.name,
                    "state": run.state,
                    "created_at": run.created_at,
                    "duration_s": run.duration_s,
                    "last_step": run.last_history_step,
                    "group": run.group,
                    "job_type": run.job_type,
                    "tags": run.tags,
                    "config": dict(run.config),
                    "summary": dict(run.summary),
                    "url": run.url,
                }
                for run in found
            ]
        )
        return
    if not found:
        typer.echo("no runs")
        return
    output.print_table(
        ["project", "id", "name", "state", "created", "duration", "step", "tags"],
        [
            [
                run.project,
                run.id,
                run.name,
                run.state,
                run.created_at[:16].replace("T", " "),
                output.duration_text(run.duration_s),
                str(run.last_history_step) if run.last_history_step >= 0 else "-",
                ", ".join(run.tags),
            ]
            for run in found
        ],
    )
    hidden = sum(len(listed) for listed in lists) - len(found)
    if hidden > 0:
        typer.echo(f"and {hidden} more: see --limit")
