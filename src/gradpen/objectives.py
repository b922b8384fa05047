"""Objectives: losses to minimise, written on critic scores.

Every objective maps scores to scalars and knows nothing of networks, penalties or labels. Real data
scores high. ``real_scores`` and ``fake_scores`` are real-valued tensors of shape ``[B]`` or ``[B, 1]``:
unbounded critic scores for the Wasserstein, hinge and least-squares objectives, logits (no sigmoid) for the others.
"""

from typing import Literal, Protocol, Self, runtime_checkable

import torch
from pydantic import Field, model_validator
from pydantic.dataclasses import dataclass
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, softplus

from gradpen.choice import STRICT
from gradpen.machine.sharing import draw_for_all, mean_over_all

__all__ = [
    "Hinge",
    "LeastSquares",
    "Minimax",
    "NonSaturating",
    "Relativistic",
    "RelativisticAverage",
    "Wasserstein",
]


class AbsoluteObjective(Protocol):
    """The contract of an objective whose generator loss looks at samples alone."""

    def critic_loss(self, real_scores: Tensor, fake_scores: Tensor) -> Tensor:
        """Return the scalar that the critic minimises."""

    def generator_loss(self, fake_scores: Tensor) -> Tensor:
        """Return the scalar that the generator minimises."""


@runtime_checkable
class RelativeObjective(Protocol):
    """The contract of an objective whose generator loss compares samples with data."""

    def critic_loss(self, real_scores: Tensor, fake_scores: Tensor) -> Tensor:
        """Return the scalar that the critic minimises."""

    def relative_generator_loss(self, real_scores: Tensor, fake_scores: Tensor) -> Tensor:
        """Return the scalar that the generator minimises."""


Objective = AbsoluteObjective | RelativeObjective


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

    Source: Goodfellow et al. 2014 (arXiv 1406.2661), section 3. Targets may be smoothed (Salimans et al. 2016,
    arXiv 1606.03498, section 3.4: one-sided, real targets below 1), made noisy (drawn uniformly for each example) or
    flipped (the targets of a fraction of the examples exchanged).

    >>> import torch
    >>> NonSaturating().generator_loss(torch.zeros(4))
    tensor(0.6931)
    """

    name: Literal["non-saturating"] = "non-saturating"
    real_targets: tuple[float, float] = (1.0, 1.0)
    """range from which the discriminator's targets for data are drawn, one for each example"""
    fake_targets: tuple[float, float] = (0.0, 0.0)
    """likewise for samples"""
    flip: float = Field(default=0.0, ge=0, lt=0.5)
    """fraction of examples whose targets are exchanged, real for fake"""
    beyond_bounds: bool = False
    """admit targets outside [0, 1], where the loss has no lower bound and rewards over-confidence, with probabilities
    clipped to [1e-7, 1 - 1e-7] as Keras does: the form in the notebooks of Foster, Generative Deep Learning"""

    @model_validator(mode="after")
    def _targets_within_bounds(self) -> Self:
        bounds = (*self.real_targets, *self.fake_targets)
        if not self.beyond_bounds and not all(0 <= bound <= 1 for bound in bounds):
            raise ValueError("targets outside [0, 1] reward over-confidence; set beyond_bounds=true if that is meant")
        return self

    def critic_loss(self, real_scores: Tensor, fake_scores: Tensor) -> Tensor:
        """Return half the sum of the two binary cross-entropies against the targets."""
        if (self.real_targets, self.fake_targets, self.flip) == ((1.0, 1.0), (0.0, 0.0), 0.0):
            return binary_cross_entropy(real_scores, fake_scores)
        real_targets = draw_targets(self.real_targets, self.fake_targets, self.flip, real_scores)
        fake_targets = draw_targets(self.fake_targets, self.real_targets, self.flip, fake_scores)
        entropy = clipped_cross_entropy if self.beyond_bounds else binary_cross_entropy_with_logits
        return 0.5 * (entropy(real_scores, real_targets) + entropy(fake_scores, fake_targets))

    def generator_loss(self, fake_scores: Tensor) -> Tensor:
        """Return ``-mean(log(sigmoid(fake)))``."""
        return softplus(-fake_scores).mean()


def draw_targets(own: tuple[float, float], other: tuple[float, float], flip: float, scores: Tensor) -> Tensor:
    """Return a target for each score from its own range, or from the other range for a fraction ``flip``."""
    low, high = own
    targets = low + (high - low) * draw_for_all(torch.rand_like, scores)
    if flip > 0:
        low, high = other
        flipped = draw_for_all(torch.rand_like, scores) < flip
        targets = torch.where(flipped, low + (high - low) * draw_for_all(torch.rand_like, scores), targets)
    return targets


def clipped_cross_entropy(scores: Tensor, targets: Tensor) -> Tensor:
    """Return the binary cross-entropy on probabilities clipped to [1e-7, 1 - 1e-7]."""
    probabilities = scores.sigmoid().clamp(1e-7, 1 - 1e-7)
    return -(targets * probabilities.log() + (1 - targets) * (1 - probabilities).log()).mean()


