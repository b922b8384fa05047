"""Random changes of images between both players and the critic: few data then last longer."""

from collections.abc import Callable
from dataclasses import dataclass as plain
from typing import Annotated, Any, Literal

import torch
from pydantic import AfterValidator, Discriminator, Field, PositiveInt, Tag
from pydantic.dataclasses import dataclass
from torch import Tensor

from gradpen.choice import STRICT
from gradpen.errors import UsageError
from gradpen.machine import sharing
from gradpen.machine.sharing import draw_for_all
from gradpen.schedule import Schedule, kind_of, number, within_1

__all__ = ["AdaptiveStrength", "Augmentation"]

Score = Callable[[Tensor], Tensor]
"""a critic as a function of points ``[B, ...]`` alone, to scores ``[B]`` or ``[B, 1]``"""
Kind = Literal["colour", "translation", "cutout"]
Within1 = Annotated[float, Field(ge=0, le=1)]
SHIFT = 1 / 8
"""translation: at most so much of each side"""
HOLE = 1 / 2
"""cut-out: a square of so much of each side"""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class AdaptiveStrength:
    r"""A strength that rises where the critic tells data from samples too surely, and falls where it does not.

    After each critic step on B images, with the mean over its data x:

    .. math:: p \leftarrow \operatorname{clip}_{[0, 1]}\bigl(p + \tfrac{B}{\text{images}}
        \operatorname{sign}(\operatorname{mean} \operatorname{sign} D(T(x)) - \text{target})\bigr), \qquad p_0 = 0

    It needs scores whose sign says data or sample: those of the minimax, non-saturating and hinge objectives.
    Source: Karras et al. 2020 (arXiv 2006.06676), section 3.1, with its r_t, target and speed; there p moves every
    fourth step.

    >>> AdaptiveStrength(images=100).moved(torch.tensor(0.5), torch.ones(10))
    tensor(0.6000)
    """

    target: Annotated[float, Field(gt=-1, lt=1)] = 0.6
    """mean of the critic's signs on data that is kept: 0 where it tells nothing, 1 where it is always sure"""
    images: PositiveInt = 500_000
    """images that the critic sees while the strength goes from 0 to 1 at most"""

    def moved(self, strength: Tensor, real_scores: Tensor) -> Tensor:
        """Return the next strength, a scalar, after the scores ``[B]`` of data; of many processes, of all their data.

        The same on every process.
        """
        sure = sharing.means_over_all({"signs": real_scores.detach().sign().mean()})["signs"]
        step = len(real_scores) * sharing.count() / self.images
        return (strength + step * (sure - self.target).sign()).clamp(0, 1)


def kind_of_strength(value: Any) -> str:
    """Return which of the three a value is meant to be."""
    adaptive = isinstance(value, AdaptiveStrength) or (isinstance(value, dict) and not {"start", "end"} & set(value))
    return "adaptive" if adaptive else kind_of(value)


Strength = Annotated[
    Annotated[Within1, Tag("number")]
    | Annotated[Schedule, AfterValidator(within_1), Tag("parts")]
    | Annotated[AdaptiveStrength, Tag("adaptive")],
    Discriminator(kind_of_strength),
]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Augmentation:
    r"""Colour, place and completeness of an image, changed at random wherever the critic looks at it.

    The critic scores :math:`D(T(x))` of data and samples alike, T drawn anew each time. The penalty is on the gradient
    with respect to x, the image before T, so generator and penalty stay what they are. T is differentiable. Source:
    DiffAugment (Zhao et al. 2020, arXiv 2006.10738) with its release's ranges; each kind is drawn for an image with
    probability ``strength``, as in Karras et al. 2020 (arXiv 2006.06676).

    >>> Augmentation(kinds=("cutout",))(torch.ones(100, 1, 4, 4)).unique()  # a hole in the grey of the middle
    tensor([0., 1.])
    """

    strength: Strength = 1.0
    """probability of each kind for an image: a number, a schedule, or adaptive from ``target`` and ``images``"""
    kinds: tuple[Kind, ...] = ("colour", "translation", "cutout")
    """what is changed"""

    @property
    def adaptive(self) -> AdaptiveStrength | None:
        """How the strength adapts, if it does."""
        return self.strength if isinstance(self.strength, AdaptiveStrength) else None

    def __call__(self, images: Tensor, strength: Tensor | None = None) -> Tensor:
        """Return the images ``[B, C, H, W]`` in [-1, 1], changed; values may leave the range.

        Args:
            images: what is changed.
            strength: the probability where it is adaptive, a scalar; else that of the augmentation is taken.
        """
        likely = strength if isinstance(self.strength, AdaptiveStrength) else number(self.strength)
        if likely is None:
            raise UsageError("an adaptive augmentation changes images with a strength that the run holds; give it one")
        for kind in self.kinds:
            chosen = uniform(images) < likely
            images = torch.where(chosen, CHANGES[kind](images), images)
        return images


def uniform(images: Tensor) -> Tensor:
    """Return a number from U[0, 1] for each image, ``[B, 1, 1, 1]``."""
    return draw_for_all(torch.rand_like, images.new_empty(len(images), 1, 1, 1))


def recoloured(images: Tensor) -> Tensor:
    """Return images with other brightness, saturation and contrast."""
    images = images + uniform(images) - 0.5
    if images.shape[1] > 1:
        grey = images.mean(1, keepdim=True)
        images = torch.lerp(grey, images, 2 * uniform(images))
    middle = images.mean((1, 2, 3), keepdim=True)
    return torch.lerp(middle, images, 0.5 + uniform(images))


def moved(images: Tensor) -> Tensor:
    """Return images shifted by whole pixels, 0 coming in at the sides."""
    for side in (2, 3):
        size = images.shape[side]
        most = int(size * SHIFT + 0.5)
        shift = (uniform(images) * (2 * most + 1)).floor().long().clamp(max=2 * most) - most
        source = positions(images, side) + shift
        there = images.gather(side, source.clamp(0, size - 1).expand_as(images))
        images = torch.where((source >= 0) & (source < size), there, 0.0)
    return images


def positions(images: Tensor, side: int) -> Tensor:
    """Return 0, 1, 2, … along a side, 1 long along all others."""
    return torch.arange(images.shape[side], device=images.device).view([-1 if axis == side else 1 for axis in range(4)])


def with_a_hole(images: Tensor) -> Tensor:
    """Return images with a square of 0, half a side wide, anywhere and partly outside too."""
    inside = torch.ones_like(images[:, :1], dtype=torch.bool)
    for side in (2, 3):
        size = images.shape[side]
        width = int(size * HOLE + 0.5)
        centre = (uniform(images) * (size + 1 - width % 2)).floor()
        place = positions(images, side)
        inside = inside & (place >= centre - width // 2) & (place < centre - width // 2 + width)
    return torch.where(inside, 0.0, images)


CHANGES = {"colour": recoloured, "translation": moved, "cutout": with_a_hole}


@plain(frozen=True)
class Augmented:
    """A critic that looks at images after an augmentation."""

    network: Score
    augmentation: Augmentation
    strength: Tensor | None = None
    """where it is adaptive"""

    def __call__(self, images: Tensor) -> Tensor:
        """Return the scores of the changed images."""
        return self.network(self.augmentation(images, self.strength))
