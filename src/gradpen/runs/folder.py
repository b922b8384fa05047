"""The run folder: its layout, its lock, its configuration and measures."""

import json
import os
import re
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gradpen.config import RunConfig
from gradpen.errors import RunError, readable_writes
from gradpen.machine.files import lock_at_once
from gradpen.machine.sharing import leads
from gradpen.runs.checkpoint import TEMPORARY, checkpoint_folders, replace_file
from gradpen.settings import from_dict, to_dict
from gradpen.text import printable

NEAR = 1.2
"""how much farther than the nearest samples a later mark's may be and still be the best: distances of a few hundred
images tell no smaller difference, and later is better as long as nothing collapses (docs/log.md)"""
LOCK = "run.lock"
"""held by the process that trains the run"""
Row = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class RunFolder:
    """Where everything about one run lies."""

    path: Path

    @property
    def config(self) -> Path:
        """The configuration, complete."""
        return self.path / "config.json"

    @property
    def record(self) -> Path:
        """Code, libraries, machine, data fingerprint, parameters, state of the run."""
        return self.path / "run.json"

    @property
    def data(self) -> Path:
        """The data report."""
        return self.path / "data.json"

    @property
    def measures(self) -> Path:
        """One JSON object a line."""
        return self.path / "measures.jsonl"

    @property
    def samples(self) -> Path:
        """Sample grids, one a mark, same latents throughout."""
        return self.path / "samples"

    @property
    def checkpoints(self) -> Path:
        """The newest checkpoints."""
        return self.path / "checkpoint"

    @property
    def evaluation(self) -> Path:
        """What gradpen evaluate measured last."""
        return self.path / "evaluation.json"

    @property
    def verdict(self) -> Path:
        """What ``gradpen diagnose`` found."""
        return self.path / "verdict.json"

    @property
    def critic(self) -> Path:
        """The critic at the newest sample mark: slopes, gradients of layers, weights."""
        return self.path / "critic.json"

    @property
    def best(self) -> Path:
        """The newest generator whose samples were about nearest to held-out images, as a checkpoint of its own."""
        return self.path / "best"

    @property
    def start(self) -> Path:
        """What a run that began with another's networks took from it."""
        return self.path / "start.json"

    @property
    def real(self) -> Path:
        """A grid of training images, to compare with."""
        return self.path / "real.png"

    @property
    def curves(self) -> Path:
        """The curves of the whole run."""
        return self.path / "curves.png"

    @property
    def report(self) -> Path:
        """The report, one self-contained page."""
        return self.path / "report.html"

    def sample_grid(self, iteration: int) -> Path:
        """Return where the grid after this iteration lies."""
        return self.samples / f"{iteration:08d}.png"

    def sample_grids(self) -> list[Path]:
        """Return the grids written so far, oldest first."""
        return sorted(self.samples.glob("[0-9]*.png"))


def new_folder(out: Path | None, label: str) -> RunFolder:
    """Make the folder of a new run: ``out``, or the next free number below ``runs/``.

    Raises:
        RunError: the folder is in use already or cannot be made.
    """
    path = out if out is not None else Path("runs")
    with readable_writes(RunError, path, "choose another `out`"):
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            refuse_used(out)
        else:
            path.mkdir(exist_ok=True)
            path = next_free(path, label)
        folder = RunFolder(path=path)
        folder.samples.mkdir()
        folder.checkpoints.mkdir()
    return folder


def refuse_used(out: Path) -> None:
    """Raise :class:`RunError` if a folder holds anything."""
    with readable_writes(RunError, out, "choose another `out`"):
        if out.exists() and any(out.iterdir()):
            raise RunError(
                f"{printable(out)} is not empty; a run never writes over another: choose a new `out`, or "
                f"continue the run with `resume={printable(out)}`"
            )


def clear_unbegun(folder: RunFolder) -> None:
    """Remove what a run left that was stopped before its first checkpoint: nothing can go on from it.

    A folder that holds anything else stays as it is.

    Raises:
        RunError: another process trains there.
    """
    described = (folder.config, folder.data, folder.start, folder.real, folder.record)
    marked = (folder.measures, folder.samples, folder.critic)
    names = {LOCK, folder.checkpoints.name, *(place.name for place in (*described, *marked))}
    if not folder.path.is_dir() or checkpoint_folders(folder.checkpoints):
        return
    if any(entry.name not in names and not entry.name.startswith(TEMPORARY) for entry in folder.path.iterdir()):
        return
    with locked(folder, lambda _sentence: None):
        pass
    shutil.rmtree(folder.path)


def next_free(runs: Path, label: str) -> Path:
    """Make and return ``runs/NNNNN-label`` with the next free number; safe against simultaneous starts."""
    label = re.sub(r"[^A-Za-z0-9.]+", "-", label).strip("-.")
    while True:
        numbers = [int(match[1]) for entry in runs.iterdir() if (match := re.match(r"(\d+)-", entry.name))]
        path = runs / f"{max(numbers, default=0) + 1:05d}-{label}"
        with suppress(FileExistsError):
            path.mkdir()
            return path


