from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGE_MAKER = """
const fs = require('fs');
fs.mkdirSync('../src/runlore/_web', { recursive: true });
fs.writeFileSync('../src/runlore/_web/index.html', 'made of ' + fs.readFileSync('page.txt'));
"""


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A small checkout: the real build files, a package of one module, a web app whose build needs no packages."""
    for name in ("pyproject.toml", "hatch_build.py", "build_web.py", "dev.py", "README.md", "LICENSE", ".gitignore"):
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / "src" / "runlore").mkdir(parents=True)
    (tmp_path / "src" / "runlore" / "__init__.py").touch()
    web = tmp_path / "web"
    web.mkdir()
    (web / "package.json").write_text('{"name": "web", "version": "0.0.1", "scripts": {"build": "node make.cjs"}}')
    lock = '{"name": "web", "version": "0.0.1", "lockfileVersion": 3, "packages": {"": {"version": "0.0.1"}}}'
    (web / "package-lock.json").write_text(lock)
    (web / "node_modules").mkdir()
    (web / "make.cjs").write_text(PAGE_MAKER)
    (web / "page.txt").write_text("one")
    return tmp_path


def build(checkout: Path, target: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", target, "-d", "out"],
        cwd=checkout,
        env={**{name: value for name, value in os.environ.items() if name != "RUNLORE_SKIP_WEB"}, **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def page_of(checkout: Path) -> str:
    return (checkout / "src" / "runlore" / "_web" / "index.html").read_text()


def test_wheel_and_sdist_carry_the_web_app(checkout: Path) -> None:
    for target in ("wheel", "sdist"):
        done = build(checkout, target)
        assert done.returncode == 0, done.stdout + done.stderr
    wheel = zipfile.ZipFile(next((checkout / "out").glob("*.whl")))
    assert wheel.read("runlore/_web/index.html") == b"made of one"
    with tarfile.open(next((checkout / "out").glob("*.tar.gz"))) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {"src/runlore/_web/index.html", "src/runlore/_web/.stamp", "web/page.txt", "build_web.py"} <= names
    assert not [name for name in names if name.startswith("web/node_modules")]


def test_web_app_is_built_again_only_when_its_sources_changed(checkout: Path) -> None:
    build(checkout, "wheel")
    page = checkout / "src" / "runlore" / "_web" / "index.html"
    page.write_text("still there")
    build(checkout, "wheel")
    assert page_of(checkout) == "still there"
    (checkout / "web" / "page.txt").write_text("two")
    build(checkout, "wheel")
    assert page_of(checkout) == "made of two"


def test_failing_web_build_says_the_ways_out(checkout: Path) -> None:
    (checkout / "web" / "make.cjs").write_text("process.exit(3)")
    done = build(checkout, "wheel")
    assert done.returncode != 0
    assert "RUNLORE_SKIP_WEB=1" in done.stderr
    assert list((checkout / "out").glob("*.whl")) == []


def test_package_can_be_built_without_the_web_app(checkout: Path) -> None:
    done = build(checkout, "wheel", RUNLORE_SKIP_WEB="1")
    assert done.returncode == 0, done.stdout + done.stderr
    names = zipfile.ZipFile(next((checkout / "out").glob("*.whl"))).namelist()
    assert not [name for name in names if "_web" in name]


def test_recipes_are_listed(checkout: Path) -> None:
    done = subprocess.run(
        [sys.executable, "dev.py", "--help"], cwd=checkout, capture_output=True, text=True, check=True
    )
    assert "Train real models" in done.stdout
