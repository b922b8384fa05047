"""Losses that a function calls and nothing defines, as far as their arguments tell what they are."""

from typing import Any

from torch import Tensor

from gradpen.checking.roles import role_of

OF_LOSSES = ("loss", "criterion")
"""parts of the names of losses"""


def made_up_loss(name: str, arguments: tuple[Any, ...], named: dict[str, Any]) -> tuple[Tensor, str] | None:
    """Return a loss of scores and what it is in words, where it is told which scores are of data and which of samples.

    A name beside the scores tells it, or True for data and False for samples, as in ``criterion(scores, True)``.
    """
    if not any(part in name.lower() for part in OF_LOSSES):
        return None
    sides = {role_of(key): value for key, value in named.items() if isinstance(value, Tensor)}
    if {"real_scores", "fake_scores"} <= set(sides):
        words = "mean of fake scores - mean of real scores"
        return sides["fake_scores"].mean() - sides["real_scores"].mean(), words
    every = [*arguments, *named.values()]
    scores = [one for one in every if isinstance(one, Tensor)]
    told = [one for key, one in named.items() if isinstance(one, bool) and "real" in key]
    told += [one for one in arguments if isinstance(one, bool)]
    if len(scores) == 1 and told:
        return (-scores[0] if told[0] else scores[0]).mean(), "-scores for data, scores for samples"
    return None
