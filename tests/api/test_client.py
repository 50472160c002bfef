from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest

from runlore.api import Api
from runlore.errors import AuthenticationError, CommError, NotFound, ServerUnreachable, UsageError
from runlore.transport import Transport

if TYPE_CHECKING:
    from harness.live_server import Server


def test_projects_are_listed_with_their_runs(api: Api) -> None:
    found = {project.name: project for project in api.projects()}
    assert found["api"].run_count == 3
    assert found["api"].entity == api.default_entity
    assert [run.id for run in found["api"].runs(order="created_at")] == ["run0", "run1", "run2"]


def test_run_is_found_by_every_form_of_its_path(api: Api) -> None:
    entity = api.default_entity
    whole = api.run(f"{entity}/api/run1")
    assert whole.path == [entity, "api", "run1"]
    for path in ("api/run1", "run1", whole.url, f"{whole.url}/", f"{entity}/api/runs/run1"):
        assert api.run(path).path == whole.path


def test_id_alone_is_looked_for_in_the_project_of_the_environment(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError, match="give the whole path"):
        api.run("run0")
    monkeypatch.setenv("RUNLORE_PROJECT", "api")
    assert api.run("run0").project == "api"
    assert len(api.runs()) == 3


def test_what_is_not_there_is_named(api: Api) -> None:
    with pytest.raises(NotFound, match="api/nothing"):
        api.run("api/nothing")
    with pytest.raises(NotFound, match="'nothing'"):
        api.run("nothing")
    with pytest.raises(NotFound, match="nowhere"):
        len(api.runs("nowhere"))


@pytest.mark.parametrize("path", ["a/b/c/d", "a//b", "", "http://other.example.org/a/b/runs/c"])
def test_what_is_no_path_is_refused(api: Api, path: str) -> None:
    with pytest.raises(UsageError):
        api.run(path)


def test_fields_are_those_given_to_init(api: Api) -> None:
    run = api.run("api/run2")
    assert (run.name, run.group, run.job_type, run.notes) == ("number 2", "first", "train", "two\nlines")
    assert (run.state, run.tags, run.last_history_step) == ("finished", ["a", "b"], 253)
    assert run.config["lr"] == 0.01
    assert run.config["model"] == {"depth": 2}
    assert run.config["limit"] == math.inf
    assert run.summary["loss"] == 1 / 250
    assert math.isnan(run.summary["odd"])
    assert {"loss", "count", "epoch", "word", "odd", "big"} <= set(run.metrics)
    assert run.metadata["python"]


def test_runs_are_fetched_as_they_are_looked_at(api: Api) -> None:
    runs = api.runs("api", order="+config.lr", per_page=2)
    assert len(runs) == 3
    assert [run.id for run in runs] == ["run2", "run1", "run0"]
    assert [run.id for run in runs[1:]] == ["run1", "run0"]
    assert runs[-1].id == "run0"
    with pytest.raises(IndexError):
        runs[3]
    assert [run.id for run in api.runs("api", search="number 1")] == ["run1"]


def test_runs_are_filtered_as_in_wandb(api: Api) -> None:
    runs = api.runs(
        "api", {"config.lr.value": {"$lt": 0.5}, "tags": {"$in": ["a"]}}, "+summary_metrics.loss,-config.lr"
    )
    assert len(runs) == 2
    assert [run.id for run in runs] == ["run1", "run2"]
    assert runs[0].id == "run1"
    assert [run.id for run in runs[-1:]] == ["run2"]
    assert [run.id for run in api.runs("api", {"config.model.depth": 2})] == ["run2"]
    assert [run.id for run in api.runs("api", filters={"config.limit": math.inf, "display_name": "number 2"})] == [
        "run2"
    ]
    assert len(api.runs("api", filters={"sweep": "none"})) == 0
    assert list(api.runs("api", filters={"created_at": {"$lt": "2000-01-01"}})) == []
    project = next(found for found in api.projects() if found.name == "api")
    assert len(project.runs({"display_name": {"$regex": "^num.* [12]$"}})) <= 2


def test_wrong_filters_and_orders_are_refused_before_anything_is_asked(api: Api) -> None:
    for filters, told in (({"lr": 1}, "'lr' as a key"), ({"config.lr": {"$between": [1, 2]}}, r"by '\$between'")):
        with pytest.raises(UsageError, match=told):
            api.runs("api", filters=filters)
    with pytest.raises(UsageError, match="cannot sort by 'loss'"):
        api.runs("api", order="loss")
    with pytest.raises(UsageError, match="1 to 1000"):
        api.runs("api", per_page=1001)
    with pytest.raises(CommError, match="look-around"):
        len(api.runs("api", filters={"display_name": {"$regex": "(?=a)"}}))


