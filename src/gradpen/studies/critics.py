"""A critic trained alone against fixed distributions, as studies of optimal critics need it."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from gradpen.algorithm import critic_step
from gradpen.batch import Batch
from gradpen.gan import Gan
from gradpen.lipschitz import Constraint
from gradpen.machine.seeds import derived_seed, seed_everything
from gradpen.metrics.samples import exact_wasserstein
from gradpen.networks.mlp import MlpCritic
from gradpen.objectives import Objective
from gradpen.optimizers import Adam, RMSProp
from gradpen.penalties import gradient_norm, interpolate

Random = np.random.Generator
Draw = Callable[[Random, int], tuple[Tensor, Tensor]]
"""gives so many real and fake points, ``[n, …]`` each"""


def perceptron(inputs: int, width: int, layers: int) -> nn.Sequential:
    """Return a critic of so many hidden layers with ReLU, He-uniform weights and no norm; scores are ``[B]``.

    >>> sum(p.numel() for p in perceptron(2, 512, 3).parameters())
    527361
    """
    choice = MlpCritic(widths=(width,) * layers, negative_slope=0, initialiser="he-uniform")
    critic = choice.build((1, 1, inputs))
    assert isinstance(critic, nn.Sequential)
    return critic


def train_critic(
    critic: nn.Module,
    objective: Objective,
    constraint: Constraint,
    optimizer: Adam | RMSProp,
    draw: Draw,
    *,
    steps: int,
    batch: int,
    seed: int,
) -> list[float]:
    """Train the critic in place by so many critic steps on fresh points; return its losses, without the penalty."""
    nobody = nn.Linear(1, 1)
    constraint.prepare(critic)
    gan = Gan(
        generator=nobody,
        critic=critic,
        generator_optimizer=torch.optim.SGD(nobody.parameters(), lr=0.0),
        critic_optimizer=optimizer.build(critic.parameters()),
        latent_dim=1,
    )
    losses = []
    for step in range(steps):
        seed_everything(seed, "critic alone", step)
        real, fake = draw(numbers(seed, "points", step), batch)
        measures = critic_step(gan, objective, constraint, Batch(images=real), fakes=fake)
        losses.append(measures["critic_loss"].item())
    return losses


def numbers(seed: int, stream: str, index: int) -> Random:
    """Return NumPy's generator of one stream of randomness at one index."""
    return np.random.Generator(np.random.Philox(key=derived_seed(seed, stream, index)))


def begun(seed: int, build: Callable[[], nn.Sequential]) -> nn.Sequential:
    """Return a network whose initial weights a seed decides."""
    seed_everything(seed, "initial critic", 0)
    return build()


def slopes_between(critic: nn.Module, real: Tensor, fake: Tensor, seed: int) -> Tensor:
    """Return the critic's slopes ``[n]`` at random points between real and fake ones."""
    seed_everything(seed, "slopes", 0)
    with torch.enable_grad():
        return gradient_norm(critic, interpolate(real, fake)).detach()


def judged(critic: nn.Module, real: Tensor, fake: Tensor, seed: int) -> dict[str, float]:
    """Return a trained critic's slopes between real and fake points, and its gap beside their exact distance."""
    slopes = slopes_between(critic, real, fake, seed)
    with torch.no_grad():
        gap = float(critic(real).mean() - critic(fake).mean())
    distance = exact_wasserstein(real, fake)
    return {"slope": float(slopes.mean()), "spread": float(slopes.std()), "gap": gap, "share": gap / distance}


def slopes_at(critic: nn.Module, points: Tensor) -> Tensor:
    """Return the critic's slopes ``[n]`` at points."""
    with torch.enable_grad():
        return gradient_norm(critic, points).detach()


def rounded(values: Any, digits: int = 5) -> Any:
    """Return numbers as lists with so many digits, to be written as JSON."""
    array = np.asarray(values, dtype=np.float64)
    return [float(f"{value:.{digits}g}") for value in array.ravel()] if array.ndim else float(f"{array:.{digits}g}")
