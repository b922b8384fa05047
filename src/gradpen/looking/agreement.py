"""Whether samples show the class that was asked for: the class of the training image that is nearest to each."""

import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gradpen.data.source import Source, gather, settled, spread_out
from gradpen.metrics.generator import CPU
from gradpen.runs.trained import Run
from gradpen.sampling import draw_from, first_latents

COMPARED, ASKED, EACH = 2_000, 1_000, 32
"""training images that are compared with; held-out images, and samples of a class, that are asked about"""
AT_ONCE, FEWEST = 50_000_000, 100
"""numbers of images that are held in memory, and images that are all the same"""


def class_agreement(run: Run, source: Source) -> dict[str, float]:
    """Return how often the nearest training image, in pixels, is of the class that was asked for.

    Returns:
        ``samples`` and ``held_out``: the share of samples, and of held-out images; ``chance``: the share where classes
        told nothing; ``by_chance``: the
        share of held-out images that have the class of a training image drawn at random; ``asked``: how many held-out
        images there are. Empty where labels are no classes.
    """
    if run.labels is None or source.labels is None or source.labels.kind != "classes":
        return {}
    most = max(FEWEST, AT_ONCE // math.prod(source.shape))
    rows = spread_out(source.train, min(COMPARED, len(source.train), most))
    unseen = spread_out(source.held_out, min(ASKED, len(source.held_out), most))
    if not len(unseen):
        return {}
    known, classes = flat(gather(source, rows, CPU)), source.labels.values.astype(np.int64)
    asked = run.examples()
    z = first_latents(run.config.generator.latent_dim, 1, EACH)
    made = torch.cat([part for one in asked for part in draw_from(run.generator, z, one.expand(EACH, -1))])
    samples = flat((settled(made) if source.values.symbols is not None else made).float().cpu())
    wanted = np.repeat(asked.argmax(1).numpy(), EACH)
    return {
        "samples": share(samples, wanted, known, classes[rows]),
        "held_out": share(flat(gather(source, unseen, CPU)), classes[unseen], known, classes[rows]),
        "chance": 1 / len(asked),
        "by_chance": by_chance(classes[rows], classes[unseen]),
        "asked": float(len(unseen)),
    }


def by_chance(known: NDArray[np.int64], asked: NDArray[np.int64]) -> float:
    """Return how often one of each have the same class where the two have nothing to do with each other.

    >>> by_chance(np.array([0, 0, 0, 1]), np.array([0, 1]))
    0.5
    """
    size = int(max(known.max(), asked.max())) + 1
    return float((np.bincount(known, minlength=size) / len(known)) @ (np.bincount(asked, minlength=size) / len(asked)))


def flat(images: Tensor) -> Tensor:
    """Return images as rows of numbers."""
    return images.flatten(1)


def share(images: Tensor, wanted: NDArray[np.int64], known: Tensor, classes: NDArray[np.int64]) -> float:
    """Return how often the known image nearest to an image is of the class that was wanted."""
    nearest = torch.cdist(images, known).argmin(1).numpy()
    return float((classes[nearest] == wanted).mean())
