"""Device, threads, seeding and signals: what lies between a run and the machine."""

import ctypes
import hashlib
import os
import platform
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from importlib import metadata
from pathlib import Path
from types import FrameType
from typing import Any

import torch

from gradpen.errors import UsageError, speaks
from gradpen.names import safe_name
from gradpen.processes import count, local_device

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
    raise UsageError(f"device '{safe_name(name)}' is not available here; use --device auto or --device cpu")


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


def derived_seed(seed: int, stream: str, index: int) -> int:
    """Return a 63-bit seed for one stream of randomness at one index, independent of all others."""
    digest = hashlib.blake2b(f"{seed}/{stream}/{index}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little") >> 1


def seed_everything(seed: int, stream: str, index: int) -> None:
    """Seed torch's default generators; called before every iteration, so that nothing needs saving.

    ``torch.manual_seed`` also notes down the stack for every kind of device that is not there: up to 0.4 ms.
    """
    number = derived_seed(seed, stream, index)
    torch.default_generator.manual_seed(number)
    if torch.cuda.is_available():
        torch.cuda.manual_seed_all(number)


@contextmanager
def separate_randomness() -> Iterator[None]:
    """Leave torch's default generators as they were found."""
    with torch.random.fork_rng(devices=range(torch.cuda.device_count())):
        yield


class Interrupt:
    """Remembers the first SIGINT or SIGTERM until the run reaches the end of an iteration.

    The second SIGINT raises :class:`KeyboardInterrupt` at once. Handlers are installed by :meth:`listen`
    only, which the command line calls; the Python functions never touch signals.
    """

    def __init__(self) -> None:
        self.signal: int | None = None

    @property
    def exit_code(self) -> int:
        """128 plus the signal: 130 for SIGINT, 143 for SIGTERM; 0 without one."""
        return 0 if self.signal is None else 128 + self.signal

    def handle(self, number: int, frame: FrameType | None) -> None:
        """Take note of a signal."""
        del frame
        if self.signal == signal.SIGINT and number == signal.SIGINT:
            raise KeyboardInterrupt
        self.signal = number
        if number == signal.SIGINT and speaks():
            os.write(2, b"\ngradpen: stopping after this iteration; Ctrl-C again stops at once\n")

    @contextmanager
    def listen(self) -> Iterator[None]:
        """Handle SIGINT and SIGTERM, and restore the previous handlers afterwards."""
        previous = {number: signal.signal(number, self.handle) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in previous.items():
                signal.signal(number, handler)


def versions(device: torch.device) -> dict[str, Any]:
    """Return what a reader needs to judge or repeat a run: code, libraries, processor, threads."""
    return {
        "gradpen": metadata.version("gradpen"),
        "commit": code_commit(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "device": str(device) if device.type == "cpu" else torch.cuda.get_device_name(device),
        "cpu_capability": torch.backends.cpu.get_cpu_capability(),
        "cpu_features": cpu_features(),
        "threads": torch.get_num_threads(),
        "processes": count(),
        "platform": platform.platform(),
    }


def cpu_features() -> list[str]:
    """Return which instruction sets that decide on speed this processor has; empty if torch cannot tell."""
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", older_capabilities)()
    return [name for name in ("avx2", "avx512_f", "avx512_bf16", "amx_bf16", "bf16") if capabilities.get(name)]


def older_capabilities() -> dict[str, Any]:
    """Return what versions of torch without ``get_capabilities`` can tell."""
    found = {"avx512_bf16": "_is_avx512_bf16_supported", "amx_bf16": "_is_amx_tile_supported"}
    return {name: getattr(torch.cpu, check, bool)() for name, check in found.items()}


@lru_cache(maxsize=1)
def code_commit() -> str | None:
    """Return the git commit of the code, with ``+changes`` if it was edited; None outside a checkout."""
    root = Path(__file__).resolve().parents[2]
    if not (root / ".git").exists():
        return None
    try:
        answers = [
            subprocess.run(["git", "-C", root, *command], capture_output=True, text=True, timeout=5, check=True)
            for command in (["rev-parse", "--short", "HEAD"], ["status", "--porcelain", "--", "src"])
        ]
    except (OSError, subprocess.SubprocessError):
        return None
    commit, changes = (answer.stdout.strip() for answer in answers)
    return commit + ("+changes" if changes else "")
