"""Readings of this machine, of containers and of GPUs that are not there."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import psutil
import pytest

from runlore.recorder.entries import Settings
from runlore.recorder.machine import nvidia
from runlore.recorder.machine.cgroup import Limits, memory_used, read_limits
from runlore.recorder.machine.cpu import Cores
from runlore.recorder.machine.disk import Disks
from runlore.recorder.machine.memory import read_memory, total_memory
from runlore.recorder.machine.network import Network
from runlore.recorder.machine.process import ProcessTree
from runlore.recorder.machine.sampler import Sampler, Window

if TYPE_CHECKING:
    from pathlib import Path

UNLIMITED = Limits(None, None, None)


def test_a_window_keeps_mean_minimum_and_maximum_of_each_metric() -> None:
    window = Window(start_ns=5)
    for reading in ({"a": 1.0, "b": -4.0}, {"a": 2.0}, {"a": 6.0, "b": 2.0}):
        window.add(reading)
    record = window.record(end_ns=9)
    assert record is not None
    assert (record.start_ns, record.end_ns, record.samples) == (5, 9, 3)
    assert record.values == {"a": [3.0, 1.0, 6.0], "b": [-1.0, -4.0, 2.0]}


def test_a_window_without_readings_is_no_record() -> None:
    assert Window(start_ns=5).record(end_ns=9) is None


def test_the_mean_of_equal_values_is_that_value() -> None:
    window = Window(start_ns=0)
    for _ in range(3):
        window.add({"a": 0.1})
    record = window.record(end_ns=1)
    assert record is not None
    assert record.values["a"] == [0.1, 0.1, 0.1]


def test_a_sampler_ends_its_window_on_time() -> None:
    sampler = Sampler(Settings(stats_interval_s=0.1, stats_window_s=0.2, disk_paths=["/"]))
    windows = []
    for _ in range(6):
        record = sampler.sample([os.getpid()])
        if record is not None:
            windows.append(record)
        time.sleep(sampler.interval_s)
    assert 1 <= len(windows) <= 3
    assert all(record.samples >= 2 for record in windows)
    assert {"cpu", "proc.cpu.threads", "memory_percent", "disk./.usagePercent"} <= windows[-1].values.keys()
    sampler.close()


@pytest.mark.parametrize(
    ("interval_s", "window_s", "expected"), [(0.0, 0.0, (0.1, 0.1)), (2.0, 1.0, (2.0, 2.0)), (0.5, 15.0, (0.5, 15.0))]
)
def test_a_sampler_bounds_its_settings(interval_s: float, window_s: float, expected: tuple[float, float]) -> None:
    sampler = Sampler(Settings(stats_interval_s=interval_s, stats_window_s=window_s))
    assert (sampler.interval_s, sampler.window_s) == expected


def test_the_process_tree_has_the_children_too() -> None:
    child = subprocess.Popen(
        [sys.executable, "-S", "-c", "b = bytearray(60_000_000); import sys; sys.stdin.read()"], stdin=-1
    )
    try:
        end = time.monotonic() + 10
        while psutil.Process(child.pid).memory_info().rss < 60e6:
            assert time.monotonic() < end
        tree = ProcessTree()
        first = tree.read([os.getpid()], UNLIMITED)
        assert {os.getpid(), child.pid} <= tree.pids
        assert first["proc.memory.rssMB"] > 60e6 / 2**20
        assert "cpu" not in first
        sum(range(2_000_000))
        second = tree.read([os.getpid()], UNLIMITED)
        assert 0 < second["cpu"] <= 101
        assert second["proc.cpu.threads"] >= 2
    finally:
        child.kill()
        child.communicate()


def test_a_process_tree_of_nobody_is_empty() -> None:
    assert ProcessTree().read([2**22 - 1], UNLIMITED) == {}


def test_cores_are_in_percent() -> None:
    cores = Cores()
    time.sleep(0.1)
    found = cores.read()
    assert found
    assert all(name.startswith("cpu.") and 0 <= value <= 100 for name, value in found.items())


def test_disk_paths_that_cannot_be_read_are_left_out(tmp_path: Path) -> None:
    disks = Disks([str(tmp_path), "/no/such/path"])
    for _ in range(2):
        found = disks.read()
        assert 0 <= found[f"disk.{tmp_path}.usagePercent"] <= 100
        assert found[f"disk.{tmp_path}.usageGB"] > 0
        assert not any("/no/such" in name for name in found)


def test_network_counts_from_the_first_reading() -> None:
    assert all(value >= 0 for value in Network().read().values())


def container(root: Path, *, memory: str, cpu: str) -> tuple[Path, Path]:
    """Files as a kernel shows them to a process in group /a/b, of which /a has the limits."""
    groups, proc = root / "cgroup", root / "proc"
    (groups / "a" / "b").mkdir(parents=True)
    (proc / "7").mkdir(parents=True)
    (proc / "7" / "cgroup").write_text("0::/a/b\n")
    (groups / "a" / "b" / "memory.max").write_text("max\n")
    (groups / "a" / "memory.max").write_text(memory)
    (groups / "a" / "cpu.max").write_text(cpu)
    (groups / "a" / "memory.current").write_text("800\n")
    (groups / "a" / "memory.stat").write_text("anon 5\ninactive_file 300\nactive_file 7\n")
    return groups, proc


def test_limits_of_a_container_are_found_up_the_tree(tmp_path: Path) -> None:
    groups, proc = container(tmp_path, memory="1000\n", cpu="150000 100000\n")
    limits = read_limits(7, root=groups, proc=proc)
    assert limits == Limits(1000, 1.5, groups / "a")
    assert memory_used(groups / "a") == 500
    assert total_memory(limits) == 1000
    assert read_memory(limits) == {"memory_percent": 50.0, "proc.memory.availableMB": 500 / 2**20}


def test_no_limits_without_a_container(tmp_path: Path) -> None:
    groups, proc = container(tmp_path, memory="max\n", cpu="max 100000\n")
    assert read_limits(7, root=groups, proc=proc) == UNLIMITED
    assert read_limits(8, root=groups, proc=proc) == UNLIMITED
    assert read_memory(UNLIMITED)["memory_percent"] > 0


class NvmlError(Exception):
    """As pynvml's."""


