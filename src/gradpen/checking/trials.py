"""A function tried on critics with known gradients: what it returned, and where it asked."""

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from gradpen.checking.calling import Convention, call
from gradpen.checking.conventions import Penalty
from gradpen.checking.known_objectives import Ends
from gradpen.checking.material import Material, material
from gradpen.checking.probe import Call, ProbeCritic
from gradpen.checking.shares import is_one_of
from gradpen.checking.stand_ins import WEIGHT
from gradpen.machine.seeds import separate_randomness

SCALES = (0.05, 0.1, 0.2, 0.35, 0.5, 0.8, 1.2, 1.8, 2.7, 4.0, 6.0, 9.0)
"""of the critics, so that slopes lie on both sides of 1"""


@dataclass(frozen=True)
class Trial:
    """One call of the function."""

    value: Tensor
    """with its graph"""
    critic: ProbeCritic
    given: Material
    points: Tensor
    """where it asked, ``[N, ...]``, in the shape that it asked in"""
    scores: Tensor
    conditions: tuple[object, ...]
    elsewhere: bool
    """whether it asked anywhere but at data and samples"""
    sets: int = 1
    """how many sets of points these are"""
    sets_asked: int = 1
    """how many it asked about elsewhere than at data and samples"""

    @property
    def gradient(self) -> Tensor:
        """The critic's gradient there, float64, in the shape of the data where it has as many values."""
        return self.shaped(self.critic.gradient(self.points))

    def shaped(self, points: Tensor) -> Tensor:
        """Return what has as many values as the data in the data's shape."""
        real = self.given.real
        return points.reshape(real.shape) if points.numel() == real.numel() else points

    @property
    def has_samples(self) -> bool:
        """Whether it was given samples, or found or made them on its own."""
        return self.given.generator.asked or "fake" in self.given.notes.kept

    @property
    def at_both_ends(self) -> bool:
        """Whether it asked about data and samples themselves, where slopes are penalised at both."""
        real = self.given.real
        return self.sets == 1 and len(self.points) == 2 * len(real) and self.points.numel() == 2 * real.numel()

    def one_set(self, number: int) -> "Trial":
        """Return the trial with one of several sets of points alone."""
        if self.sets == 1:
            return self
        points, scores = (part.chunk(self.sets)[number] for part in (self.points, self.scores))
        return replace(self, points=points, scores=scores, sets=1)

    def ends(self) -> tuple[Tensor, Tensor]:
        """Return the scores of data and of samples, ``[N]`` each, with their graph: beside a picture if they are."""
        beside = [self.scores_beside(end) for end in (self.given.real, self.given.fake)]
        if beside[0] is not None and beside[1] is not None:
            return beside[0], beside[1]
        before = len(self.critic.calls)
        self.critic(self.given.real)
        self.critic(self.given.fake)
        real, fake = (one.scores for one in self.critic.calls[before:])
        del self.critic.calls[before:]
        return real, fake

    def scores_beside(self, end: Tensor) -> Tensor | None:
        """Return the scores of data or samples with a picture beside them, where the critic was asked about such.

        The data may stand for the picture too, beside samples and points.
        """
        found: list[tuple[int, Tensor]] = []
        for one in self.critic.calls:
            wider = one.points.dim() == end.dim() > 2 and one.points.shape[2:] == end.shape[2:]
            if wider and len(one.points) == len(end) and one.points.shape[1] > end.shape[1]:
                parts = (one.points[:, : end.shape[1]], one.points[:, -end.shape[1] :])
                found.append((sum(torch.equal(part.detach(), end) for part in parts), one.scores))
        most, scores = max(found, key=lambda each: each[0], default=(0, None))
        return scores if most else None

    def without(self, part: Ends | None) -> "Trial":
        """Return the trial with what is left of its value without a part that is made of scores."""
        return self if part is None else replace(self, value=self.value - part(*self.ends()))


