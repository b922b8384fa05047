"""The two players, what they make and what they say of it."""

from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import Optimizer

from gradpen.batch import Batch
from gradpen.lipschitz import Score
from gradpen.processes import drawn


@dataclass(frozen=True, kw_only=True)
class Gan:
    """The two players and their optimisers."""

    generator: nn.Module
    """maps latents ``[B, latent_dim]``, and labels if conditional, to samples ``[B, ...]`` in the data's range"""
    critic: nn.Module
    """maps data ``[B, ...]``, and labels if conditional, to scores ``[B]``"""
    generator_optimizer: Optimizer
    critic_optimizer: Optimizer
    latent_dim: int
    one_pass: bool = True
    """score data and samples in one pass, where no batch norm would mix them"""

    def generate(self, batch: Batch) -> Tensor:
        """Return as many samples as the batch has examples, with its labels, from fresh latents z ~ N(0, I)."""
        like = next(self.generator.parameters())
        z = drawn(torch.randn_like, torch.empty(len(batch), self.latent_dim, device=like.device)).to(like.dtype)
        samples: Tensor = self.generator(z) if batch.labels is None else self.generator(z, batch.labels)
        return samples

    def score(self, batch: Batch) -> Score:
        """Return the critic as a function of images alone, the batch's labels bound."""
        return self.critic if batch.labels is None else partial(self.critic, labels=batch.labels)

    def score_both(self, batch: Batch, fake: Tensor) -> tuple[Tensor, Tensor]:
        """Return the scores of the batch and of samples with its labels."""
        if not self.one_pass or any(isinstance(module, _BatchNorm) for module in self.critic.modules()):
            return self.score(batch)(batch.images), self.score(batch)(fake)
        both = batch.joined_by(fake)
        real_scores, fake_scores = self.score(both)(both.images).chunk(2)
        return real_scores, fake_scores
