from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
LINE = re.compile(r"^(?P<indent>[│ ]*)(?:├──|└──) (?P<name>\S+)\s+\S")


def drawn() -> set[str]:
    """Paths in the tree of ARCHITECTURE.md; folders end with a slash."""
    block = (ROOT / "ARCHITECTURE.md").read_text().partition("## The tree")[2].split("```")[1]
    trail: list[str] = []
    found = set()
    for line in block.splitlines():
        match = LINE.match(line)
        if match is None:
            continue
        depth = len(match["indent"]) // 4
        trail[depth:] = [match["name"]]
        found.add("".join(trail))
    return found


def test_everything_drawn_exists() -> None:
    assert [path for path in sorted(drawn()) if not (ROOT / path).exists() and path != "src/runlore/_web/"] == []


def test_every_room_is_drawn() -> None:
    rooms = {"src/runlore/", "web/src/", "tests/", "docs/"}
    missing = []
    for room in rooms:
        for path in sorted((ROOT / room).iterdir()):
            is_room = path.is_dir() and path.name not in {"__pycache__", "node_modules"}
            is_mirror = room == "tests/" and f"src/runlore/{path.name}/" in drawn()
            if is_room and not is_mirror and f"{room}{path.name}/" not in drawn():
                missing.append(f"{room}{path.name}/")
    missing += [
        path.relative_to(ROOT).as_posix()
        for path in sorted((ROOT / "src/runlore").glob("*.py"))
        if path.name != "__init__.py" and path.relative_to(ROOT).as_posix() not in drawn()
    ]
    assert missing == [], "draw them in ARCHITECTURE.md, with a line on what they are for"
