"""What a function finds around itself, and what was made up for it."""

from dataclasses import dataclass, field

from torch import Tensor, nn

from gradpen.checking.roles import Role
from gradpen.checking.training_steps import Steps


@dataclass(frozen=True)
class Notes:
    """What was made up for a function."""

    assumed: set[str] = field(default_factory=set)
    """names that tell what they are, as it would be written"""
    guessed: set[str] = field(default_factory=set)
    """numbers whose names say nothing, taken to change nothing"""
    losses: set[str] = field(default_factory=set)
    """losses that are not there and got 0"""
    passed: set[str] = field(default_factory=set)
    """functions that are not there and handed back arrays after the critic was asked: norms, perhaps"""
    kept: set[Role] = field(default_factory=set)
    """which of the examples were taken out of an object"""


@dataclass(frozen=True, kw_only=True)
class Around:
    """What a function is to find around itself."""

    critic: nn.Module
    generator: nn.Module
    examples: dict[Role, Tensor]
    """data, samples and what else it may have kept in its object in place of taking it"""
    notes: Notes
    """what was made up"""
    kind: type | None = None
    """the class of a method that is called without an object"""
    unknown_scores: bool = False
    """whether what is called by a name that says nothing is the critic"""
    times: int = 1
    """how many times what is done with an unknown number is left"""
    redrawn: frozenset[str] = frozenset()
    """names of tensors that are filled with random numbers anew"""
    words: tuple[str, ...] = ()
    """what stands in quotes in the function's code"""
    steps: Steps = field(default_factory=Steps)
    """what is sent backward, and where optimizers make their steps"""

    @property
    def batch(self) -> int:
        """Return how many examples there are."""
        return len(self.examples["real"])
