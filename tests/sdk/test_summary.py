from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from tests.sdk.reading import only_journal

import runlore
from runlore.protocol.records import Summary

if TYPE_CHECKING:
    from pathlib import Path


def test_last_value_of_every_metric_as_plain_numbers() -> None:
    with runlore.init(project="p") as run:
        for step in range(3):
            run.log({"a": step, "b": np.float32(0.5), "c": "text", "d": None, "e": math.nan})
        assert type(run.summary["b"]) is float
        assert run.summary.as_dict() | {"e": 0, "_runtime": 0, "_timestamp": 0} == {
            "a": 2,
            "b": 0.5,
            "c": "text",
            "d": None,
            "e": 0,
            "_step": 2,
            "_runtime": 0,
            "_timestamp": 0,
        }
        assert math.isnan(run.summary["e"])


def test_set_read_update_and_delete(runs: Path) -> None:
    with runlore.init(project="p") as run:
        run.summary["best"] = 1
        run.summary.best_epoch = 3
        run.summary.update({"x": np.int64(2), "nested": {"a": {"b": 1}}}, y=4)
        run.summary["nested"]["a"]["b"] = 2
        run.summary.nested.c = 5
        del run.summary["x"]
        assert run.summary.best_epoch == run.summary["best_epoch"] == 3
        assert run.summary["nested.a.b"] == 2
        assert "x" not in run.summary
        assert run.summary.get("x", "none") == "none"
        assert set(run.summary.keys()) == {"best", "best_epoch", "nested", "y"}
        with pytest.raises(KeyError):
            run.summary["x"]
        with pytest.raises(AttributeError, match="x"):
            run.summary.x  # noqa: B018
    changes = [(record.set, record.remove) for record in only_journal(runs).of(Summary)]
    assert changes == [
        ({"best": 1}, []),
        ({"best_epoch": 3}, []),
        ({"x": 2, "nested": {"a": {"b": 1}}, "y": 4}, []),
        ({"nested": {"a": {"b": 2}}}, []),
        ({"nested": {"a": {"b": 2}, "c": 5}}, []),
        ({}, ["x"]),
    ]


def test_nested_rows_are_found_both_ways_and_can_be_set(runs: Path) -> None:
    with runlore.init(project="p") as run:
        run.log({"val": {"loss": 1.0, "acc": {"top1": 0.5}}})
        assert run.summary["val.acc.top1"] == run.summary["val"]["acc"]["top1"] == run.summary.val.acc.top1 == 0.5
        run.summary["val"]["loss"] = 9
        assert run.summary["val.loss"] == 9
    assert only_journal(runs).of(Summary)[0].set == {"val.loss": 9}


def test_long_arrays_are_summarised_as_a_histogram(runs: Path) -> None:
    with runlore.init(project="p") as run:
        run.log({"weights": np.arange(100)})
        run.summary["more"] = np.arange(50)
        run.summary["few"] = np.arange(3)
        assert run.summary["weights"]["_type"] == run.summary["more"]["_type"] == "histogram"
        assert run.summary["few"] == [0, 1, 2]


def test_a_value_that_cannot_be_recorded_is_named_and_the_rest_is_kept(caplog: pytest.LogCaptureFixture) -> None:
    with runlore.init(project="p") as run:
        run.summary.update({"good": 1, "bad": object()})
        assert run.summary["good"] == 1
        assert "bad" not in run.summary
    assert "'bad'" in caplog.text


def test_aggregates_follow_every_row() -> None:
    with runlore.init(project="p") as run:
        run.define_metric("loss", summary=["min", "mean", "best"], goal="minimize")
        run.define_metric("acc/*", summary="best", goal="maximize")
        run.define_metric("plain", summary="copy")
        for loss, acc in ((3, 0.1), (math.nan, 0.9), (1, 0.5)):
            run.log({"loss": loss, "acc/val": acc, "plain": loss})
        assert run.summary["loss"] == {"min": 1, "mean": 2.0, "best": 1}
        assert run.summary["acc/val"] == {"best": 0.9}
        assert run.summary["plain"] == 1


def test_builtin_keys_follow_the_last_row() -> None:
    with runlore.init(project="p") as run:
        assert "_step" not in run.summary
        run.log({"a": 1}, step=7)
        assert run.summary["_step"] == 7
        assert 0 <= run.summary["_runtime"] < 60
        assert run.summary["_timestamp"] == pytest.approx(run.start_time, abs=60)
