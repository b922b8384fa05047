"""How the weights of a loop's networks move from look to look."""

import hashlib
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

KEPT = 4_096
"""numbers of each matrix that are kept"""
STILL = 3
"""looks in a row at which a weight is the same where it rests"""


@dataclass(frozen=True)
class Weights:
    """Every matrix and filter of two networks at a look: what tells whether one has changed, and some of its numbers.

    Biases and scales are left out: in front of a norm they have no gradient, and stay where they are.
    """

    iteration: int
    digests: dict[str, str]
    """as ``generator: layers.0.weight``"""
    some: dict[str, Tensor]


def weights_of(generator: nn.Module, critic: nn.Module, iteration: int) -> Weights:
    """Return the weights of two networks as they are now."""
    digests, some = {}, {}
    for role, network in (("generator", generator), ("critic", critic)):
        for name, weight in network.named_parameters():
            if weight.dim() > 1:
                real = torch.view_as_real(weight.detach()) if weight.is_complex() else weight.detach()
                numbers, key = real.cpu().float(), f"{role}: {name.removeprefix('network.')}"
                digests[key] = hashlib.sha256(numbers.contiguous().numpy().tobytes()).hexdigest()
                some[key] = numbers.flatten()[places(numbers.numel())]
    return Weights(iteration, digests, some)


def places(count: int) -> Tensor:
    """Return which of so many numbers are kept: all, or some at random, always the same."""
    if count <= KEPT:
        return torch.arange(count)
    return torch.randint(count, (KEPT,), generator=torch.Generator().manual_seed(count))


@dataclass
class Course:
    """The weights at the first look, and at the last few."""

    first: Weights | None = None
    last: list[Weights] = field(default_factory=list)

    def see(self, now: Weights) -> None:
        """Take the weights of a look into account; of several at one iteration the last."""
        self.last = [*(one for one in self.last if one.iteration < now.iteration), now][-STILL:]
        self.first = self.first or now

    @property
    def resting(self) -> tuple[str, ...]:
        """The weights that are as they were at the first look."""
        return self.same_as(self.first) if self.first is not None and len(self.last) > 1 else ()

    @property
    def stopped(self) -> tuple[str, ...]:
        """The weights that have moved before, and are the same at the last few looks."""
        if len(self.last) < STILL:
            return ()
        still = set(self.same_as(self.last[0])) & set(self.same_as(self.last[1]))
        return tuple(name for name in self.last[-1].digests if name in still - set(self.resting))

    def same_as(self, earlier: Weights) -> tuple[str, ...]:
        """Return the weights that are as they were at an earlier look."""
        return tuple(name for name, digest in self.last[-1].digests.items() if earlier.digests.get(name) == digest)

    def moved(self, role: str) -> float | None:
        """Return how far the weights of the generator or the critic have moved, in parts of what they were."""
        parts = self.of(role, self.first)
        before = sum(float(first.square().sum()) for first, _ in parts)
        moved = sum(float((now - first).square().sum()) for first, now in parts)
        return (moved / before) ** 0.5 if before else None

    def size(self, role: str) -> float | None:
        """Return how large the weights of the generator or the critic are, in parts of what they were."""
        parts = self.of(role, self.first)
        before, now = (sum(float(one[place].square().sum()) for one in parts) for place in (0, 1))
        return (now / before) ** 0.5 if before else None

    def likeness(self, role: str) -> float | None:
        """Return the cosine of the weights of a network and those at one of the last looks, the largest of them."""
        found = []
        for earlier in self.last[:-1] if len(self.last) == STILL else []:
            parts = self.of(role, earlier)
            together = sum(float((before * now).sum()) for before, now in parts)
            sizes = [sum(float(one[place].square().sum()) for one in parts) ** 0.5 for place in (0, 1)]
            if all(sizes):
                found.append(together / (sizes[0] * sizes[1]))
        return max(found, default=None)

    def of(self, role: str, earlier: Weights | None) -> list[tuple[Tensor, Tensor]]:
        """Return the weights of the generator or the critic at an earlier look, beside those at the last."""
        if earlier is None or not self.last:
            return []
        now = self.last[-1].some
        return [
            (one, now[name])
            for name, one in earlier.some.items()
            if name.startswith(role) and name in now and now[name].shape == one.shape
        ]
