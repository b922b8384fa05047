"""What a reader needs to judge or repeat a run: versions, the commit of the code, what the CPU can do."""

import platform
import subprocess
from functools import lru_cache
from pathlib import Path
from typing import Any

import torch

from gradpen import __version__
from gradpen.machine.sharing import count


def versions(device: torch.device) -> dict[str, Any]:
    """Return what a reader needs to judge or repeat a run: code, libraries, CPU, threads."""
    return {
        "gradpen": __version__,
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
    """Return which instruction sets that decide on speed this CPU has; empty if torch cannot tell."""
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", older_capabilities)()
    return [name for name in ("avx2", "avx512_f", "avx512_bf16", "amx_bf16", "bf16") if capabilities.get(name)]


def older_capabilities() -> dict[str, Any]:
    """Return what versions of torch without ``get_capabilities`` can tell."""
    found = {"avx512_bf16": "_is_avx512_bf16_supported", "amx_bf16": "_is_amx_tile_supported"}
    return {name: getattr(torch.cpu, check, bool)() for name, check in found.items()}


@lru_cache(maxsize=1)
def code_commit() -> str | None:
    """Return the git commit of the code, with ``+changes`` if it was edited; None outside a checkout."""
    root = Path(__file__).resolve().parents[3]
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
