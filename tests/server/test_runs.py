from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from tests.server.served import Journal, serving

from runlore.protocol import records

if TYPE_CHECKING:
    from pathlib import Path


def test_a_run_is_changed_from_outside(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        journal = Journal().add(records.Config(set={"lr": 1, "o": {"a": 1}, "gone": 1})).rows(range(2))
        served.send(journal)
        change = {
            "name": "better", "notes": "why", "tags": ["x", "y", "x"], "group": "g", "config": {"o": {"b": 2}, "new": [1]},
            "config_remove": ["gone", "never"], "summary": {"score": 9}, "summary_remove": ["loss"],
        }  # fmt: skip
        run = served.ask("PATCH", "/runs/~/p/r", json=change).json()
        assert run == served.run()
        assert (run["name"], run["notes"], run["tags"], run["group"]) == ("better", "why", ["x", "y"], "g")
        assert run["config"] == {"lr": 1, "o": {"b": 2}, "new": [1]}
        assert run["summary"] == {"score": 9}
        assert run["version"] == 2
        served.send(journal.rows(range(2, 3)))
        assert served.run()["summary"] == {"score": 9, "loss": 2.0}
        assert served.run()["name"] == "better"
        keys = served.get("/projects/~/p/keys")
        assert {key["name"] for key in keys["config"]} == {"lr", "o.b", "new"}


@pytest.mark.parametrize(
    "change", [{"name": " "}, {"notes": "x" * 70_000}, {"tags": [""]}, {"tags": "x"}, {"config": 1}]
)
def test_a_wrong_change_is_refused_and_changes_nothing(tmp_path: Path, change: dict[str, object]) -> None:
    with serving(tmp_path) as served:
        served.send(Journal())
        before = served.run()
        answer = served.ask("PATCH", "/runs/~/p/r", json=change)
        assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad-request")
        assert served.run() == before


def test_names_with_odd_characters_can_be_asked_for(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        journal = Journal("r\u00e9sum\u00e9 1+1&x", project="my project \u4e2d")
        served.send(journal)
        path = "/runs/ann/my%20project%20%E4%B8%AD/r%C3%A9sum%C3%A9%201%2B1%26x"
        assert served.get(path)["run"]["id"] == journal.run_id
        answer = served.upload(journal.writer, 0, journal.data)
        assert answer.json()["url"].endswith("/ann/my%20project%20%E4%B8%AD/runs/r%C3%A9sum%C3%A9%201%2B1%26x")


def test_a_page_is_known_by_its_etag(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        journal = Journal()
        served.send(journal)
        for path in ("/projects", "/projects/~/p/runs", "/projects/~/p/keys", "/runs/~/p/r", "/runs/~/p/r/console"):
            first = served.ask("GET", path)
            again = served.ask("GET", path, headers={"If-None-Match": first.headers["etag"]})
            assert (again.status_code, again.content) == (304, b"")
        before = served.ask("GET", "/runs/~/p/r").headers["etag"]
        served.send(journal.rows(range(1)))
        assert served.ask("GET", "/runs/~/p/r", headers={"If-None-Match": before}).status_code == 200


def test_a_page_of_runs_is_sorted_and_searched(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        for number in range(4):
            served.send(Journal(f"r{number}", tags=[f"t{number % 2}"]).row(0, loss=float(-number)))
        page = served.get("/projects/~/p/runs?sort=summary.loss&limit=2&offset=1")
        assert ([run["id"] for run in page["runs"]], page["total"], page["offset"]) == (["r2", "r1"], 4, 1)
        page = served.get("/projects/~/p/runs?search=T1&sort=id")
        assert [run["id"] for run in page["runs"]] == ["r1", "r3"]
        wrong = served.ask("GET", "/projects/~/p/runs?sort=nonsense")
        assert (wrong.status_code, wrong.json()["error"]["field"]) == (400, "sort")


def test_a_page_of_runs_is_filtered(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        for number in range(4):
            served.send(Journal(f"r{number}", tags=[f"t{number % 2}"]).row(0, loss=float(-number)))
        filters = json.dumps({"tags": "t1", "summary_metrics.loss": {"$lt": 0}})
        page = served.get("/projects/~/p/runs", params={"filters": filters, "sort": "+summary_metrics.loss,id"})
        assert ([run["id"] for run in page["runs"]], page["total"]) == (["r3", "r1"], 2)
        assert served.get("/projects/~/p/runs?filters=")["total"] == 4
        assert served.get("/projects/~/p/runs?sort=+created_at")["runs"][0]["id"] == "r0"


@pytest.mark.parametrize(
    "filters", ["{", "[]", '{"stat": 1}', '{"config.x": {"$gt": null}}', '{"name": {"$regex": "("}}']
)
def test_wrong_filters_are_refused(tmp_path: Path, filters: str) -> None:
    with serving(tmp_path) as served:
        served.send(Journal())
        answer = served.ask("GET", "/projects/~/p/runs", params={"filters": filters})
        assert answer.status_code == 400
        assert (answer.json()["error"]["code"], answer.json()["error"]["field"]) == ("bad-request", "filters")
