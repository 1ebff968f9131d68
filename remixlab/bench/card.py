"""What the card does while it is timed: clocks, power, energy, temperature, throttling."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

_EVERY = 0.1  # seconds


@contextmanager
def sampled(device: torch.device) -> Iterator[list[dict[str, float]]]:
    """A list that fills inside the block; it stays empty on a CPU and without nvidia-ml-py.

    Each sample: MHz of the processors and of the memory, watts, degrees Celsius, NVML's bits of
    reasons for throttling, bytes in use as the card counts them.
    """
    samples: list[dict[str, float]] = []
    nvml = _nvml() if device.type == "cuda" else None
    if nvml is None:
        yield samples
        return
    ended = threading.Event()
    handle = nvml.nvmlDeviceGetHandleByIndex(device.index or 0)

    def watch() -> None:
        while not ended.wait(_EVERY):
            samples.append(_sample(nvml, handle))

    thread = threading.Thread(target=watch, daemon=True)
    thread.start()
    try:
        yield samples
    finally:
        ended.set()
        thread.join()


def energy_meter(device: torch.device) -> Callable[[], float | None]:
    """A function that reads the card's energy so far in joules; None where nothing counts it.

    NVML counts since the driver was loaded, in steps of some tens of milliseconds: means of many
    runs tell, single ones do not. It counts everything that the card does.
    """
    nvml = _nvml() if device.type == "cuda" else None
    if nvml is None:
        return lambda: None
    try:
        handle = nvml.nvmlDeviceGetHandleByIndex(device.index or 0)
        nvml.nvmlDeviceGetTotalEnergyConsumption(handle)
    except nvml.NVMLError:  # cards before Volta have no counter
        return lambda: None
    return lambda: nvml.nvmlDeviceGetTotalEnergyConsumption(handle) / 1000


def _nvml() -> Any:
    try:
        import pynvml  # from nvidia-ml-py, an extra  # pyright: ignore[reportMissingImports]

        pynvml.nvmlInit()
    except Exception:  # no package, no driver, or no permission: latency is measured without it
        return None
    return pynvml


def _sample(nvml: Any, handle: Any) -> dict[str, float]:
    return {
        "sm_mhz": nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM),
        "memory_mhz": nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_MEM),
        "watts": nvml.nvmlDeviceGetPowerUsage(handle) / 1000,
        "celsius": nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU),
        "throttle_reasons": nvml.nvmlDeviceGetCurrentClocksEventReasons(handle),
        "used_bytes": nvml.nvmlDeviceGetMemoryInfo(handle).used,
    }
