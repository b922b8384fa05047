"""Lipschitz constraints on the critic: none, weight clipping, spectral norm, gradient penalties.

A constraint takes the critic as a function ``score: points [B, ...] -> scores [B]``. It differentiates
with respect to the points only, so a conditional critic hands over its score with the labels bound.
"""

from dataclasses import replace
from typing import Literal, Protocol

import torch
from pydantic import NonNegativeFloat, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.utils.parametrize import ParametrizationList

from gradpen.augmentation import Score
from gradpen.choice import STRICT
from gradpen.coupling import refuse_batch_norm, refuse_coupling
from gradpen.errors import UsageError
from gradpen.networks.spectral import NORMALISED, SpectrallyNormalised, normalise_spectrum
from gradpen.penalties import Where, gradient_norm, gradient_penalty
from gradpen.schedule import Positive, number

__all__ = [
    "GradientPenalty",
    "SpectralNorm",
    "Unconstrained",
    "WassersteinDivergence",
    "WeightClipping",
]


NORM_LAYERS = (_NormBase, nn.GroupNorm, nn.LayerNorm)


class Constraint(Protocol):
    """The contract of a Lipschitz constraint."""

    def prepare(self, critic: nn.Module) -> None:
        """Change a fresh critic as the constraint needs it; raise :class:`UsageError` if it allows no such critic."""

    def penalty(self, score: Score, real: Tensor, fake: Tensor) -> Tensor:
        """Return a scalar to add to the critic loss (zero for constraints without a penalty)."""

    def project(self, critic: nn.Module) -> None:
        """Move the critic's parameters back into the allowed set, after its optimiser step."""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Unconstrained:
    """No constraint, as in the original GAN.

    >>> Unconstrained().penalty(nn.Linear(2, 1), torch.zeros(4, 2), torch.ones(4, 2))
    tensor(0.)
    """

    name: Literal["none"] = "none"

    def prepare(self, critic: nn.Module) -> None:
        """Accept every critic as it is."""
        del critic

    def penalty(self, score: Score, real: Tensor, fake: Tensor) -> Tensor:
        """Return zero."""
        del score, fake
        return real.new_zeros(())

    def project(self, critic: nn.Module) -> None:
        """Leave the critic as it is."""
        del critic


@dataclass(frozen=True, kw_only=True, config=STRICT)
class WeightClipping:
    """Every critic parameter clamped to [-threshold, threshold] after each critic step.

    Source: Arjovsky, Chintala & Bottou 2017 (arXiv 1701.07875), Algorithm 1, line 7 (c = 0.01). Buffers
    such as batch norm's moving statistics are not parameters and stay as they are.

    >>> critic = nn.Linear(3, 1)
    >>> WeightClipping(threshold=0.01).project(critic)
    >>> bool(critic.weight.abs().max() <= 0.01)
    True
    """

    name: Literal["weight-clipping"] = "weight-clipping"
    threshold: PositiveFloat = 0.01
    """the clip value c"""
    norm_layers: bool = True
    """clip the scales and offsets of norm layers too, as the paper's "weights" includes them"""

    def prepare(self, critic: nn.Module) -> None:
        """Accept every critic as it is."""
        del critic

    def penalty(self, score: Score, real: Tensor, fake: Tensor) -> Tensor:
        """Return zero."""
        del score, fake
        return real.new_zeros(())

    @torch.no_grad()
    def project(self, critic: nn.Module) -> None:
        """Clamp the parameters in place."""
        for module in critic.modules():
            if self.norm_layers or not isinstance(module, NORM_LAYERS):
                for parameter in module.parameters(recurse=False):
                    parameter.clamp_(-self.threshold, self.threshold)


@dataclass(frozen=True, kw_only=True, config=STRICT)
class SpectralNorm:
    """Every weight divided by its largest singular value, estimated by one power iteration per forward pass.

    Convolutions are normalised as matrices of output channels against the rest, as in the paper, which bounds
    their Lipschitz constant only up to a factor. Source: Miyato et al. 2018 (arXiv 1802.05957), Algorithm 1.

    >>> critic = nn.Sequential(nn.Linear(2, 1, bias=False))
    >>> SpectralNorm().prepare(critic)
    >>> round(critic[0].weight.norm().item(), 3)  # the largest singular value of a row is its length
    1.0
    """

    name: Literal["spectral-norm"] = "spectral-norm"
    power_iterations: PositiveInt = 1

    def prepare(self, critic: nn.Module) -> None:
        """Parametrise every layer with a weight: convolutions of any rank, linear layers and embeddings.

        Raises:
            UsageError: a layer has other weights, which would stay as they are, so that no slope is promised.
        """
        for name, module in list(critic.named_modules()):
            if isinstance(module, NORMALISED):
                normalise_spectrum(module, self.power_iterations)
            elif not isinstance(module, ParametrizationList | SpectrallyNormalised) and any(
                parameter.dim() > 1 for parameter in module.parameters(recurse=False)
            ):
                raise UsageError(
                    f"spectral norm knows convolutions, linear layers and embeddings, but the critic's layer '{name}' "
                    f"is {type(module).__name__}, whose weights it would leave as they are; take a gradient penalty"
                )

    def penalty(self, score: Score, real: Tensor, fake: Tensor) -> Tensor:
        """Return zero."""
        del score, fake
        return real.new_zeros(())

    def project(self, critic: nn.Module) -> None:
        """Leave the critic as it is: its weights are normalised wherever they are used."""
        del critic


