"""Random changes of images between both players and the critic: few data then last longer."""

from collections.abc import Callable
from dataclasses import dataclass as plain
from typing import Annotated, Literal

import torch
from pydantic import AfterValidator, Field, Tag
from pydantic.dataclasses import dataclass
from torch import Tensor

from gradpen.choice import STRICT
from gradpen.machine.sharing import draw_for_all
from gradpen.schedule import NUMBER_OR_PARTS, Schedule, number, within_1

__all__ = ["Augmentation"]

Score = Callable[[Tensor], Tensor]
"""a critic as a function of points ``[B, ...]`` alone, to scores ``[B]`` or ``[B, 1]``"""
Kind = Literal["colour", "translation", "cutout"]
Share = Annotated[
    Annotated[float, Field(ge=0, le=1), Tag("number")] | Annotated[Schedule, AfterValidator(within_1), Tag("parts")],
    NUMBER_OR_PARTS,
]
SHIFT = 1 / 8
"""translation: at most so much of each side"""
HOLE = 1 / 2
"""cut-out: a square of so much of each side"""


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

    strength: Share = 1.0
    """probability of each kind for an image"""
    kinds: tuple[Kind, ...] = ("colour", "translation", "cutout")
    """what is changed"""

    def __call__(self, images: Tensor) -> Tensor:
        """Return the images ``[B, C, H, W]`` in [-1, 1], changed; values may leave the range."""
        strength = number(self.strength)
        for kind in self.kinds:
            chosen = uniform(images) < strength
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

    def __call__(self, images: Tensor) -> Tensor:
        """Return the scores of the changed images."""
        return self.network(self.augmentation(images))


def augmented(score: Score, augmentation: Augmentation | None) -> Score:
    """Return the score of images after an augmentation, if there is one."""
    return score if augmentation is None else Augmented(score, augmentation)
