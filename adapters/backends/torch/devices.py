"""Which device, number format and how many threads."""

from __future__ import annotations

import os
from contextlib import AbstractContextManager, nullcontext

import torch

from adapters.settings import BackendSettings
from core.domain.errors import SettingsError

DTYPES = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}


def choose_device(name: str) -> torch.device:
    """``auto`` takes CUDA, then MPS, then the CPU. Raises :class:`SettingsError` for a device that is not
    there."""
    if name == "auto":
        return torch.device(_best())
    device = _device(name)
    if device is None or device.type not in ("cpu", "cuda", "mps"):
        raise SettingsError(f"backend.device is {name!r}; it must be auto, cpu, cuda, cuda:N or mps")
    if device.type == "cuda" and (device.index or 0) >= torch.cuda.device_count():
        raise SettingsError(
            f"backend.device is {name!r}, but torch sees {torch.cuda.device_count()} CUDA devices"
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise SettingsError("backend.device is 'mps', but torch sees none here")
    return device


def choose_dtype(name: str, device: torch.device, fp8: bool = False) -> torch.dtype:
    """``auto``: half precision where the device computes in it, single precision on the CPU.

    :param fp8: weights are quantised, which torchao does row by row from bfloat16 alone. Raises
        :class:`SettingsError` for another format then.
    """
    if fp8:
        if name not in ("auto", "bfloat16"):
            raise SettingsError(f"backend.fp8 needs backend.dtype auto or bfloat16; it is {name}")
        return torch.bfloat16
    if name != "auto":
        return DTYPES[name]
    return torch.float32 if device.type == "cpu" else torch.float16


def on_device(device: torch.device) -> AbstractContextManager[object]:
    """What this thread asks of CUDA inside the block, it asks of that device."""
    return torch.cuda.device(device) if device.type == "cuda" else nullcontext()


def set_threads(settings: BackendSettings) -> None:
    """Two threads on a busy two-core machine can be twenty times slower than one, so half is the default."""
    if "OMP_NUM_THREADS" in os.environ and not settings.threads:
        return
    torch.set_num_threads(settings.threads or max(1, (os.cpu_count() or 2) // 2))


def _device(name: str) -> torch.device | None:
    try:
        return torch.device(name)
    except RuntimeError:
        return None


def _best() -> str:
    if torch.cuda.is_available():
        return "cuda"
    return "mps" if torch.backends.mps.is_available() else "cpu"


def cuda_memory(device: torch.device) -> dict[str, object]:
    """Bytes on a CUDA device, as the reference's API shows them."""
    free, total = torch.cuda.mem_get_info(device)
    stats = torch.cuda.memory_stats(device)
    pools = ("active", "allocated", "reserved", "inactive_split")
    found: dict[str, object] = {"system": {"free": free, "used": total - free, "total": total}}
    for pool in pools:
        found[pool.removesuffix("_split")] = {
            "current": stats.get(f"{pool}_bytes.all.current", 0),
            "peak": stats.get(f"{pool}_bytes.all.peak", 0),
        }
    found["events"] = {"retries": stats.get("num_alloc_retries", 0), "oom": stats.get("num_ooms", 0)}
    return found
