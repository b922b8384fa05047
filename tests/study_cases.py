"""Work for the tests of the studies' engine, importable in other processes."""

import os
import signal
import time
from pathlib import Path
from typing import Any

from gradpen.errors import DataError
from gradpen.studies.runs import trained


def squared(place: Path, number: int) -> dict[str, Any]:
    assert place.is_dir()
    return {"square": number**2, "process": os.getpid()}


def failing(place: Path, number: int) -> dict[str, Any]:
    del place
    if number == 1:
        raise DataError("there is nothing to square")
    return {"square": number**2}


def killed_once(place: Path, number: int) -> dict[str, Any]:
    """Die at the first try of number 1, by SIGKILL, as where memory ran out."""
    tried = place / "tried"
    if number == 1 and not tried.exists():
        tried.touch()
        time.sleep(0.5)
        os.kill(os.getpid(), signal.SIGKILL)
    return {"square": number**2}


def always_killed(place: Path, number: int) -> dict[str, Any]:
    del place
    if number == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    return {"square": number**2}


def small_run(place: Path, seed: int) -> dict[str, Any]:
    """Train on points; leave the process's number where the test finds it, and take long enough to be found."""
    (place / "pid").write_text(str(os.getpid()))
    settings = {
        "seed": seed,
        "data.path": "embedded:ring",
        "generator.widths": [8],
        "critic.widths": [8],
        "iterations": 60,
        "cadence.sample_every": 5,
        "cadence.save_every": 5,
    }
    run = trained(place, "toy-wgan-gp", settings)
    return {"samples": run.sample(3).ravel().tolist(), "iteration": run.iteration}
