"""The device a run computes on, in what precision, and the memory it keeps."""

import ctypes
from contextlib import suppress

import torch

from gradpen.errors import UsageError
from gradpen.machine.job import local_device
from gradpen.machine.versions import cpu_features
from gradpen.text import printable

M_TRIM_THRESHOLD, M_MMAP_MAX = -1, -4
"""parameters of mallopt(3)"""


def choose_device(name: str) -> torch.device:
    """Return the device of this name; ``auto`` takes a GPU where there is one, and of several processes each its own.

    Raises:
        UsageError: there is no such device on this machine.
    """
    name = local_device(name)
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    with suppress(RuntimeError, AssertionError, NotImplementedError):
        device = torch.device(name)
        if device.type in ("cpu", "cuda"):
            torch.empty(0, device=device)
            return device
    raise UsageError(f"device '{printable(name)}' is not available here; choose `device=auto` or `device=cpu`")


def computes_in_bf16(device: torch.device) -> bool:
    """Return whether the device has instructions for bfloat16."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return bool({"avx512_bf16", "amx_bf16", "bf16"} & set(cpu_features()))


def choose_precision(name: str, device: torch.device) -> tuple[torch.dtype, torch.dtype]:
    """Return what networks compute in, and the critic under the penalty."""
    if name == "auto":
        name = "bf16" if computes_in_bf16(device) else "fp32"
    return (
        torch.bfloat16 if name.startswith("bf16") else torch.float32,
        torch.bfloat16 if name == "bf16" else torch.float32,
    )


def keep_freed_memory() -> None:
    """Let the C library keep the memory of freed tensors, where it is glibc: fresh pages cost several percent."""
    with suppress(AttributeError, OSError):
        allocator = ctypes.CDLL(None).mallopt
        allocator(M_MMAP_MAX, 0)
        allocator(M_TRIM_THRESHOLD, 2**31 - 1)
