"""What lies below a folder: runs, studies and comparisons, each in a line. Nothing here raises over a damaged one."""

import json
import math
import os
import re
import socket
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gradpen.errors import GradpenError, RunError
from gradpen.looking import verdict_pages
from gradpen.looking.verdict import WELL
from gradpen.runs.folder import LOCK, Row, RunFolder, is_run, read_config, row_of
from gradpen.text import printable

DEEPEST = 6
"""folders below the given one in which runs are looked for"""
MOST = 5_000
"""folders looked into"""
TAIL = 2**15
"""bytes at the end of the measures that hold the last row"""
RECENT = 8
"""rows from which the speed is taken"""
DAMAGE = (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError, ArithmeticError)
"""what reading files that anything may have happened to raises"""

State = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Place:
    """What was found below a folder, by paths relative to it."""

    runs: dict[str, Path]
    groups: dict[str, Path]
    """studies and comparisons"""


def look_below(root: Path) -> Place:
    """Return the runs, studies and comparisons below a folder; a folder that is a run itself has the name ``.``.

    Links are not followed, so nothing outside is found.
    """
    if is_run(root):
        return Place(runs={".": root}, groups={})
    runs: dict[str, Path] = {}
    groups: dict[str, Path] = {}
    for looked, (place, folders, files) in enumerate(os.walk(root)):
        if looked >= MOST:
            break
        path = Path(place)
        name = name_of(path.relative_to(root))
        folders[:] = sorted(one for one in folders if not one.startswith("."))
        if "config.json" in files:
            runs[name] = path
            folders.clear()
        elif not any(group in path.parents for group in groups.values()) and is_group(path, folders, files):
            groups[name] = path
        if len(path.relative_to(root).parts) >= DEEPEST:
            folders.clear()
    return Place(runs=runs, groups=groups)


def name_of(relative: Path) -> str:
    """Return the name of a folder, in letters that can be sent."""
    return relative.as_posix().encode("utf-8", "backslashreplace").decode()


def is_group(path: Path, folders: list[str], files: list[str]) -> bool:
    """Return whether a folder holds a study or a comparison."""
    return "study.json" in files or "compare.json" in files or any((path / one / "run").is_dir() for one in folders)


def refuse_links(folder: RunFolder) -> None:
    """Raise :class:`RunError` if what is shown of a run lies elsewhere: its folder may be somebody else's."""
    try:
        entries = [*os.scandir(folder.path), *os.scandir(folder.samples)]
    except OSError:
        return
    shown = (folder.path.resolve(), folder.checkpoints.name, folder.best.name)
    for entry in entries:
        elsewhere = entry.is_symlink() and not Path(entry.path).resolve().is_relative_to(shown[0])
        if elsewhere and entry.name not in shown[1:]:
            raise RunError(f"The run holds a link out of its folder ({printable(entry.name)}), which is not followed.")


def line_of(name: str, path: Path) -> State:
    """Return a run in a line: its state, how far it is, its distance and its verdict, or what is wrong with it."""
    shown = path.resolve().name if name == "." else name
    try:
        record = record_of(RunFolder(path=path))
        last = last_rows(RunFolder(path=path))
        distances = record["distance_to_held_out"]
        measured = next((row["distance"] for row in reversed(last) if "distance" in row), None)
        return {
            "id": name,
            "name": printable(shown),
            "problem": None,
            "preset": printable(read_config(RunFolder(path=path)).preset),
            **progress(RunFolder(path=path), record, last),
            "distance": finite(distances["distance"]["mean"] if "distance" in distances else measured),
            "floor": finite(distances["floor"]["mean"] if "floor" in distances else None),
            "verdict": first_verdict(RunFolder(path=path)),
        }
    except (GradpenError, *DAMAGE) as error:
        return {"id": name, "name": printable(shown), "problem": problem_of(error)}


def finite(value: object) -> float | None:
    """Return a number that can be sent; None where there is none."""
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def problem_of(error: Exception) -> str:
    """Return what is wrong with a folder as a sentence."""
    if isinstance(error, GradpenError):
        return str(error)
    return f"This folder holds no run that can be read ({type(error).__name__}: {printable(error)})."


