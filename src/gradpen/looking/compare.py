"""Several configurations at equal budget and the same seeds: one table, one figure, samples side by side."""

import json
import re
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradpen.config import RunConfig
from gradpen.data.choice import at_absolute_path
from gradpen.data.recognise import open_source
from gradpen.errors import DivergedError, RunError, UsageError
from gradpen.lipschitz import CONSTRAINT_FORMS
from gradpen.looking.figures import dots, png
from gradpen.looking.pictures import save_rows
from gradpen.looking.report import publish
from gradpen.objectives import OBJECTIVES
from gradpen.runs.audience import Audience
from gradpen.runs.checkpoint import replace_file
from gradpen.runs.checks import refuse_wrong_labels
from gradpen.runs.folder import RunFolder, clear_unbegun, is_run, read_config, write_json
from gradpen.runs.trained import load
from gradpen.runs.training import resume, train
from gradpen.settings import configure, differences, parse_override
from gradpen.text import did_you_mean, printable

SAMPLES_SHOWN = 8
OBJECTIVE_NAMES = tuple(kind.name for kind in OBJECTIVES)


@dataclass(frozen=True, kw_only=True)
class Cell:
    """A configuration with its name in the table; the seed is the comparison's."""

    name: str
    config: RunConfig


@dataclass(frozen=True, kw_only=True)
class Result:
    """What came of one cell."""

    name: str
    distances: list[float]
    """exact Wasserstein-1 distance to held-out images at the end, one for each seed that finished"""
    n: int
    """images in each of the two sets of a distance; 0 if no seed finished"""
    floor: float | None
    """training against held-out images, the same measure"""
    failures: list[str]
    """why seeds did not finish, or why the cell was refused"""


def parse_cell(text: str, common: dict[str, Any], *, reduced: bool = False) -> Cell:
    """Return the cell ``preset,key=value,…`` under the settings common to all.

    >>> parse_cell("wgan-gp,constraint.weight=1", {}).config.constraint.weight
    1.0
    """
    preset, *settings = re.split(r",(?![^\[]*\])", text)
    chosen = configure(preset, reduced=reduced, settings=common | dict(map(parse_override, settings)))
    return Cell(name=text, config=chosen)


def grid_cells(
    preset: str, objectives: Sequence[str], constraints: Sequence[str], common: dict[str, Any], *, reduced: bool = False
) -> list[Cell]:
    """Return every objective with every constraint, by the names in the tables above, on the preset's networks."""
    for names, known in ((objectives, OBJECTIVE_NAMES), (constraints, CONSTRAINT_FORMS)):
        for name in names:
            if name not in known:
                raise UsageError(f"there is no '{printable(name)}' among {', '.join(known)}{did_you_mean(name, known)}")

    def cell(objective: str, constraint: str) -> Cell:
        form: Any = CONSTRAINT_FORMS[constraint]
        settings = {"objective": objective, "constraint": asdict(form)} | common
        return Cell(name=f"{objective} + {constraint}", config=configure(preset, reduced=reduced, settings=settings))

    return [cell(objective, constraint) for objective in objectives for constraint in constraints]


