"""A run as one self-contained HTML page."""

import base64
import html
import json
from pathlib import Path
from typing import Any

from gradpen.data.values import shape_in_words
from gradpen.looking import verdict_pages
from gradpen.looking.figures import critic_figure, curves, png
from gradpen.runs.checkpoint import replace_file
from gradpen.runs.folder import Row, RunFolder, read_config, read_measures
from gradpen.settings import to_dict
from gradpen.text import printable

STYLE = """
:root { color-scheme: light; --ink: #1a1a1a; --soft: #5c5c5c; --line: #dcdcdc; }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: #fff; margin: 2rem auto;
  max-width: 72rem; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: .2rem; } h2 { font-size: 1.15rem; margin-top: 2.2rem; }
p.lead { color: var(--soft); margin-top: 0; }
table { border-collapse: collapse; margin: .5rem 0; } td, th { padding: .25rem .9rem .25rem 0; text-align: left;
  border-bottom: 1px solid var(--line); vertical-align: top; } th { font-weight: 600; }
td.number { font-variant-numeric: tabular-nums; text-align: right; }
figure { margin: 0; } figcaption { color: var(--soft); font-size: .9rem; }
.grids { display: flex; flex-wrap: wrap; gap: 1.5rem; } .grids img { max-width: 100%; width: 22rem;
  image-rendering: pixelated; } img.wide { max-width: 100%; }
code, td { overflow-wrap: anywhere; }
pre { background: #f6f6f6; padding: 1rem; overflow-x: auto; font-size: .85rem; }
"""
SHOWN_GRIDS = 6
SHOWN_LINES = 24
SHOWN_CLASSES = 20
STATES = {
    "running": "still running when this page was written",
    "finished": "finished",
    "interrupted": "interrupted; it can be resumed",
    "diverged": "stopped, because a loss or weight was no longer finite",
}


def publish(folder: RunFolder) -> None:
    """Write the curves and the report of a run into its folder."""
    rows = read_measures(folder)
    record = json.loads(folder.record.read_text(encoding="utf-8"))
    floor = record["distance_to_held_out"].get("floor")
    figure = png(curves(rows, floor=floor["mean"] if floor else None))
    replace_file(folder.curves, figure)
    replace_file(folder.report, page(folder, rows, record, figure).encode())


def text(value: object) -> str:
    """Return an outside value, safe to put into the page."""
    return html.escape(printable(value), quote=True)


def picture(content: bytes, caption: str, style: str) -> str:
    """Return a PNG embedded in the page with its caption."""
    data = base64.b64encode(content).decode()
    return (
        f'<figure><img class="{style}" alt="{text(caption)}" src="data:image/png;base64,{data}">'
        f"<figcaption>{text(caption)}</figcaption></figure>"
    )


def samples(grid: Path, caption: str) -> str:
    """Return a grid of samples with its caption; of text the lines themselves."""
    lines = grid.with_suffix(".txt")
    if not lines.is_file():
        return picture(grid.read_bytes(), caption, "grid")
    written = "\n".join(text(line) for line in lines.read_text(encoding="utf-8").split("\n")[:SHOWN_LINES])
    return f"<figure><pre>{written}</pre><figcaption>{text(caption)}</figcaption></figure>"


def table(rows: list[tuple[str, str]]) -> str:
    """Return a table of names and values."""
    cells = "".join(f"<tr><th>{text(name)}</th><td>{text(value)}</td></tr>" for name, value in rows)
    return f"<table>{cells}</table>"


