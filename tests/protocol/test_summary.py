"""The summary rule that SDK and server share."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from runlore.protocol.records import Metric
from runlore.protocol.summary import Reduced, State, definition_of, fold, merge_definition, reduce_one


def folded(values: list[Any], definition: Metric | None) -> Any:
    summary: dict[str, Any] = {}
    states: dict[str, State] = {}
    for value in values:
        fold(summary, states, definition, "m", reduce_one(value))
    return summary.get("m", "absent")


def test_without_a_definition_the_last_value_stays() -> None:
    assert folded([1, 2.5, "text"], None) == "text"
    assert folded([1, 2.5], Metric(name="m")) == 2.5


@pytest.mark.parametrize(
    ("summary", "goal", "expected"),
    [
        (["min"], "", {"min": -1}),
        (["max"], "", {"max": 7.5}),
        (["mean"], "", {"mean": (3 - 1 + 7.5 + 2) / 4}),
        (["last"], "", {"last": 2}),
        (["best"], "minimize", {"best": -1}),
        (["best"], "maximize", {"best": 7.5}),
        (["best"], "", {"best": -1}),
        (["min", "max", "last"], "", {"min": -1, "max": 7.5, "last": 2}),
        (["copy"], "", 2),
        (["none"], "", "absent"),
    ],
)
def test_aggregates(summary: list[str], goal: str, expected: Any) -> None:
    assert folded([3, -1, 7.5, 2], Metric(name="m", summary=summary, goal=goal)) == expected


def test_nan_is_never_a_minimum_maximum_or_mean_and_infinity_is_no_mean() -> None:
    found = folded([math.nan, 2.0, math.inf, 1.0, math.nan], Metric(name="m", summary=["min", "max", "mean", "last"]))
    assert math.isnan(found.pop("last"))
    assert found == {"min": 1.0, "max": math.inf, "mean": 1.5}
    assert folded([math.nan], Metric(name="m", summary=["min", "mean"])) == {}


def test_bools_and_objects_have_a_last_value_only() -> None:
    assert folded([True, {"_type": "image"}, False], Metric(name="m", summary=["max", "last"])) == {"last": False}


def test_integers_stay_integers() -> None:
    found = folded([2**60, 3], Metric(name="m", summary=["max"]))
    assert found == {"max": 2**60}
    assert isinstance(found["max"], int)


@given(st.lists(st.floats(), min_size=1, max_size=30), st.data())
def test_folding_reduced_runs_equals_folding_one_by_one(values: list[float], data: st.DataObject) -> None:
    # The server reduces a whole range at once, the SDK folds each value.
    definition = Metric(name="m", summary=["min", "max", "last"])
    cut = data.draw(st.integers(0, len(values)))
    summary: dict[str, Any] = {}
    states: dict[str, State] = {}
    for part in (values[:cut], values[cut:]):
        if part:
            numbers = [value for value in part if not math.isnan(value)]
            finite = [value for value in numbers if math.isfinite(value)]
            seen = Reduced(part[-1], min(numbers, default=None), max(numbers, default=None), sum(finite), len(finite))
            fold(summary, states, definition, "m", seen)
    assert repr(summary["m"]) == repr(folded(values, definition)) or summary["m"] == folded(values, definition)


def test_the_exact_definition_wins_then_the_longest_prefix() -> None:
    definitions = {name: Metric(name=name) for name in ("*", "train/*", "train/loss", "train/l*")}
    assert definition_of("train/loss", definitions) is definitions["train/loss"]
    assert definition_of("train/lr", definitions) is definitions["train/l*"]
    assert definition_of("train/x", definitions) is definitions["train/*"]
    assert definition_of("val", definitions) is definitions["*"]
    assert definition_of("val", {"train/*": Metric(name="train/*")}) is None


def test_a_later_definition_keeps_what_it_does_not_name_unless_it_overwrites() -> None:
    old = Metric(name="m", step_metric="epoch", summary=["min"], hidden=True, goal="minimize")
    merged = merge_definition(old, Metric(name="m", summary=["max"]))
    assert (merged.step_metric, merged.summary, merged.hidden, merged.goal) == ("epoch", ["max"], True, "minimize")
    new = Metric(name="m", summary=["max"], overwrite=True)
    assert merge_definition(old, new) is new
    assert merge_definition(None, old) is old
