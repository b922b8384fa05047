"""How a critic's loss depends on the scores of data and of samples."""

import itertools
from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from gradpen.checking.known_objectives import Ends
from gradpen.checking.shares import is_one_of
from gradpen.checking.trials import Trial

ALIKE = 1e-3
"""parts of them by which multiples of scores may differ from one critic to the next"""
BENT, ROUNDED = 1e-3, 1e-12
"""parts of the largest derivative by a score that do not follow a line; a variance that is rounding"""


def slopes_by_scores(trial: Trial) -> list[list[tuple[Tensor, Tensor]]] | None:
    """Return scores of data, and of samples, each with a loss's derivative by them; None where it has none."""
    given = trial.given
    ends = [
        [one.scores for one in trial.critic.calls if is_one_of(one.points, (end,))] for end in (given.real, given.fake)
    ]
    if not all(ends) or not trial.value.requires_grad:
        return None
    sides = [scores for end in ends for scores in end]
    parts = torch.autograd.grad(trial.value, sides, retain_graph=True, allow_unused=True)
    each = iter(torch.zeros_like(scores) if part is None else part for scores, part in zip(sides, parts, strict=True))
    return [[(scores, next(each)) for scores in end] for end in ends]


def bent_in_scores(trials: Sequence[Trial]) -> bool:
    """Return whether a loss is no sum of multiples of scores and of their squares, as one about pairs is none."""
    for trial in trials:
        for scores, slopes in itertools.chain(*(slopes_by_scores(trial) or ())):
            x, y = (one.detach().double().flatten() for one in (scores, slopes))
            x, y = x - x.mean(), y - y.mean()
            rest = y - x * (x @ y) / (x @ x).clamp(min=ROUNDED)
            if rest.abs().max() > BENT * slopes.abs().max():
                return True
    return False


def may_be_made_of(ends: Ends, trials: Sequence[Trial]) -> bool:
    """Return whether a loss depends on scores as a function of both sides does, or that cannot be told."""
    for trial in trials:
        sides = slopes_by_scores(trial)
        if sides is None or any(len(side) != 1 for side in sides):
            return True
        scores = [one.detach().requires_grad_() for ((one, _),) in sides]
        expected = torch.autograd.grad(ends(*scores), scores)
        for ((_, slopes),), slope in zip(sides, expected, strict=True):
            if (slopes - slope).abs().max() > BENT * slope.abs().max():
                return False
    return True


def multiples_of_scores(trials: Sequence[Trial]) -> tuple[float, float] | None:
    """Return how many times the mean scores of data and of samples stand in a loss; None where they do otherwise."""
    found = []
    for trial in trials:
        sides = slopes_by_scores(trial)
        if sides is None:
            return None
        found.append([sum(float(slopes.sum()) for _, slopes in side) for side in sides])
    (real, fake), spread = np.median(found, axis=0), np.ptp(found, axis=0)
    alike = bool((spread < ALIKE * (np.abs((real, fake)) + ALIKE)).all())
    return (round(float(real), 4), round(float(fake), 4)) if alike and (real or fake) else None