def page(folder: RunFolder, rows: list[Row], record: dict[str, Any], figure: bytes) -> str:
    """Return the page."""
    config = read_config(folder)
    data = json.loads(folder.data.read_text(encoding="utf-8"))
    name = text(folder.path.resolve().name)
    state = STATES[record["state"]]
    grids = "".join(samples(grid, f"samples after {int(grid.stem):,} iterations") for grid in chosen(folder))
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name}: gradpen run</title><style>{STYLE}</style></head><body>
<h1>{name}</h1>
<p class="lead">{text(config.preset)} on {text(data["path"])}: {record["iteration"]:,} of {record["iterations"]:,}
iterations, {text(state)}.</p>
{verdict_of(folder)}<h2>In figures</h2>{table(summary(rows, record))}
<h2>Curves</h2>{picture(figure, "Defined in the table of measures at the end of this page.", "wide")}
{critic_of(folder)}<h2>Images</h2>
<div class="grids">{picture(folder.real.read_bytes(), "training images", "grid")}{grids}</div>
<h2>Data</h2>{table(data_summary(data, record))}
{start_of(folder)}<h2>Run</h2>{table(run_summary(record))}
<h2>Configuration</h2><pre>{html.escape(json.dumps(to_dict(config), indent=2))}</pre>
<h2>Measures</h2>{table(MEASURES)}
</body></html>
"""


def verdict_of(folder: RunFolder) -> str:
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
    return f"<h2>Verdict at iteration {iteration:,}</h2>{''.join(parts)}"


def critic_of(folder: RunFolder) -> str:
    """Return the critic looked at closely as a section; empty for a run that has nothing of it."""
    try:
        found = json.loads(folder.critic.read_text(encoding="utf-8"))
        caption = (
            f"At iteration {found['iteration']:,}. A critic whose slopes are 1 between data and samples is what the "
            f"gradient penalty asks for; gradients that grow or fall by decades from layer to layer explode or vanish; "
            f"weights that pile up at the bound are what clipping does."
        )
        return f"<h2>Critic</h2>{picture(png(critic_figure(found)), caption, 'wide')}\n"
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


def summary(rows: list[Row], record: dict[str, Any]) -> list[tuple[str, str]]:
    """Return the run's main figures, each with its sample size and spread."""
    if not rows:
        return [("Measures", "none yet: the first are taken after the first iterations")]
    things, space = (
        ("lines", "each symbol a number") if any("jsd_4" in row for row in rows) else ("images", "in pixel space")
    )
    last, untrained = rows[-1], [row["distance"] for row in rows if row["iteration"] == 0 and "distance" in row]
    result = [
        (
            f"Critic gap at iteration {last['iteration']:,}",
            f"{last['critic_gap_train']:.3f} ± {last['critic_gap_train_error']:.3f} on training {things}, "
            f"{last['critic_gap_held_out']:.3f} ± {last['critic_gap_held_out_error']:.3f} on held-out {things} "
            f"(± one standard error)",
        ),
        ("Slope on interpolates", f"mean {last['slope_mean']:.3f}, largest {last['slope_max']:.3f}"),
    ]
    distances = record["distance_to_held_out"]
    if "distance" in distances:
        final, floor = distances["distance"], distances["floor"]
        result += [
            (
                f"Distance to held-out {things}",
                f"{final['mean']:.3f} ± {final['standard_deviation']:.3f}: exact Wasserstein-1, {space}, "
                f"{final['n']} against {final['n']} {things}, mean and standard deviation of {final['sets']} sets",
            ),
            *(("Untrained generator", f"{distance:.3f}, the same measure, one set") for distance in untrained),
            (
                f"Floor: training to held-out {things}",
                f"{floor['mean']:.3f} ± {floor['standard_deviation']:.3f}, the same measure, real against real",
            ),
        ]
    else:
        before = f" ({untrained[0]:.3f} untrained)" if untrained else ""
        result += [
            (
                f"Distance to held-out {things} at iteration {row['iteration']:,}",
                f"{row['distance']:.3f}{before}: exact Wasserstein-1, {space}, one set",
            )
            for row in [row for row in rows if "distance" in row][-1:]
        ]
    result += [
        (
            f"Divergence of n-grams at iteration {row['iteration']:,}",
            ", ".join(f"{row[f'jsd_{n}']:.3f} bits of {n}-grams" for n in range(1, 5)) + ", from held-out lines, one "
            "set",
        )
        for row in [row for row in rows if "jsd_4" in row][-1:]
    ]
    result.append(
        (
            "Time",
            f"{last['seconds']:,.0f} s of training and measuring; {last['images']:,} {things} seen by the critic, "
            f"{last['images'] / record['train_images']:,.1f} epochs",
        )
    )
    return result