def compare(
    cells: Sequence[Cell], seeds: int, out: Path, *, say: Callable[[str], None], audience: Callable[[], Audience]
) -> list[Result]:
    """Train every cell with seeds 0, 1, … and write ``compare.md``, ``compare.json``, ``compare.png``, ``samples.png``.

    Finished runs found in ``out`` are used as they are and unfinished ones continued, so an interrupted comparison
    goes on where it stopped.

    Args:
        cells: what to compare.
        seeds: runs of each cell.
        out: a folder; each run lies in ``CELL/seed-N`` below it.
        say: called with a sentence for each run.
        audience: makes the audience of each run.

    Raises:
        UsageError: fewer than two cells.
        RunError: a run in ``out`` has another configuration.
        DataError: the data cannot be used; no cell would differ in that.
    """
    if len(cells) < 2:
        raise UsageError("a comparison needs at least two cells; name more with `cells`, `objectives` or `constraints`")
    for cell in cells:
        if cell.config.conditional:
            refuse_wrong_labels(cell.config, open_source(cell.config.data))
    results: list[Result] = []
    pictures: list[tuple[str, NDArray[np.uint8]]] = []
    for number, cell in enumerate(cells):
        place = out / f"{number + 1:02d}-{re.sub(r'[^a-z0-9.=]+', '-', cell.name.lower())[:80]}"
        records, failures, finished = [], [], []
        for seed in range(seeds):
            say(f"{cell.name}, seed {seed} ({number * seeds + seed + 1} of {len(cells) * seeds})")
            try:
                listener = audience()
                records.append(run_cell(replace(cell.config, seed=seed), place / f"seed-{seed}", listener))
                finished.append(seed)
            except DivergedError as error:
                failures.append(f"seed {seed}: {error}")
            except UsageError as error:
                failures.append(f"refused: {error}")
                break
            if listener.interrupt.signal is not None:
                raise KeyboardInterrupt
        results.append(summarise(cell.name, records, failures))
        if finished:
            pictures.append((f"{cell.name}, seed {finished[0]}", sample_row(place / f"seed-{finished[0]}", say)))
        write_results(results, out)
        if pictures:
            save_rows(pictures, out / "samples.png")
    return results


def sample_row(path: Path, say: Callable[[str], None]) -> NDArray[np.uint8]:
    """Return samples of a run, uint8 ``[8, C, H, W]``: from the same latents for all runs with latents of one size."""
    return load(path, say=say).pictures(SAMPLES_SHOWN, seed=0)


def run_cell(config: RunConfig, path: Path, audience: Audience) -> dict[str, Any]:
    """Train, continue or reuse one run, and return its record."""
    folder = RunFolder(path=path)
    clear_unbegun(folder)
    if not is_run(path):
        train(config, out=path, audience=audience)
    else:
        begun = read_config(folder)
        data = at_absolute_path(config.data, config.data.path)
        changed = differences(begun, replace(config, iterations=begun.iterations, data=data))
        if changed:
            raise RunError(
                f"{printable(path)} holds a run of another configuration ({'; '.join(changed)}); choose another `out`"
            )
        resume(path, iterations=config.iterations, audience=audience)
    publish(folder)
    record: dict[str, Any] = json.loads(folder.record.read_text(encoding="utf-8"))
    return record


def summarise(name: str, records: list[dict[str, Any]], failures: list[str]) -> Result:
    """Return the result of a cell from the records of its runs."""
    found = [record["distance_to_held_out"] for record in records if record["distance_to_held_out"]]
    return Result(
        name=name,
        distances=[entry["distance"]["mean"] for entry in found],
        n=found[0]["distance"]["n"] if found else 0,
        floor=found[0]["floor"]["mean"] if found else None,
        failures=failures,
    )


def table(results: Sequence[Result]) -> str:
    """Return the results as a Markdown table."""
    lines = ["| cell | distance, median (range) | seeds | n | floor | not finished |", "|---|---|---|---|---|---|"]
    for result in results:
        if result.distances:
            low, high = min(result.distances), max(result.distances)
            shown = f"{statistics.median(result.distances):.3f} ({low:.3f} to {high:.3f})"
            floor = f"{result.floor:.3f}"
        else:
            shown, floor = "", ""
        why = "; ".join(result.failures).replace("|", "/")
        lines.append(f"| {result.name} | {shown} | {len(result.distances)} | {result.n or ''} | {floor} | {why} |")
    return "\n".join(lines) + "\n"


def write_results(results: Sequence[Result], out: Path) -> None:
    """Write the table, the figure and the values."""
    out.mkdir(parents=True, exist_ok=True)
    replace_file(out / "compare.md", table(results).encode())
    write_json(out / "compare.json", [asdict(result) for result in results])
    floors = [result.floor for result in results if result.floor is not None]
    rows = [(result.name, result.distances) for result in results]
    replace_file(out / "compare.png", png(dots(rows, statistics.median(floors) if floors else None)))
