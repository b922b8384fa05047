"""A run as one self-contained HTML page, which begins with what was found wrong and says what its curves mean."""

import html
import json
from pathlib import Path
from typing import Any

from gradpen.language import language, marked, said
from gradpen.looking import verdict_pages
from gradpen.looking.figures import CRITIC_PANELS, PANELS, critic_figure, curves, cut, png
from gradpen.looking.lettering import figures_speak
from gradpen.looking.meanings import meanings
from gradpen.looking.page import document, paragraph, picture, section, table, text
from gradpen.looking.report_tables import data_summary, measures, name_of, run_summary, start_of, summary
from gradpen.looking.verdict import Remedy
from gradpen.runs.checkpoint import replace_file
from gradpen.runs.folder import Row, RunFolder, read_config, read_measures
from gradpen.settings import to_dict

SHOWN_GRIDS = 6
SHOWN_LINES = 24
STATES = {
    "running": marked("still running when this page was written"),
    "finished": marked("finished"),
    "interrupted": marked("interrupted; it can be resumed"),
    "diverged": marked("stopped, because a loss or weight was no longer finite"),
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
    return picture(folder.real.read_bytes(), said("training images"), "grid") if folder.real.is_file() else ""


def page(folder: RunFolder, rows: list[Row], record: dict[str, Any], drawn: bytes) -> str:
    """Return the page; the curves are drawn already."""
    config = read_config(folder)
    data = json.loads(folder.data.read_text(encoding="utf-8"))
    name = folder.path.resolve().name
    after = said("samples after {iteration:,} iterations")
    grids = [samples(grid, after.format(iteration=int(grid.stem))) for grid in chosen(folder)]
    parts = [
        f"{lead(folder, record)}\n",
        terms(),
        verdict_of(folder),
        section(said("In figures"), table(summary(rows, record))),
        section(said("Curves, and what they say"), curves_of(drawn, meanings(rows, config, floor_of(record)))),
        critic_of(folder),
        section(said("Images"), f'\n<div class="grids">{real_of(folder)}{"".join(grids)}</div>'),
        section(said("Data"), table(data_summary(data, record))),
        start_of(folder),
        section(said("Run"), table(run_summary(record))),
        section(said("Configuration"), f"<pre>{html.escape(json.dumps(to_dict(config), indent=2))}</pre>"),
        section(said("Measures"), table(measures())),
    ]
    title = said("{name}: gradpen run").format(name=name)
    return document(name, "".join(parts), title=title, language=language())


def lead(folder: RunFolder, record: dict[str, Any]) -> str:
    """Return what was trained on what, and how far it is."""
    data = json.loads(folder.data.read_text(encoding="utf-8"))
    words = said("{preset} on {data}: {iteration:,} of {iterations:,} iterations, {state}.").format(
        preset=text(read_config(folder).preset),
        data=text(name_of(data)),
        iteration=record["iteration"],
        iterations=record["iterations"],
        state=text(said(STATES[record["state"]])),
    )
    return f'<p class="lead">{words}</p>'


TERMS = (
    marked("critic"),
    marked("discriminator"),
    marked("generator"),
    marked("latents"),
    marked("gradient"),
    marked("gradient penalty"),
    marked("penalty coefficient"),
    marked("weight clipping"),
    marked("slope"),
    marked("interpolates"),
    marked("Wasserstein estimate"),
    marked("held-out"),
    marked("floor"),
    marked("overfitting"),
    marked("mode collapse"),
)
"""words of the field that a reader of another language may know in English"""


def terms() -> str:
    """Return the words of the field beside the English ones, once, at the head of a page; nothing in English."""
    if language() == "en":
        return ""
    each = ", ".join(f"{said(term).partition('(')[0]}({term})" for term in TERMS)
    return paragraph(said("Terms: {terms}.").format(terms=each))


def curves_of(drawn: bytes, meant: dict[str, list[str]]) -> str:
    """Return each curve with what it says of this run."""
    figures = [
        picture(part, meant.get(name, []), "panel", name=said("curve: {name}").format(name=said(name)))
        for name, part in zip(PANELS, cut(drawn, 2, 3), strict=True)
    ]
    return f'{about_figures()}<div class="panels">{"".join(figures)}</div>'


def about_figures() -> str:
    """Return why the figures of a page speak another language than the page; empty where they do not."""
    if figures_speak() == language():
        return ""
    return paragraph(said("The words in the figures are English, since no Korean font was found on this machine."))


def verdict_of(folder: RunFolder, *, level: int = 2) -> str:
    """Return what was found of the run as a section, empty for a run that nobody asked about."""
    found = verdict_pages.read(folder)
    if found is None:
        return ""
    iteration, each = found
    parts = []
    for one in map(verdict_pages.from_json, each):
        evidence = verdict_pages.evidence_of(one)
        parts.append(f"<p><strong>{text(said(one.name))}.</strong> {text(said(one.meaning))}<br>{text(evidence)}.</p>")
        if one.remedies:
            remedies = "".join(remedy_of(remedy, folder) for remedy in one.remedies)
            parts.append(paragraph(said("What to change:")) + f"<ul>{remedies}</ul>")
    heading = said("Verdict at iteration {iteration:,}").format(iteration=iteration)
    return f"<h{level}>{text(heading)}</h{level}>{''.join(parts)}"


CRITIC_IN_WORDS = {
    "slopes": marked("Dashed: 1, the slope that the best critic has all the way between data and samples."),
    "layers": marked("Where gradients grow or fall by powers of ten from layer to layer, they explode or vanish."),
    "weights": marked("Clipping drives weights to its bound; a penalty leaves them spread out."),
}


def critic_of(folder: RunFolder) -> str:
    """Return the critic looked at closely as a section; empty for a run that has nothing of it."""
    try:
        found = json.loads(folder.critic.read_text(encoding="utf-8"))
        parts = cut(png(critic_figure(found)), 1, len(CRITIC_PANELS))
        figures = "".join(
            picture(part, said(CRITIC_IN_WORDS[name]), "panel", name=said("critic: {name}").format(name=said(name)))
            for name, part in zip(CRITIC_PANELS, parts, strict=True)
        )
        heading = said("Critic at iteration {iteration:,}").format(iteration=found["iteration"])
        return section(heading, f'<div class="panels">{figures}</div>')
    except (OSError, ValueError, LookupError, TypeError):
        return ""


def remedy_of(remedy: Remedy, folder: RunFolder) -> str:
    """Return a change to try with its command, as an item of a list."""
    lines = verdict_pages.commands(remedy.settings, folder.path)
    return f"<li>{text(said(remedy.words))}" + "".join(f"<br><code>{text(line)}</code>" for line in lines)


def chosen(folder: RunFolder) -> list[Any]:
    """Return the first, the last and some grids between, denser at the start."""
    grids = folder.sample_grids()
    if len(grids) <= SHOWN_GRIDS:
        return grids
    last = len(grids) - 1
    places = sorted({0, last, *(round(last * 2.0**-step) for step in range(1, SHOWN_GRIDS - 1))})
    return [grids[place] for place in places]
