from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from tests.sdk.reading import only_journal

import runlore
from runlore.protocol.records import Metric as MetricRecord

if TYPE_CHECKING:
    from pathlib import Path


def test_definitions_are_recorded_and_returned(runs: Path) -> None:
    with runlore.init(project="p") as run:
        epoch = run.define_metric("epoch", hidden=True)
        metric = run.define_metric("val/*", step_metric=epoch, summary="min, max", goal="maximize", step_sync=False)
        assert (metric.name, metric.step_metric, metric.summary, metric.goal) == (
            "val/*",
            "epoch",
            ("min", "max"),
            "maximize",
        )
        assert (metric.hidden, metric.step_sync) == (False, False)
        assert epoch.hidden
    assert only_journal(runs).of(MetricRecord) == [
        MetricRecord(name="epoch", hidden=True),
        MetricRecord(name="val/*", step_metric="epoch", summary=["min", "max"], goal="maximize", step_sync=False),
    ]


def test_later_definitions_add_to_earlier_ones_unless_they_overwrite() -> None:
    with runlore.init(project="p") as run:
        run.define_metric("loss", step_metric="epoch")
        assert run.define_metric("loss", summary="min").step_metric == "epoch"
        assert run.define_metric("loss", summary="max", overwrite=True).step_metric is None


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        ({"name": ""}, "name=''"),
        ({"name": 3}, "name=3"),
        ({"name": "a*b"}, "a\\*b"),
        ({"name": "x" * 2000}, "1024 bytes"),
        ({"name": "a", "step_metric": "b*"}, "step_metric"),
        ({"name": "a", "step_metric": 4}, "step_metric=4"),
        ({"name": "a", "summary": "bogus"}, "bogus"),
        ({"name": "a", "summary": ["min", 3]}, "summary=3"),
        ({"name": "a", "goal": "up"}, "goal='up'"),
        ({"name": "a", "hidden": "yes"}, "hidden='yes'"),
    ],
)
def test_a_wrong_argument_is_named(arguments: dict[str, Any], named: str) -> None:
    with runlore.init(project="p") as run, pytest.raises(runlore.UsageError, match=named):
        run.define_metric(**arguments)