def record_of(folder: RunFolder) -> dict[str, Any]:
    """Return the record of a run.

    Raises:
        RunError: it is not there yet, or is damaged.
    """
    try:
        record = json.loads(folder.record.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunError("The run has only begun: it has no record yet.") from None
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{folder.record.name} cannot be read ({printable(error)}).") from None
    if not isinstance(record, dict) or "state" not in record:
        raise RunError(f"{folder.record.name} is no record of a run.")
    return record


def last_rows(folder: RunFolder) -> list[Row]:
    """Return the last measures, from the end of their file alone."""
    try:
        with folder.measures.open("rb") as file:
            file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL))
            lines = file.read().splitlines()
    except OSError:
        return []
    return [row for row in map(row_of, lines[-2 * RECENT :]) if row is not None]


def progress(folder: RunFolder, record: dict[str, Any], rows: list[Row]) -> State:
    """Return how far a run is, whether it is being trained, and the seconds left if it is."""
    state = state_now(folder, str(record["state"]))
    iteration = max([int(record["iteration"]), *(row["iteration"] for row in rows[-1:])])
    iterations, left = int(record["iterations"]), None
    timed = [row for row in rows[-RECENT:] if row["iteration"] > 0]
    if state == "running" and len(timed) > 1 and timed[-1]["iteration"] > timed[0]["iteration"]:
        pace = (timed[-1]["seconds"] - timed[0]["seconds"]) / (timed[-1]["iteration"] - timed[0]["iteration"])
        left = pace * (iterations - iteration)
    return {"state": state, "iteration": iteration, "iterations": iterations, "left": finite(left)}


def state_now(folder: RunFolder, state: str) -> str:
    """Return the state of a run: ``stopped`` where its record says running and no process of this machine trains it."""
    if state != "running":
        return state
    try:
        said = (folder.path / LOCK).read_text(encoding="utf-8").strip()
        holder = re.fullmatch(r"process (\d+)(?: on (.+))?", said)
        if holder is not None and holder[2] in (None, socket.gethostname()):
            os.kill(int(holder[1]), 0)
    except (ProcessLookupError, OverflowError):
        return "stopped"
    except (OSError, ValueError):
        pass  # a process of somebody else's, or a lock that cannot be read
    return state


def first_verdict(folder: RunFolder) -> State | None:
    """Return the name of the verdict, and whether it is a trouble; None where nobody judged."""
    found = verdict_pages.read(folder)
    if found is None or not found[1]:
        return None
    first = found[1][0]
    return {"name": printable(first["name"]), "sick": first["name"] not in WELL}


def group_of(name: str, path: Path) -> State:
    """Return a study or a comparison in a line: how many of its cases are finished, failed and under way."""
    cases = cases_below(path)
    finished = [case for case in cases if (case / "result.json").is_file()]
    failed = [case for case in cases if case not in finished and (case / "failure.txt").is_file()]
    title = path.name
    with suppress(*DAMAGE):
        title = json.loads((path / "study.json").read_text(encoding="utf-8"))["title"]
    return {
        "id": name,
        "name": printable(name),
        "title": printable(title),
        "finished": len(finished),
        "failed": len(failed),
        "under_way": len(cases) - len(finished) - len(failed),
        "page": (path / "study.html").is_file(),
        "pictures": [file for file in ("compare.png", "samples.png") if (path / file).is_file()],
    }


def cases_below(path: Path) -> list[Path]:
    """Return the folders of the cases of a study; what comes and goes while a case is worked on is no matter."""
    found = []
    for place, folders, files in os.walk(path):
        if place != str(path) and is_case(Path(place)):
            found.append(Path(place))
        if found[-1:] == [Path(place)] or "config.json" in files:
            folders.clear()
    return sorted(found)


def is_case(path: Path) -> bool:
    """Return whether a folder holds the case of a study."""
    return any((path / file).exists() for file in ("result.json", "failure.txt", "run"))
