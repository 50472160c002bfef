"""``runlore login``."""

from __future__ import annotations

from typing import Annotated

import typer


def login(
    host: Annotated[
        str,
        typer.Option("--host", metavar="ADDRESS", help="The server. Default: the one in force, see `runlore status`."),
    ] = "",
    is_key_from_stdin: Annotated[
        bool, typer.Option("--key-stdin", help="Read the API key from standard input without asking.")
    ] = False,
    is_verified: Annotated[
        bool, typer.Option("--verify/--no-verify", help="Ask the server whether it knows the key before keeping it.")
    ] = True,
) -> None:
    """Keep an API key for a server, and make that server the default of this user.

    The key is asked for, or read from standard input when that is no terminal. It is never taken from the command line, where others could read it.
    """
    import sys

    from runlore import credentials, folders
    from runlore.api.connection import Connection
    from runlore.errors import UsageError
    from runlore.protocol import messages

    if host:
        address = credentials.check_address(host)
    else:
        known = credentials.find()
        if known is None:
            raise UsageError("cannot log in: no server is known; name it with --host ADDRESS")
        address = known.base_url
    if is_key_from_stdin or not sys.stdin.isatty():
        key = sys.stdin.readline().strip()
    else:
        key = typer.prompt(f"API key for {address}", hide_input=True).strip()
    if not key or any(letter.isspace() for letter in key):
        raise UsageError("cannot log in: no API key was given; the owner of a server makes one with `runlore key new`")
    who = ""
    if is_verified:
        me = Connection(credentials.Credential(address, key, "login"), 15).get("me", messages.Me)
        who = f" as {me.user} (entity {me.entity})"
    credentials.save(address, key)
    typer.echo(f"logged in to {address}{who}; the key is in {folders.credentials_file()}")
