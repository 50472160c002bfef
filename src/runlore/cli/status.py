"""``runlore status``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from runlore.credentials import Credential


def _server(found: Credential | None) -> dict[str, Any]:
    """What is known of the server in force, and what it says of itself and of the key."""
    from runlore.api.connection import Connection
    from runlore.errors import CommError
    from runlore.protocol import messages

    if found is None:
        return {"url": None, "source": None, "has_key": False, "state": "none known", "user": None}
    facts: dict[str, Any] = {
        "url": found.base_url,
        "source": found.source,
        "has_key": bool(found.api_key),
        "state": "answers",
        "user": None,
    }
    connection = Connection(found, 3)
    try:
        facts["version"] = connection.health().version
        if found.api_key:
            facts["user"] = connection.get("me", messages.Me).user
    except CommError as error:
        facts["state"] = str(error)
    return facts


def status(is_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show the settings in force, the server, the recorder, and what was not sent yet."""
    from runlore import credentials, folders
    from runlore.cli import backlog, output

    unsent = backlog.unsent_runs()
    facts = {
        "data_folder": str(folders.data_folder()),
        "server": _server(credentials.find()),
        "recorder": backlog.recorder(),
        "settings": backlog.settings_in_force(),
        "unsent": [run.as_json() for run in unsent],
    }
    if is_json:
        output.print_json(facts)
        return
    server, recorder = facts["server"], facts["recorder"]
    assert isinstance(server, dict)
    assert isinstance(recorder, dict)
    typer.echo(f"data folder  {facts['data_folder']}")
    typer.echo(f"server       {_server_text(server)}")
    typer.echo(f"recorder     {'runs, process ' + str(recorder['pid']) if recorder['is_alive'] else 'does not run'}")
    changed = backlog.settings_changed()
    typer.echo(f"settings     {'all others at their defaults' if changed else 'all at their defaults'}")
    for name, value in changed.items():
        typer.echo(f"  {name:<24} {value}")
    if not unsent:
        typer.echo("unsent       nothing")
        return
    output.print_table(
        ["unsent run", "project", "waiting", "of", "last error"],
        [
            [run.run_id, run.project, output.size_text(run.unsent_bytes), output.size_text(run.total_bytes), run.error]
            for run in unsent
        ],
    )
    typer.echo("`runlore sync --all` sends them")


def _server_text(server: dict[str, Any]) -> str:
    if server["url"] is None:
        return "none known; `runlore server` starts one"
    who = f", as {server['user']}" if server["user"] else ("" if server["has_key"] else ", no API key known")
    return f"{server['url']} (from {server['source']}){who}: {server['state']}"
