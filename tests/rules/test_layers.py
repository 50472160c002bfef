from __future__ import annotations

import ast
import itertools
from pathlib import Path
from typing import NamedTuple

SOURCE = Path(__file__).parents[2] / "src"
PACKAGE = SOURCE / "runlore"

LEAVES = {"errors", "protocol", "folders", "credentials", "transport"}
MAY_IMPORT: dict[str, set[str]] = {
    "errors": set(),
    "folders": {"errors"},
    "credentials": {"errors", "folders"},
    "protocol": {"errors"},
    "transport": {"errors", "protocol"},
    "sdk": {"errors", "protocol", "folders", "credentials"},
    "recorder": LEAVES,
    "api": LEAVES,
    "store": {"errors", "protocol"},
    "server": {"errors", "protocol", "folders", "store"},
    "integrations": {"errors", ""},
    "demo": {*LEAVES, "api", ""},
    "cli": {*LEAVES, "sdk", "recorder", "api", "store", "server", "demo", ""},
    "": {*LEAVES, "sdk", "api"},
}
"""Room → rooms it may import. "" is the package itself: the public face."""


class Import(NamedTuple):
    """An import of one of our modules. is_lazy: inside a function, so that it makes no cycle when modules load."""

    file: Path
    line: int
    importer: str
    imported: str
    is_lazy: bool

    def __str__(self) -> str:
        text = self.file.read_text().splitlines()[self.line - 1].strip()
        return f"{self.file.relative_to(SOURCE.parent)}:{self.line}: {text}"


def module_of(file: Path) -> str:
    parts = file.relative_to(SOURCE).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(file): file for file in sorted(PACKAGE.rglob("*.py"))}


def room_of(module: str) -> str:
    return module.partition(".")[2].partition(".")[0]


def is_type_checking(node: ast.If) -> bool:
    return ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


def imports_of(module: str, file: Path) -> list[Import]:
    found: list[Import] = []

    def add(name: str, line: int, is_lazy: bool) -> None:
        if name.partition(".")[0] == "runlore":
            while name not in MODULES:
                name = name.rpartition(".")[0]
            found.append(Import(file, line, module, name, is_lazy))

    def visit(node: ast.AST, is_lazy: bool, is_typing: bool) -> None:
        if isinstance(node, ast.Import):
            for alias in node.names:
                add(alias.name, node.lineno, is_lazy or is_typing)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}:{node.lineno}: relative import; write the whole name"
            for alias in node.names:
                add(f"{node.module}.{alias.name}", node.lineno, is_lazy or is_typing)
        is_lazy = is_lazy or isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
        is_typing = is_typing or (isinstance(node, ast.If) and is_type_checking(node))
        for child in ast.iter_child_nodes(node):
            visit(child, is_lazy, is_typing)

    visit(ast.parse(file.read_text()), False, False)
    return found


IMPORTS = [found for module, file in MODULES.items() for found in imports_of(module, file)]


def test_every_room_has_its_place_in_the_table() -> None:
    assert {room_of(module) for module in MODULES} <= set(MAY_IMPORT)


def test_imports_follow_the_direction_of_the_design() -> None:
    wrong = [
        str(found)
        for found in IMPORTS
        if room_of(found.importer) != room_of(found.imported)
        and room_of(found.imported) not in MAY_IMPORT[room_of(found.importer)]
    ]
    assert not wrong, "imports against the direction of docs (ARCHITECTURE.md):\n" + "\n".join(wrong)


def test_no_import_cycles() -> None:
    edges: dict[str, dict[str, Import]] = {}
    for found in IMPORTS:
        if not found.is_lazy and found.imported != found.importer:
            edges.setdefault(found.importer, {})[found.imported] = found
    done: set[str] = set()

    def walk(module: str, trail: list[str]) -> None:
        if module in trail:
            cycle = [*trail[trail.index(module) :], module]
            lines = [str(edges[a][b]) for a, b in itertools.pairwise(cycle)]
            raise AssertionError(f"import cycle {' -> '.join(cycle)}:\n" + "\n".join(lines))
        if module in done:
            return
        for imported in edges.get(module, {}):
            walk(imported, [*trail, module])
        done.add(module)

    for module in MODULES:
        walk(module, [])


def test_no_catch_all_rooms() -> None:
    barred = {"utils", "util", "helpers", "helper", "common", "misc", "manager"}
    assert not [module for module in MODULES if barred & set(module.split("."))]
