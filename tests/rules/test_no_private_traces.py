from __future__ import annotations

import json
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ADDRESS = re.compile(r"\b(?:https?|wss?)://[^\s\"'`<>)\]}\\,;|]+")
OURS = {"localhost", "127.0.0.1", "[::1]", "::1", "0.0.0.0", "host", "host:port"}
REFERENCES = {
    "www.w3.org",  # names of XML namespaces
    "www.apache.org",  # the licence
    "json-schema.org",
    "svelte.dev",
    "example.org",
    "example.com",
}
"""Hosts that stand in the text as names or for reading, and are never called."""

MACHINE = re.compile(r"/home/[a-z]|/Users/[A-Za-z]|/work/|/root/|/tmp/[a-z]")


def files(*patterns: str) -> list[Path]:
    """Files that belong to the repository, committed or about to be."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "--", *patterns],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [ROOT / name for name in listed.stdout.splitlines() if (ROOT / name).is_file()]


def text_of(path: Path) -> str:
    try:
        return path.read_text()
    except UnicodeDecodeError:
        return ""  # a picture or golden bytes


def is_allowed(address: str) -> bool:
    host = address.partition("://")[2].partition("/")[0].rpartition("@")[2]
    name = host.partition("]")[0] + "]" if host.startswith("[") else re.split(r"[:?#]", host, maxsplit=1)[0].rstrip(".")
    is_filled_in = not name or name.startswith(("{", "[{", "$", "%", "<", "…"))
    is_reserved = name.endswith((".invalid", ".example", ".test", ".example.org", ".example.com", ".localhost"))
    return is_filled_in or is_reserved or name in OURS | REFERENCES


def test_lock_file_names_no_registry() -> None:
    packages = json.loads((ROOT / "web" / "package-lock.json").read_text())["packages"]
    assert [name for name, package in packages.items() if "resolved" in package] == []


def test_sources_name_no_foreign_hosts() -> None:
    found = []
    for path in files("src", "web", ":(glob)*.py", ".ci", "benchmarks", "pyproject.toml"):
        if path.name == "package-lock.json":
            continue
        for number, line in enumerate(text_of(path).splitlines(), 1):
            found += [
                f"{path.relative_to(ROOT)}:{number}: {address}"
                for address in ADDRESS.findall(line)
                if not is_allowed(address)
            ]
    assert found == []


def test_nothing_names_a_machine() -> None:
    found = []
    for path in files("src", "web", "docs", "tests", "benchmarks", ":(glob)*", ".ci"):
        if path.name == "package-lock.json" or path == Path(__file__):
            continue
        for number, line in enumerate(text_of(path).splitlines(), 1):
            if MACHINE.search(line):
                found.append(f"{path.relative_to(ROOT)}:{number}: {line.strip()}")
    assert found == []