def is_run(path: Path) -> bool:
    """Return whether a folder holds a run."""
    try:
        return RunFolder(path=path).config.is_file()
    except (OSError, ValueError):
        return False


def existing_folder(path: Path) -> RunFolder:
    """Return the folder of a run that was started before.

    Raises:
        RunError: there is no run.
    """
    folder = RunFolder(path=path)
    if not is_run(path):
        try:
            there = path.is_dir()
        except (OSError, ValueError):
            there = False
        why = "has no config.json" if there else "does not exist"
        raise RunError(
            f"{printable(path)} is not a run: it {why}; give a folder made by gradpen train, "
            f"for example runs/00001-digits-wgan-gp"
        )
    return folder


@contextmanager
def locked(folder: RunFolder, say: Callable[[str], None]) -> Iterator[None]:
    """Hold the run for this process (of many, the leader) alone; the lock goes with the process, however it ends.

    Where the file system has no locks, that is said, and the run goes on.

    Raises:
        RunError: another process has it.
    """
    if not leads():
        yield
        return
    with readable_writes(RunError, folder.path, "copy the run to where it can be"):
        lock = (folder.path / LOCK).open("a+")
    with lock:
        with readable_writes(RunError, lock.name, "copy the run to where it can be"):
            mine = lock_at_once(lock)
        if mine is False:
            lock.seek(0)
            holder = lock.read().strip() or "another process"
            raise RunError(f"{printable(folder.path)} is being trained by {printable(holder)}; wait for it to end")
        if mine is None:
            say(
                f"the file system of {printable(folder.path)} has no locks, so nothing keeps another process from "
                f"training this run too; start it only once"
            )
        lock.truncate(0)
        lock.write(f"process {os.getpid()} on {socket.gethostname()}")
        lock.flush()
        yield


def write_json(path: Path, values: Any) -> None:
    """Replace a JSON file, readably indented."""
    replace_file(path, (json.dumps(values, indent=2, ensure_ascii=True) + "\n").encode())


def write_config(folder: RunFolder, config: RunConfig) -> None:
    """Write the configuration."""
    write_json(folder.config, to_dict(config))


def read_config(folder: RunFolder) -> RunConfig:
    """Read the configuration; raise :class:`RunError` or :class:`UsageError`."""
    try:
        values = json.loads(folder.config.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise RunError(f"{printable(folder.config)} cannot be read: {printable(error)}") from None
    return from_dict(values, origin=printable(folder.config))


def append_row(folder: RunFolder, row: Row) -> None:
    """Append a row of measures."""
    with folder.measures.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row, allow_nan=False) + "\n")


def unheard(sentence: str) -> None:
    """Say nothing."""
    del sentence


def read_measures(folder: RunFolder, say: Callable[[str], None] = unheard) -> list[Row]:
    """Return the measures, without a last line that a crash cut short and without damaged ones.

    Args:
        folder: the run's.
        say: told how many lines before the last are damaged.
    """
    lines = folder.measures.read_bytes().splitlines() if folder.measures.exists() else []
    rows = [row_of(line) for line in lines]
    damaged = rows[:-1].count(None)
    if damaged:
        say(f"{damaged:,} of {len(rows):,} lines of {printable(folder.measures)} are damaged and left out")
    return [row for row in rows if row is not None]


ALWAYS_MEASURED = frozenset(
    ["iteration", "images", "seconds", "slope_mean", "critic_gradient_norm"]
    + [f"critic_gap_{part}{error}" for part in ("train", "held_out") for error in ("", "_error")]
)


def row_of(line: bytes) -> Row | None:
    """Return a row of measures, or None for a line that is none."""
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    if not isinstance(row, dict) or not row.keys() >= ALWAYS_MEASURED:
        return None
    numbers = all(isinstance(value, int | float) and not isinstance(value, bool) for value in row.values())
    return row if numbers and isinstance(row["iteration"], int) else None


ADDED = {"values"}
"""keys of data.json that runs of earlier versions lack"""


def restore_damaged(path: Path, values: Any, say: Callable[[str], None]) -> None:
    """Write a JSON file anew if it cannot be read or has other keys than it had at any time, and say so."""
    try:
        found = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        found = None
    if not isinstance(found, dict) or not found.keys() ^ values.keys() <= ADDED:
        write_json(path, values)
        say(f"{printable(path)} was damaged and is written anew")


def rewind_measures(folder: RunFolder, iteration: int, say: Callable[[str], None] = unheard) -> list[Row]:
    """Keep the rows up to an iteration, those that a checkpoint vouches for, and return them."""
    rows = [row for row in read_measures(folder, say) if row["iteration"] <= iteration]
    replace_file(folder.measures, "".join(json.dumps(row) + "\n" for row in rows).encode())
    return rows