def data_summary(data: dict[str, Any], record: dict[str, Any]) -> list[tuple[str, str]]:
    """Return what the data are and what was left out."""
    result = [
        ("Kind", data["kind"]),
        ("Images", f"{record['train_images']:,} to train on, {record['held_out_images']:,} held out"),
        ("Shape", shape_in_words(data["shape"], data.get("values", {}))),
        ("Found", ", ".join(f"{n:,} {size}" for size, n in data["sizes"].items())),
        ("Modes", ", ".join(f"{n:,} {mode}" for mode, n in data["modes"].items())),
        ("Duplicates", f"{len(data['duplicates'])} groups of equal images"),
        ("Unreadable", f"{len(data['unreadable'])} of {data['found']:,} files left out"),
        ("Fingerprint", record["data_fingerprint"]),
    ]
    if data["classes"]:
        shown = [f"{n:,} {name}" for name, n in list(data["classes"].items())[:SHOWN_CLASSES]]
        more = len(data["classes"]) - len(shown)
        result.append(("Labels", ", ".join(shown) + (f" and {more:,} more" if more else "") + f"; {data['labels']}"))
    result += [("Noted", f"{n:,} × {note}") for note, n in data["notes"].items()]
    others = [f"{n:,} {kind}" for kind, n in data["other_files"].items()]
    result += [("Left out as no images", ", ".join(others))] if others else []
    result += [(f"Left out: {file}", reason) for file, reason in data["unreadable"][:50]]
    return result


def start_of(folder: RunFolder) -> str:
    """Return what a run took from another one as a section, empty for a run that began afresh."""
    try:
        start = json.loads(folder.start.read_text(encoding="utf-8"))
        rows = [("Run", f"{start['run']}, iteration {start['iteration']:,}")]
        for role in ("generator", "critic"):
            taken = start[role]
            rows.append((f"{role.capitalize()}: taken", f"{taken['fitted']:,} of {taken['total']:,} tensors"))
            rows += [(f"{role.capitalize()}: afresh", name) for name in taken["fresh"]]
            rows += [(f"{role.capitalize()}: left behind", name) for name in taken["left"]]
    except (OSError, ValueError, LookupError, TypeError):
        return ""
    return f"<h2>Begun from another run</h2>{table(rows)}"


def run_summary(record: dict[str, Any]) -> list[tuple[str, str]]:
    """Return code, machine and sizes."""
    parameters = record["parameters"]
    versions = [
        (key.replace("_", " "), ", ".join(value) if isinstance(value, list) else str(value))
        for key, value in record["versions"].items()
    ]
    return [
        ("parameters", f"generator {parameters['generator']:,}, critic {parameters['critic']:,}"),
        *versions,
    ]


MEASURES = [
    ("critic gap", "mean critic score of real images minus that of samples, without the penalty"),
    ("train, held out", "the real images are from the training part, or from the part never trained on"),
    ("standard error", "of the difference of the two means, over the images measured (up to 512 a side)"),
    ("slope", "Euclidean norm of the critic's gradient at a random interpolate of an image and a sample"),
    ("penalty", "penalty coefficient times the mean penalty of the newest critic batch"),
    ("critic loss, generator loss", "the objective's losses on the newest batches, without the penalty"),
    ("distance", "mean distance of optimally matched images (exact Wasserstein-1), pixels in [-1, 1]"),
    (
        "Jensen-Shannon divergence",
        "of text: between the relative frequencies of n-grams in samples and in held-out lines, in bits; the best "
        "checkpoint is the newest within a fifth of the smallest of 4-grams",
    ),
    (
        "Fréchet distance",
        "between normal distributions with the features' means and covariances; features of a fixed random "
        "convolutional net, so it is no FID; the best checkpoint is the newest within a fifth of the nearest by it",
    ),
    ("gradient norm", "Euclidean norm of the loss's gradient over all parameters of a network"),
    ("images per second", "training images seen by the critic per second, measuring and sampling included"),
]
