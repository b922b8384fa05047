"""Runs as cases of a study: trained in the case's folder, gone on with where they stopped, and loaded."""

from pathlib import Path
from typing import Any

from gradpen.errors import RunError
from gradpen.looking.compare import run_cell
from gradpen.runs.audience import Audience
from gradpen.runs.trained import Run, load
from gradpen.settings import configure


def trained(place: Path, preset: str, settings: dict[str, Any]) -> Run:
    """Return a run of a preset with some settings, on one thread, in a folder of the case's.

    Args:
        place: the case's folder; the run lies in ``run`` below it.
        preset: by name.
        settings: by dotted keys.
    """
    audience = Audience()
    run_cell(configure(preset, settings={"threads": 1} | settings), place / "run", audience)
    if audience.interrupt.signal is not None:
        raise RunError("stopped before its end")
    return load(place / "run", checkpoint="last")
