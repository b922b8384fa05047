"""A trained run back from its folder."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from gradpen.config import RunConfig
from gradpen.data.labels import LabelSpace, space_from_json
from gradpen.data.values import PIXELS, Values, values_from_json
from gradpen.errors import RunError, UsageError
from gradpen.machine.device import choose_device
from gradpen.machine.seeds import separate_randomness
from gradpen.networks.blocks import Shape
from gradpen.runs.checkpoint import Checkpoint, checkpoint_folders, newest_checkpoint, numbered_checkpoint
from gradpen.runs.folder import Row, RunFolder, existing_folder, read_config, read_measures
from gradpen.sampling import draw_every_label, draw_numbers, draw_pixels
from gradpen.text import printable

__all__ = ["Run", "load"]


@dataclass(frozen=True, kw_only=True)
class Run:
    """A trained run: its generator, its configuration and its measures.

    >>> import tempfile
    >>> from gradpen.api import train
    >>> run = train(iterations=1, batch_size=8, critic_steps=1, out=tempfile.mkdtemp())
    >>> run.iteration, run.sample(2, seed=1).shape
    (1, (2, 8, 8, 1))
    """

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
    values: Values = PIXELS
    """what the numbers of the data mean"""

    def sample(self, count: int, *, seed: int = 0, label: str | int | None = None) -> NDArray[Any]:
        """Return ``count`` samples in the data's own units and type.

        Images are ``[count, H, W, C]``, uint8 unless the data were an array of another type; vectors ``[count, D]`` and
        signals ``[count, C, L]``.

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
        vectors = self.label_vectors(count, label)
        return draw_numbers(self.generator, self.config.generator.latent_dim, count, seed, vectors, self.values)

    def pictures(self, count: int, *, seed: int = 0, label: str | int | None = None) -> NDArray[np.uint8]:
        """Return the samples of :meth:`sample` as pictures, uint8 ``[count, C, H, W]``; of signals, curves."""
        vectors = self.label_vectors(count, label)
        return draw_pixels(self.generator, self.config.generator.latent_dim, count, seed, vectors)

    def label_vectors(self, count: int, label: str | int | None) -> torch.Tensor | None:
        """Return the label vectors ``[count, K]`` of as many samples; None for an unconditional run."""
        if count < 1:
            raise UsageError(f"at least 1 sample can be drawn, {count} were asked for")
        if self.labels is None:
            if label is not None:
                raise UsageError(
                    f"{printable(self.path)} was trained without labels, so there is no '{printable(label)}'"
                )
            return None
        if label is not None:
            return torch.from_numpy(self.labels.parse(str(label))).expand(count, -1)
        examples = torch.from_numpy(self.labels.example_vectors())
        return examples[torch.arange(count) % len(examples)]

    def sample_every_label(self, each: int, *, seed: int = 0) -> NDArray[Any]:
        """Return ``each`` samples for every label from the same latents, ``[labels, each, …]``, as :meth:`sample` does.

        Raises:
            UsageError: the run is not conditional.
        """
        latent_dim, examples = self.config.generator.latent_dim, self.examples_for(each)
        vectors = [label.expand(each, -1) for label in examples]
        return np.stack([draw_numbers(self.generator, latent_dim, each, seed, label, self.values) for label in vectors])

    def pictures_of_every_label(self, each: int, *, seed: int = 0) -> NDArray[np.uint8]:
        """Return the samples of :meth:`sample_every_label` as pictures, uint8 ``[labels * each, C, H, W]``."""
        return draw_every_label(self.generator, self.config.generator.latent_dim, each, seed, self.examples_for(each))

    def examples_for(self, each: int) -> torch.Tensor:
        """Return a vector for every label, of which so many samples are asked for."""
        if self.labels is None:
            raise UsageError(f"{printable(self.path)} was trained without labels")
        if each < 1:
            raise UsageError(f"at least 1 sample of each label can be drawn, {each} were asked for")
        return torch.from_numpy(self.labels.example_vectors())


def warn(message: str) -> None:
    """Say something to a Python caller."""
    warnings.warn(message, stacklevel=3)


def load(
    path: str | Path,
    *,
    checkpoint: Literal["best", "last"] | int = "last",
    device: str = "auto",
    say: Callable[[str], None] = warn,
) -> Run:
    """Load a run from its folder, at its newest whole checkpoint or another.

    Args:
        path: a folder made by ``gradpen train`` or :func:`gradpen.train`.
        checkpoint: ``last``; ``best``, whose samples were nearest to held-out images at a sample mark, or the last
            where none was marked; or the number of an iteration that a checkpoint is kept of.
        device: auto, cpu, cuda or cuda:N.
        say: called if a damaged checkpoint is passed over; a warning by default.

    Raises:
        RunError: there is no run there, none of its checkpoints is whole, or there is none of that iteration.
    """
    folder = existing_folder(Path(path))
    config = read_config(folder)
    chosen = choose_checkpoint(folder, checkpoint, say)
    shape: Shape = tuple(chosen.facts["shape"])
    fact = chosen.facts.get("labels")
    labels = None if fact is None else space_from_json(fact)
    with separate_randomness():  # initial weights are drawn, and the caller's random numbers are not gradpen's
        generator = config.generator.build(shape, 0 if labels is None else labels.size).to(choose_device(device))
    try:
        generator.load_state_dict(chosen.tensors["generator" if config.average is None else "average"])
    except (RuntimeError, KeyError):
        raise RunError(
            f"{printable(folder.config)} does not describe the generator in the checkpoint; it was changed "
            f"after the run started: put it back"
        ) from None
    generator.eval()
    return Run(
        path=folder.path,
        config=config,
        iteration=chosen.iteration,
        generator=generator,
        labels=labels,
        measures=[row for row in read_measures(folder, say) if row["iteration"] <= chosen.iteration],
        data_fingerprint=chosen.facts["data_fingerprint"],
        values=values_from_json(chosen.facts.get("values")),
    )


def choose_checkpoint(
    folder: RunFolder, which: Literal["best", "last"] | int, say: Callable[[str], None]
) -> Checkpoint:
    """Return the checkpoint asked for; see :func:`load`."""
    if isinstance(which, int):
        return numbered_checkpoint(folder.path, which, (folder.best, folder.checkpoints))
    if which not in ("best", "last"):
        raise UsageError(
            f"there is no checkpoint '{printable(which)}'; choose best, last or the number of an iteration"
        )
    if which == "best" and checkpoint_folders(folder.best):
        try:
            return newest_checkpoint(folder.best, say)
        except RunError:
            say("the best checkpoint is damaged; using the last")
    return newest_checkpoint(folder.checkpoints, say)
