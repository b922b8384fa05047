"""The objectives that public critics are trained with, published ones and slips in them."""

from collections.abc import Callable
from dataclasses import dataclass, replace

from torch import Tensor
from torch.nn.functional import softplus

Ends = Callable[[Tensor, Tensor], Tensor]
"""a part of a loss that is made of the scores of data and of samples"""


@dataclass(frozen=True)
class Objective:
    """An objective of a critic, as public code has it."""

    words: str
    ends: Ends
    mistaken: bool = False
    """whether it is none of the published ones"""
    swapped: bool = False
    """whether data and samples are in each other's place"""

    def half(self) -> "Objective":
        """Return half of it."""
        return replace(self, words=f"half of the {self.words}", ends=lambda real, fake: 0.5 * self.ends(real, fake))

    def upside_down(self) -> "Objective":
        """Return it with data and samples in each other's place."""
        return replace(self, ends=lambda real, fake: self.ends(fake, real), swapped=True)


def hinge(real: Tensor, fake: Tensor) -> Tensor:
    """Lim and Ye 2017, arXiv 1705.02894."""
    return (1 - real).relu().mean() + (1 + fake).relu().mean()


def cross_entropy(real: Tensor, fake: Tensor) -> Tensor:
    """Goodfellow et al. 2014, arXiv 1406.2661, of scores before the sigmoid."""
    return softplus(-real).mean() + softplus(fake).mean()


def least_squares(real: Tensor, fake: Tensor) -> Tensor:
    """Mao et al. 2017, arXiv 1611.04076, with targets 1 and 0."""
    return (real - 1).square().mean() + fake.square().mean()


def symmetric_least_squares(real: Tensor, fake: Tensor) -> Tensor:
    """The same with targets 1 and -1."""
    return (real - 1).square().mean() + (fake + 1).square().mean()


def relativistic(real: Tensor, fake: Tensor) -> Tensor:
    """Jolicoeur-Martineau 2018, arXiv 1807.00734, of pairs."""
    return softplus(fake - real).mean()


def average(objective: Ends) -> Ends:
    """Return an objective of scores less the mean score of the other side, the average kind of the same paper."""
    return lambda real, fake: objective(real - fake.mean(), fake - real.mean())


RELATIVISTIC = (
    Objective("relativistic loss of pairs", relativistic),
    Objective("relativistic hinge loss of pairs", lambda real, fake: (1 - real + fake).relu().mean()),
    Objective("relativistic least squares of pairs", lambda real, fake: (real - fake - 1).square().mean()),
    Objective("relativistic average cross-entropy", average(cross_entropy)),
    Objective("relativistic average least squares", average(symmetric_least_squares)),
    Objective("relativistic average hinge loss", average(hinge)),
)
"""like Wasserstein's, these stay as they are when all scores are shifted"""
OTHERS = (
    Objective("hinge loss", hinge),
    Objective("cross-entropy of a GAN", cross_entropy),
    Objective("least squares, targets 1 and 0", least_squares),
    Objective("least squares, targets 1 and -1", symmetric_least_squares),
    Objective(
        "cross-entropy that takes samples for data too",
        lambda real, fake: softplus(-real).mean() + softplus(-fake).mean(),
        mistaken=True,
    ),
    Objective(
        "cross-entropy that takes data for samples too",
        lambda real, fake: softplus(real).mean() + softplus(fake).mean(),
        mistaken=True,
    ),
    Objective(
        "hinge loss with its margins on the wrong side",
        lambda real, fake: (real - 1).relu().mean() + (-1 - fake).relu().mean(),
        mistaken=True,
    ),
)
"""these change when all scores are shifted"""
