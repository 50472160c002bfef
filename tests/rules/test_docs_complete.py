from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import typer

from runlore.cli import app
from runlore.sdk.settings import TABLE
from runlore.server.refusal import STATUS

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*DOCS.rglob("*.md"), *ROOT.glob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)


def commands(command: Any, name: str) -> Iterator[tuple[str, Any]]:
    """Every command that does something, with its whole name."""
    subcommands = getattr(command, "commands", None)
    if not subcommands:
        yield name, command
        return
    for word, found in subcommands.items():
        yield from commands(found, f"{name} {word}")


COMMANDS = dict(commands(typer.main.get_command(app), "runlore"))


def options_of(command: Any) -> set[str]:
    found = {name for parameter in command.params for name in [*parameter.opts, *parameter.secondary_opts]}
    return {name for name in found if name.startswith("--") and name != "--help"}


def section_of(name: str) -> str:
    text = (DOCS / "reference" / "cli.md").read_text()
    match = re.search(rf"^## {re.escape(name)}\n(.*?)(?=^## |\Z)", text, re.DOTALL | re.MULTILINE)
    assert match is not None, f"docs/reference/cli.md has no part '## {name}'"
    return match[1]


@pytest.mark.parametrize("name", COMMANDS)
def test_command_is_documented_with_its_options(name: str) -> None:
    told = set(re.findall(r"`(--[a-z-]+)", section_of(name)))
    assert told == options_of(COMMANDS[name])
    arguments = [
        (parameter.metavar or parameter.name.upper()).strip("[]")
        for parameter in COMMANDS[name].params
        if not any(option.startswith("-") for option in parameter.opts)
    ]
    assert [argument for argument in arguments if argument not in section_of(name)] == []


@pytest.mark.parametrize("name", COMMANDS)
def test_command_says_what_it_does_and_what_each_option_means(name: str) -> None:
    assert COMMANDS[name].help
    assert [found.name for found in COMMANDS[name].params if found.name != "help" and not found.help] == []


def test_documented_commands_exist() -> None:
    headings = re.findall(r"^## (runlore .+)$", (DOCS / "reference" / "cli.md").read_text(), re.MULTILINE)
    assert sorted(headings) == sorted(COMMANDS)


def test_every_setting_is_documented_with_its_variables() -> None:
    text = (DOCS / "reference" / "settings.md").read_text()
    missing = [
        name
        for setting in TABLE
        for name in (setting.name, *(found for found in setting.variables if found.startswith("RUNLORE_")))
        if f"`{name}`" not in text
    ]
    assert missing == []


def test_every_error_code_is_documented() -> None:
    text = (DOCS / "reference" / "errors.md").read_text()
    assert [code for code in STATUS if f"`{code}`" not in text] == []


def anchors_of(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", page.read_text()), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_links_lead_somewhere(page: Path) -> None:
    broken = []
    for target in LINK.findall(FENCE.sub("", page.read_text())):
        if "://" in target:
            continue
        name, _, anchor = target.partition("#")
        path = (page.parent / name).resolve() if name else page
        if not path.exists() or (anchor and anchor not in anchors_of(path)):
            broken.append(target)
    assert broken == []


def test_pages_that_sources_name_exist() -> None:
    sources = [path for room in ("src", "benchmarks") for path in (ROOT / room).rglob("*.py")]
    named = {(found, path) for path in sources for found in re.findall(r"docs/[\w/-]+\.md", path.read_text())}
    assert [f"{path.name}: {found}" for found, path in sorted(named) if not (ROOT / found).exists()] == []


def test_every_page_is_reached_from_the_index() -> None:
    index = (DOCS / "index.md").read_text()
    listed = {(DOCS / target).resolve() for target in LINK.findall(index)}
    missing = [page for page in DOCS.rglob("*.md") if page.resolve() not in listed and page != DOCS / "index.md"]
    assert [page.relative_to(DOCS).as_posix() for page in missing] == []
