"""How far a generator is from held-out data, with the floor that the measure itself has; how sharp its samples are."""

import statistics
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch
from torch import Tensor, nn

from gradpen.batch import Batch
from gradpen.data.source import Source, gather, label_vectors, spread_out
from gradpen.machine.seeds import derived_seed
from gradpen.metrics.samples import SMALLEST_SHARP, diversity, exact_wasserstein, sharpness
from gradpen.sampling import draw

SET_SIZE = 500
CPU = torch.device("cpu")


@dataclass(frozen=True, kw_only=True)
class Distance:
    """The mean of an exact Wasserstein-1 distance over several sets, and their standard deviation."""

    mean: float
    standard_deviation: float
    sets: int
    n: int
    """images in each of the two sets that a distance compares"""


@dataclass(frozen=True, kw_only=True)
class Sharpness:
    """The median sharpness of samples and of data."""

    samples: float
    held_out: float
    """the reference"""
    n: int
    """images of either kind"""


def set_size(source: Source, limit: int = SET_SIZE) -> int:
    """Return how many images a set can have: all held-out images at most, and half of the training images."""
    return min(limit, len(source.held_out), len(source.train) // 2)


def held_out_batch(source: Source, count: int, *, conditional: bool) -> Batch:
    """Return ``count`` held-out images ``[count, C, H, W]`` in [-1, 1], with their labels if conditional."""
    rows = spread_out(source.held_out, count)
    return Batch(images=gather(source, rows, CPU), labels=label_vectors(source, rows) if conditional else None)


def sample_distance(generator: nn.Module, latent_dim: int, held_out: Batch, seed: int) -> float:
    """Return the exact Wasserstein-1 distance of one set of samples to held-out images, with the labels of those."""
    return exact_wasserstein(samples_beside(held_out, generator, latent_dim, seed), held_out.images)


def samples_beside(held_out: Batch, generator: nn.Module, latent_dim: int, seed: int) -> Tensor:
    """Return as many samples as there are held-out images, with the labels of those, in memory."""
    return draw(generator, latent_dim, len(held_out), seed, held_out.labels).cpu()


def generator_distance(
    generator: nn.Module,
    latent_dim: int,
    source: Source,
    *,
    conditional: bool,
    seed: int,
    limit: int = SET_SIZE,
    sets: int = 5,
    measure: Callable[[Tensor, Tensor], float] = exact_wasserstein,
) -> Distance:
    """Return the distance of samples to held-out data, or another measure of both, over independent sets of samples."""
    held_out = held_out_batch(source, set_size(source, limit), conditional=conditional)
    seeds = [derived_seed(seed, "evaluate", number) for number in range(sets)]
    values = [measure(samples_beside(held_out, generator, latent_dim, each), held_out.images) for each in seeds]
    return summary(values, len(held_out))


def real_distance(source: Source, *, limit: int = SET_SIZE, sets: int = 5) -> Distance:
    """Return the distance of random training images to held-out images: the floor of :func:`generator_distance`."""
    held_out = held_out_batch(source, set_size(source, limit), conditional=False).images
    values = [exact_wasserstein(training_set(source, len(held_out), number), held_out) for number in range(sets)]
    return summary(values, len(held_out))


generator_diversity = partial(generator_distance, measure=lambda samples, _: diversity(samples))
"""how far samples are apart from one another, over several independent sets of them"""


def real_diversity(source: Source, *, limit: int = SET_SIZE, sets: int = 5) -> Distance:
    """Return how far random training images are apart from one another."""
    count = set_size(source, limit)
    return summary([diversity(training_set(source, count, number)) for number in range(sets)], count)


def training_set(source: Source, count: int, number: int) -> Tensor:
    """Return a random set of training images, by its number."""
    chosen = np.random.Generator(np.random.Philox(key=number)).choice(source.train, count, replace=False)
    return gather(source, np.sort(chosen), CPU)


def median_sharpness(
    generator: nn.Module, latent_dim: int, source: Source, *, conditional: bool, seed: int, limit: int = SET_SIZE
) -> Sharpness | None:
    """Return the median sharpness of samples and of held-out images; None for images too small to have one."""
    if min(source.shape[1:]) < SMALLEST_SHARP:
        return None
    held_out = held_out_batch(source, set_size(source, limit), conditional=conditional)
    samples = samples_beside(held_out, generator, latent_dim, derived_seed(seed, "evaluate", 0))
    return Sharpness(
        samples=sharpness(samples).median().item(),
        held_out=sharpness(held_out.images).median().item(),
        n=len(held_out),
    )


def summary(values: list[float], n: int) -> Distance:
    """Return mean and standard deviation."""
    return Distance(mean=statistics.fmean(values), standard_deviation=statistics.stdev(values), sets=len(values), n=n)
