"""The scores in what a critic returns."""

from typing import Any

from torch import Tensor


class ByName(dict[str, Tensor]):
    """Scores under whatever name they are looked up."""

    def __init__(self, scores: Tensor) -> None:
        super().__init__()
        self.scores = scores

    def __missing__(self, name: str) -> Tensor:
        return self.scores


def scores_of(outcome: Any) -> Tensor:
    """Return the scores of what a critic returned."""
    while not isinstance(outcome, Tensor):
        outcome = outcome.scores if isinstance(outcome, ByName) else outcome[0]
    return outcome
