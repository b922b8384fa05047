"""What a study leaves: its figures, a table as CSV, everything as JSON, and one page."""

import csv
import io
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure

from gradpen.looking.figures import png
from gradpen.looking.page import document, picture, text
from gradpen.machine.versions import versions
from gradpen.runs.checkpoint import replace_file
from gradpen.runs.folder import write_json
from gradpen.studies.study import Findings, Report
from gradpen.text import DRAWN_BY

Cell = str | float | int | None


def write_study(report: Report, out: Path) -> dict[str, Any]:
    """Write figures as PNG and SVG, ``table.csv``, ``study.json`` and ``study.html``; return what the JSON holds."""
    study, findings = report.study, report.findings
    out.mkdir(parents=True, exist_ok=True)
    for number, (_, figure) in enumerate(findings.figures, 1):
        replace_file(out / f"figure-{number}.png", png(figure))
        replace_file(out / f"figure-{number}.svg", svg(figure))
    replace_file(out / "table.csv", as_csv(findings).encode())
    record = {
        "study": study.name,
        "title": study.title,
        "source": study.source,
        "scale": report.scale,
        "columns": findings.columns,
        "rows": findings.rows,
        "criteria": [asdict(criterion) | {"met": criterion.met} for criterion in findings.criteria],
        "notes": findings.notes,
        "failures": dict(report.failures),
        "missing": report.missing,
        "versions": versions(torch.device("cpu")),
    }
    write_json(out / "study.json", record)
    replace_file(out / "study.html", document(study.title, section(report)).encode())
    return record


def svg(figure: Figure) -> bytes:
    """Return a figure as SVG, the same for the same figure."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="svg", metadata={"Creator": DRAWN_BY, "Date": None})
    return buffer.getvalue()


def as_csv(findings: Findings) -> str:
    """Return the table as CSV."""
    lines = io.StringIO()
    writer = csv.writer(lines, lineterminator="\n")
    writer.writerow(findings.columns)
    writer.writerows([["" if cell is None else cell for cell in row] for row in findings.rows])
    return lines.getvalue()


def shown(cell: Cell) -> str:
    """Return a cell of a table as people read it.

    >>> shown(0.12345), shown(None), shown(8), shown(123456.0)
    ('0.123', '–', '8', '1.23e+05')
    """
    if cell is None:
        return "–"
    return f"{cell:.3g}" if isinstance(cell, float) else str(cell)


def as_markdown(findings: Findings) -> str:
    """Return the table as Markdown."""
    lines = [" | ".join(findings.columns), " | ".join("---" for _ in findings.columns)]
    lines += [" | ".join(shown(cell).replace("|", "/") for cell in row) for row in findings.rows]
    return "\n".join(f"| {line} |" for line in lines)


def html_table(findings: Findings) -> str:
    """Return the table for a page."""
    head = "".join(f"<th>{text(column)}</th>" for column in findings.columns)
    rows = "".join(
        "<tr>"
        + "".join(f"<td{'' if isinstance(cell, str) else ' class=number'}>{text(shown(cell))}</td>" for cell in row)
        + "</tr>"
        for row in findings.rows
    )
    return f"<table><tr>{head}</tr>{rows}</table>"


def section(report: Report, level: int = 2) -> str:
    """Return a study as a part of a page."""
    study, findings, missing = report.study, report.findings, report.missing
    head = f"h{level}"
    unfinished = f"<p><b>{missing} of its cases are not finished.</b></p>" if missing else ""
    failed = "".join(f"<li>{text(name)}: {text(why)}</li>" for name, why in report.failures.items())
    criteria = "".join(f"<li>{text(criterion)}</li>" for criterion in findings.criteria)
    notes = "".join(f"<p>{text(note)}</p>" for note in findings.notes)
    figures = "".join(picture(png(figure), caption, "wide") for caption, figure in findings.figures)
    return (
        f"<p class=lead>{text(study.source)}. Scale: {report.scale} ({text(study.cost)}).</p><p>{text(study.shows)}</p>"
        f"{unfinished}{figures}<{head}>Table</{head}>{html_table(findings)}"
        + (f"<{head}>Does it show that?</{head}><ul>{criteria}</ul>" if criteria else "")
        + notes
        + (f"<{head}>What failed</{head}><ul>{failed}</ul>" if failed else "")
    )


def page_of_all(reports: Sequence[Report]) -> str:
    """Return one page of many studies."""
    parts = [f"<h2>{text(report.study.title)}</h2>{section(report, level=3)}" for report in reports]
    return document("Studies", "".join(parts))
