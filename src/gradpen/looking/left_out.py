"""Which kinds of the data samples leave out: classes, of labels that are not asked for, or modes of a mixture."""

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gradpen.data.source import Source, gather, settled, spread_out
from gradpen.language import marked
from gradpen.looking.agreement import AT_ONCE, FEWEST
from gradpen.metrics.generator import CPU
from gradpen.metrics.modes import mixture_of
from gradpen.runs.trained import Run
from gradpen.sampling import draw_from, first_latents

KNOWN, DRAWN, UNSEEN = 2_000, 500, 500
"""training examples whose classes are known; samples, and held-out examples, that are looked at"""
EXPECTED = 10
"""samples that a kind would have of the data, and held-out examples, below which nothing is said of it"""
RARE = 0.1
"""parts of the data's share of a kind, up to which samples leave it out"""
CLASSES, MODES = marked("classes"), marked("modes")


@dataclass(frozen=True)
class LeftOut:
    """Kinds of the data that hardly a sample shows."""

    names: list[str]
    of: int
    """kinds that there are"""
    what: str
    """classes or modes"""


def left_out(run: Run, source: Source) -> LeftOut | None:
    """Return what samples leave out; None where nothing tells kinds apart, or the generator is asked for them.

    The class of a sample is that of the nearest training example, its mode the one with the nearest mean. A kind is
    left out where a tenth as many samples as held-out examples show it, or fewer.
    """
    if run.labels is not None:
        return None
    mixture = mixture_of(source)
    if mixture is not None:
        centres = mixture.centres

        def kinds(examples: Tensor) -> NDArray[np.intp]:
            points = source.values.restore(examples.flatten(1).numpy())
            nearest: NDArray[np.intp] = np.linalg.norm(points[:, None] - centres[None], axis=2).argmin(1)
            return nearest

        names, what = [f"({x:.3g}, {y:.3g})" for x, y in centres], MODES
    elif source.labels is not None and source.labels.kind == "classes":
        most = max(FEWEST, AT_ONCE // math.prod(source.shape))
        rows = spread_out(source.train, min(KNOWN, len(source.train), most))
        known, classes = gather(source, rows, CPU).flatten(1), source.labels.values[rows].astype(np.intp)

        def kinds(examples: Tensor) -> NDArray[np.intp]:
            nearest: NDArray[np.intp] = classes[torch.cdist(examples.flatten(1), known).argmin(1).numpy()]
            return nearest

        names, what = list(source.labels.names), CLASSES
    else:
        return None
    unseen = gather(source, spread_out(source.held_out, min(UNSEEN, len(source.held_out))), CPU)
    made = torch.cat(list(draw_from(run.generator, first_latents(run.config.generator.latent_dim, 1, DRAWN))))
    samples = settled(made) if source.values.symbols is not None else made
    missing = rare(kinds(samples.float().cpu()), kinds(unseen), len(names))
    return LeftOut([names[kind] for kind in missing], len(names), what)


def rare(samples: NDArray[np.intp], data: NDArray[np.intp], count: int) -> list[int]:
    """Return which of so many kinds samples leave out.

    >>> rare(np.array([0] * 99 + [1]), np.array([0, 1] * 50), 2)
    [1]
    >>> rare(np.array([0] * 99 + [1]), np.array([0] * 99 + [1]), 2)
    []
    """
    made, real = (np.bincount(kinds[kinds >= 0], minlength=count) for kinds in (samples, data))
    found, wanted = made / max(len(samples), 1), real / max(len(data), 1)
    enough = (wanted * len(samples) >= EXPECTED) & (real >= EXPECTED)
    return [int(kind) for kind in np.flatnonzero(enough & (found <= RARE * wanted))]
