"""Where a function looks: what share of data and samples its points are, and along which axes the share varies."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

CLOSE = 2e-3
ERRORS = 4.5
"""standard errors by which a mean or a variance may be off"""
EXCESS = 0.8
"""kurtosis of the uniform distribution, less 1"""
ENOUGH = 100
"""shares that a distribution is judged by"""
FEWEST_VALUES = 3
"""of an example, from which a point lies on the line of two by chance never"""
IMPROBABLE = 1e-6
"""probability below which shares are not evenly distributed"""


@dataclass(frozen=True)
class Place:
    """Points at which a critic was asked, with the data and samples that it was asked about."""

    points: Tensor
    real: Tensor
    fake: Tensor

    @property
    def share(self) -> Tensor:
        """The share of the data in each value of the points, ``[N, ...]``, float64."""
        points, real, fake = (part.detach().double() for part in (self.points, self.real, self.fake))
        return (points - fake) / (real - fake)


MOST_MATCHED = 16
"""examples up to which each is looked for among all"""


def matched(place: Place) -> tuple[Place, Tensor]:
    """Return a place with data and samples in the order in which its points lie between them, and that of the data.

    Any pairing of independent examples is as good as that of the batch.
    """
    count = len(place.points)
    order = torch.arange(count)
    share = place.share.flatten(1)
    if bool((share - share[:, :1]).abs().max() < CLOSE) or count > MOST_MATCHED:
        return place, order
    points, real, fake = (part.detach().double().flatten(1) for part in (place.points, place.real, place.fake))
    lines = real[None, :, None] - fake[None, None]
    away = points[:, None, None] - fake[None, None]
    along = (away * lines).sum(3, keepdim=True) / lines.square().sum(3, keepdim=True)
    misses = (away - along * lines).norm(dim=3) / lines.norm(dim=3)
    least, best = misses.flatten(1).min(1)
    if points.shape[1] < FEWEST_VALUES or bool(least.max() > CLOSE):
        return place, order
    order = best // count
    return Place(place.points, place.real[order], place.fake[best % count]), order


@dataclass(frozen=True, kw_only=True)
class Shares:
    """What the shares of many calls are."""

    varies: tuple[int, ...]
    """axes along which they differ; 0 is the batch"""
    values: np.ndarray[tuple[int], np.dtype[np.float64]]
    """one for each draw: of each example, or of each value where those differ"""
    where: str
    """line, data, samples, fixed, beyond the line, elsewhere"""
    even: bool
    """whether they are distributed evenly over [0, 1]"""
    normal: bool
    """whether they are distributed as N(0, 1)"""


def shares_of(places: Sequence[Place]) -> Shares:
    """Return what the shares of some calls are."""
    from scipy import stats  # takes most of a second, which `import gradpen` need not wait for

    each = [place.share for place in places]
    varies = tuple(axis for axis in range(each[0].dim()) if any(differs_along(share, axis) for share in each))
    values = np.concatenate([drawn(share, varies) for share in each])
    close = np.abs(values - values[0]) < CLOSE
    if close.all():
        known = {1.0: "data", 0.0: "samples"}
        return Shares(
            varies=varies,
            values=values,
            where=next((word for share, word in known.items() if abs(values[0] - share) < CLOSE), "fixed"),
            even=False,
            normal=False,
        )
    outside = (values < -CLOSE) | (values > 1 + CLOSE)
    even = not outside.any() and stats.kstest(values, "uniform").pvalue > IMPROBABLE and has_even_moments(values)
    normal = bool(outside.any()) and stats.kstest(values, "norm").pvalue > IMPROBABLE
    where = "beyond the line" if outside.any() else "line"
    return Shares(varies=varies, values=values, where=where, even=bool(even), normal=normal)


def has_even_moments(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> bool:
    """Return whether mean and variance are those of even shares, within the errors of so many."""
    mean, variance = 1 / 2, 1 / 12
    error_of_mean = (variance / len(values)) ** 0.5
    error_of_variance = variance * (EXCESS / len(values)) ** 0.5
    return bool(
        abs(values.mean() - mean) < ERRORS * error_of_mean
        and abs(((values - mean) ** 2).mean() - variance) < ERRORS * error_of_variance
    )


def differs_along(share: Tensor, axis: int) -> bool:
    """Return whether shares differ along an axis, all else equal."""
    return share.shape[axis] > 1 and bool((share - share.narrow(axis, 0, 1)).abs().max() > CLOSE)


def drawn(share: Tensor, varies: tuple[int, ...]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Return the shares that were drawn, once each."""
    for axis in range(share.dim()):
        if axis not in varies:
            share = share.narrow(axis, 0, 1)
    return share.flatten().numpy()


def varies_in_words(varies: tuple[int, ...], rank: int) -> str:
    """Return for what a share was drawn.

    >>> [varies_in_words(axes, 4) for axes in ((0,), (), (0, 1), (0, 2, 3), (0, 1, 2, 3))]
    ['each example', 'the whole batch', 'each channel', 'each position', 'each value']
    """
    known = {
        (): "the whole batch",
        (0,): "each example",
        (0, 1): "each channel",
        (0, *range(2, rank)): "each position",
        tuple(range(rank)): "each value",
    }
    if rank == 2 and varies == (0, 1):
        return "each value"
    if varies and 0 not in varies:
        return "each value, the same for all examples"
    return known.get(varies, "the values along axes " + ", ".join(map(str, varies)))


def apart(shape: Sequence[int], batch: int, seed: int) -> tuple[Tensor, Tensor]:
    """Return data and samples ``[batch, *shape]`` that differ in every value, so that shares can be read.

    Their size differs much between examples, channels, rows and columns, so that no two norms go together.
    """
    numbers = torch.Generator().manual_seed(seed)
    real = torch.rand(batch, *shape, generator=numbers) * 2 - 1
    step = 0.4 + 0.4 * torch.rand(batch, *shape, generator=numbers)
    fake = torch.where(real > 0, real - step, real + step)
    sizes = torch.randn(batch, *[1] * len(shape), generator=numbers)
    for axis in range(len(shape)):
        along = [batch, *(size if place == axis else 1 for place, size in enumerate(shape))]
        sizes = sizes + 0.7 * torch.randn(along, generator=numbers)
    size = (0.7 * sizes).clamp(-2, 2).exp()
    return real * size, fake * size


def is_one_of(points: Tensor, others: Sequence[Tensor]) -> bool:
    """Return whether points are those of data or samples themselves."""
    same = [other for other in others if other.numel() == points.numel()]
    return any(bool((points.reshape(other.shape) == other).all()) for other in same)
