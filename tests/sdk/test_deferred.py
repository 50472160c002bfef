from __future__ import annotations

import threading
import types
from typing import TYPE_CHECKING

from tests.sdk.reading import only_journal

import runlore

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


class StandInDeviceTensor:
    """Stands in for a tensor on an accelerator: its value can be read only once the device is done."""

    shape = ()
    dtype = "torch.float32"
    device = types.SimpleNamespace(type="cuda")

    def __init__(self, value: float, is_computed: threading.Event) -> None:
        self.value = value
        self._is_computed = is_computed
        self.read_by: list[str] = []

    def detach(self) -> StandInDeviceTensor:
        return self

    def clone(self) -> StandInDeviceTensor:
        copy = StandInDeviceTensor(self.value, self._is_computed)
        copy.read_by = self.read_by
        return copy

    def item(self) -> float:
        self._is_computed.wait(10)
        self.read_by.append(threading.current_thread().name)
        return self.value


def test_log_does_not_wait_for_the_device(runs: Path) -> None:
    done = threading.Event()
    loss = StandInDeviceTensor(0.5, done)
    with runlore.init(project="p", settings={"defer_tensors": True}) as run:
        run.log({"loss": loss, "lr": 0.1})
        run.log({"lr": 0.2})
        loss.value = 99.0  # the training goes on and overwrites it
        run.log({"loss": StandInDeviceTensor(0.25, done)})
        assert run.step == 3
        assert loss.read_by == []
        done.set()
    assert set(loss.read_by) == {"runlore-deferred"}
    journal = only_journal(runs)
    assert journal.column("loss") == [(0, 0.5), (2, 0.25)]
    assert journal.column("lr") == [(0, 0.1), (1, 0.2)]
    times = {row.step: row.time_ns for row in journal.rows if "lr" in row.values}
    deferred = {row.step: row.time_ns for row in journal.rows if "loss" in row.values}
    assert deferred[0] == times[0]
    assert run.summary["loss"] == 0.25


def test_without_the_setting_the_tensor_is_read_at_once(runs: Path) -> None:
    done = threading.Event()
    done.set()
    loss = StandInDeviceTensor(0.5, done)
    with runlore.init(project="p") as run:
        run.log({"loss": loss})
        assert loss.read_by == ["MainThread"]
    assert only_journal(runs).column("loss") == [(0, 0.5)]


def test_a_tensor_that_cannot_be_read_is_no_fault_of_the_training(
    runs: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Broken(StandInDeviceTensor):
        def clone(self) -> StandInDeviceTensor:
            return self

        def item(self) -> float:
            raise RuntimeError("device-side assert")

    monkeypatch.delenv("RUNLORE_STRICT")
    with runlore.init(project="p", settings={"defer_tensors": True}) as run:
        run.log({"loss": Broken(1.0, threading.Event()), "lr": 1.0})
        run.log({"loss": 2.0})
    assert only_journal(runs).column("loss") == [(1, 2.0)]
    assert "device-side assert" in caplog.text
