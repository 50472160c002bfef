"""NVIDIA GPUs, through NVML. Present only where the driver and the package ``nvidia-ml-py`` are."""

from __future__ import annotations

import ctypes
import logging
import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Sequence

log = logging.getLogger(__name__)


def _has_driver() -> bool:
    """Whether NVML's library can be loaded: asked first, because importing the bindings costs memory."""
    name = "nvml.dll" if sys.platform == "win32" else "libnvidia-ml.so.1"
    try:
        ctypes.CDLL(name)
    except OSError:
        return False
    return True


def open_gpus(gpu_ids: Sequence[int] | None) -> Gpus | None:
    """The GPUs with these numbers (None: all), or None when there are none that can be read."""
    if not _has_driver():
        return None
    try:
        import pynvml  # noqa: PLC0415 - optional
    except ImportError:
        log.info("an NVIDIA driver is there, but its metrics need the package nvidia-ml-py; pip install nvidia-ml-py")
        return None
    try:
        pynvml.nvmlInit()
        count = pynvml.nvmlDeviceGetCount()
        wanted = range(count) if gpu_ids is None else [i for i in gpu_ids if 0 <= i < count]
        gpus = Gpus(pynvml, {i: pynvml.nvmlDeviceGetHandleByIndex(i) for i in wanted})
    except pynvml.NVMLError as error:
        log.warning("cannot read the NVIDIA GPUs: %s; their metrics are left out", error)
        return None
    return gpus if wanted else None


class Gpus:
    """Readings of GPUs: ``gpu.<i>.<what>``, and ``gpu.process.<i>.<what>`` for GPUs that the run's processes use.

    gpu, memory, encoderUtilization: percent of the time in use. memoryAllocated: percent. memoryAllocatedBytes.
    temp: °C. powerWatts, enforcedPowerLimitWatts, powerPercent. smClock, memoryClock, graphicsClock: MHz.
    correctedMemoryErrors, uncorrectedMemoryErrors: since the driver was loaded. What a GPU does not tell is left out.
    """

    def __init__(self, nvml: Any, handles: dict[int, Any]) -> None:
        self._nvml = nvml
        self._handles = handles
        self._unsupported: set[tuple[int, str]] = set()

    def close(self) -> None:
        """Let go of the library."""
        self._nvml.nvmlShutdown()

    def read(self, pids: Collection[int]) -> dict[str, float]:
        """One reading. pids: the run's processes."""
        found: dict[str, float] = {}
        for i, handle in self._handles.items():
            values: dict[str, float] = {}
            for name, ask in self._questions(handle):
                if (i, name) in self._unsupported:
                    continue
                try:
                    values.update(ask())
                except self._nvml.NVMLError_NotSupported:
                    self._unsupported.add((i, name))
                except self._nvml.NVMLError as error:
                    log.warning("cannot read %s of GPU %d: %s; it is left out", name, i, error)
                    self._unsupported.add((i, name))
            found.update({f"gpu.{i}.{name}": value for name, value in values.items()})
            if self._is_used_by(i, handle, pids):
                found.update({f"gpu.process.{i}.{name}": value for name, value in values.items()})
        return found

    def _is_used_by(self, i: int, handle: Any, pids: Collection[int]) -> bool:
        if (i, "processes") in self._unsupported:
            return False
        try:
            return any(process.pid in pids for process in self._nvml.nvmlDeviceGetComputeRunningProcesses(handle))
        except self._nvml.NVMLError:
            self._unsupported.add((i, "processes"))
            return False

    def _questions(self, handle: Any) -> Iterator[tuple[str, Callable[[], dict[str, float]]]]:
        nvml = self._nvml

        def use() -> dict[str, float]:
            rates = nvml.nvmlDeviceGetUtilizationRates(handle)
            return {"gpu": float(rates.gpu), "memory": float(rates.memory)}

        def memory() -> dict[str, float]:
            info = nvml.nvmlDeviceGetMemoryInfo(handle)
            return {
                "memoryAllocatedBytes": float(info.used),
                "memoryAllocated": 100.0 * info.used / info.total if info.total else 0.0,
            }

        def temperature() -> dict[str, float]:
            return {"temp": float(nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU))}

        def power() -> dict[str, float]:
            return {"powerWatts": nvml.nvmlDeviceGetPowerUsage(handle) / 1000.0}

        def power_limit() -> dict[str, float]:
            limit = nvml.nvmlDeviceGetEnforcedPowerLimit(handle) / 1000.0
            watts = nvml.nvmlDeviceGetPowerUsage(handle) / 1000.0
            return {"enforcedPowerLimitWatts": limit, "powerPercent": 100.0 * watts / limit if limit else 0.0}

        def clock(kind: int, name: str) -> Callable[[], dict[str, float]]:
            return lambda: {name: float(nvml.nvmlDeviceGetClockInfo(handle, kind))}

        def errors(kind: int, name: str) -> Callable[[], dict[str, float]]:
            return lambda: {
                name: float(nvml.nvmlDeviceGetTotalEccErrors(handle, kind, nvml.NVML_VOLATILE_ECC)),
            }

        def encoder() -> dict[str, float]:
            return {"encoderUtilization": float(nvml.nvmlDeviceGetEncoderUtilization(handle)[0])}

        yield "use", use
        yield "memory", memory
        yield "temperature", temperature
        yield "power", power
        yield "power limit", power_limit
        yield "SM clock", clock(nvml.NVML_CLOCK_SM, "smClock")
        yield "memory clock", clock(nvml.NVML_CLOCK_MEM, "memoryClock")
        yield "graphics clock", clock(nvml.NVML_CLOCK_GRAPHICS, "graphicsClock")
        yield "corrected errors", errors(nvml.NVML_MEMORY_ERROR_TYPE_CORRECTED, "correctedMemoryErrors")
        yield "uncorrected errors", errors(nvml.NVML_MEMORY_ERROR_TYPE_UNCORRECTED, "uncorrectedMemoryErrors")
        yield "encoder use", encoder
