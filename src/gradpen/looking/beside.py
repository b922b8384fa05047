"""Two runs on one page: what differs, verdicts, curves on equal axes, samples after equally many iterations."""

from pathlib import Path

from gradpen.language import language, said
from gradpen.looking.figures import PANELS, curves, cut, png
from gradpen.looking.meanings import meanings
from gradpen.looking.page import document, paragraph, picture, section, table_of_columns, text
from gradpen.looking.report import about_figures, floor_of, lead, read_record, samples, terms, verdict_of
from gradpen.looking.report_tables import summary
from gradpen.runs.folder import RunFolder, read_config, read_measures
from gradpen.settings import differences

GRIDS = 5
"""pairs of grids shown"""


def beside(one: RunFolder, other: RunFolder) -> str:
    """Return the page of two runs."""
    folders = (one, other)
    names = [folder.path.resolve().name for folder in folders]
    if names[0] == names[1]:
        names = [str(folder.path) for folder in folders]
    leads = "".join(
        f"<div><h2>{text(name)}</h2>{lead(folder, read_record(folder))}{verdict_of(folder, level=3)}</div>"
        for name, folder in zip(names, folders, strict=True)
    )
    parts = [
        terms(),
        f'<div class="beside">{leads}</div>\n',
        section(said("What differs"), difference(one, other)),
        section(said("In figures"), figures_of(one, other, names)),
        section(said("Curves, and what they say"), about_figures() + curves_beside(one, other, names)),
        section(said("Samples after equally many iterations"), grids_beside(one, other, names)),
    ]
    both = said("{one} and {other}").format(one=names[0], other=names[1])
    title = said("{names}: two gradpen runs").format(names=both)
    return document(both, "".join(parts), title=title, language=language())


def difference(one: RunFolder, other: RunFolder) -> str:
    """Return the settings in which two runs differ."""
    changed = differences(read_config(one), read_config(other))
    if not changed:
        return paragraph(said("Nothing: their configurations are equal."))
    return f"<ul>{''.join(f'<li><code>{text(change)}</code></li>' for change in changed)}</ul>"


def figures_of(one: RunFolder, other: RunFolder, names: list[str]) -> str:
    """Return the main figures of both in one table."""
    both = [dict(summary(read_measures(folder), read_record(folder))) for folder in (one, other)]
    # Rows that name an iteration have another name in the other run.
    rows = [(key, both[0].get(key, "–"), both[1].get(key, "–")) for key in (both[0] | both[1])]
    return table_of_columns(["", *names], rows)


def curves_beside(one: RunFolder, other: RunFolder, names: list[str]) -> str:
    """Return each curve of both, on equal axes, with what it says."""
    drawn, meant = [], []
    for folder in (one, other):
        rows, floor = read_measures(folder), floor_of(read_record(folder))
        drawn.append(curves(rows, floor=floor))
        meant.append(meanings(rows, read_config(folder), floor))
    for pair in zip(*(figure.axes for figure in drawn), strict=True):
        for limits in ("xlim", "ylim"):
            ends = [end for axes in pair for end in getattr(axes, f"get_{limits}")()]
            for axes in pair:
                getattr(axes, f"set_{limits}")(min(ends), max(ends))
    parts = [cut(png(figure), 2, 3) for figure in drawn]
    return "".join(
        '<div class="beside">'
        + "".join(
            picture(part[place], words.get(panel, []), "panel", name=f"{name}: {said(panel)}")
            for part, words, name in zip(parts, meant, names, strict=True)
        )
        + "</div>"
        for place, panel in enumerate(PANELS)
    )


def grids_beside(one: RunFolder, other: RunFolder, names: list[str]) -> str:
    """Return grids of both after equally many iterations, or say that there are none."""
    grids = [{int(grid.stem): grid for grid in folder.sample_grids()} for folder in (one, other)]
    shared = sorted(grids[0].keys() & grids[1].keys())
    if not shared:
        return paragraph(said("No mark of the one is a mark of the other."))
    last = len(shared) - 1
    shown = sorted({shared[round(last * 2.0**-step)] for step in range(GRIDS - 1)} | {shared[0]})

    def column(grid: Path, name: str, iteration: int) -> str:
        return samples(grid, said("{name}, after {iteration:,} iterations").format(name=name, iteration=iteration))

    return "".join(
        '<div class="beside">'
        + "".join(column(each[iteration], name, iteration) for each, name in zip(grids, names, strict=True))
        + "</div>"
        for iteration in shown
    )
