"""Two-dimensional toys with names: mixtures of Gaussians and the Swiss roll, at the scale their papers use.

Sources: 8gaussians, 25gaussians and swissroll as in ``gan_toy.py`` of Gulrajani et al. 2017
(github.com/igul222/improved_wgan_training); ring and grid as in PacGAN (Lin et al. 2018, arXiv 1712.04086, section 4.1;
github.com/fjxmlzn/PacGAN).
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float32]
Random = np.random.Generator
SAMPLE = 20_000
"""points of an endless toy that measures are taken on, half of them held out"""


@dataclass(frozen=True, kw_only=True)
class Mixture:
    """Gaussians of one spread and equal weight."""

    centres: NDArray[np.float64]
    """``[M, 2]``"""
    spread: float
    """standard deviation along each axis"""

    def draw(self, random: Random, count: int) -> Points:
        """Return points ``[count, 2]``."""
        chosen = self.centres[random.integers(0, len(self.centres), count)]
        return (chosen + self.spread * random.standard_normal((count, 2))).astype(np.float32)

    def draw_evenly(self, random: Random, count: int) -> Points:
        """Return points ``[count, 2]`` in random order, equally many of each Gaussian."""
        centres = np.repeat(self.centres, -(-count // len(self.centres)), axis=0)[:count]
        points = centres + self.spread * random.standard_normal((count, 2))
        return random.permutation(points).astype(np.float32)


def circle(count: int, radius: float) -> NDArray[np.float64]:
    """Return points ``[count, 2]`` at even distances on a circle, the first on the axis."""
    angles = 2 * math.pi * np.arange(count) / count
    return radius * np.stack([np.cos(angles), np.sin(angles)], axis=1)


def lattice(step: float) -> NDArray[np.float64]:
    """Return the 25 points of a square lattice about the origin, ``[25, 2]``."""
    return step * np.array([(x, y) for x in range(-2, 3) for y in range(-2, 3)], dtype=np.float64)


def swissroll(random: Random, count: int) -> Points:
    """Return points ``[count, 2]`` of scikit-learn's Swiss roll with noise 0.25, columns 0 and 2, divided by 7.5."""
    turns = 1.5 * math.pi * (1 + 2 * random.random(count))
    roll = np.stack([turns * np.cos(turns), turns * np.sin(turns)], axis=1)
    return ((roll + 0.25 * random.standard_normal((count, 2))) / 7.5).astype(np.float32)


@dataclass(frozen=True, kw_only=True)
class Toy:
    """A distribution of points in the plane."""

    draw: Callable[[Random, int], Points]
    """returns points ``[count, 2]``"""
    endless: bool
    """every batch is new, as the source has it; else a fixed set"""
    count: int = SAMPLE
    """points in the set, or that measures are taken on"""
    mixture: Mixture | None = None


SQRT_2, SQRT_8 = 1.414, 2.828
"""as rounded in gan_toy.py"""
EIGHT = Mixture(centres=circle(8, 2 / SQRT_2), spread=0.02 / SQRT_2)
TWENTY_FIVE = Mixture(centres=lattice(2 / SQRT_8), spread=0.05 / SQRT_8)
RING = Mixture(centres=circle(8, 1.0), spread=0.01)
GRID = Mixture(centres=lattice(2.0), spread=0.05)
TOYS = {
    "8gaussians": Toy(draw=EIGHT.draw, endless=True, mixture=EIGHT),
    "25gaussians": Toy(draw=TWENTY_FIVE.draw_evenly, endless=False, count=100_000, mixture=TWENTY_FIVE),
    "swissroll": Toy(draw=swissroll, endless=True),
    "ring": Toy(draw=RING.draw, endless=False, count=100_000, mixture=RING),
    "grid": Toy(draw=GRID.draw, endless=False, count=100_000, mixture=GRID),
}


def points_of(toy: Toy) -> Points:
    """Return the points of a fixed toy, or those that measures of an endless one are taken on, always the same."""
    return toy.draw(np.random.Generator(np.random.Philox(key=3)), toy.count)