class NotSupportedError(NvmlError):
    """As pynvml's."""


class StandInNvml:
    """Stands in for NVML and its bindings on machines without such a GPU: two GPUs, the second tells less."""

    NVMLError = NvmlError
    NVMLError_NotSupported = NotSupportedError
    NVML_TEMPERATURE_GPU = NVML_CLOCK_GRAPHICS = NVML_VOLATILE_ECC = 0
    NVML_CLOCK_SM = NVML_MEMORY_ERROR_TYPE_UNCORRECTED = 1
    NVML_CLOCK_MEM = 2
    NVML_MEMORY_ERROR_TYPE_CORRECTED = 0

    def __init__(self) -> None:
        self.asked: list[str] = []
        self.is_open = False

    def nvmlInit(self) -> None:  # noqa: N802
        self.is_open = True

    def nvmlShutdown(self) -> None:  # noqa: N802
        self.is_open = False

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return 2

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        return index

    def __getattr__(self, name: str) -> Any:
        answers: dict[str, Any] = {
            "nvmlDeviceGetUtilizationRates": SimpleNamespace(gpu=50, memory=10),
            "nvmlDeviceGetMemoryInfo": SimpleNamespace(used=20, total=80),
            "nvmlDeviceGetTemperature": 60,
            "nvmlDeviceGetPowerUsage": 100_000,
            "nvmlDeviceGetEnforcedPowerLimit": 400_000,
            "nvmlDeviceGetClockInfo": 1500,
            "nvmlDeviceGetTotalEccErrors": 2,
            "nvmlDeviceGetEncoderUtilization": [7, 1000],
            "nvmlDeviceGetComputeRunningProcesses": [SimpleNamespace(pid=os.getpid())],
        }

        def ask(handle: int, *_: int) -> Any:
            self.asked.append(f"{name} {handle}")
            if handle == 1 and name != "nvmlDeviceGetUtilizationRates":
                raise NotSupportedError("Not Supported")
            return answers[name]

        return ask


def gpus(monkeypatch: pytest.MonkeyPatch, ids: list[int] | None) -> tuple[nvidia.Gpus | None, StandInNvml]:
    nvml = StandInNvml()
    monkeypatch.setattr(nvidia, "_has_driver", lambda: True)
    monkeypatch.setitem(sys.modules, "pynvml", nvml)
    return nvidia.open_gpus(ids), nvml


def test_gpu_readings_and_those_of_the_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    found, nvml = gpus(monkeypatch, None)
    assert found is not None
    values = found.read({os.getpid()})
    expected = {
        "gpu": 50.0, "memory": 10.0, "memoryAllocatedBytes": 20.0, "memoryAllocated": 25.0, "temp": 60.0,
        "powerWatts": 100.0, "enforcedPowerLimitWatts": 400.0, "powerPercent": 25.0, "smClock": 1500.0,
        "memoryClock": 1500.0, "graphicsClock": 1500.0, "correctedMemoryErrors": 2.0, "uncorrectedMemoryErrors": 2.0,
        "encoderUtilization": 7.0,
    }  # fmt: skip
    assert values == {
        **{f"gpu.0.{name}": value for name, value in expected.items()},
        **{f"gpu.process.0.{name}": value for name, value in expected.items()},
        "gpu.1.gpu": 50.0,
        "gpu.1.memory": 10.0,
    }
    assert not any(name.startswith("gpu.process") for name in found.read({1}))
    # What a GPU cannot tell is asked once.
    assert nvml.asked.count("nvmlDeviceGetTemperature 1") == 1
    found.close()
    assert not nvml.is_open


def test_only_the_chosen_gpus_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    found, _ = gpus(monkeypatch, [1, 9])
    assert found is not None
    assert set(found.read(set())) == {"gpu.1.gpu", "gpu.1.memory"}
    assert gpus(monkeypatch, [])[0] is None


def test_no_gpus_without_a_driver(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(nvidia, "_has_driver", lambda: False)
    assert nvidia.open_gpus(None) is None
