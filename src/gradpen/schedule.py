"""A number that changes over training: a learning rate that falls, a decay that rises, a penalty that weakens."""

import math
from copy import copy
from dataclasses import fields, is_dataclass
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Discriminator, Field, NonNegativeFloat, PositiveFloat, PositiveInt, Tag
from pydantic.dataclasses import dataclass

from gradpen.choice import STRICT
from gradpen.errors import UsageError

__all__ = ["Schedule", "settled"]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Schedule:
    r"""A number that goes from ``start`` to ``end`` while the critic sees so many images, and stays there.

    With t the share of the images seen after those that it is held for, from 0 to 1:

    .. math:: s + (e - s)\,t \quad\text{(linear)}, \qquad e + (s - e)\,\tfrac12 (1 + \cos \pi t) \quad\text{(cosine)}

    Source: linear as in the release of Gulrajani et al. 2017 (``gan_cifar_resnet.py``); cosine as Loshchilov & Hutter
    2017 (arXiv 1608.03983), equation 5, and as R3GAN takes it for everything that changes (Huang et al. 2024, arXiv
    2501.05441, appendix D).

    >>> rate = Schedule(start=2e-4, end=0.0, shape="linear")
    >>> rate.at(images=750, total=1000)
    5e-05
    """

    start: NonNegativeFloat
    """the number before the first image"""
    end: NonNegativeFloat
    """the number from the last image on"""
    shape: Literal["linear", "cosine"] = "cosine"
    """how it goes: in a straight line, or slowly at both ends"""
    images: PositiveInt | None = None
    """images that the critic sees until the end is reached; none: all of the run"""
    hold: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """share of those images for which it stays at the start"""

    def at(self, images: int, total: int) -> float:
        """Return the number after so many images, of so many that the whole run shows the critic."""
        seen = min(1.0, images / (self.images or total))
        share = max(0.0, seen - self.hold) / (1 - self.hold)
        weight = 1 - share if self.shape == "linear" else 0.5 * (1 + math.cos(math.pi * share))
        return self.start * weight + self.end * (1 - weight)

    @property
    def follows_the_run(self) -> bool:
        """Whether its numbers depend on the length of the run."""
        return self.images is None


def kind_of(value: Any) -> str:
    """Return which of the two a value is meant to be, so that a message speaks of that alone."""
    return "parts" if isinstance(value, dict) or is_dataclass(value) else "number"


KINDS = ("number", "parts", "adaptive")
NUMBER_OR_PARTS = Discriminator(kind_of)


def within_1(schedule: Schedule) -> Schedule:
    """Return a schedule of a share; raise :class:`ValueError` if it goes beyond 1."""
    if max(schedule.start, schedule.end) > 1:
        raise ValueError("a schedule of a share stays within 0 and 1")
    return schedule


def below_1(schedule: Schedule) -> Schedule:
    """Return a schedule of a decay; raise :class:`ValueError` if it reaches 1."""
    if max(schedule.start, schedule.end) >= 1:
        raise ValueError("a schedule of a decay stays below 1")
    return schedule


Below1 = Annotated[float, Field(ge=0, lt=1)]
AsParts = Annotated[Schedule, Tag("parts")]
Positive = Annotated[Annotated[PositiveFloat, Tag("number")] | AsParts, NUMBER_OR_PARTS]
"""a positive number, or a schedule of one"""
NotNegative = Annotated[Annotated[NonNegativeFloat, Tag("number")] | AsParts, NUMBER_OR_PARTS]
"""a number from 0 up, or a schedule of one"""
Decay = Annotated[
    Annotated[Below1, Tag("number")] | Annotated[Schedule, AfterValidator(below_1), Tag("parts")], NUMBER_OR_PARTS
]
"""a number from 0 up and below 1, or a schedule of one"""


def settled(choice: Any, images: int, total: int) -> Any:
    """Return a choice with every schedule in it replaced by its number at this point of a run.

    Args:
        choice: an optimiser, a constraint or another choice, or None.
        images: images that the critic has seen.
        total: images that it sees in the whole run.

    >>> from gradpen.lipschitz import GradientPenalty
    >>> weakening = GradientPenalty(where="real", target=0, weight=Schedule(start=0.05, end=0.005, shape="linear"))
    >>> settled(weakening, images=50, total=100).weight
    0.0275
    """
    changing = scheduled(choice)
    if not changing:
        return choice
    now = copy(choice)
    for name, schedule in changing.items():
        # Its ends were checked with the configuration, and may be 0 where a number by itself may not.
        object.__setattr__(now, name, schedule.at(images, total))
    return now


def scheduled(choice: Any) -> dict[str, Schedule]:
    """Return the schedules in a choice by the names of its settings."""
    if not is_dataclass(choice):
        return {}
    values = {field.name: getattr(choice, field.name) for field in fields(choice)}
    return {name: value for name, value in values.items() if isinstance(value, Schedule)}


def number(value: float | Schedule) -> float:
    """Return a number that is one.

    Raises:
        UsageError: it is a schedule, which has no value by itself.
    """
    if isinstance(value, Schedule):
        raise UsageError(
            "a schedule has a value only at a point of a run; take gradpen.settled(choice, images, total) first"
        )
    return value
