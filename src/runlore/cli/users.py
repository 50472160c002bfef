"""``runlore user`` and ``runlore key``."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from runlore.cli.server import DataOption, data_folder

user = typer.Typer(no_args_is_help=True, help="Users of a server.")
key = typer.Typer(no_args_is_help=True, help="API keys of a server.")

JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@user.command("add")
def add_user(
    name: Annotated[str, typer.Argument(help="1 to 64 of letters, digits, '-', '_' and '.'.")],
    data: DataOption = None,
    is_json: JsonOption = False,
) -> None:
    """Add a user, with an entity of that name, and print their API key: once, as the last line."""
    from runlore.cli import output
    from runlore.server.administration import open_administration

    with open_administration(data_folder(data)) as administration:
        secret = administration.new_user(name)
    if is_json:
        output.print_json({"user": name, "entity": name, "api_key": secret})
    else:
        typer.echo(f"User {name} is added. Their API key, shown only now:\n{secret}")


@user.command("ls")
def list_users(data: DataOption = None, is_json: JsonOption = False) -> None:
    """List the users."""
    from runlore.cli import output
    from runlore.server.administration import open_administration

    with open_administration(data_folder(data)) as administration:
        users = administration.users()
    if is_json:
        output.print_json(
            [{"user": each.name, "created_at": _iso(each.created_ns), "keys": each.keys} for each in users]
        )
    else:
        output.print_table(
            ["user", "created", "keys"], [[each.name, _iso(each.created_ns), str(each.keys)] for each in users]
        )


@key.command("new")
def add_key(
    name: Annotated[str, typer.Argument(help="The user.")], data: DataOption = None, is_json: JsonOption = False
) -> None:
    """Make a further API key for a user and print it: once, as the last line."""
    from runlore.cli import output
    from runlore.server.administration import open_administration

    with open_administration(data_folder(data)) as administration:
        number, secret = administration.new_key(name)
    if is_json:
        output.print_json({"id": number, "user": name, "api_key": secret})
    else:
        typer.echo(f"API key {number} of user {name}, shown only now:\n{secret}")


@key.command("ls")
def list_keys(data: DataOption = None, is_json: JsonOption = False) -> None:
    """List the API keys; the keys themselves are not stored."""
    from runlore.cli import output
    from runlore.server.administration import open_administration

    with open_administration(data_folder(data)) as administration:
        keys = administration.keys()
    if is_json:
        output.print_json(
            [
                {
                    "id": each.id,
                    "user": each.user,
                    "created_at": _iso(each.created_ns),
                    "revoked_at": None if each.revoked_ns is None else _iso(each.revoked_ns),
                }
                for each in keys
            ]
        )
    else:
        rows = [
            [str(each.id), each.user, _iso(each.created_ns), "" if each.revoked_ns is None else _iso(each.revoked_ns)]
            for each in keys
        ]
        output.print_table(["id", "user", "created", "revoked"], rows)


@key.command("revoke")
def revoke_key(
    number: Annotated[int, typer.Argument(metavar="ID", help="As `runlore key ls` shows it.")],
    data: DataOption = None,
    is_json: JsonOption = False,
) -> None:
    """Make an API key useless. A running server knows within two seconds."""
    from runlore.cli import output
    from runlore.server.administration import open_administration

    with open_administration(data_folder(data)) as administration:
        administration.revoke_key(number)
    if is_json:
        output.print_json({"id": number, "revoked": True})
    else:
        typer.echo(f"API key {number} is revoked.")


def _iso(time_ns: int) -> str:
    return datetime.fromtimestamp(time_ns / 1e9, tz=UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