def test_a_run_is_found_by_its_own_path(api: Api) -> None:
    run = api.run("api/run0")
    assert api.run(run.path).id == run.id


def test_history_is_exact_and_complete(api: Api) -> None:
    rows = api.run("api/run0").history()
    assert [row["_step"] for row in rows] == list(range(254))
    assert [row["loss"] for row in rows if "loss" in row] == [1 / (step + 1) for step in range(250)]
    assert [(row["epoch"], row["word"]) for row in rows if "epoch" in row] == [(0, "seen"), (1, "seen"), (2, "seen")]
    assert math.isnan(rows[-1]["odd"])
    assert rows[-1]["big"] == 2**60 + 1
    assert all(0 <= row["_runtime"] < 60 for row in rows)


def test_scan_pages_through_all_rows_that_have_every_key(api: Api) -> None:
    run = api.run("api/run0")
    rows = list(run.scan_history(["_step", "loss"], page_size=7))
    assert [row["loss"] for row in rows] == [1 / (step + 1) for step in range(250)]
    assert list(run.scan_history(["epoch", "word"])) == [{"epoch": epoch, "word": "seen"} for epoch in range(3)]
    assert list(run.scan_history(["loss", "epoch"])) == []
    some = run.scan_history(["_step", "loss"], page_size=3, min_step=5, max_step=12)
    assert [row["_step"] for row in some] == list(range(5, 12))
    assert [row["_step"] for row in run.scan_history(["_step"], page_size=100)] == list(range(254))


def test_all_repeats_of_a_step_are_read_on_request(api: Api) -> None:
    run = api.run("wide/wide")
    assert [row["late"] for row in run.scan_history(["late"])] == [2]
    every = list(run.scan_history(["_step", "late"], page_size=1, repeats="all"))
    assert every == [{"_step": 0, "late": 1}, {"_step": 0, "late": 2}]
    assert [row.get("text") for row in run.history(repeats="all") if "late" in row] == [None, "b"]
    with pytest.raises(UsageError, match="'last' or 'all'"):
        run.history(repeats="some")  # type: ignore[arg-type]


def test_history_of_more_metrics_than_fit_into_an_address_is_read(api: Api) -> None:
    run = api.run("wide/wide")
    names = [f"a metric with a rather long name {number}" for number in range(2000)]
    assert [row[names[-1]] for row in run.history() if names[-1] in row] == [1999]
    assert [list(row) for row in run.history(names[:1200])] == [names[:1200]]


def test_changes_reach_the_server(api: Api) -> None:
    run = api.run("api/run1")
    run.name = "renamed"
    run.tags.append("c")
    run.notes = "read"
    run.config["reviewed"] = True
    del run.config["limit"]
    run.summary["best"] = math.nan
    run.update()
    run.summary.update({"score": 3})
    again = api.run("api/run1")
    assert (again.name, again.tags, again.notes) == ("renamed", ["a", "b", "c"], "read")
    assert again.config["reviewed"] is True
    assert "limit" not in again.config
    assert again.config["model"] == {"depth": 1}
    assert math.isnan(again.summary["best"])
    assert again.summary["score"] == 3


def test_bad_tag_is_refused_before_it_is_sent(api: Api) -> None:
    run = api.run("api/run2")
    run.tags = ["x" * 65]
    with pytest.raises(UsageError, match="as a tag"):
        run.update()
    assert api.run("api/run2").tags == ["a", "b"]


def test_wrong_key_is_told_apart_from_an_absent_server(trained: Server) -> None:
    with pytest.raises(AuthenticationError, match="bad-credential"):
        Api(trained.url, "rl-" + "x" * 48).projects()
    with pytest.raises(ServerUnreachable, match="cannot reach"):
        Api("http://127.0.0.1:9", "rl-" + "x" * 48, timeout=2).projects()


def test_missing_key_is_told_with_what_to_do(trained: Server) -> None:
    transport = Transport(trained.url, None, agent="test")
    with pytest.raises(AuthenticationError, match=r"no API key for it is known; run `runlore login --host http"):
        transport.ask_bytes("GET", "/me")


def test_address_that_is_no_runlore_server_is_told(trained: Server) -> None:
    with pytest.raises(CommError, match="check the address"):
        Api(f"{trained.url}/elsewhere", trained.api_key).projects()


def test_timeout_must_be_positive(trained: Server) -> None:
    with pytest.raises(UsageError, match="timeout"):
        Api(trained.url, trained.api_key, timeout=0)
