"""Wiring of the command line. Every command's file is light; what it needs is imported when it runs."""

from __future__ import annotations

from typing import Annotated

import typer

from runlore.cli import demo, login, runs, server, status, sync, users, version
from runlore.cli.group import ReportingGroup

app = typer.Typer(
    name="runlore",
    cls=ReportingGroup,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Experiment tracking that loses nothing: a server, and what belongs to it.",
    context_settings={"help_option_names": ["-h", "--help"]},
)

app.command("demo")(demo.demo)
app.command("link")(server.link)
app.command("login")(login.login)
app.command("server")(server.server)
app.command("status")(status.status)
app.command("sync")(sync.sync)
app.command("version")(version.version)
app.add_typer(users.key, name="key")
app.add_typer(runs.app, name="runs")
app.add_typer(users.user, name="user")


def _print_version(wanted: bool) -> None:
    if wanted:
        version.version(is_json=False)
        raise typer.Exit


@app.callback()
def root(
    _version: Annotated[
        bool, typer.Option("--version", help="Show the versions and exit.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Experiment tracking that loses nothing: a server, and what belongs to it."""


def main() -> None:
    """Run the command line."""
    app()
