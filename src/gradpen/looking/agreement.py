"""Whether samples show the class that was asked for: the class of the training image that is nearest to each."""

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


def class_agreement(run: Run, source: Source) -> dict[str, float]:
    """Return how often the nearest training image, in pixels, is of the class that was asked for.

    Returns:
        ``samples`` and ``held_out``: the share of samples, and of held-out images; ``chance``: the share where classes
        told nothing; ``asked``: how many held-out images. Empty where labels are no classes.
    """
    if run.labels is None or source.labels is None or source.labels.kind != "classes":
        return {}
    rows = spread_out(source.train, min(COMPARED, len(source.train)))
    unseen = spread_out(source.held_out, min(ASKED, len(source.held_out)))
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
        "asked": float(len(unseen)),
    }


def flat(images: Tensor) -> Tensor:
    """Return images as rows of numbers."""
    return images.flatten(1)


def share(images: Tensor, wanted: NDArray[np.int64], known: Tensor, classes: NDArray[np.int64]) -> float:
    """Return how often the known image nearest to an image is of the class that was wanted."""
    nearest = torch.cdist(images, known).argmin(1).numpy()
    return float((classes[nearest] == wanted).mean())