@contextmanager
def same_randomness(seed: int) -> Iterator[None]:
    """Draw the same numbers in every call, and leave all generators as they were."""
    state, numbers = random.getstate(), np.random.get_state()
    with separate_randomness():
        torch.manual_seed(seed)
        random.seed(seed)
        np.random.seed(seed)
        try:
            yield
        finally:
            random.setstate(state)
            np.random.set_state(numbers)


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A function, and how it is called."""

    function: Penalty
    convention: Convention
    shape: tuple[int, ...]
    """of one example"""
    batch: int
    sets: int = 1
    """how many sets of points it asks about, each of which has a penalty"""
    times: int = 1
    """how many times what is done with an unknown number is left"""
    ends: Ends | None = None
    """the part of what it returns that is made of scores, beside the penalty"""

    def tried(
        self,
        *,
        scale: float = 1.0,
        shift: float = 0.0,
        seed: int = 0,
        attached: bool = False,
        weight: float = WEIGHT,
    ) -> Trial:
        """Call the function once, with a critic of this scale whose scores are all shifted, and return what came of it.

        Raises:
            Exception: whatever the function raises.
        """
        critic = ProbeCritic(scale, self.convention.output, self.convention.pack)
        critic.anchor.data.fill_(shift)
        given = material(critic, self.shape, self.batch, seed, self.convention.labels)
        given.weight, given.times = weight, self.times
        critic.make_weights(given.real[0].numel())
        with same_randomness(seed):
            value = call(self.function, self.convention, given, attached=attached)
        calls = [part for one in critic.calls for part in in_halves(one, given)]
        asked = [one for one in calls if not is_one_of(one.points, (given.real, given.fake))]
        followed = [one for one in calls if one.points.requires_grad]
        both = None if asked else about_both_ends(followed, given)
        beside = [one for one in asked if one.points.requires_grad]  # not data and samples with a condition beside them
        chosen = both or together(beside or asked or followed or calls, self.sets * self.batch)
        alike = [one for one in beside or asked if one.points.shape[1:] == chosen.points.shape[1:]]
        trial = Trial(
            value,
            critic,
            given,
            chosen.points,
            chosen.scores,
            chosen.conditions,
            bool(asked),
            sets=self.sets,
            sets_asked=sum(len(one.points) for one in alike) // self.batch,
        )
        return trial.without(self.ends)

    def trials(self) -> list[Trial]:
        """Call the function on critics of many slopes."""
        return [self.tried(scale=scale, seed=10 + number) for number, scale in enumerate(SCALES)]


def together(calls: Sequence[Call], batch: int) -> Call:
    """Return the last call, with those before it if it takes them to ask about the whole batch: a part at a time."""
    parts: list[Call] = []
    for one in reversed(calls):
        parts.insert(0, one)
        if sum(len(part.points) for part in parts) >= batch:
            break
    alike = len({part.points.shape[1:] for part in parts}) == 1
    if len(parts) == 1 or not alike or sum(len(part.points) for part in parts) != batch:
        return calls[-1]
    return Call(
        torch.cat([part.points for part in parts]), calls[-1].conditions, torch.cat([part.scores for part in parts])
    )


def in_halves(call: Call, given: Material) -> list[Call]:
    """Return a call about data and samples in one batch as two; any other as it is."""
    if len(call.points) != 2 * len(given.real) or call.points.numel() != 2 * given.real.numel():
        return [call]
    parts = call.points.chunk(2)
    if not all(is_one_of(part, (given.real, given.fake)) for part in parts):
        return [call]
    return [Call(part, (), scores) for part, scores in zip(parts, call.scores.chunk(2), strict=True)]


def about_both_ends(calls: Sequence[Call], given: Material) -> Call | None:
    """Return the first call about data and the first about samples as one; None where either is missing."""
    ends = [[one for one in calls if is_one_of(one.points, (end,))] for end in (given.real, given.fake)]
    if not all(ends):
        return None
    real, fake = (each[0] for each in ends)
    return Call(torch.cat([real.points, fake.points]), (), torch.cat([real.scores, fake.scores]))
