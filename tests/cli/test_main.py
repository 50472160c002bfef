from __future__ import annotations

import json
import subprocess
import sys

import pytest
import typer
from typer.testing import CliRunner

from runlore.cli import app
from runlore.cli.group import ReportingGroup
from runlore.errors import UsageError


def test_help_needs_no_server_packages() -> None:
    heavy = ["litestar", "granian", "sqlalchemy", "alembic", "obstore", "numpy", "urllib3", "sklearn", "psutil"]
    code = (
        "import sys\nfrom runlore.cli import app\n"
        "try:\n    app(['--help'])\nexcept SystemExit:\n    pass\n"
        f"print('loaded:', [name for name in {heavy!r} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "loaded: []"
    assert "login" in done.stdout


def test_version_in_json() -> None:
    done = CliRunner().invoke(app, ["version", "--json"])
    assert done.exit_code == 0
    assert set(json.loads(done.stdout)) == {"runlore", "protocol", "journal_format", "python", "system"}


def test_version_option_is_the_version_command() -> None:
    assert CliRunner().invoke(app, ["--version"]).stdout == CliRunner().invoke(app, ["version"]).stdout


def raising(error: Exception) -> typer.Typer:
    own = typer.Typer(cls=ReportingGroup)

    @own.command()
    def fails() -> None:
        raise error

    @own.callback()
    def root() -> None:
        pass

    return own


def test_our_errors_become_a_message_and_exit_code_1() -> None:
    done = CliRunner().invoke(raising(UsageError("cannot do it: because; do that")), ["fails"])
    assert (done.exit_code, done.stdout, done.stderr) == (1, "", "runlore: cannot do it: because; do that\n")


def test_missing_extra_gives_the_install_command() -> None:
    missing = ModuleNotFoundError("No module named 'litestar.openapi'", name="litestar.openapi")
    done = CliRunner().invoke(raising(missing), ["fails"])
    assert done.exit_code == 1
    assert "pip install 'runlore[server]'" in done.stderr


def test_other_missing_modules_are_faults_of_ours() -> None:
    done = CliRunner().invoke(raising(ModuleNotFoundError("No module named 'x'", name="x")), ["fails"])
    assert isinstance(done.exception, ModuleNotFoundError)


def test_unknown_command_is_a_wrong_command_line() -> None:
    done = CliRunner().invoke(app, ["versio"])
    assert done.exit_code == 2
    assert "version" in done.stderr


@pytest.mark.parametrize("arguments", [["-m", "runlore.cli", "version"]])
def test_module_runs_the_command_line(arguments: list[str]) -> None:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("runlore ")
