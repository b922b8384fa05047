"""Verdicts as a user reads them: in a terminal, in a file, at the head of the report."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from gradpen.errors import RunError, readable_writes
from gradpen.language import Worded, retold, said
from gradpen.looking.verdict import Remedy, Verdict
from gradpen.runs.folder import RunFolder, write_json
from gradpen.text import printable


def page(verdicts: Sequence[Verdict], run: Path | None) -> str:
    """Return verdicts as lines of text, each with its evidence and what to change, of a run as a command."""
    lines = []
    for place, verdict in enumerate(verdicts):
        name = said("also {name}").format(name=said(verdict.name)) if place else said(verdict.name)
        changes = [said("try {change}").format(change=remedy_in_words(remedy, run)) for remedy in verdict.remedies]
        lines += [f"{name}: {said(verdict.meaning)}", *(f"  {line}" for line in (evidence_of(verdict), *changes))]
    return "\n".join(lines)


def in_a_line(verdicts: Sequence[Verdict], run: Path) -> str:
    """Return verdicts as one line, and where to read what to change."""
    first, *others = verdicts
    names, place = ", ".join(said(other.name) for other in others), shlex.quote(printable(run))
    also = said("; also {names}").format(names=names) if others else ""
    more = said("; gradpen diagnose {run} says what to change").format(run=place) if first.sick else ""
    return f"{said(first.name)}. {said(first.meaning)} ({evidence_of(first)}){also}{more}"


def evidence_of(verdict: Verdict) -> str:
    """Return the number, its threshold and since when it is so."""
    if verdict.since is None:
        return retold(verdict.evidence)
    return retold(verdict.evidence) + said(", at every mark since iteration {first:,}").format(first=verdict.since)


def remedy_in_words(remedy: Remedy, run: Path | None) -> str:
    """Return a change with the command that makes it, where there is a run to change."""
    return ": ".join([said(remedy.words), *(commands(remedy.settings, run) if run is not None else ())])


def commands(settings: Sequence[str], run: Path) -> list[str]:
    """Return the command that trains the run anew with other settings; none without any.

    >>> commands(["critic_steps=5"], Path("runs/1"))
    ['gradpen train --config runs/1/config.json --set critic_steps=5']
    """
    file = shlex.quote(printable(run / "config.json"))
    return [f"gradpen train --config {file} --set {' '.join(map(shlex.quote, settings))}"] if settings else []


def write(folder: RunFolder, verdicts: Sequence[Verdict], iteration: int) -> None:
    """Write verdicts into a run's folder, in English, with what other languages make their sentences of.

    Raises:
        RunError: it cannot be written.
    """
    with readable_writes(RunError, folder.verdict, "make room and try again"):
        write_json(folder.verdict, {"iteration": iteration, "verdicts": [to_json(one) for one in verdicts]})


def to_json(verdict: Verdict) -> dict[str, Any]:
    """Return a verdict as it is written."""
    evidence = verdict.evidence
    parts = {"template": evidence.template, "values": evidence.values} if isinstance(evidence, Worded) else {}
    return asdict(verdict) | parts


def from_json(values: dict[str, Any]) -> Verdict:
    """Return a verdict as :func:`to_json` wrote it; earlier versions wrote no template."""
    evidence = Worded(values["evidence"])
    evidence.template, evidence.values = str(values.get("template", "")), dict(values.get("values", {}))
    return Verdict(
        name=str(values["name"]),
        meaning=str(values["meaning"]),
        evidence=evidence,
        since=None if values["since"] is None else int(values["since"]),
        remedies=tuple(
            Remedy(words=str(one["words"]), settings=tuple(map(str, one["settings"]))) for one in values["remedies"]
        ),
    )


def read(folder: RunFolder) -> tuple[int, list[dict[str, Any]]] | None:
    """Return the iteration that was judged and the verdicts; None where there are none that are whole."""
    try:
        found = json.loads(folder.verdict.read_text(encoding="utf-8"))
        return int(found["iteration"]), [dict(one) for one in found["verdicts"]]
    except (OSError, ValueError, LookupError, TypeError):
        return None
