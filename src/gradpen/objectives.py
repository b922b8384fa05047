"""Objectives: losses to minimise, written on critic scores.

Every objective maps scores to scalars and knows nothing of networks, penalties or labels. Real data
scores high. ``real_scores`` and ``fake_scores`` are real-valued tensors of shape ``[B]`` or ``[B, 1]``:
unbounded critic scores for the Wasserstein objective, logits (no sigmoid) for the other two.
"""

from typing import Literal, Protocol

from pydantic.dataclasses import dataclass
from torch import Tensor
from torch.nn.functional import softplus

from gradpen.choice import STRICT


class Objective(Protocol):
    """The contract of an objective."""

    def critic_loss(self, real_scores: Tensor, fake_scores: Tensor) -> Tensor:
        """Return the scalar that the critic minimises."""

    def generator_loss(self, fake_scores: Tensor) -> Tensor:
        """Return the scalar that the generator minimises."""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Wasserstein:
    r"""The Wasserstein objective.

    .. math:: L_C = E\,D(\tilde x) - E\,D(x), \qquad L_G = -E\,D(\tilde x)

    Source: Arjovsky, Chintala & Bottou 2017 (arXiv 1701.07875), equation 3 and Algorithm 1.

    >>> import torch
    >>> Wasserstein().critic_loss(torch.tensor([3.0, 1.0]), torch.tensor([0.5, 0.5]))
    tensor(-1.5000)
    """

    name: Literal["wasserstein"] = "wasserstein"

    def critic_loss(self, real_scores: Tensor, fake_scores: Tensor) -> Tensor:
        """Return ``mean(fake) - mean(real)``, minus the Wasserstein estimate."""
        return fake_scores.mean() - real_scores.mean()

    def generator_loss(self, fake_scores: Tensor) -> Tensor:
        """Return ``-mean(fake)``: the generator raises the scores of its samples."""
        return -fake_scores.mean()


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Minimax:
    r"""The minimax objective of the original GAN, from logits.

    .. math:: L_D = -\tfrac12 [E \log\sigma(D(x)) + E \log(1-\sigma(D(\tilde x)))], \qquad
              L_G = E \log(1-\sigma(D(\tilde x)))

    Source: Goodfellow et al. 2014 (arXiv 1406.2661), equation 1; the half as in the release of
    Gulrajani et al. 2017 (github.com/igul222/improved_wgan_training).

    >>> import torch
    >>> Minimax().critic_loss(torch.zeros(4), torch.zeros(4))  # log 2: an undecided discriminator
    tensor(0.6931)
    """

    name: Literal["minimax"] = "minimax"

    def critic_loss(self, real_scores: Tensor, fake_scores: Tensor) -> Tensor:
        """Return half the sum of the two binary cross-entropies."""
        return binary_cross_entropy(real_scores, fake_scores)

    def generator_loss(self, fake_scores: Tensor) -> Tensor:
        """Return ``mean(log(1 - sigmoid(fake)))``, which saturates where the discriminator is sure."""
        return -softplus(fake_scores).mean()


@dataclass(frozen=True, kw_only=True, config=STRICT)
class NonSaturating:
    r"""The GAN objective with the generator loss used in practice, from logits.

    .. math:: L_D = -\tfrac12 [E \log\sigma(D(x)) + E \log(1-\sigma(D(\tilde x)))], \qquad
              L_G = -E \log\sigma(D(\tilde x))

    Source: Goodfellow et al. 2014 (arXiv 1406.2661), section 3.

    >>> import torch
    >>> NonSaturating().generator_loss(torch.zeros(4))
    tensor(0.6931)
    """

    name: Literal["non-saturating"] = "non-saturating"

    def critic_loss(self, real_scores: Tensor, fake_scores: Tensor) -> Tensor:
        """Return half the sum of the two binary cross-entropies."""
        return binary_cross_entropy(real_scores, fake_scores)

    def generator_loss(self, fake_scores: Tensor) -> Tensor:
        """Return ``-mean(log(sigmoid(fake)))``."""
        return softplus(-fake_scores).mean()


def binary_cross_entropy(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Return half of BCE(real, 1) + BCE(fake, 0), computed from logits without overflow."""
    return 0.5 * (softplus(-real_scores).mean() + softplus(fake_scores).mean())
