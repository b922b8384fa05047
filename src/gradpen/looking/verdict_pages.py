"""Verdicts as a user reads them: in a terminal, in a file, at the head of the report."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gradpen.errors import RunError, readable_writes
from gradpen.looking.verdict import Remedy, Verdict
from gradpen.runs.folder import RunFolder, write_json
from gradpen.text import printable


def page(verdicts: Sequence[Verdict], run: Path | None) -> str:
    """Return verdicts as lines of text, each with its evidence and what to change, of a run as a command."""
    lines = []
    for place, verdict in enumerate(verdicts):
        lines += [
            f"{'also ' if place else ''}{verdict.name}: {verdict.meaning}",
            f"  {evidence_of(verdict)}",
            *(f"  try {remedy_in_words(remedy, run)}" for remedy in verdict.remedies),
        ]
    return "\n".join(lines)


def in_a_line(verdicts: Sequence[Verdict], run: Path) -> str:
    """Return verdicts as one line, and where to read what to change."""
    first, *others = verdicts
    also = f"; also {', '.join(other.name for other in others)}" if others else ""
    more = f"; gradpen diagnose {shlex.quote(printable(run))} says what to change" if first.sick else ""
    return f"{first.name}. {first.meaning} ({evidence_of(first)}){also}{more}"


def evidence_of(verdict: Verdict) -> str:
    """Return the number, its threshold and since when it is so."""
    since = f", at every mark since iteration {verdict.since:,}" if verdict.since is not None else ""
    return f"{verdict.evidence}{since}"


def remedy_in_words(remedy: Remedy, run: Path | None) -> str:
    """Return a change with the command that makes it, where there is a run to change."""
    return ": ".join([remedy.words, *(commands(remedy.settings, run) if run is not None else ())])


def commands(settings: Sequence[str], run: Path) -> list[str]:
    """Return the command that trains the run anew with other settings; none without any.

    >>> commands(["critic_steps=5"], Path("runs/1"))
    ['gradpen train --config runs/1/config.json --set critic_steps=5']
    """
    file = shlex.quote(printable(run / "config.json"))
    return [f"gradpen train --config {file} --set {' '.join(map(shlex.quote, settings))}"] if settings else []


def write(folder: RunFolder, verdicts: Sequence[Verdict], iteration: int) -> None:
    """Write verdicts into a run's folder.

    Raises:
        RunError: it cannot be written.
    """
    with readable_writes(RunError, folder.verdict, "make room and try again"):
        write_json(folder.verdict, {"iteration": iteration, "verdicts": [asdict(one) for one in verdicts]})


def read(folder: RunFolder) -> tuple[int, list[dict[str, Any]]] | None:
    """Return the iteration that was judged and the verdicts; None where there are none that are whole."""
    try:
        found = json.loads(folder.verdict.read_text(encoding="utf-8"))
        return int(found["iteration"]), [dict(one) for one in found["verdicts"]]
    except (OSError, ValueError, LookupError, TypeError):
        return None
