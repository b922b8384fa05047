"""Several configurations at equal budget and the same seeds: one table, one figure, samples side by side."""

import re
import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradpen.config import RunConfig
from gradpen.data.recognise import open_source
from gradpen.errors import UsageError
from gradpen.lipschitz import CONSTRAINT_FORMS
from gradpen.looking.figures import dots, png
from gradpen.looking.pictures import save_rows
from gradpen.objectives import OBJECTIVES
from gradpen.runs.checkpoint import replace_file
from gradpen.runs.checks import refuse_small, refuse_wrong_labels
from gradpen.runs.folder import write_json
from gradpen.runs.trained import load
from gradpen.settings import configure, from_dict, parse_override, to_dict
from gradpen.studies.engine import (
    WHOLE,
    Outcome,
    Shard,
    Tell,
    carry_out,
    place_of,
    read_result,
    results_of,
    tell_nobody,
)
from gradpen.studies.runs import refuse_another_run, run_in
from gradpen.studies.study import Case, Found, Results
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
    """why runs did not finish, with their seeds"""


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
    cells: Sequence[Cell],
    seeds: int,
    out: Path,
    *,
    jobs: int = 1,
    shard: Shard = WHOLE,
    cluster: str | None = None,
    tell: Tell = tell_nobody,
) -> list[Result]:
    """Train every cell with seeds 0, 1, … and write ``compare.md``, ``compare.json``, ``compare.png``, ``samples.png``.

    Finished runs found in ``out`` are used as they are and unfinished ones continued, so an interrupted comparison
    goes on where it stopped. Every run is on one CPU thread unless its configuration says otherwise, so that the
    number of jobs changes no bit of it.

    Args:
        cells: what to compare.
        seeds: runs of each cell.
        out: a folder; each run lies in ``CELL/seed-N/run`` below it.
        jobs: runs at a time on this machine, or on the cluster.
        shard: the part of the runs to do.
        cluster: address of a running Dask scheduler whose workers see the same folders; None: this machine.
        tell: called after each run, as :func:`gradpen.studies.engine.carry_out` says.

    Raises:
        UsageError: fewer than two cells.
        RunError: a run in ``out`` has another configuration.
        DataError: the data of a cell cannot be used.
    """
    if len(cells) < 2:
        raise UsageError("a comparison needs at least two cells; name more with `cells`, `objectives` or `constraints`")
    cases = [[case_of(cell, number, seed) for seed in range(seeds)] for number, cell in enumerate(cells, start=1)]
    flat = [case for of_cell in cases for case in of_cell]
    for cell in cells:
        source = open_source(cell.config.data)
        refuse_wrong_labels(cell.config, source)
        refuse_small(cell.config, source)
    for case in flat:
        refuse_another_run(from_dict(case.arguments["config"]), place_of(case, out) / "run")

    def results(failures: Mapping[str, str]) -> list[Result]:
        found = results_of(flat, out)
        return [summarise(cell.name, of_cell, found, failures) for cell, of_cell in zip(cells, cases, strict=True)]

    def tell_and_write(outcome: Outcome, done: int, of: int) -> None:
        write_results(results({}), out)
        tell(outcome, done, of)

    failures = carry_out(flat, out, jobs=jobs, shard=shard, cluster=cluster, tell=tell_and_write)
    compared = results(failures)
    write_results(compared, out)
    write_samples(cells, cases, out)
    return compared


def case_of(cell: Cell, number: int, seed: int) -> Case:
    """Return the case of one run of a cell, in a folder that the cell's number and name and the seed say."""
    words = re.sub(r"[^a-z0-9.=]+", "-", cell.name.lower())[:80]
    return Case(
        name=f"{cell.name}, seed {seed}",
        work=run_of_cell,
        arguments={"config": to_dict(replace(cell.config, seed=seed))},
        folder=f"{number:02d}-{words}/seed-{seed}",
    )


def run_of_cell(place: Path, config: dict[str, Any]) -> Found:
    """Train, continue or reuse one run, and return its distances to held-out data."""
    return {"distances": run_in(place / "run", from_dict(config))["distance_to_held_out"]}


def write_samples(cells: Sequence[Cell], cases: Sequence[Sequence[Case]], out: Path) -> None:
    """Write ``samples.png``: a row for each cell, of its first finished run.

    The samples are of the same latents for all runs with latents of one size.
    """
    rows: list[tuple[str, NDArray[np.uint8]]] = []
    for cell, of_cell in zip(cells, cases, strict=True):
        seed = next((seed for seed, case in enumerate(of_cell) if read_result(case, out)), None)
        if seed is not None:
            run = load(place_of(of_cell[seed], out) / "run")
            rows.append((f"{cell.name}, seed {seed}", run.pictures(SAMPLES_SHOWN, seed=0)))
    if rows:
        save_rows(rows, out / "samples.png")


def summarise(name: str, cases: Sequence[Case], found: Results, failures: Mapping[str, str]) -> Result:
    """Return the result of a cell from what its runs found, and why those without a result failed."""
    distances = [found[case.name]["distances"] for case in cases if case.name in found]
    measured = [one for one in distances if one]
    failed: dict[str, list[str]] = {}
    for seed, case in enumerate(cases):
        if case.name in failures:
            failed.setdefault(failures[case.name], []).append(str(seed))
    return Result(
        name=name,
        distances=[one["distance"]["mean"] for one in measured],
        n=measured[0]["distance"]["n"] if measured else 0,
        floor=measured[0]["floor"]["mean"] if measured else None,
        failures=[
            f"{'seed' if len(seeds) == 1 else 'seeds'} {', '.join(seeds)}: {why}" for why, seeds in failed.items()
        ],
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
