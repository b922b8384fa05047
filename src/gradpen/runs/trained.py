"""A trained run back from its folder."""

import copy
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import nn

from gradpen.config import RunConfig
from gradpen.data.labels import LabelSpace, space_from_json
from gradpen.data.values import PIXELS, Values, values_from_json
from gradpen.errors import RunError, UsageError
from gradpen.machine.device import choose_device
from gradpen.machine.seeds import separate_randomness
from gradpen.networks.blocks import Shape
from gradpen.networks.plain import InUnits, as_plain
from gradpen.runs.checkpoint import Checkpoint, checkpoint_folders, newest_checkpoint, numbered_checkpoint
from gradpen.runs.folder import Row, RunFolder, existing_folder, read_config, read_measures
from gradpen.runs.own import Own, refuse_other_weights
from gradpen.runs.projection import Projection, project
from gradpen.sampling import draw_numbers, draw_pixels, every_label, first_latents
from gradpen.settings import differences, from_dict, to_dict
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

    def sample(
        self,
        count: int | None = None,
        *,
        seed: int = 0,
        label: str | int | None = None,
        truncation: float | None = None,
        latents: ArrayLike | None = None,
    ) -> NDArray[Any]:
        """Return ``count`` samples in the data's own units and type.

        Images are ``[count, H, W, C]``, uint8 unless the data were an array of another type; vectors ``[count, D]``,
        signals ``[count, C, L]``, volumes ``[count, C, D, H, W]`` and text ``[count]`` lines.

        Image i depends on the seed, the label and i alone: asking for more gives the same first ones, and another
        label changes nothing but the label.

        Args:
            count: how many.
            seed: of the latents.
            label: of a conditional run: a class, attributes as ``A+B`` or ``none``, or numbers as ``A=0.5,B=1``; None
                goes through the labels in turn.
            truncation: draw latents between ±this alone: fewer odd samples, less variety.
            latents: ``[N, latent_dim]``, instead of count, seed and truncation.

        Raises:
            UsageError: there is no such label, the run is not conditional, or the latents do not fit.
        """
        z = self.chosen_latents(count, seed, truncation, latents)
        return draw_numbers(self.generator, z, self.label_vectors(len(z), label), self.values)

    def pictures(
        self,
        count: int | None = None,
        *,
        seed: int = 0,
        label: str | int | None = None,
        latents: ArrayLike | None = None,
    ) -> NDArray[np.uint8]:
        """Return the samples of :meth:`sample` as pictures, uint8 ``[count, C, H, W]``; of signals, curves."""
        z = self.chosen_latents(count, seed, None, latents)
        return draw_pixels(self.generator, z, self.label_vectors(len(z), label), self.values)

    def latents(self, count: int, *, seed: int = 0, truncation: float | None = None) -> torch.Tensor:
        """Return the latents ``[count, latent_dim]`` of the first samples of a seed.

        Args:
            count: how many.
            seed: of the latents.
            truncation: their largest size, positive; None: normally distributed without a limit.

        Raises:
            UsageError: there are none so, or the truncation is not positive.
        """
        if count < 1:
            raise UsageError(f"at least 1 sample can be drawn, {count} were asked for")
        if truncation is not None and not truncation > 0:
            raise UsageError(f"truncation {truncation:g}: expected a positive number, for example 1")
        return first_latents(self.config.generator.latent_dim, seed, count, truncation)

    def chosen_latents(
        self, count: int | None, seed: int, truncation: float | None, latents: ArrayLike | None
    ) -> torch.Tensor:
        """Return latents ``[N, latent_dim]``: those given, else those drawn.

        Raises:
            UsageError: neither or both are asked for, or they do not fit.
        """
        if latents is None:
            if count is None:
                raise UsageError("say how many samples: a count, or latents")
            return self.latents(count, seed=seed, truncation=truncation)
        if count is not None or truncation is not None:
            raise UsageError("latents are given, so count and truncation have no meaning; leave them out")
        return self.checked_latents(latents)

    def checked_latents(self, latents: ArrayLike) -> torch.Tensor:
        """Return latents as float32 ``[N, latent_dim]``.

        Raises:
            UsageError: they are no numbers of that shape.
        """
        dim = self.config.generator.latent_dim
        array = latents.detach().cpu().numpy() if isinstance(latents, torch.Tensor) else np.asarray(latents)
        if array.dtype.kind not in "fiu" or array.ndim != 2 or array.shape[1] != dim or len(array) < 1:
            raise UsageError(f"latents are numbers [N, {dim}] for this run, found {array.dtype} {list(array.shape)}")
        if not np.isfinite(array).all():
            raise UsageError("the latents hold values that are NaN or infinite")
        return torch.from_numpy(array.astype(np.float32))

    def plain_generator(self, *, units: bool = False) -> nn.Module:
        """Return a copy of the generator made of PyTorch's own layers, on the CPU.

        It traces and exports; it scripts where it takes no labels and its sides halve evenly.

        Args:
            units: its numbers are in the data's units, 0 to 255 for images, instead of -1 to 1.
        """
        if units and self.values.symbols is not None:
            raise UsageError("text has no units: the generator gives a probability for each symbol; leave out `units`")
        network = as_plain(copy.deepcopy(self.generator).cpu()).eval()
        return InUnits(network, *self.values.bounds()) if units and not self.values.unscaled else network

    def inputs(self, count: int, *, seed: int = 0) -> tuple[torch.Tensor, ...]:
        """Return what the generator takes: latents ``[count, latent_dim]``, and label vectors if conditional."""
        vectors = self.label_vectors(count, None)
        return (self.latents(count, seed=seed), *([] if vectors is None else [vectors.contiguous()]))

    def describe(self) -> dict[str, Any]:
        """Return what another program must know of the generator, JSON-able."""
        return {
            "iteration": self.iteration,
            "latent_dim": self.config.generator.latent_dim,
            "range": [self.values.low, self.values.high],
            "columns": self.values.columns,
            "dtype": self.values.dtype,
            "layout": self.values.layout,
            "symbols": self.values.symbols,
            "labels": None if self.labels is None else self.labels.to_json(),
            "config": to_dict(self.config),
        }

    def project(self, images: ArrayLike, *, label: str | int | None = None, seed: int = 0) -> Projection:
        """Find latents whose samples come nearest to images, by gradient descent on the squared error.

        Args:
            images: as :meth:`sample` returns them: ``[N, H, W, C]`` in the data's units, vectors ``[N, D]``, signals
                ``[N, C, L]``.
            label: of a conditional run: the label of all of them; None: each label in turn.
            seed: of the latents that are tried first.

        Raises:
            UsageError: the images have another shape, or there is no such label.
        """
        if self.values.symbols is not None:
            raise UsageError(
                f"{printable(self.path)} makes lines of text, which have no gradient to follow; the nearest lines of "
                f"samples are found by gradpen nearest"
            )
        array = np.asarray(images)
        expected = self.sample(1).shape[1:]
        if array.dtype.kind not in "iufb" or array.ndim != 1 + len(expected) or array.shape[1:] != expected:
            raise UsageError(
                f"this run's samples are numbers [N, {', '.join(map(str, expected))}], found {array.dtype} "
                f"{list(array.shape)}; bring the images to that size first"
            )
        if not len(array) or not np.isfinite(array).all():
            raise UsageError("there is no image, or the images hold values that are NaN or infinite")
        device = next(self.generator.parameters()).device
        vectors = self.label_vectors(len(array), label)
        targets = torch.from_numpy(self.values.taken(array)).to(device)
        labels = None if vectors is None else vectors.to(device)
        z, errors = project(self.generator, self.config.generator.latent_dim, targets, labels, seed=seed)
        samples = draw_numbers(self.generator, z.cpu(), vectors, self.values)
        return Projection(latents=z.cpu(), samples=samples, distances=errors.double().cpu().numpy() * 127.5)

    def label_vectors(self, count: int, label: str | int | None) -> torch.Tensor | None:
        """Return the label vectors ``[count, K]`` of as many samples; None for an unconditional run."""
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

    def sample_every_label(
        self, each: int | None = None, *, seed: int = 0, latents: ArrayLike | None = None
    ) -> NDArray[Any]:
        """Return ``each`` samples for every label from the same latents, ``[labels, each, …]``, as :meth:`sample` does.

        Raises:
            UsageError: the run is not conditional.
        """
        examples, z = self.examples(), self.chosen_latents(each, seed, None, latents)
        return np.stack(
            every_label(lambda labels: draw_numbers(self.generator, z, labels, self.values), len(z), examples)
        )

    def pictures_of_every_label(
        self, each: int | None = None, *, seed: int = 0, latents: ArrayLike | None = None
    ) -> NDArray[np.uint8]:
        """Return the samples of :meth:`sample_every_label` as pictures, uint8 ``[labels * each, C, H, W]``."""
        examples, z = self.examples(), self.chosen_latents(each, seed, None, latents)
        return np.concatenate(
            every_label(lambda labels: draw_pixels(self.generator, z, labels, self.values), len(z), examples)
        )

    def examples(self) -> torch.Tensor:
        """Return a vector for every label ``[L, K]``."""
        if self.labels is None:
            raise UsageError(f"{printable(self.path)} was trained without labels")
        return torch.from_numpy(self.labels.example_vectors())


