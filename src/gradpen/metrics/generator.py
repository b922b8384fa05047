"""A generator against its data: each measure of samples beside the same measure of real images, with its spread."""

import statistics
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from torch import Tensor, nn

from gradpen.batch import Batch
from gradpen.data.source import Source, gather, label_vectors, settled, spread_out
from gradpen.machine.seeds import derived_seed
from gradpen.metrics.features import NAME, random_features
from gradpen.metrics.ngrams import Grams, jensen_shannon, ngrams
from gradpen.metrics.samples import (
    SMALLEST_SHARP,
    diversity,
    energy_distance,
    exact_wasserstein,
    sharpness,
    sliced_wasserstein,
)
from gradpen.metrics.sets import NEIGHBOURS, frechet_distance, kernel_distance, neighbourhoods
from gradpen.sampling import draw

SET_SIZE = 500
CPU = torch.device("cpu")


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """The mean of a measure over several sets of images, and their standard deviation."""

    mean: float
    standard_deviation: float
    sets: int
    n: int
    """images in each set"""


@dataclass(frozen=True)
class Views:
    """A set of images as measures look at it; features are computed once, when one is asked for."""

    images: Tensor
    """``[n, C, H, W]`` in [-1, 1]"""

    @cached_property
    def features(self) -> Tensor:
        """The images in :func:`~gradpen.metrics.features.random_features`, ``[n, d]``."""
        return random_features(self.images)

    def ngrams(self, n: int) -> Grams:
        """Return how often each n-gram occurs in lines of text, each place being the likeliest symbol."""
        return ngrams(self.images.argmax(1)[:, 0].numpy(), n)


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A measure of a set of images; that of training images is what a generator's samples are judged by."""

    name: str
    real_name: str
    """the same measure of training images"""
    words: str
    """what it is, of how many images being said already"""
    of: Callable[[Views, Views], float]
    """takes images, and as many held-out images"""
    smallest_side: int = 1
    """pixels that it needs"""
    fewest: int = 2
    """images that it needs"""


def in_neighbourhoods(name: str, words: str) -> Measure:
    """Return one of the four measures of nearest neighbours in features."""

    def of(made: Views, held_out: Views) -> float:
        value: float = getattr(neighbourhoods(held_out.features, made.features), name)
        return value

    return Measure(name=name, real_name=f"real_{name}", words=f"{words}, {FEATURES}", of=of, fewest=NEIGHBOURS + 1)


FEATURES = f"in features of {NAME}"
DISTANCE = Measure(
    name="samples",
    real_name="floor",
    words="exact Wasserstein-1 distance to as many held-out images, in pixels",
    of=lambda made, held_out: exact_wasserstein(made.images, held_out.images),
    fewest=1,
)
FRECHET = Measure(
    name="frechet",
    real_name="real_frechet",
    words=f"Fréchet distance to as many held-out images, {FEATURES}",
    of=lambda made, held_out: frechet_distance(made.features, held_out.features),
)
SLICED = Measure(
    name="sliced",
    real_name="real_sliced",
    words="sliced Wasserstein-1 distance to as many held-out images, in pixels",
    of=lambda made, held_out: sliced_wasserstein(made.images, held_out.images),
    fewest=1,
)
ENERGY = Measure(
    name="energy",
    real_name="real_energy",
    words="squared energy distance to as many held-out images, in pixels",
    of=lambda made, held_out: energy_distance(made.images, held_out.images),
)
DIVERSITY = Measure(
    name="diversity",
    real_name="real_diversity",
    words="mean distance of two of them, in pixels",
    of=lambda made, _: diversity(made.images),
)
MEASURES = (
    DISTANCE,
    SLICED,
    ENERGY,
    FRECHET,
    Measure(
        name="kernel",
        real_name="real_kernel",
        words=f"kernel distance to as many held-out images, times 1,000, {FEATURES}",
        of=lambda made, held_out: 1000 * kernel_distance(made.features, held_out.features),
    ),
    in_neighbourhoods("precision", "share of them within reach of a held-out image"),
    in_neighbourhoods("recall", "share of held-out images within reach of one of them"),
    in_neighbourhoods("density", "held-out images within whose reach they lie, over k"),
    in_neighbourhoods("coverage", "share of held-out images with one of them within reach"),
    DIVERSITY,
    Measure(
        name="sharpness",
        real_name="real_sharpness",
        words="median variance of the Laplacian",
        of=lambda made, _: sharpness(made.images).median().item(),
        smallest_side=SMALLEST_SHARP,
        fewest=1,
    ),
)
"""what is measured of a trained generator; a new one is a function in :mod:`gradpen.metrics` and a row here"""


def of_ngrams(n: int) -> Measure:
    """Return the divergence of n-grams, of lines of text."""
    return Measure(
        name=f"jsd_{n}",
        real_name=f"real_jsd_{n}",
        words=f"Jensen-Shannon divergence of {n}-grams from those of as many held-out lines, in bits",
        of=lambda made, held_out: jensen_shannon(made.ngrams(n), held_out.ngrams(n)),
        fewest=1,
    )


NGRAMS = tuple(map(of_ngrams, range(1, 5)))
MEASURES_OF_LINES = (
    replace(DISTANCE, words="exact Wasserstein-1 distance to as many held-out lines, each symbol a number"),
    *NGRAMS,
    replace(DIVERSITY, words="mean distance of two of them, each symbol a number"),
)
"""what is measured of text"""


