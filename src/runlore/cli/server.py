"""``runlore server`` and ``runlore link``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

DataOption = Annotated[
    Path | None,
    typer.Option("--data", metavar="DIR", help="The server's data folder. Default: server/ in the user's data folder."),
]


def server(
    host: Annotated[str, typer.Option("--host", help="Address to listen on; 0.0.0.0 for all.")] = "127.0.0.1",
    port: Annotated[
        int, typer.Option("--port", min=0, max=65535, help="Port to listen on; 0 picks a free one.")
    ] = 8417,
    data: DataOption = None,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-host", metavar="NAME", help="A further name that browsers reach the server by. Repeatable."
        ),
    ] = None,
    heartbeat_timeout: Annotated[
        float,
        typer.Option(
            "--heartbeat-timeout", min=1, help="Seconds without a sign of life until a run is shown as crashed."
        ),
    ] = 12.0,
    recorder: Annotated[
        bool, typer.Option("--recorder/--no-recorder", help="Start the recorder, which uploads runs logged before.")
    ] = True,
) -> None:
    """Serve the dashboard and take runs in, until Ctrl-C."""
    import logging

    from runlore.server.serve import Options, serve

    logging.basicConfig(format="%(asctime)s %(levelname)s %(message)s", level=logging.WARNING)

    def on_ready(url: str, link: str) -> None:
        typer.echo(f"Runlore serves at {url}\nOpen it here (works once, for 15 minutes): {link}")

    serve(
        Options(
            data=data_folder(data),
            host=host,
            port=port,
            allow_hosts=tuple(allow_host or ()),
            heartbeat_timeout_s=heartbeat_timeout,
            has_recorder=recorder,
        ),
        on_ready=on_ready,
    )


def link(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="The user. Default: the owner.")] = "",
    data: DataOption = None,
    url: Annotated[
        str, typer.Option("--url", help="Address that the browser uses. Default: that of this user's running server.")
    ] = "",
) -> None:
    """Print a fresh one-time link that signs a browser in."""
    import json

    from runlore import folders
    from runlore.errors import UsageError
    from runlore.server.administration import open_administration

    if not url:
        try:
            url = str(json.loads(folders.server_file().read_bytes())["url"])
        except (OSError, ValueError, KeyError) as error:
            raise UsageError(
                "cannot print a link: no server of yours runs here; name its address with --url"
            ) from error
    with open_administration(data_folder(data)) as administration:
        typer.echo(f"{url.rstrip('/')}/#link={administration.new_link(name)}")


def data_folder(named: Path | None) -> Path:
    """The server's data folder: the one named, else the default."""
    from runlore import folders

    return folders.server_folder() if named is None else named