def warn(message: str) -> None:
    """Say something to a Python caller."""
    warnings.warn(message, stacklevel=3)


def load(
    path: str | Path,
    *,
    checkpoint: Literal["best", "last"] | int = "last",
    device: str = "auto",
    generator: nn.Module | Callable[[], nn.Module] | None = None,
    say: Callable[[str], None] = warn,
) -> Run:
    """Load a run from its folder, at its newest whole checkpoint or another.

    Args:
        path: a folder made by ``gradpen train`` or :func:`gradpen.train`.
        checkpoint: ``last``; ``best``, the newest whose samples were about nearest to held-out images, or the last
            where none was marked; or the number of an iteration that a checkpoint is kept of.
        device: auto, cpu, cuda or cuda:N.
        generator: of a run with a generator of the user's own that cannot be made again from its import path: a module
            of that class, whose weights are replaced, or the class.
        say: called if a damaged checkpoint is passed over; a warning by default.

    Raises:
        UsageError: the run's own generator is not found, or one is given that the run has no use for.
        RunError: there is no run there, none of its checkpoints is whole, or there is none of that iteration.
    """
    folder = existing_folder(Path(path))
    chosen = choose_checkpoint(folder, checkpoint, say)
    config = as_trained(folder, chosen, say)
    shape: Shape = tuple(chosen.facts["shape"])
    fact = chosen.facts.get("labels")
    labels = None if fact is None else space_from_json(fact)
    with separate_randomness():  # initial weights are drawn, and the caller's random numbers are not gradpen's
        given = generator if generator is None or isinstance(generator, nn.Module) else generator()
        own = Own(generator=given)
        held = chosen.tensors.get("generator" if config.average is None else "average", {})
        refuse_other_weights(config, own, {"generator": held})
        network = own.built(config, "generator", shape, 0 if labels is None else labels.size).to(choose_device(device))
    try:
        network.load_state_dict(held)
    except (RuntimeError, KeyError):
        raise RunError(
            f"{printable(folder.config)} does not describe the generator in the checkpoint; it was changed "
            f"after the run started: put it back"
        ) from None
    network.eval()
    return Run(
        path=folder.path,
        config=config,
        iteration=chosen.iteration,
        generator=network,
        labels=labels,
        measures=[row for row in read_measures(folder, say) if row["iteration"] <= chosen.iteration],
        data_fingerprint=chosen.facts["data_fingerprint"],
        values=values_from_json(chosen.facts.get("values")),
    )


def as_trained(folder: RunFolder, chosen: Checkpoint, say: Callable[[str], None]) -> RunConfig:
    """Return the run's configuration: what its checkpoint says of it, and where config.json says the data are."""
    now, trained = read_config(folder), from_dict(chosen.facts["config"])
    trained = replace(trained, iterations=now.iterations, data=now.data)
    changed = differences(trained, now)
    if changed:
        say(
            f"{printable(folder.config)} was changed after training ({'; '.join(changed[:NAMED])}); the run is taken "
            f"as it was trained"
        )
    return trained


NAMED = 3


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