def measures_for(source: Source) -> tuple[Measure, ...]:
    """Return what is measured of samples of such data."""
    return MEASURES if source.values.symbols is None else MEASURES_OF_LINES


def set_size(source: Source, limit: int = SET_SIZE) -> int:
    """Return how many images a set can have: all held-out images at most, and half of the training images."""
    return min(limit, len(source.held_out), len(source.train) // 2)


def held_out_batch(source: Source, count: int, *, conditional: bool) -> Batch:
    """Return ``count`` held-out images ``[count, C, H, W]`` in [-1, 1], with their labels if conditional."""
    rows = spread_out(source.held_out, count)
    return Batch(images=gather(source, rows, CPU), labels=label_vectors(source, rows) if conditional else None)


def samples_beside(held_out: Batch, generator: nn.Module, latent_dim: int, seed: int, *, text: bool = False) -> Tensor:
    """Return as many samples as there are held-out images, with the labels of those, in memory; text settled."""
    made = draw(generator, latent_dim, len(held_out), seed, held_out.labels).cpu()
    return settled(made) if text else made


def sample_sets(
    generator: nn.Module, latent_dim: int, held_out: Batch, seed: int, sets: int, *, text: bool = False
) -> Iterator[Tensor]:
    """Yield the sets of samples of an evaluation, each with the labels of the held-out images."""
    for number in range(sets):
        yield samples_beside(held_out, generator, latent_dim, derived_seed(seed, "evaluate", number), text=text)


def sample_distance(generator: nn.Module, latent_dim: int, held_out: Batch, seed: int) -> float:
    """Return the exact Wasserstein-1 distance of one set of samples to held-out images, with the labels of those."""
    return exact_wasserstein(samples_beside(held_out, generator, latent_dim, seed), held_out.images)


def training_set(source: Source, count: int, number: int) -> Tensor:
    """Return a random set of training images, by its number."""
    chosen = np.random.Generator(np.random.Philox(key=number)).choice(source.train, count, replace=False)
    return gather(source, np.sort(chosen), CPU)


def estimates(measures: Iterable[Measure], sets: Iterable[Tensor], held_out: Tensor) -> list[Estimate]:
    """Return each measure over sets of images."""
    measures, reference = list(measures), Views(held_out)
    values = [[measure.of(views, reference) for measure in measures] for views in map(Views, sets)]
    return [
        Estimate(
            mean=statistics.fmean(each), standard_deviation=statistics.stdev(each), sets=len(each), n=len(held_out)
        )
        for each in zip(*values, strict=True)
    ]


def measure_generator(
    generator: nn.Module,
    latent_dim: int,
    source: Source,
    *,
    conditional: bool,
    seed: int,
    limit: int = SET_SIZE,
    sets: int = 5,
    measures: Iterable[Measure] = MEASURES,
) -> dict[str, Estimate]:
    """Return measures of independent sets of samples, and of as many random sets of training images, by their names.

    Args:
        generator: maps latents, and labels if conditional, to images in [-1, 1].
        latent_dim: size of its latents.
        source: the data; those held out are what samples are compared with.
        conditional: whether the generator takes labels; samples then have those of the held-out images.
        seed: of the latents.
        limit: images in a set at most; see :func:`set_size`.
        sets: sets of samples, at least 2.
        measures: which; those that need larger images or more of them are left out.
    """
    held_out = held_out_batch(source, set_size(source, limit), conditional=conditional)
    text = source.values.symbols is not None
    made = sample_sets(generator, latent_dim, held_out, seed, sets, text=text)
    return beside_real(measures, made, held_out.images, source, sets)


def measure_images(
    images: Tensor,
    source: Source,
    *,
    seed: int,
    limit: int = SET_SIZE,
    sets: int = 5,
    measures: Iterable[Measure] = MEASURES,
) -> dict[str, Estimate]:
    """Return what :func:`measure_generator` does, of images from anywhere; their sets are drawn at random.

    Args:
        images: ``[N, C, H, W]`` in [-1, 1], of the source's shape, at least 2.
        source: the data that they are measured against.
        seed: of the choice of each set.
        limit: images in a set at most.
        sets: sets of images, at least 2; they share images where there are too few for all.
        measures: as for :func:`measure_generator`.
    """
    held_out = held_out_batch(source, min(set_size(source, limit), len(images)), conditional=False)
    size, apart = len(held_out), len(images) >= sets * len(held_out)
    orders = [
        np.random.Generator(np.random.Philox(key=[seed, number])).permutation(len(images)) for number in range(sets)
    ]
    made = (
        images[orders[0][number * size : (number + 1) * size] if apart else orders[number][:size]]
        for number in range(sets)
    )
    return beside_real(measures, made, held_out.images, source, sets)


def beside_real(
    measures: Iterable[Measure], made: Iterable[Tensor], held_out: Tensor, source: Source, sets: int
) -> dict[str, Estimate]:
    """Return measures of sets of images, and of as many sets of training images, against held-out images."""
    fitting = [
        measure
        for measure in measures
        if min(source.shape[1:]) >= measure.smallest_side and len(held_out) >= measure.fewest
    ]
    of_made = estimates(fitting, made, held_out)
    of_data = estimates(fitting, (training_set(source, len(held_out), number) for number in range(sets)), held_out)
    return {
        name: found
        for measure, one, other in zip(fitting, of_made, of_data, strict=True)
        for name, found in ((measure.name, one), (measure.real_name, other))
    }
