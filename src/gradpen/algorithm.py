"""Algorithm 1 of the two Wasserstein GAN papers, and nothing else.

Arjovsky, Chintala & Bottou 2017 (arXiv 1701.07875) with :class:`~gradpen.lipschitz.WeightClipping`;
Gulrajani et al. 2017 (arXiv 1704.00028) with :class:`~gradpen.lipschitz.GradientPenalty`. Randomness comes
from torch's default generator: whoever calls decides on the seed.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from gradpen.lipschitz import Constraint
from gradpen.objectives import Objective, RelativeObjective

Measures = dict[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class Gan:
    """The two players and their optimisers."""

    generator: nn.Module
    """maps latents ``[B, latent_dim]`` to samples ``[B, ...]`` in the data's range"""
    critic: nn.Module
    """maps data ``[B, ...]`` to scores ``[B]``"""
    generator_optimizer: Optimizer
    critic_optimizer: Optimizer
    latent_dim: int

    def generate(self, count: int) -> Tensor:
        """Return ``count`` samples from fresh latents z ~ N(0, I)."""
        device = next(self.generator.parameters()).device
        samples: Tensor = self.generator(torch.randn(count, self.latent_dim, device=device))
        return samples


def critic_step(gan: Gan, objective: Objective, constraint: Constraint, real: Tensor) -> Measures:
    """Lines 3-9: one critic update on one batch of data ``[B, ...]`` and as many fakes."""
    with torch.no_grad():
        fake = gan.generate(len(real))
    real_scores, fake_scores = gan.critic(real), gan.critic(fake)
    loss = objective.critic_loss(real_scores, fake_scores)
    penalty = constraint.penalty(gan.critic, real, fake)

    gan.critic_optimizer.zero_grad()
    (loss + penalty).backward()
    gan.critic_optimizer.step()
    constraint.project(gan.critic)
    return {"critic_loss": loss.detach(), "penalty": penalty.detach()}


def generator_step(gan: Gan, objective: Objective, real: Tensor) -> Measures:
    """Lines 11-12: one generator update on as many fresh latents as ``real`` has examples, the critic held still."""
    gan.critic.requires_grad_(False)
    fake_scores = gan.critic(gan.generate(len(real)))
    if isinstance(objective, RelativeObjective):
        loss = objective.relative_generator_loss(gan.critic(real), fake_scores)
    else:
        loss = objective.generator_loss(fake_scores)

    gan.generator_optimizer.zero_grad()
    loss.backward()
    gan.generator_optimizer.step()
    gan.critic.requires_grad_(True)
    return {"generator_loss": loss.detach()}


def train_iteration(
    gan: Gan, objective: Objective, constraint: Constraint, batches: Iterator[Tensor], *, critic_steps: int
) -> Measures:
    """Lines 2-12: ``critic_steps`` critic updates, each on new data, then one generator update.

    Args:
        gan: the networks and their optimisers, updated in place.
        objective: the losses.
        constraint: the Lipschitz constraint on the critic.
        batches: endless batches of data, each ``[B, ...]`` on the networks' device.
        critic_steps: n_critic in the papers, at least 1.

    Returns:
        Scalar tensors ``critic_loss`` (without the penalty) and ``penalty`` of the last critic step, and
        ``generator_loss``. Nothing is read back to the host.
    """
    for _ in range(critic_steps):
        real = next(batches)
        measures = critic_step(gan, objective, constraint, real)
    return measures | generator_step(gan, objective, real)
