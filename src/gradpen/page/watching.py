"""One run as it is now, or two of them: its figures, its verdict, its curves and grids, as a page asks for them."""

import json
from collections.abc import Sequence
from threading import Lock
from typing import Any

from matplotlib.figure import Figure

from gradpen.errors import RunError
from gradpen.looking import report, verdict_pages
from gradpen.looking.figures import CRITIC_PANELS, PANELS, critic_panel, curves, panel, png, svg
from gradpen.looking.meanings import meanings
from gradpen.looking.report import CRITIC_IN_WORDS, floor_of
from gradpen.looking.report_tables import data_summary, run_summary, summary
from gradpen.looking.verdict import WELL
from gradpen.page.listing import DAMAGE, State, progress, record_of
from gradpen.runs.folder import Row, RunFolder, read_config, read_measures
from gradpen.settings import differences, to_dict
from gradpen.text import printable

DRAWING = Lock()
"""matplotlib draws one figure at a time"""


def version_of(folder: RunFolder) -> str:
    """Return a word that changes when anything that a page shows of a run does."""
    files = (folder.record, folder.measures, folder.verdict, folder.critic, folder.samples)
    return "-".join(f"{file.stat().st_mtime_ns:x}" if file.exists() else "0" for file in files)


def watched(folder: RunFolder) -> State:
    """Return everything that the page says of a run, JSON-able.

    Raises:
        RunError: it is not there yet, or is damaged.
    """
    version, record, config = version_of(folder), record_of(folder), read_config(folder)
    rows = read_measures(folder)
    try:
        data = json.loads(folder.data.read_text(encoding="utf-8"))
        grids = [int(grid.stem) for grid in folder.sample_grids() if grid.stem.isdecimal()]
        return {
            "version": version,
            "preset": printable(config.preset),
            "path": printable(data["path"]),
            **progress(folder, record, rows),
            "verdict": verdict_in_words(folder),
            "figures": in_words(summary(rows, record)),
            "meanings": meanings(rows, config, floor_of(record)),
            "panels": list(PANELS),
            "critic": critic_in_words(folder),
            "grids": grids,
            "lines": any(folder.samples.glob("[0-9]*.txt")),
            "data": in_words(data_summary(data, record)),
            "run": in_words(run_summary(record)),
            "config": json.dumps(to_dict(config), indent=2),
        }
    except DAMAGE as error:
        raise RunError(f"The run cannot be read ({type(error).__name__}: {printable(error)}).") from None


def in_words(rows: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    """Return names and values, safe to show."""
    return [(printable(name), printable(value)) for name, value in rows]


def verdict_in_words(folder: RunFolder) -> State | None:
    """Return what was found of a run, with the commands to copy; None where nobody judged."""
    found = verdict_pages.read(folder)
    if found is None:
        return None
    iteration, each = found
    return {
        "iteration": iteration,
        "verdicts": [
            {
                "name": printable(one["name"]),
                "sick": one["name"] not in WELL,
                "meaning": printable(one["meaning"]),
                "evidence": printable(one["evidence"]),
                "since": one["since"],
                "remedies": [
                    {
                        "words": printable(remedy["words"]),
                        "commands": verdict_pages.commands(remedy["settings"], folder.path),
                    }
                    for remedy in one["remedies"]
                ],
            }
            for one in each
        ],
    }


def critic_of(folder: RunFolder) -> dict[str, Any] | None:
    """Return what is known of the critic at the newest sample mark; None where nothing is."""
    try:
        found: dict[str, Any] = json.loads(folder.critic.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def critic_in_words(folder: RunFolder) -> State | None:
    """Return when the critic was looked at, and what its figures say."""
    found = critic_of(folder)
    return None if found is None else {"iteration": found["iteration"], "panels": CRITIC_IN_WORDS}


def curve(folder: RunFolder, name: str, beside: RunFolder | None = None) -> bytes:
    """Return one of the curves of a run as SVG, on the axes of two runs where there is another beside it.

    Raises:
        RunError: there is no such curve, or the run cannot be read.
    """
    if name not in PANELS:
        raise RunError(f"There is no curve '{printable(name)}'.")
    try:
        with DRAWING:
            drawn = drawn_of(folder, name)
            if beside is not None:
                on_axes_of_both(drawn, drawn_of(beside, name))
            return svg(drawn)
    except DAMAGE as error:
        raise RunError(f"The curve cannot be drawn ({type(error).__name__}: {printable(error)}).") from None


def drawn_of(folder: RunFolder, name: str) -> Figure:
    """Return a curve of a run."""
    rows: list[Row] = read_measures(folder)
    return panel(name, rows, floor=floor_of(record_of(folder)))


def on_axes_of_both(one: Figure, other: Figure) -> None:
    """Widen the axes of the one to those of the other."""
    for limits in ("xlim", "ylim"):
        ends = [end for figure in (one, other) for end in getattr(figure.axes[0], f"get_{limits}")()]
        getattr(one.axes[0], f"set_{limits}")(min(ends), max(ends))


def critic_curve(folder: RunFolder, name: str) -> bytes:
    """Return one of the figures of the critic as SVG.

    Raises:
        RunError: there is none.
    """
    found = critic_of(folder)
    if found is None or name not in CRITIC_PANELS:
        raise RunError(f"There is no figure '{printable(name)}' of the critic.")
    try:
        with DRAWING:
            return svg(critic_panel(name, found))
    except DAMAGE as error:
        raise RunError(f"The figure cannot be drawn ({type(error).__name__}: {printable(error)}).") from None


def report_of(folder: RunFolder) -> bytes:
    """Return the report of a run as it is now; nothing is written.

    Raises:
        RunError: the run cannot be read.
    """
    rows, record = read_measures(folder), record_of(folder)
    try:
        with DRAWING:
            return report.page(folder, rows, record, png(curves(rows, floor=floor_of(record)))).encode()
    except DAMAGE as error:
        raise RunError(f"The report cannot be written ({type(error).__name__}: {printable(error)}).") from None


def what_differs(one: RunFolder, other: RunFolder) -> list[str]:
    """Return the settings in which two runs differ."""
    return [printable(change) for change in differences(read_config(one), read_config(other))]
