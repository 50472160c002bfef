#!/usr/bin/env python3
"""One command each for trying, testing and checking Runlore, from a bare checkout.

Needs Python 3.11 or newer, and the network the first time; nothing else. It makes a virtual environment (``.venv``, or
the folder named by ``RUNLORE_VENV``), installs the package with everything for development into it, and builds the web
app with the Node that comes with it. What is up to date is not done again.
"""

from __future__ import annotations

import argparse
import hashlib
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = Path(os.environ.get("RUNLORE_VENV") or ROOT / ".venv").absolute()
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / ".runlore-installed"
NEEDED = (3, 11)
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MAC_BROWSERS = (
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
)


def say(text: str) -> None:
    """Print a line about what happens, at once."""
    print(f"dev.py: {text}", file=sys.stderr, flush=True)


def run(*command: str | Path, check: bool = True, **environment: str) -> int:
    """Run a program in the repository; the end of it is ours too when it fails and ``check`` is set."""
    code = subprocess.run(
        [str(part) for part in command], cwd=ROOT, env={**os.environ, **environment}, check=False
    ).returncode
    if code and check:
        say(f"`{' '.join(str(part) for part in command)}` ended with code {code}")
        sys.exit(code)
    return code


def become(*command: str | Path) -> int:
    """Go on as another program, so that Ctrl-C and the exit code are its own."""
    arguments = [str(part) for part in command]
    os.chdir(ROOT)
    sys.stdout.flush()
    if os.name != "nt":
        os.execv(arguments[0], arguments)
    # Windows has no exec that keeps the console: wait, and leave Ctrl-C to the program.
    signal.signal(signal.SIGINT, lambda *_: None)
    return subprocess.run(arguments, check=False).returncode


def use_a_new_enough_python() -> None:
    """Start again under a newer Python when this one is too old and a newer one is on the PATH."""
    if sys.version_info >= NEEDED:
        return
    for minor in range(20, NEEDED[1] - 1, -1):
        program = shutil.which(f"python3.{minor}")
        if program is not None:
            os.execv(program, [program, *sys.argv])
    sys.exit(
        f"dev.py: cannot run under Python {sys.version.split()[0]}: 3.11 or newer is needed; install one and run it with dev.py"
    )


def as_root() -> list[str] | None:
    """Command prefix that makes an apt-get command run as root without asking, None where there is no such way."""
    if not Path("/etc/debian_version").exists() or shutil.which("apt-get") is None:
        return None
    if os.geteuid() == 0:
        return []
    if shutil.which("sudo") and not subprocess.run(["sudo", "-n", "true"], capture_output=True, check=False).returncode:
        return ["sudo", "-n", "env"]
    return None


def apt_install(*packages: str) -> bool:
    """Install Debian packages where that is possible without a question; whether it was done."""
    prefix = as_root()
    if prefix is None:
        return False
    say(f"installing {' '.join(packages)} with apt-get")
    quiet = [*prefix, *(["env"] if not prefix else []), "DEBIAN_FRONTEND=noninteractive"]
    run(*quiet, "apt-get", "update", "-qq", check=False)
    return not run(*quiet, "apt-get", "install", "-y", "-qq", "--no-install-recommends", *packages, check=False)


def make_environment() -> None:
    """Make the virtual environment anew."""
    say(f"making a virtual environment in {VENV}")
    command = [sys.executable, "-m", "venv", "--clear", str(VENV)]
    made = subprocess.run(command, capture_output=True, text=True, check=False)
    if made.returncode:
        # Debian's python3 comes without ensurepip: its own package brings it.
        version = f"python3.{sys.version_info.minor}-venv"
        if not apt_install(version) or subprocess.run(command, check=False).returncode:
            sys.exit(
                f"{made.stdout}{made.stderr}\ndev.py: cannot make a virtual environment in {VENV}; "
                f"on Debian and Ubuntu install {version}, then run this again"
            )


