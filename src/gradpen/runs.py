"""The run folder: its layout, its lock, its measures, and a trained generator back from it."""

import fcntl
import json
import os
import re
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from gradpen.checkpoint import newest_checkpoint, replace_file
from gradpen.config import RunConfig, from_dict, to_dict
from gradpen.data.labels import LabelSpace, space_from_json
from gradpen.errors import RunError, UsageError
from gradpen.names import safe_name
from gradpen.networks.blocks import Shape
from gradpen.processes import leads
from gradpen.runtime import choose_device
from gradpen.sampling import draw_every_label, draw_pixels

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
    try:
        if out is not None:
            out.mkdir(parents=True, exist_ok=True)
            if any(out.iterdir()):
                raise RunError(
                    f"{safe_name(out)} is not empty; a run never writes over another: choose a new --out, or "
                    f"continue the run with --resume {safe_name(out)}"
                )
        else:
            path.mkdir(exist_ok=True)
            path = next_free(path, label)
        folder = RunFolder(path=path)
        folder.samples.mkdir()
        folder.checkpoints.mkdir()
    except OSError as error:
        raise RunError(
            f"the run folder {safe_name(path)} cannot be written ({error.strerror}); choose another --out"
        ) from None
    return folder


def next_free(runs: Path, label: str) -> Path:
    """Make and return ``runs/NNNNN-label`` with the next free number; safe against simultaneous starts."""
    label = re.sub(r"[^A-Za-z0-9.]+", "-", label).strip("-.")
    while True:
        numbers = [int(match[1]) for entry in runs.iterdir() if (match := re.match(r"(\d+)-", entry.name))]
        path = runs / f"{max(numbers, default=0) + 1:05d}-{label}"
        with suppress(FileExistsError):
            path.mkdir()
            return path


def existing_folder(path: Path) -> RunFolder:
    """Return the folder of a run that was started before.

    Raises:
        RunError: there is no run.
    """
    folder = RunFolder(path=path)
    try:
        found, there = folder.config.is_file(), path.is_dir()
    except (OSError, ValueError):
        found = there = False
    if not found:
        why = "has no config.json" if there else "does not exist"
        raise RunError(
            f"{safe_name(path)} is not a run: it {why}; give a folder made by gradpen train, "
            f"for example runs/00001-digits-wgan-gp"
        )
    return folder


@contextmanager
def locked(folder: RunFolder) -> Iterator[None]:
    """Hold the run for this process (of many, the leader) alone; the lock goes with the process, however it ends.

    Raises:
        RunError: another process has it.
    """
    if not leads():
        yield
        return
    try:
        lock = (folder.path / "run.lock").open("a+")
    except OSError as error:
        raise RunError(f"{safe_name(folder.path)} cannot be written: {error.strerror}") from None
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.seek(0)
            holder = lock.read().strip() or "another process"
            raise RunError(
                f"{safe_name(folder.path)} is being trained by {safe_name(holder)}; wait for it to end"
            ) from None
        lock.truncate(0)
        lock.write(f"process {os.getpid()}")
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
    except (OSError, ValueError) as error:
        raise RunError(f"{safe_name(folder.config)} cannot be read: {safe_name(error)}") from None
    return from_dict(values, origin=safe_name(folder.config))


def append_row(folder: RunFolder, row: Row) -> None:
    """Append a row of measures."""
    with folder.measures.open("a", encoding="utf-8") as file:
        file.write(json.dumps(row, allow_nan=False) + "\n")


def read_measures(folder: RunFolder) -> list[Row]:
    """Return the measures, without a last line that a crash cut short."""
    rows: list[Row] = []
    if folder.measures.exists():
        for line in folder.measures.read_text(encoding="utf-8").splitlines():
            try:
                rows.append(json.loads(line))
            except ValueError:
                break
    return rows


def rewind_measures(folder: RunFolder, iteration: int) -> list[Row]:
    """Keep the rows up to an iteration, those that a checkpoint vouches for, and return them."""
    rows = [row for row in read_measures(folder) if row["iteration"] <= iteration]
    replace_file(folder.measures, "".join(json.dumps(row) + "\n" for row in rows).encode())
    return rows


