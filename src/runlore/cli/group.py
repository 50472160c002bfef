"""How a command that cannot do its work says so: one line on standard error, and an exit code of 1."""

from __future__ import annotations

from typing import Any, Final

import typer
from typer.core import TyperGroup

from runlore.errors import RunloreError

EXTRAS: Final = {
    "alembic": "server",
    "granian": "server",
    "litestar": "server",
    "numpy": "server",
    "obstore": "server",
    "sqlalchemy": "server",
    "sklearn": "demo",
}
"""Which extra brings a package that a light install lacks."""


def fail(message: str) -> typer.Exit:
    """Print the message on standard error; raise what comes back."""
    typer.echo(f"runlore: {message}", err=True)
    return typer.Exit(1)


class ReportingGroup(TyperGroup):
    """The commands. Our own exceptions and missing extras become a message, anything else stays a traceback."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command. Raises typer.Exit with code 1 for what was reported."""
        try:
            return super().invoke(ctx)
        except RunloreError as error:
            raise fail(str(error)) from error
        except ModuleNotFoundError as error:
            extra = EXTRAS.get((error.name or "").partition(".")[0])
            if extra is None:
                raise
            raise fail(
                f"cannot do this with the light install: the package {error.name!r} is missing; "
                f"install it with: pip install 'runlore[{extra}]'"
            ) from error
