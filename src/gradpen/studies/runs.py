"""Runs as cases of a study: trained in the case's folder, gone on with where they stopped, and what is kept of them."""

import base64
import io
import json
import threading
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from PIL import Image

from gradpen.config import RunConfig
from gradpen.data.choice import at_absolute_path
from gradpen.errors import DivergedError, RunError
from gradpen.looking.report import publish
from gradpen.machine.signals import Interrupt
from gradpen.runs.audience import Audience
from gradpen.runs.folder import RunFolder, clear_unbegun, is_run, read_config
from gradpen.runs.trained import Run, load
from gradpen.runs.training import resume, train
from gradpen.settings import configure, differences
from gradpen.studies.study import Found, Results
from gradpen.text import printable

NAN = float("nan")
NO_COLUMNS = ("images", "images_per_second", "measured_images", "compared_images")
"""columns of a run's measures that no study asks for"""


def trained(place: Path, preset: str, settings: dict[str, Any]) -> Run:
    """Return a run of a preset with some settings, on one thread, in a folder of the case's.

    Args:
        place: the case's folder; the run lies in ``run`` below it.
        preset: by name.
        settings: by dotted keys.
    """
    run_in(place / "run", configure(preset, settings={"threads": 1} | settings))
    return load(place / "run", checkpoint="last")


def run_in(path: Path, config: RunConfig) -> dict[str, Any]:
    """Train, continue or reuse one run, and return its record.

    Raises:
        RunError: the folder holds a run of another configuration.
        KeyboardInterrupt: the run was interrupted; its checkpoint is written.
    """
    folder, audience = RunFolder(path=path), listening()
    clear_unbegun(folder)
    if not is_run(path):
        train(config, out=path, audience=audience)
    else:
        refuse_another_run(config, path)
        resume(path, iterations=config.iterations, audience=audience)
    if audience.interrupt.signal is not None:
        raise KeyboardInterrupt
    publish(folder)
    record: dict[str, Any] = json.loads(folder.record.read_text(encoding="utf-8"))
    return record


def refuse_another_run(config: RunConfig, path: Path) -> None:
    """Refuse a folder that holds a run of another configuration; the number of iterations may differ."""
    if not is_run(path):
        return
    begun = read_config(RunFolder(path=path))
    data = at_absolute_path(config.data, config.data.path)
    changed = differences(begun, replace(config, iterations=begun.iterations, data=data))
    if changed:
        raise RunError(
            f"{printable(path)} holds a run of another configuration ({'; '.join(changed)}); choose another `out`"
        )


def listening() -> Audience:
    """Return a silent audience that writes a checkpoint when it is interrupted, where a process can be told so."""
    interrupt = Interrupt()
    heard = threading.current_thread() is threading.main_thread()
    return Audience(interrupt=interrupt, listen=interrupt.listen) if heard else Audience()


def measured(place: Path, preset: str, settings: dict[str, Any]) -> Found:
    """Train a run, and return its measures, the picture of its last samples and its distance to held-out data.

    A run that diverges is a finding of a study too: it is told by ``diverged``, and has the measures until then.
    """
    diverged = False
    try:
        trained(place, preset, settings)
    except DivergedError:
        diverged = True
    folder = RunFolder(path=place / "run")
    record = json.loads(folder.record.read_text(encoding="utf-8"))
    rows = [json.loads(line) for line in folder.measures.read_text(encoding="utf-8").splitlines()]
    return {
        "rows": [{name: value for name, value in row.items() if name not in NO_COLUMNS} for row in rows],
        "picture": in_letters(newest_grid(place)),
        "distances": record["distance_to_held_out"],
        "parameters": record["parameters"],
        "diverged": diverged,
    }


def newest_grid(place: Path) -> Path:
    """Return the last picture of samples of a case's run."""
    return max((place / "run" / "samples").glob("*.png"))


def in_letters(picture: Path) -> str:
    """Return a picture as text, as results keep it."""
    return base64.b64encode(picture.read_bytes()).decode()


def show(axes: Axes, found: Mapping[str, Any] | None, title: str) -> None:
    """Draw the picture of a case's last samples, or say that it is not finished."""
    axes.set_axis_off()
    axes.set_title(title, fontsize=9)
    if found is None:
        axes.text(0.5, 0.5, "not finished", ha="center", transform=axes.transAxes)
        return
    with Image.open(io.BytesIO(base64.b64decode(found["picture"]))) as picture:
        axes.imshow(np.asarray(picture.convert("RGB")))


def panels(rows: int, columns: int, *, width: float = 2.4, height: float = 2.4) -> tuple[Figure, list[list[Axes]]]:
    """Return a figure of so many panels, by row and column."""
    figure = Figure(figsize=(width * columns, height * rows), layout="constrained")
    found = figure.subplots(rows, columns, squeeze=False)
    return figure, [list(row) for row in found]


def curve(found: Mapping[str, Any], name: str) -> tuple[list[int], list[float]]:
    """Return the iterations at which a run took a measure, and its values, without those of the untrained networks."""
    rows = [row for row in found["rows"] if name in row and row["iteration"] > 0]
    return [row["iteration"] for row in rows], [float(row[name]) for row in rows]


def progress_made(found: Mapping[str, Any]) -> float:
    """Return how far a run came from its untrained generator to the floor of its data: 1 at the floor, 0 untrained.

    The distance is the exact Wasserstein-1 distance to held-out data; NaN for a run that diverged.
    """
    untrained = next((row["distance"] for row in found["rows"] if row["iteration"] == 0 and "distance" in row), NAN)
    if found["diverged"] or "distance" not in found["distances"]:
        return NAN
    last, floor = found["distances"]["distance"]["mean"], found["distances"]["floor"]["mean"]
    return float((untrained - last) / (untrained - floor))


def of_all(results: Results, *names: str) -> list[Found]:
    """Return the results of those of these cases that are finished."""
    return [results[name] for name in names if name in results]