@dataclass(frozen=True, kw_only=True)
class Run:
    """A trained run: its generator, its configuration and its measures."""

    path: Path
    config: RunConfig
    iteration: int
    generator: nn.Module
    """in evaluation mode; maps latents ``[B, latent_dim]``, and label vectors ``[B, K]`` if conditional, to
    ``[B, C, H, W]`` in [-1, 1]; the moving average of the trained one where the run kept one"""
    labels: LabelSpace | None
    """the labels of a conditional generator"""
    measures: list[Row]
    data_fingerprint: str

    def sample(self, count: int, *, seed: int = 0, label: str | int | None = None) -> NDArray[np.uint8]:
        """Return ``count`` images as uint8 ``[count, H, W, C]``.

        Image i depends on the seed, the label and i alone: asking for more gives the same first ones, and another
        label changes nothing but the label.

        Args:
            count: how many.
            seed: of the latents.
            label: of a conditional run: a class, attributes as ``A+B`` or ``none``, or numbers as ``A=0.5,B=1``; None
                goes through the labels in turn.

        Raises:
            UsageError: there is no such label, or the run is not conditional.
        """
        if count < 1:
            raise UsageError(f"at least 1 sample can be drawn, {count} were asked for")
        vectors = self.label_vectors(count, label)
        pixels = draw_pixels(self.generator, self.config.generator.latent_dim, count, seed, vectors)
        return np.ascontiguousarray(pixels.transpose(0, 2, 3, 1))

    def label_vectors(self, count: int, label: str | int | None) -> torch.Tensor | None:
        """Return the label vectors ``[count, K]`` of as many samples; None for an unconditional run."""
        if self.labels is None:
            if label is not None:
                raise UsageError(
                    f"{safe_name(self.path)} was trained without labels, so there is no '{safe_name(label)}'"
                )
            return None
        if label is not None:
            return torch.from_numpy(self.labels.parse(str(label))).expand(count, -1)
        examples = torch.from_numpy(self.labels.example_vectors())
        return examples[torch.arange(count) % len(examples)]

    def sample_every_label(self, each: int, *, seed: int = 0) -> NDArray[np.uint8]:
        """Return ``each`` images for every label from the same latents, as uint8 ``[labels, each, H, W, C]``.

        Raises:
            UsageError: the run is not conditional.
        """
        if self.labels is None:
            raise UsageError(f"{safe_name(self.path)} was trained without labels")
        if each < 1:
            raise UsageError(f"at least 1 sample of each label can be drawn, {each} were asked for")
        examples = torch.from_numpy(self.labels.example_vectors())
        pixels = draw_every_label(self.generator, self.config.generator.latent_dim, each, seed, examples)
        return np.ascontiguousarray(pixels.transpose(0, 2, 3, 1)).reshape(len(examples), each, *pixels.shape[2:], -1)


def warn(message: str) -> None:
    """Say something to a Python caller."""
    warnings.warn(message, stacklevel=3)


def load(path: str | Path, *, device: str = "auto", say: Callable[[str], None] = warn) -> Run:
    """Load a run from its folder, at its newest whole checkpoint.

    Args:
        path: a folder made by ``gradpen train`` or :func:`gradpen.train`.
        device: auto, cpu, cuda or cuda:N.
        say: called if a damaged checkpoint is passed over; a warning by default.

    Raises:
        RunError: there is no run there, or none of its checkpoints is whole.
    """
    folder = existing_folder(Path(path))
    config = read_config(folder)
    checkpoint = newest_checkpoint(folder.checkpoints, say)
    shape: Shape = tuple(checkpoint.facts["shape"])
    fact = checkpoint.facts.get("labels")
    labels = None if fact is None else space_from_json(fact)
    generator = config.generator.build(shape, 0 if labels is None else labels.size).to(choose_device(device))
    try:
        generator.load_state_dict(checkpoint.tensors["generator" if config.average is None else "average"])
    except (RuntimeError, KeyError):
        raise RunError(
            f"{safe_name(folder.config)} does not describe the generator in the checkpoint; it was changed "
            f"after the run started: put it back"
        ) from None
    generator.eval()
    return Run(
        path=folder.path,
        config=config,
        iteration=checkpoint.iteration,
        generator=generator,
        labels=labels,
        measures=[row for row in read_measures(folder) if row["iteration"] <= checkpoint.iteration],
        data_fingerprint=checkpoint.facts["data_fingerprint"],
    )
