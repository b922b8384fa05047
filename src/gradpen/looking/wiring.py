"""What trying foreign networks shows: weights at rest, batch norm, a range that samples cannot reach."""

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.dropout import _DropoutNd

from gradpen.coupling import batch_norm_in
from gradpen.looking.weights import Course
from gradpen.metrics.critic import scoring

FARTHEST = 1e4
"""by which the output of the last layer is moved up and down to find between which bounds samples stay"""
MARGIN = 0.1
"""parts of the data's range, by which a number is clearly beyond another"""


@dataclass(frozen=True, kw_only=True)
class Wiring:
    """How the networks of a loop hang together, as plain values."""

    at_rest: tuple[str, ...]
    """matrices and filters that are as they were at the first look, as in ``generator: layers.0.weight``"""
    weights: int
    """matrices and filters that there are"""
    batch_norm: str
    """the critic's first layer of batch norm, or nothing"""
    lowest: float
    """number that no sample goes below"""
    highest: float
    """number that no sample goes above"""
    squashed: bool = False
    """whether the critic ends in a sigmoid"""
    moved: dict[str, float] = field(default_factory=dict)
    """how far the weights of generator and critic have moved since the first look, in parts of what they were"""
    size: dict[str, float] = field(default_factory=dict)
    """how large they are, in parts of what they were"""
    likeness: dict[str, float] = field(default_factory=dict)
    """cosine of the weights now and at one of the last looks, the larger one"""
    stopped: tuple[str, ...] = ()
    """matrices and filters that have moved, and have not at the last looks"""
    unseen: float = 0.0
    """share of an example's numbers that no score depends on, of a critic that depends on some"""
    dropout: float = 0.0
    """the largest share that a layer of dropout leaves out, of either network"""


def wiring(
    generator: nn.Module, critic: nn.Module, course: Course, z: Tensor, examples: Tensor, labels: Tensor | None
) -> Wiring:
    """Return how two networks hang together.

    Args:
        generator: from latents, and label vectors if there are labels, to samples; in evaluation mode.
        critic: of any mode.
        course: their weights at the first look and the last ones.
        z: latents ``[B, latent_dim]``.
        examples: of the data, ``[B, ...]``.
        labels: label vectors ``[B, K]``, or none.
    """
    lowest, highest = bounds(generator, z, labels)
    return Wiring(
        at_rest=course.resting,
        weights=len(course.last[-1].digests) if course.last else 0,
        batch_norm=batch_norm_in(critic)[0],
        lowest=lowest,
        highest=highest,
        moved=of_both(course.moved),
        size=of_both(course.size),
        likeness=of_both(course.likeness),
        stopped=course.stopped,
        unseen=unseen(critic, examples, labels),
        dropout=max((one.p for network in (generator, critic) for one in dropouts(network)), default=0.0),
    )


def unseen(critic: nn.Module, examples: Tensor, labels: Tensor | None) -> float:
    """Return the share of an example's numbers on which no score depends; 0 of a critic that depends on none."""
    points = examples.detach().clone().requires_grad_(True)
    with torch.enable_grad(), scoring(critic):
        scores = critic(points) if labels is None else critic(points, labels)
        (gradient,) = torch.autograd.grad(scores.sum(), points, allow_unused=True)
    seen = gradient.ne(0).any(0) if gradient is not None else torch.zeros(1, dtype=torch.bool)
    return float(1 - seen.double().mean()) if seen.any() else 0.0


def of_both(measure: Callable[[str], float | None]) -> dict[str, float]:
    """Return a measure of both networks, where there is one."""
    return {role: found for role in ("generator", "critic") if (found := measure(role)) is not None}


def dropouts(network: nn.Module) -> Iterator[_DropoutNd]:
    """Yield a network's layers of dropout."""
    return (module for module in network.modules() if isinstance(module, _DropoutNd))


@torch.no_grad()
def bounds(generator: nn.Module, z: Tensor, labels: Tensor | None) -> tuple[float, float]:
    """Return between which numbers all samples lie, whatever the last layer with weights gives.

    Returns:
        The smallest and the largest number that come out where that layer's output is moved far; ``-inf`` or ``inf``
        where they follow it.
    """
    given = (z,) if labels is None else (z, labels)
    ran: list[nn.Module] = []
    with hooked(generator, lambda module, _given, _made: ran.append(module)):
        samples = generator(*given)
    signs = torch.Generator().manual_seed(0)
    found = [float(samples.min()), float(samples.max())]
    for up, down in ((1, 1), (-1, -1), (1, -1)):

        def moved(module: nn.Module, _given: Any, made: Any, up: int = up, down: int = down) -> Any:
            if module is not ran[-1] or not isinstance(made, Tensor):
                return made
            upwards = torch.randint(2, made.shape, generator=signs).to(made.device).bool()
            return made + FARTHEST * torch.where(upwards, up, down)

        with hooked(generator, moved):
            samples = generator(*given)
        found += [float(samples.min()), float(samples.max())]
    least, most = min(found), max(found)
    return (least if least > -FARTHEST / 2 else -math.inf), (most if most < FARTHEST / 2 else math.inf)


@contextmanager
def hooked(network: nn.Module, hook: Callable[[nn.Module, Any, Any], Any]) -> Iterator[None]:
    """Call a hook after each layer that has weights itself."""
    layers = [module for module in network.modules() if any(p.dim() > 1 for p in module.parameters(recurse=False))]
    handles = [layer.register_forward_hook(hook) for layer in layers]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def beyond(images: Tensor, lowest: float, highest: float) -> float:
    """Return the share of numbers that lie below the lowest or above the highest by more than a tenth of their range.

    >>> beyond(torch.tensor([-1.0, -1.0, 0.5, 1.0]), 0.0, 1.0)
    0.5
    """
    margin = MARGIN * (images.max() - images.min())
    return float(((images < lowest - margin) | (images > highest + margin)).double().mean())
