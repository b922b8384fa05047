"""A run as one self-contained HTML page, which begins with what was found wrong and says what its curves mean."""

import html
import json
from pathlib import Path
from typing import Any

from gradpen.looking import verdict_pages
from gradpen.looking.figures import CRITIC_PANELS, PANELS, critic_figure, curves, cut, png
from gradpen.looking.meanings import meanings
from gradpen.looking.page import document, picture, table, text
from gradpen.looking.report_tables import MEASURES, data_summary, run_summary, start_of, summary
from gradpen.runs.checkpoint import replace_file
from gradpen.runs.folder import Row, RunFolder, read_config, read_measures
from gradpen.settings import to_dict

SHOWN_GRIDS = 6
SHOWN_LINES = 24
STATES = {
    "running": "still running when this page was written",
    "finished": "finished",
    "interrupted": "interrupted; it can be resumed",
    "diverged": "stopped, because a loss or weight was no longer finite",
}


def publish(folder: RunFolder) -> None:
    """Write the curves and the report of a run into its folder."""
    rows, record = read_measures(folder), read_record(folder)
    drawn = png(curves(rows, floor=floor_of(record)))
    replace_file(folder.curves, drawn)
    replace_file(folder.report, page(folder, rows, record, drawn).encode())


def read_record(folder: RunFolder) -> dict[str, Any]:
    """Return what a reader of a run needs beside configuration and measures."""
    record: dict[str, Any] = json.loads(folder.record.read_text(encoding="utf-8"))
    return record


def floor_of(record: dict[str, Any]) -> float | None:
    """Return the distance of training to held-out data, once it was measured."""
    floor = record["distance_to_held_out"].get("floor")
    return float(floor["mean"]) if floor else None


def samples(grid: Path, caption: str) -> str:
    """Return a grid of samples with its caption; of text the lines themselves."""
    lines = grid.with_suffix(".txt")
    if not lines.is_file():
        return picture(grid.read_bytes(), caption, "grid")
    written = "\n".join(text(line) for line in lines.read_text(encoding="utf-8").split("\n")[:SHOWN_LINES])
    return f"<figure><pre>{written}</pre><figcaption>{text(caption)}</figcaption></figure>"


def real_of(folder: RunFolder) -> str:
    """Return the grid of training images; nothing of a run from the hub, which comes without data."""
    return picture(folder.real.read_bytes(), "training images", "grid") if folder.real.is_file() else ""


def page(folder: RunFolder, rows: list[Row], record: dict[str, Any], drawn: bytes) -> str:
    """Return the page; the curves are drawn already."""
    config = read_config(folder)
    data = json.loads(folder.data.read_text(encoding="utf-8"))
    grids = "".join(samples(grid, f"samples after {int(grid.stem):,} iterations") for grid in chosen(folder))
    body = f"""{lead(folder, record)}
{verdict_of(folder)}<h2>In figures</h2>{table(summary(rows, record))}
<h2>Curves, and what they say</h2>{curves_of(drawn, meanings(rows, config, floor_of(record)))}
{critic_of(folder)}<h2>Images</h2>
<div class="grids">{real_of(folder)}{grids}</div>
<h2>Data</h2>{table(data_summary(data, record))}
{start_of(folder)}<h2>Run</h2>{table(run_summary(record))}
<h2>Configuration</h2><pre>{html.escape(json.dumps(to_dict(config), indent=2))}</pre>
<h2>Measures</h2>{table(MEASURES)}
"""
    return document(folder.path.resolve().name, body, title=f"{folder.path.resolve().name}: gradpen run")


def lead(folder: RunFolder, record: dict[str, Any]) -> str:
    """Return what was trained on what, and how far it is."""
    data = json.loads(folder.data.read_text(encoding="utf-8"))
    return (
        f'<p class="lead">{text(read_config(folder).preset)} on {text(data["path"])}: {record["iteration"]:,} of '
        f"{record['iterations']:,} iterations, {text(STATES[record['state']])}.</p>"
    )


def curves_of(drawn: bytes, said: dict[str, list[str]]) -> str:
    """Return each curve with what it says of this run."""
    figures = [
        picture(part, said.get(name, []), "panel", name=f"curve: {name}")
        for name, part in zip(PANELS, cut(drawn, 2, 3), strict=True)
    ]
    return f'<div class="panels">{"".join(figures)}</div>'


def verdict_of(folder: RunFolder, *, level: int = 2) -> str:
    """Return what was found of the run as a section, empty for a run that nobody asked about."""
    found = verdict_pages.read(folder)
    if found is None:
        return ""
    iteration, each = found
    parts = []
    for one in each:
        remedies = "".join(remedy_of(remedy, folder) for remedy in one["remedies"])
        since = "" if one["since"] is None else f", at every mark since iteration {one['since']:,}"
        parts.append(
            f"<p><strong>{text(one['name'])}.</strong> {text(one['meaning'])}<br>{text(one['evidence'])}{since}.</p>"
            + (f"<p>What to change:</p><ul>{remedies}</ul>" if remedies else "")
        )
    return f"<h{level}>Verdict at iteration {iteration:,}</h{level}>{''.join(parts)}"


CRITIC_IN_WORDS = {
    "slopes": "Dashed: 1, the slope that the best critic has all the way between data and samples.",
    "layers": "Where gradients grow or fall by powers of ten from layer to layer, they explode or vanish.",
    "weights": "Clipping drives weights to its bound; a penalty leaves them spread out.",
}


def critic_of(folder: RunFolder) -> str:
    """Return the critic looked at closely as a section; empty for a run that has nothing of it."""
    try:
        found = json.loads(folder.critic.read_text(encoding="utf-8"))
        parts = cut(png(critic_figure(found)), 1, len(CRITIC_PANELS))
        figures = "".join(
            picture(part, CRITIC_IN_WORDS[name], "panel", name=f"critic: {name}")
            for name, part in zip(CRITIC_PANELS, parts, strict=True)
        )
        return f'<h2>Critic at iteration {found["iteration"]:,}</h2><div class="panels">{figures}</div>\n'
    except (OSError, ValueError, LookupError, TypeError):
        return ""


def remedy_of(remedy: dict[str, Any], folder: RunFolder) -> str:
    """Return a change to try with its command, as an item of a list."""
    lines = verdict_pages.commands(remedy["settings"], folder.path)
    return f"<li>{text(remedy['words'])}" + "".join(f"<br><code>{text(line)}</code>" for line in lines)


def chosen(folder: RunFolder) -> list[Any]:
    """Return the first, the last and some grids between, denser at the start."""
    grids = folder.sample_grids()
    if len(grids) <= SHOWN_GRIDS:
        return grids
    last = len(grids) - 1
    places = sorted({0, last, *(round(last * 2.0**-step) for step in range(1, SHOWN_GRIDS - 1))})
    return [grids[place] for place in places]
