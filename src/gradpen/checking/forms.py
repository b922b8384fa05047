"""Which penalty a function computes: found by fitting what it returned to what every known form would return."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

EXACT = 2e-4
"""how far a form may miss any of the values, in parts of it"""
NEARLY = 5e-3
"""how far it may miss them where no form is exact: a number below a root, or a narrow type"""
FLOOR = 1e-5
"""parts of the largest value that are added to each before"""
FEWEST = 6
"""values that a form is fitted to, at least"""
LARGEST = 1_000_000
"""values of all gradients up to which more than Euclidean norms is looked for"""
POWERS = (3, 4, 6)
TARGETS = np.linspace(0, 3, 61)
Numbers = NDArray[np.float64]
Norm = Callable[[Tensor, tuple[int, ...]], Tensor]
NORMS: dict[str, Norm] = {
    "norm": lambda g, axes: g.square().sum(axes).sqrt(),
    "squared norm": lambda g, axes: g.square().sum(axes),
    "root mean square": lambda g, axes: g.square().mean(axes).sqrt(),
    "sum of absolute values": lambda g, axes: g.abs().sum(axes),
    "largest absolute value": lambda g, axes: g.abs().amax(axes),
    "mean": lambda g, axes: g.mean(axes),
    "gradient": lambda g, _axes: g,
}
"""what may be made of the gradient over some axes"""


@dataclass(frozen=True, kw_only=True)
class Form:
    """A penalty as it was recognised."""

    axes: tuple[int, ...]
    """over which the norm goes; 0 is the batch"""
    norm: str
    """one of :data:`NORMS`"""
    shape: str
    """two-sided, one-sided, absolute, power, of the mean norm, about their mean, and slips beside these"""
    target: float
    weight: float
    power: int = 2
    misses: float = 0.0
    """the largest error, in parts of the value"""

    def norms(self, gradient: Tensor) -> Tensor:
        """Return what it takes the place of slopes."""
        return NORMS[self.norm](gradient, self.axes)

    def value(self, gradient: Tensor) -> Tensor:
        """Return the penalty of a gradient ``[N, ...]``."""
        norms = self.norms(gradient)
        if self.shape == "of the mean norm":
            return self.weight * (norms.mean() - self.target) ** 2
        if self.shape == "of the largest norm":
            return self.weight * (norms.max() - self.target) ** 2
        if self.shape == "about their mean":
            return self.weight * (norms - norms.mean()).square().mean()
        if self.shape == "power":
            return self.weight * (norms**self.power).mean()
        if self.shape == "absolute":
            return self.weight * (norms - self.target).abs().mean()
        excess = norms - self.target
        if self.shape in ("not squared", "one-sided, not squared"):
            return self.weight * (excess if self.shape == "not squared" else excess.clamp(min=0)).mean()
        if self.shape == "of the largest excess":
            return self.weight * excess.square().max()
        if self.shape == "from below":
            return self.weight * excess.clamp(max=0).square().mean()
        return self.weight * (excess.clamp(min=0) if self.shape == "one-sided" else excess).square().mean()


@dataclass(frozen=True)
class Seen:
    """What a function returned, and the gradient of the critic where it looked."""

    value: float
    gradient: Tensor
    """float64 ``[N, ...]``"""


def recognise(seen: Sequence[Seen], *, norms_alone: bool = False) -> Form | None:
    """Return the form that gives these values, the published ones first; None if none does.

    Args:
        seen: values and gradients.
        norms_alone: look for Euclidean norms alone, which takes a sixth of the time.
    """
    found = [one for one in seen if np.isfinite(one.value)]
    if len(found) < FEWEST:
        return None
    values = np.array([one.value for one in found])
    gradients = torch.stack([one.gradient for one in found]).double()
    norms_alone = norms_alone or gradients.numel() > LARGEST
    best: Form | None = None
    for axes, norm in candidates(gradients.dim() - 1):
        if norms_alone and norm != "norm":
            break
        norms = NORMS[norm](gradients, tuple(axis + 1 for axis in axes)).reshape(len(found), -1).numpy()
        for form in fits(values, norms, axes, norm):
            if form.misses < EXACT:
                return form
            if best is None or form.misses < best.misses:
                best = form
    return best


def candidates(rank: int) -> Iterator[tuple[tuple[int, ...], str]]:
    """Yield axes and norms, the right ones first."""
    right = tuple(range(1, rank))
    others = [
        axes for count in range(1, rank + 1) for axes in itertools.combinations(range(rank), count) if axes != right
    ]
    yield right, "norm"
    for axes in others:
        yield axes, "norm"
    for norm in list(NORMS)[1:-1]:
        for axes in (right, *others):
            yield axes, norm
    yield (), "gradient"


def fits(values: Numbers, norms: Numbers, axes: tuple[int, ...], norm: str) -> Iterator[Form]:
    """Yield forms of these norms ``[J, M]`` that give the values ``[J]``."""

    def form(shape: str, target: float, weight: float, misses: float, power: int = 2) -> Form:
        return Form(axes=axes, norm=norm, shape=shape, target=target, weight=weight, misses=misses, power=power)

    ones = np.ones(len(values))
    squares, mean, largest = (norms**2).mean(1), norms.mean(1), norms.max(1)
    for shape, square, linear in (
        ("two-sided", squares, mean),
        ("of the mean norm", mean**2, mean),
        ("of the largest norm", largest**2, largest),
    ):
        if norms.shape[1] == 1 and shape != "two-sided":
            continue
        (weight, slope, constant), misses = solved((square, linear, ones), values)
        if misses < NEARLY and weight > 0:
            target = -slope / (2 * weight)
            size = max(abs(constant), weight * target**2, float(np.abs(values).min()))
            if abs(constant - weight * target**2) < NEARLY * size and target > -NEARLY:
                yield form(shape, max(target, 0.0), weight, misses)
    (weight,), misses = solved((squares - mean**2,), values)
    if misses < NEARLY and weight > 0:
        yield form("about their mean", 0.0, weight, misses)
    positive = np.abs(norms)
    weights, missed = fitted(np.stack([(positive**power).mean(1) for power in POWERS], 1), values)
    for power, weight, misses in zip(POWERS, weights.tolist(), missed.tolist(), strict=True):
        if misses < NEARLY and weight > 0:
            yield form("power", 0.0, weight, misses, power)
    (slope, constant), misses = solved((mean, ones), values)
    if misses < NEARLY and slope > 0:
        yield form("not squared", -constant / slope, slope, misses)
    for shape, parts in scanned(norms).items():
        weights, missed = fitted(parts, values)
        best = int(missed.argmin())
        if missed[best] < NEARLY and weights[best] > 0:
            yield form(shape, float(TARGETS[best]), float(weights[best]), float(missed[best]))


def scanned(norms: Numbers) -> dict[str, Numbers]:
    """Return what shapes with a target make of norms ``[J, M]``, for each of the targets, ``[J, T]``."""
    each = np.sort(norms, axis=1)
    nothing = np.zeros((len(each), 1))
    # Sums of the norms below a target and above it, by how many lie below it.
    below, below_squares = (np.hstack([nothing, np.cumsum(one, 1)]) for one in (each, each**2))
    above, above_squares = (np.hstack([np.cumsum(one[:, ::-1], 1)[:, ::-1], nothing]) for one in (each, each**2))
    count = np.stack([np.searchsorted(one, TARGETS) for one in each])
    size = each.shape[1]

    def at(sums: Numbers) -> Numbers:
        found: Numbers = np.take_along_axis(sums, count, 1)
        return found

    left = size - count
    excess, lack = at(above) - left * TARGETS, count * TARGETS - at(below)
    return {
        "one-sided": (at(above_squares) - 2 * TARGETS * at(above) + left * TARGETS**2) / size,
        "absolute": (excess + lack) / size,
        "one-sided, not squared": excess / size,
        "from below": (at(below_squares) - 2 * TARGETS * at(below) + count * TARGETS**2) / size,
        "of the largest excess": np.maximum((each[:, -1:] - TARGETS) ** 2, (each[:, :1] - TARGETS) ** 2),
    }


def fitted(parts: Numbers, values: Numbers) -> tuple[Numbers, Numbers]:
    """Return with what weight each column ``[J, T]`` gives values ``[J]`` best, and the largest error of each."""
    sizes = sizes_of(values)
    scaled = parts / sizes[:, None]
    squares = (scaled**2).sum(0)
    weights = np.divide(scaled.T @ (values / sizes), squares, out=np.zeros(len(squares)), where=squares > 0)
    return weights, (np.abs(parts * weights - values[:, None]) / sizes[:, None]).max(0)


def solved(parts: Sequence[Numbers], values: Numbers) -> tuple[list[float], float]:
    """Return the weights of some parts that give values best, and the largest error, in parts of the value."""
    sizes = sizes_of(values)
    columns = np.stack(parts, 1)
    weights, *_ = np.linalg.lstsq(columns / sizes[:, None], values / sizes, rcond=None)
    return weights.tolist(), float((np.abs(columns @ weights - values) / sizes).max())


def sizes_of(values: Numbers) -> Numbers:
    """Return what errors are measured in."""
    found: Numbers = np.abs(values) + FLOOR * (np.abs(values).max() or 1.0)
    return found


def axes_in_words(axes: tuple[int, ...], rank: int) -> str:
    """Return which axes a norm goes over, as a reader of code names them.

    >>> axes_in_words((1,), 4), axes_in_words((0, 1, 2, 3), 4), axes_in_words((1, 2, 3), 4)
    ('the channel axis alone', 'the whole batch', 'all axes but the batch')
    """
    if axes == tuple(range(1, rank)):
        return "all axes but the batch"
    if axes == tuple(range(rank)):
        return "the whole batch"
    names = ("batch", *(("channel", "row", "column") if rank == 4 else ("channel", *map(str, range(2, rank)))))
    words = " and ".join(names[axis] if not names[axis].isdigit() else f"number {names[axis]}" for axis in axes)
    return f"the {words} ax{'is alone' if len(axes) == 1 else 'es'}"
