"""Whether a generator has copied training images, judged by how near real images come to them."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gradpen.data.source import Indices, Source, shown, spread_out
from gradpen.data.symbols import spread_out_symbols
from gradpen.metrics.neighbours import Nearest, nearest_images

REAL_COMPARED = 100
"""held-out images whose distance to the training images is the floor"""
COPY = 0.5
"""a sample nearer to a training image than this part of the smallest real distance counts as a copy"""
UNIT = "mean absolute error over pixels, 0 to 255"
UNIT_OF_LINES = "percent of the characters that differ"


@dataclass(frozen=True, kw_only=True)
class Neighbours:
    """Samples with their nearest images, and what real images have. Distances are of the unit."""

    samples: NDArray[np.uint8]
    """uint8 ``[n, C, H, W]``"""
    train: Nearest
    """of each sample, among all training images"""
    held_out: Nearest
    """of each sample, among all held-out images"""
    subset: Nearest
    """of each sample, among as many random training images as there are held-out images: the fair comparison, since
    the nearest of more images is nearer"""
    real: Nearest
    """of real held-out images, among all training images: the floor"""
    unit: str = UNIT

    @property
    def copies(self) -> list[int]:
        """Which samples are copies: below half of the smallest real distance."""
        return [int(sample) for sample in np.flatnonzero(self.train.distances < COPY * self.real.distances.min())]


@dataclass(frozen=True)
class Pictures:
    """The images of a source as pictures, made as they are asked for."""

    source: Source

    def __getitem__(self, rows: Indices) -> NDArray[np.uint8]:
        """Return those of these rows, ``[n, C, H, W]``."""
        return shown(self.source, rows)


@dataclass(frozen=True)
class Symbols:
    """The lines of a source as numbers for their symbols, made as they are asked for."""

    source: Source

    def __getitem__(self, rows: Indices) -> NDArray[np.uint8]:
        """Return those of these rows, 0 or 1, ``[n, V, 1, L]``."""
        return spread_out_symbols(self.source.images[rows], self.source.shape[0]).astype(np.uint8)


def find_neighbours(samples: NDArray[np.uint8], source: Source, lines: NDArray[np.str_] | None = None) -> Neighbours:
    """Return the nearest training and held-out images of samples, with the floor.

    Args:
        samples: as pictures, ``[n, C, H, W]``.
        source: the data.
        lines: of text, the samples as lines ``[n]``.
    """
    if lines is not None:
        return nearest_lines(samples, source, lines)
    subset = as_many_as_held_out(source)
    images = Pictures(source)
    real = images[spread_out(source.held_out, min(REAL_COMPARED, len(source.held_out)))]
    return Neighbours(
        samples=samples,
        train=nearest_images(samples, images, source.train),
        held_out=nearest_images(samples, images, source.held_out),
        subset=nearest_images(samples, images, subset),
        real=nearest_images(real, images, source.train),
    )


def as_many_as_held_out(source: Source) -> Indices:
    """Return random training rows, as many as are held out, always the same."""
    size = min(len(source.held_out), len(source.train))
    return np.sort(np.random.Generator(np.random.Philox(key=0)).choice(source.train, size, replace=False))


def nearest_lines(samples: NDArray[np.uint8], source: Source, lines: NDArray[np.str_]) -> Neighbours:
    """Return what :func:`find_neighbours` does, of lines, by the characters that differ."""
    subset, (symbols, _, length) = as_many_as_held_out(source), source.shape
    known, asked = Symbols(source), source.values.taken(lines, length).astype(np.uint8)
    real = known[spread_out(source.held_out, min(REAL_COMPARED, len(source.held_out)))]

    def nearest(queries: NDArray[np.uint8], rows: Indices) -> Nearest:
        found = nearest_images(queries, known, rows)
        # A character that differs is two numbers that do, of all symbols.
        return replace(found, distances=found.distances * 100 * symbols / 2)

    return Neighbours(
        samples=samples,
        train=nearest(asked, source.train),
        held_out=nearest(asked, source.held_out),
        subset=nearest(asked, subset),
        real=nearest(real, source.train),
        unit=UNIT_OF_LINES,
    )


def verdict(found: Neighbours) -> str:
    """Return in a sentence whether copies were found, with what it was judged on."""
    n, smallest, real = len(found.samples), found.real.distances.min(), len(found.real.distances)
    if smallest == 0:
        return (
            f"nothing can be said about copies: of {real} real held-out images, some occur among the training images "
            f"themselves (gradpen data lists duplicates)"
        )
    limit = f"{COPY * smallest:.2f}, half of the smallest distance of {real} real held-out images"
    if found.copies:
        which = ", ".join(str(sample + 1) for sample in found.copies)
        return f"memorised: {len(found.copies)} of {n} samples ({which}) lie nearer to a training image than {limit}"
    return f"no copies found: none of {n} samples lies nearer to a training image than {limit}"


def neighbours_to_json(found: Neighbours) -> dict[str, Any]:
    """Return JSON-able values."""
    parts = {"train": found.train, "held_out": found.held_out, "train_subset": found.subset}
    return {
        "unit": found.unit,
        "samples": [
            {name: {"row": int(part.rows[i]), "distance": float(part.distances[i])} for name, part in parts.items()}
            for i in range(len(found.samples))
        ],
        "median": {name: part.median for name, part in parts.items()} | {"real_to_train": found.real.median},
        "searched": {name: part.among for name, part in parts.items()} | {"real_to_train": found.real.among},
        "real_images": len(found.real.distances),
        "smallest_real_distance": float(found.real.distances.min()),
        "copies": found.copies,
        "verdict": verdict(found),
    }