def install() -> None:
    """The environment with the package (editable) and all it needs, brought up to date when its definition changed."""
    wanted = hashlib.sha256(
        b"\0".join([(ROOT / "pyproject.toml").read_bytes(), str(ROOT).encode(), sys.version.encode()])
    ).hexdigest()
    if STAMP.is_file() and STAMP.read_text() == wanted and PYTHON.exists():
        return
    has_pip = (
        PYTHON.exists()
        and not subprocess.run(
            [str(PYTHON), "-c", "import pip, sys; sys.exit(sys.version_info < (3, 11))"],
            capture_output=True,
            check=False,
        ).returncode
    )
    if not has_pip:
        make_environment()
    say("installing Runlore and what it needs (a minute or two the first time)")
    run(PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-e", ".[dev]", RUNLORE_SKIP_WEB="1")
    STAMP.write_text(wanted)


def npm(*arguments: str) -> None:
    """Run npm in ``web/`` under the Node of the environment."""
    code = "import sys, build_web; build_web.install_packages(); build_web.npm(*sys.argv[1:])"
    run(PYTHON, "-c", code, *arguments, PYTHONPATH=str(ROOT))


def build_web(*, force: bool = False) -> None:
    """The web app, built when its sources changed."""
    import build_web as web  # noqa: PLC0415 - its name is this function's

    if force or not web.is_current():
        say("building the web app")
        run(PYTHON, ROOT / "build_web.py")


def find_browser() -> str | None:
    """A Chromium for the browser tests."""
    named = os.environ.get("RUNLORE_CHROMIUM")
    candidates = [named] if named else [*BROWSERS, *MAC_BROWSERS]
    return next(filter(None, map(shutil.which, candidates)), None)


def ensure_browser() -> None:
    """Have a Chromium where that is possible, and say loudly what is not tested where it is not."""
    if find_browser() is None and (not apt_install("chromium") or find_browser() is None):
        bar = "!" * 78
        in_ci = "They FAIL, because this is CI." if os.environ.get("CI") else "They are skipped."
        say(
            f"\n{bar}\nNo Chromium was found, and none could be installed (that needs Debian and root or sudo).\n"
            f"The browser tests (tests/browser, and every test that says 'no Chromium') cannot run. {in_ci}\n"
            f"Install Chromium or Chrome, or name it with RUNLORE_CHROMIUM.\n{bar}"
        )


def demo(arguments: list[str]) -> int:
    """Train real models and watch them in the browser."""
    install()
    build_web()
    return become(PYTHON, "-m", "runlore.cli", "demo", *arguments)


def test(arguments: list[str]) -> int:
    """All tests; with arguments, what pytest makes of them."""
    install()
    build_web()
    ensure_browser()
    if not arguments:
        npm("test", "--silent")
    return become(PYTHON, "-m", "pytest", *arguments)


def lint(_arguments: list[str]) -> int:
    """Style of Python and of the web app."""
    install()
    run(PYTHON, "-m", "ruff", "check")
    run(PYTHON, "-m", "ruff", "format", "--check")
    npm("run", "lint", "--silent")
    return 0


def reformat(_arguments: list[str]) -> int:
    """Put all sources into the house's form."""
    install()
    run(PYTHON, "-m", "ruff", "check", "--fix-only")
    run(PYTHON, "-m", "ruff", "format")
    npm("run", "format", "--silent")
    return 0


def types(_arguments: list[str]) -> int:
    """Types of Python (src and tests) and of the web app."""
    install()
    run(PYTHON, "-m", "mypy")
    npm("run", "check", "--silent")
    return 0


def web(_arguments: list[str]) -> int:
    """Build the web app."""
    install()
    build_web(force=True)
    return 0


def npm_command(arguments: list[str]) -> int:
    """Run npm in web/, such as `npm run dev`."""
    install()
    npm(*arguments)
    return 0


def docs(_arguments: list[str]) -> int:
    """Check the documentation: links, commands, settings and codes."""
    install()
    return become(PYTHON, "-m", "pytest", "-q", "tests/rules")


def bench(arguments: list[str]) -> int:
    """Run a benchmark: its name, then its own arguments."""
    names = sorted(path.stem for path in (ROOT / "benchmarks").glob("*.py") if not path.stem.startswith("_"))
    if not arguments or arguments[0] not in names:
        sys.exit(f"dev.py: cannot run a benchmark named {' '.join(arguments[:1])!r}; there are: {', '.join(names)}")
    install()
    build_web()
    return become(PYTHON, ROOT / "benchmarks" / f"{arguments[0]}.py", *arguments[1:])


COMMANDS = {
    "demo": demo,
    "test": test,
    "lint": lint,
    "types": types,
    "format": reformat,
    "web": web,
    "npm": npm_command,
    "docs": docs,
    "bench": bench,
}


def main() -> int:
    """Carry out the command line."""
    use_a_new_enough_python()
    listed = "\n".join(f"  {name:8}{(function.__doc__ or '').strip()}" for name, function in COMMANDS.items())
    parser = argparse.ArgumentParser(
        prog="dev.py",
        description=(__doc__ or ""),
        epilog=f"commands:\n{listed}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=COMMANDS, metavar="COMMAND")
    parser.add_argument(
        "arguments", nargs=argparse.REMAINDER, metavar="ARGUMENTS", help="handed to the program behind the command"
    )
    given = parser.parse_args()
    try:
        return COMMANDS[given.command](given.arguments)
    except KeyboardInterrupt:
        return 130


if __name__ == "__main__":
    sys.exit(main())
