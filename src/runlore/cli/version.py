"""``runlore version``."""

from __future__ import annotations

from typing import Annotated

import typer


def version(is_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False) -> None:
    """Show the versions of Runlore, its protocol, its journal format, and Python."""
    import platform
    from importlib import metadata

    from runlore.cli import output
    from runlore.protocol import messages, records

    facts = {
        "runlore": metadata.version("runlore"),
        "protocol": messages.PROTOCOL,
        "journal_format": records.FORMAT,
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
    }
    if is_json:
        output.print_json(facts)
        return
    typer.echo(f"runlore {facts['runlore']}")
    typer.echo(f"protocol {facts['protocol']}, journal format {facts['journal_format']}")
    typer.echo(f"Python {facts['python']} on {facts['system']}")