@dataclass(frozen=True, kw_only=True, config=STRICT)
class LeastSquares:
    r"""The least-squares objective (LSGAN) with targets 1 for data and 0 for samples.

    .. math:: L_D = \tfrac12 [E (D(x)-1)^2 + E\,D(\tilde x)^2], \qquad L_G = E (D(\tilde x)-1)^2

    Source: Mao et al. 2017 (arXiv 1611.04076), equation 9; the generator loss without its half, as in the release
    of Gulrajani et al. 2017 (``gan_64x64.py``).

    >>> import torch
    >>> LeastSquares().critic_loss(torch.tensor([1.0]), torch.tensor([2.0]))
    tensor(2.)
    """

    name: Literal["least-squares"] = "least-squares"

    def critic_loss(self, real_scores: Tensor, fake_scores: Tensor) -> Tensor:
        """Return half the sum of the two squared errors."""
        return 0.5 * ((real_scores - 1).square().mean() + fake_scores.square().mean())

    def generator_loss(self, fake_scores: Tensor) -> Tensor:
        """Return the squared error of samples from the target of data."""
        return (fake_scores - 1).square().mean()


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Hinge:
    r"""The hinge objective.

    .. math:: L_D = E \max(0, 1 - D(x)) + E \max(0, 1 + D(\tilde x)), \qquad L_G = -E\,D(\tilde x)

    Source: Lim & Ye 2017 (arXiv 1705.02894); Miyato et al. 2018 (arXiv 1802.05957), equations 16 and 17.

    >>> import torch
    >>> Hinge().critic_loss(torch.tensor([2.0, 0.5]), torch.tensor([-2.0, 0.0]))
    tensor(0.7500)
    """

    name: Literal["hinge"] = "hinge"

    def critic_loss(self, real_scores: Tensor, fake_scores: Tensor) -> Tensor:
        """Return the two hinge losses, zero beyond a margin of 1."""
        return (1 - real_scores).relu().mean() + (1 + fake_scores).relu().mean()

    def generator_loss(self, fake_scores: Tensor) -> Tensor:
        """Return ``-mean(fake)``."""
        return -fake_scores.mean()


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Relativistic:
    r"""The relativistic objective (RSGAN), which asks whether this image is more real than that one.

    .. math:: L_D = -E \log\sigma(D(x) - D(\tilde x)), \qquad L_G = -E \log\sigma(D(\tilde x) - D(x))

    Data and samples are paired within a batch. Source: Jolicoeur-Martineau 2018 (arXiv 1807.00734), section 4.

    >>> import torch
    >>> Relativistic().critic_loss(torch.ones(4), torch.ones(4))
    tensor(0.6931)
    """

    name: Literal["relativistic"] = "relativistic"

    def critic_loss(self, real_scores: Tensor, fake_scores: Tensor) -> Tensor:
        """Return the cross-entropy of telling which of a pair is real."""
        return softplus(fake_scores - real_scores).mean()

    def relative_generator_loss(self, real_scores: Tensor, fake_scores: Tensor) -> Tensor:
        """Return the same with the roles exchanged."""
        return softplus(real_scores - fake_scores).mean()


@dataclass(frozen=True, kw_only=True, config=STRICT)
class RelativisticAverage:
    r"""The relativistic average objective (RaSGAN): more real than the other kind is on average.

    .. math:: L_D = -\tfrac12 [E \log\sigma(D(x) - E D(\tilde x)) + E \log(1 - \sigma(D(\tilde x) - E D(x)))]

    and the generator's loss with the roles of x and its samples exchanged. Source: Jolicoeur-Martineau 2018
    (arXiv 1807.00734), section 4.2; the halves keep both players at the scale of the other objectives.

    >>> import torch
    >>> RelativisticAverage().critic_loss(torch.ones(4), torch.ones(4))
    tensor(0.6931)
    """

    name: Literal["relativistic-average"] = "relativistic-average"

    def critic_loss(self, real_scores: Tensor, fake_scores: Tensor) -> Tensor:
        """Return the cross-entropies of scores relative to the other kind's mean."""
        return binary_cross_entropy(real_scores - average(fake_scores), fake_scores - average(real_scores))

    def relative_generator_loss(self, real_scores: Tensor, fake_scores: Tensor) -> Tensor:
        """Return the same with the roles exchanged."""
        return binary_cross_entropy(fake_scores - average(real_scores), real_scores - average(fake_scores))


OBJECTIVES = (Wasserstein, Minimax, NonSaturating, LeastSquares, Hinge, Relativistic, RelativisticAverage)
"""all objectives to choose from; a new one is a class above and its name here and in ``__all__``"""


def average(scores: Tensor) -> Tensor:
    """Return the mean score of the whole batch."""
    return mean_over_all(scores.mean())


def binary_cross_entropy(real_scores: Tensor, fake_scores: Tensor) -> Tensor:
    """Return half of BCE(real, 1) + BCE(fake, 0), computed from logits without overflow."""
    return 0.5 * (softplus(-real_scores).mean() + softplus(fake_scores).mean())
