"""The examples of the guide to finding runs, asked of a real server."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.server.served import Journal, serving

from runlore.protocol import query, records

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.server.served import Served

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "query.md").read_text()


def table(heading: str) -> list[list[str]]:
    """The cells of the table under a header line."""
    lines = GUIDE.partition(f"| {heading} |")[2].splitlines()[2:]
    rows = []
    for line in lines:
        if not line.startswith("|"):
            break
        rows.append([cell.strip() for cell in line[1:-1].split("|")])
    assert rows, f"the guide has no table '{heading}'"
    return rows


def words(cell: str) -> list[str]:
    return re.findall(r"`([^`]+)`", cell)


def journal_of(run_id: str, state: str, tags: list[str], config: Any, summary: Any) -> Journal:
    journal = Journal(run_id, name=run_id, tags=tags).add(records.Config(set=config))
    journal.row(0, **{key: float(value) for key, value in summary.items()})
    return journal if state == "running" else journal.exit(state)


@pytest.fixture(scope="module")
def guided(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serving(tmp_path_factory.mktemp("guide")) as served:
        for run_id, config, summary, tags, state in table("id | config | summary | tags | state"):
            documents = [json.loads(words(document)[0]) for document in (config, summary)]
            served.send(journal_of(words(run_id)[0], words(state)[0], words(tags), *documents))
        yield served


def asked(served: Served, **params: str) -> list[str]:
    page = served.get("/projects/~/p/runs", params={"sort": "created_at", **params})
    assert page["total"] == len(page["runs"])
    return [run["id"] for run in page["runs"]]


@pytest.mark.parametrize(("filters", "expected"), table("filter | finds"), ids=lambda cell: cell)
def test_filter_of_the_guide_finds_what_it_says(guided: Served, filters: str, expected: str) -> None:
    assert asked(guided, filters=words(filters)[0]) == ("".join(words(expected))).split()


@pytest.mark.parametrize(("order", "expected"), table("order | gives"), ids=lambda cell: cell)
def test_order_of_the_guide_gives_what_it_says(guided: Served, order: str, expected: str) -> None:
    assert asked(guided, sort=words(order)[0]) == "".join(words(expected)).split()


def test_every_key_is_in_the_guide() -> None:
    listed = {name for row in table("key | also written | values") for cell in row[:2] for name in words(cell)}
    documents = {"config.<path>", "config.<path>.value", "summary_metrics.<path>", "summary.<path>"}
    assert listed == {*query.FIELDS, *query.ALIASES} | documents


def test_every_operator_is_in_the_guide_and_has_an_example() -> None:
    listed = {name for row in table("operator | holds when the value") for name in words(row[0])}
    every = set(re.findall(r"\$\w+", query.OPERATORS_SPELLED))
    assert listed == every
    examples = " ".join(row[0] for row in table("filter | finds"))
    assert [name for name in sorted({*every, "$and", "$or", "$nor"}) if f'"{name}"' not in examples] == []
