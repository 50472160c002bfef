from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from tests.server.served import Journal, frame, serving

from runlore.protocol import records

if TYPE_CHECKING:
    from pathlib import Path


def test_few_points_come_raw_in_request_order(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        served.send(Journal("one").row(3, a=1.0, b=2.0).row(1, a=math.nan), Journal("two").row(7, a=math.inf))
        columns, meta = served.series(["two", "one"], ["b", "a", "nothing"])
        keys = {run_id: served.run(run_id)["key"] for run_id in ("one", "two")}
        assert [(line["run"], line["metric"]) for line in meta["lines"]] == [
            (keys["two"], "a"),
            (keys["one"], "b"),
            (keys["one"], "a"),
        ]
        assert meta["grid"] is None
        assert meta["x"] == "_step"
        assert (columns["2.x"], math.isnan(columns["2.y"][0]), columns["2.y"][1]) == ([1.0, 3.0], True, 1.0)
        line = meta["lines"][0]
        assert {name: line[name] for name in ("mode", "points", "shown", "nan", "pinf", "ninf", "version")} == {
            "mode": "raw", "points": 1, "shown": 1, "nan": 0, "pinf": 1, "ninf": 0, "version": 1,
        }  # fmt: skip


def test_many_points_come_as_exact_buckets_on_one_grid(tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    y = rng.normal(size=5000)
    y[100], y[200], y[4000] = math.nan, math.inf, -math.inf
    with serving(tmp_path) as served:
        long, short = Journal("long"), Journal("short")
        for step in range(5000):
            long.row(step, a=float(y[step]))
        for step in range(40):
            short.row(step * 10, a=float(step))
        served.send(long, short)
        columns, meta = served.series(["long", "short"], ["a"], buckets=50, raw_limit=100)
        assert [line["mode"] for line in meta["lines"]] == ["buckets", "raw"]
        lo, width, count = (meta["grid"][name] for name in ("lo", "width", "count"))
        assert (lo, width, count) == (0, 64, 79)
        assert 50 <= 5000 / width < 100
        for index, bucket in enumerate(columns["0.b"]):
            part = y[bucket * width : (bucket + 1) * width]
            finite = part[np.isfinite(part)]
            assert columns["0.n"][index] == len(part)
            assert columns["0.min"][index] == finite.min()
            assert columns["0.max"][index] == finite.max()
            assert columns["0.mean"][index] == pytest.approx(finite.mean())
            assert columns["0.bad"][index] == len(part) - len(finite)
            np.testing.assert_equal(columns["0.first"][index], part[0])
            np.testing.assert_equal(columns["0.last"][index], part[-1])
        head = meta["lines"][0]
        assert (head["points"], head["nan"], head["pinf"], head["ninf"]) == (5000, 1, 1, 1)


def test_a_zoom_shows_only_its_range_and_turns_raw(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        served.send(Journal().rows(range(5000)))
        columns, meta = served.series(["r"], ["loss"], x_min=1000.5, x_max=1050, raw_limit=100)
        assert meta["lines"][0]["mode"] == "raw"
        assert columns["0.x"] == [float(step) for step in range(1001, 1051)]
        columns, meta = served.series(["r"], ["loss"], x_min=1000, x_max=3000, raw_limit=100, buckets=20)
        assert meta["grid"] == {"lo": 960, "width": 64, "count": 32}
        assert meta["lines"][0]["points"] == 2001
        _, meta = served.series(["r"], ["loss"], x_min=6000, x_max=7000)
        assert meta["lines"] == []


@pytest.mark.parametrize("x", ["_runtime", "_timestamp", "epoch"])
def test_any_axis_gives_the_same_points(tmp_path: Path, x: str) -> None:
    with serving(tmp_path) as served:
        journal = Journal()
        for step in range(300):
            values = {"epoch": (300 - step) / 7.0} if step % 2 == 0 else {}
            journal.row(step, y=float(step), **values)
        served.send(journal)
        columns, meta = served.series(["r"], ["y"], x=x)
        steps = [step for step in range(300) if x != "epoch" or step % 2 == 0]
        if x == "epoch":
            steps.reverse()
        assert columns["0.step"] == steps
        assert columns["0.y"] == steps
        assert columns["0.x"] == sorted(columns["0.x"])
        if x == "_runtime":
            assert columns["0.x"] == pytest.approx([step / 1000 for step in steps], abs=1e-6)
        bucketed, meta = served.series(["r"], ["y"], x=x, raw_limit=0, buckets=10)
        lo, width = meta["grid"]["lo"], meta["grid"]["width"]
        extent = columns["0.x"][-1] - columns["0.x"][0]
        assert math.log2(width).is_integer()
        assert 10 <= extent / width < 20
        expected: dict[int, list[float]] = {}
        for at, value in zip(columns["0.x"], columns["0.y"], strict=True):
            expected.setdefault(math.floor((at - lo) / width), []).append(value)
        assert bucketed["0.b"] == sorted(expected)
        assert max(bucketed["0.b"]) < meta["grid"]["count"]
        for index, bucket in enumerate(bucketed["0.b"]):
            part = expected[bucket]
            found: dict[str, Any] = {
                name: bucketed[f"0.{name}"][index] for name in ("n", "min", "max", "first", "last")
            }
            assert found == {"n": len(part), "min": min(part), "max": max(part), "first": part[0], "last": part[-1]}


def test_an_axis_with_one_place_still_answers(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        journal = Journal()
        for step in range(10):
            journal.row(step, y=float(step), x=5.0)
        served.send(journal)
        columns, meta = served.series(["r"], ["y"], x="x", raw_limit=0, buckets=10)
        assert columns["0.n"] == [10]
        assert meta["lines"][0]["points"] == 10


@pytest.mark.parametrize(
    ("field", "value"),
    [("buckets", 0), ("buckets", 20_001), ("raw_limit", -1), ("stream", "other"), ("x", ""), ("x_max", -5.0)],
)
def test_a_request_that_makes_no_sense_is_refused(tmp_path: Path, field: str, value: object) -> None:
    with serving(tmp_path) as served:
        body = {"runs": [], "metrics": ["a"], "x_min": 0.0, field: value}
        answer = served.ask("POST", "/series", json=body)
        assert (answer.status_code, answer.json()["error"]["field"]) == (400, field)


def test_an_answer_is_known_by_its_etag_until_the_run_changes(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        journal = Journal().rows(range(3))
        served.send(journal)
        body = {"runs": [{"entity": "", "project": "p", "id": "r"}], "metrics": ["loss"]}
        first = served.ask("POST", "/series", json=body)
        etag = first.headers["etag"]
        assert served.ask("POST", "/series", json=body, headers={"If-None-Match": etag}).status_code == 304
        other = served.ask("POST", "/series", json={**body, "buckets": 9}, headers={"If-None-Match": etag})
        assert other.status_code == 200
        served.send(journal.rows(range(3, 5)))
        assert served.ask("POST", "/series", json=body, headers={"If-None-Match": etag}).status_code == 200
        rows = served.ask("GET", "/runs/~/p/r/history")
        again = served.ask("GET", "/runs/~/p/r/history", headers={"If-None-Match": rows.headers["etag"]})
        assert again.status_code == 304


def test_history_rows_are_cut_by_steps_and_limit(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        served.send(Journal().rows(range(100)).row(50, other=1.0))
        columns, _ = frame(served.ask("GET", "/runs/~/p/r/history?min_step=48&max_step=52&limit=4"))
        assert columns["_step"] == [48, 49, 50, 51]
        assert columns["loss"] == [48.0, 49.0, 50.0, 51.0]
        assert columns["other:present"] == [0, 0, 1, 0]
        columns, _ = frame(served.ask("GET", "/runs/~/p/r/history?keys=none"))
        assert columns["_step"] == []


def test_repeats_of_a_step_are_rows_of_their_own_on_request(tmp_path: Path) -> None:
    with serving(tmp_path) as served:
        journal = Journal()
        journal.row(0, a=0.0, b=0.5)
        journal.row(5, a=1.0, b=10.0, time_ns=journal.time_ns + 100).row(5, a=2.0, time_ns=journal.time_ns + 200)
        journal.row(5, a=3.0, time_ns=journal.time_ns + 200)
        journal.add(records.Objects(step=5, time_ns=journal.time_ns + 200, values={"note": "second", "word": "x"}))
        journal.row(9, a=4.0)
        served.send(journal)
        columns, meta = served.history(run_id="r")
        assert (columns["_step"], columns["a"]) == ([0, 5, 9], [0.0, 3.0, 4.0])
        for fold in (False, True):
            if fold:
                served.service.series.fold(force=True)
            columns, meta = frame(served.ask("GET", "/runs/~/p/r/history?repeats=all"))
            assert (columns["_step"], columns["a"]) == ([0, 5, 5, 5, 9], [0.0, 1.0, 2.0, 3.0, 4.0])
            assert columns["b:present"] == [1, 1, 0, 0, 0]
            assert meta["objects"] == [[2, "note", "second"], [2, "word", "x"]]
        columns, _ = frame(served.ask("GET", "/runs/~/p/r/history?repeats=all&limit=2&keys=a"))
        assert columns["_step"] == [0, 5, 5, 5]
        assert served.ask("GET", "/runs/~/p/r/history?repeats=some").status_code == 400
