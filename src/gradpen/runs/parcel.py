"""What of a run goes to other people: its generator and what was measured, without data and places on a disk."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from gradpen.config import RunConfig
from gradpen.data.choice import EMBEDDED, WITHOUT_TABLE
from gradpen.errors import RunError, readable_writes
from gradpen.runs.checkpoint import Checkpoint, replace_file, write_checkpoint
from gradpen.runs.folder import RunFolder, existing_folder, read_measures, write_config, write_json
from gradpen.runs.trained import as_trained, choose_checkpoint
from gradpen.settings import to_dict
from gradpen.text import printable

DESCRIBED = ("kind", "path", "found", "used", "shape", "sizes", "modes", "values")
"""what is told of the data: neither names of files nor classes"""


def write_parcel(
    run: Path, out: Path, *, checkpoint: Literal["best", "last"] | int = "best", say: Callable[[str], None]
) -> RunFolder:
    """Write what of a run others need to draw samples from it and to judge it, as a folder that is a run again.

    Args:
        run: a folder made by ``gradpen train``.
        out: a new or empty folder.
        checkpoint: which state of the run, as for :func:`gradpen.load`.
        say: called if a damaged checkpoint is passed over.

    Raises:
        RunError: there is no run, it was not described to its end, or the folder cannot be written.
    """
    folder, parcel = existing_folder(run), RunFolder(path=out)
    chosen = choose_checkpoint(folder, checkpoint, say)
    config = without_places(as_trained(folder, chosen, say))
    # A generator alone: the critic and the optimisers are for training on, and are three times as large.
    role = "generator" if config.average is None else "average"
    if role not in chosen.tensors:
        raise RunError(f"{printable(run)} has no {role} in its checkpoint {chosen.iteration:,}; choose another one")
    facts = chosen.facts | {"config": to_dict(config)}
    shown = Checkpoint(iteration=chosen.iteration, tensors={role: chosen.tensors[role]}, facts=facts)
    rows = [row for row in read_measures(folder, say) if row["iteration"] <= chosen.iteration]
    with readable_writes(RunError, out, "choose another `out`"):
        out.mkdir(parents=True, exist_ok=True)
        parcel.checkpoints.mkdir()
        write_checkpoint(parcel.checkpoints, shown, keep=None)
        write_config(parcel, config)
        write_json(parcel.record, read(folder.record))
        write_json(parcel.data, described(read(folder.data)))
        replace_file(parcel.measures, "".join(json.dumps(row) + "\n" for row in rows).encode())
        if folder.verdict.is_file():
            write_json(parcel.verdict, read(folder.verdict))
        if folder.evaluation.is_file() and (found := read(folder.evaluation)).get("iteration") == chosen.iteration:
            write_json(parcel.evaluation, found | {"of": last_name(str(found.get("of")))})
    return parcel


def read(file: Path) -> dict[str, Any]:
    """Return a JSON file of a run.

    Raises:
        RunError: it is missing or damaged.
    """
    try:
        return dict(json.loads(file.read_bytes()))
    except (OSError, ValueError, TypeError, RecursionError) as error:
        raise RunError(
            f"{printable(file)} cannot be read ({printable(error)}), and others need what it says; give a run that "
            f"gradpen train left whole"
        ) from None


def described(data: dict[str, Any]) -> dict[str, Any]:
    """Return the report on data without the names of files, folders and classes."""
    return {key: data[key] for key in DESCRIBED if key in data} | {"path": last_name(str(data.get("path", "data")))}


def without_places(config: RunConfig) -> RunConfig:
    """Return a configuration in which the user's files and folders have their last names alone."""
    data = config.data
    path = data.path if data.path.startswith(EMBEDDED) else last_name(data.path)
    labels = data.labels if data.labels in WITHOUT_TABLE else last_name(str(data.labels))
    start = None if config.start is None else last_name(config.start)
    return replace(config, data=replace(data, path=path, labels=labels), start=start)


def last_name(path: str) -> str:
    r"""Return the last name of a path of any system; of the root of a disk, ``data``.

    >>> last_name("/home/me/photos/"), last_name("C:\\Users\\me\\photos"), last_name("/")
    ('photos', 'photos', 'data')
    """
    return re.split(r"[/\\]", path.rstrip("/\\"))[-1].strip() or "data"