@dataclass(frozen=True, kw_only=True, config=STRICT)
class GradientPenalty:
    r"""The gradient penalty :math:`\lambda E(\|\nabla_x D(x)\|_2 - t)^2`; see :func:`gradient_penalty`.

    ==============  ======  ======  =================================================================
    where           target  weight  known as
    ==============  ======  ======  =================================================================
    ``line``        1       10      WGAN-GP (Gulrajani et al. 2017, arXiv 1704.00028, equation 3)
    ``line``        0       10      zero-centred penalty (Thanh-Tung et al. 2019, arXiv 1902.03984)
    ``real``        0       5       R1, gamma / 2 with gamma 10 (Mescheder et al. 2018, arXiv 1801.04406)
    ``fake``        0       5       R2, likewise
    ``both``        0       0.025   R1 + R2, the sum of the two (R3GAN: Huang et al. 2024, arXiv 2501.05441)
    ``noise``       1       10      DRAGAN (Kodali et al. 2017, arXiv 1705.07215)
    ==============  ======  ======  =================================================================

    >>> flat = lambda x: 0 * x.sum(1)  # a critic with slope 0 everywhere
    >>> GradientPenalty(weight=10).penalty(flat, torch.zeros(4, 2), torch.ones(4, 2)).item()
    10.0
    """

    name: Literal["gradient-penalty"] = "gradient-penalty"
    weight: Positive = 10.0
    """the penalty coefficient, lambda in the paper"""
    target: NonNegativeFloat = 1.0
    """the slope that is not penalised"""
    one_sided: bool = False
    """penalise only slopes above the target (Gulrajani et al. 2017, appendix C)"""
    where: Where = "line"
    """at which points: line (interpolates), real, fake, both, noise (around the data), normal-line (beyond the line)"""
    every: PositiveInt = 1
    """penalise in every so many critic steps only, so many times as strongly (Karras et al. 2020, arXiv 1912.04958,
    section 3.1: lazy regularization, every 16)"""

    def prepare(self, critic: nn.Module) -> None:
        """Refuse a critic with batch norm."""
        refuse_batch_norm(critic)

    def penalty(self, score: Score, real: Tensor, fake: Tensor) -> Tensor:
        """Return the weighted penalty on fresh points."""
        return gradient_penalty(
            score,
            real,
            fake,
            weight=number(self.weight),
            target=self.target,
            one_sided=self.one_sided,
            where=self.where,
        )

    def project(self, critic: nn.Module) -> None:
        """Leave the critic as it is: the penalty replaces clipping."""
        del critic


def in_step(constraint: Constraint, step: int) -> Constraint:
    """Return a constraint as it acts in a critic step, the first being 1: every k-th penalty k-fold, if lazy.

    >>> lazy = GradientPenalty(where="real", target=0, weight=0.5, every=4)
    >>> in_step(lazy, 8).weight, in_step(lazy, 9)
    (2.0, Unconstrained(name='none'))
    """
    if not isinstance(constraint, GradientPenalty) or constraint.every == 1:
        return constraint
    if step % constraint.every:
        return Unconstrained()
    return replace(constraint, weight=constraint.every * number(constraint.weight), every=1)


@dataclass(frozen=True, kw_only=True, config=STRICT)
class WassersteinDivergence:
    r"""The penalty of WGAN-div, on data and samples themselves, without a target.

    .. math:: \tfrac{k}{2} [E \|\nabla_x D(x)\|_2^p + E \|\nabla_{\tilde x} D(\tilde x)\|_2^p]

    Source: Wu et al. 2018 (arXiv 1712.01026), with k = 2 and p = 6; the average over data and samples as in
    github.com/eriklindernoren/PyTorch-GAN, ``wgan_div.py``.

    >>> steep = lambda x: 2 * x[:, 0]  # slope 2 everywhere: k / 2 (2^6 + 2^6)
    >>> WassersteinDivergence().penalty(steep, torch.zeros(4, 2), torch.ones(4, 2)).item()
    128.0
    """

    name: Literal["wasserstein-divergence"] = "wasserstein-divergence"
    k: PositiveFloat = 2.0
    power: PositiveFloat = 6.0

    def prepare(self, critic: nn.Module) -> None:
        """Refuse a critic with batch norm."""
        refuse_batch_norm(critic)

    def penalty(self, score: Score, real: Tensor, fake: Tensor) -> Tensor:
        """Return the penalty on this batch."""
        refuse_coupling(score, real)
        slopes = torch.stack([gradient_norm(score, points) for points in (real, fake)])
        return self.k / 2 * slopes.pow(self.power).mean(1).sum()

    def project(self, critic: nn.Module) -> None:
        """Leave the critic as it is."""
        del critic


CONSTRAINT_FORMS = {
    "none": Unconstrained(),
    "weight-clipping": WeightClipping(),
    "spectral-norm": SpectralNorm(),
    "gradient-penalty": GradientPenalty(),
    "one-sided": GradientPenalty(one_sided=True),
    "zero-centred": GradientPenalty(target=0),
    "r1": GradientPenalty(where="real", target=0, weight=5),
    "r2": GradientPenalty(where="fake", target=0, weight=5),
    "r1-r2": GradientPenalty(where="both", target=0, weight=0.025),
    "dragan": GradientPenalty(where="noise"),
    "wgan-div": WassersteinDivergence(),
}
"""constraints by the names they are known by; a new one is a class above, a form here and its name in ``__all__``"""

CONSTRAINTS: tuple[type, ...] = tuple(dict.fromkeys(type(form) for form in CONSTRAINT_FORMS.values()))
"""all constraints to choose from"""
