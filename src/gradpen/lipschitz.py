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
from gradpen.machine.sharing import count, draw_for_all, mean_over_all
from gradpen.networks.layers import input_gradients_only
from gradpen.networks.spectral import NORMALISED, SpectrallyNormalised, normalise_spectrum
from gradpen.schedule import Positive, number

__all__ = [
    "GradientPenalty",
    "SpectralNorm",
    "Unconstrained",
    "WassersteinDivergence",
    "WeightClipping",
    "gradient_norm",
    "gradient_penalty",
    "interpolate",
]


NORM_LAYERS = (_NormBase, nn.GroupNorm, nn.LayerNorm)


Epsilon = Literal["uniform", "normal"]


def interpolate(real: Tensor, fake: Tensor, epsilon: Epsilon = "uniform") -> Tensor:
    r"""Return random points on the segments between paired real and fake examples.

    .. math:: \hat x = \epsilon x + (1-\epsilon)\tilde x, \qquad \epsilon \sim U[0, 1]

    One :math:`\epsilon` is drawn per example and shared by all its coordinates.
    Source: Gulrajani et al. 2017 (arXiv 1704.00028), Algorithm 1, line 6.

    Args:
        real: data, floating point, shape ``[B, ...]`` of any rank.
        fake: samples of the same shape.
        epsilon: ``normal`` draws from N(0, 1) instead, which puts two thirds of the points beyond the segments: a
            slip of several public notebooks, for comparison with them alone.

    Returns:
        Interpolates of that shape, detached from whatever made ``real`` and ``fake``.

    >>> points = interpolate(torch.zeros(4, 1, 8, 8), torch.ones(4, 1, 8, 8))
    >>> [len(example.unique()) for example in points]  # one epsilon per example
    [1, 1, 1, 1]
    """
    if real.shape != fake.shape:
        raise UsageError(
            f"interpolates pair real with fake examples, but real has shape {list(real.shape)} and fake "
            f"{list(fake.shape)}; give as many fakes as reals, of the same size"
        )
    shape = (len(real), *[1] * (real.dim() - 1))
    distribution = torch.rand_like if epsilon == "uniform" else torch.randn_like
    shares = draw_for_all(distribution, real.new_empty(shape))
    return torch.lerp(fake.detach(), real.detach(), shares)


def gradient_norm(score: Score, points: Tensor) -> Tensor:
    r"""Return the slope :math:`\|\nabla_x D(x)\|_2` of each example, over all its coordinates.

    The result is differentiable with respect to the critic's parameters. Where the gradient is exactly
    zero the norm's subgradient 0 is used, so a dead critic gives no NaN.

    Args:
        score: maps points ``[B, ...]`` to scores ``[B]`` or ``[B, 1]``, each example on its own.
        points: floating point, shape ``[B, ...]``.

    Returns:
        Slopes, shape ``[B]``, at least float32, in score units per data unit.

    >>> gradient_norm(lambda x: 3 * x[:, 0] + 4 * x[:, 1], torch.zeros(2, 2)).tolist()
    [5.0, 5.0]
    """
    if not points.is_floating_point():
        raise UsageError(
            f"a critic takes floating-point images in the networks' range, found {points.dtype}; of bytes, take "
            f"images / 127.5 - 1"
        )
    points = points.detach().requires_grad_(True)
    scores = score(points)
    if not isinstance(scores, Tensor):
        raise UsageError(
            f"a critic returns one tensor of scores, [B] or [B, 1], found {type(scores).__name__}; wrap it in a "
            f"function that returns the scores alone"
        )
    if scores.dim() == 0 or len(scores) != len(points) or scores.numel() != len(points):
        raise UsageError(
            f"a critic gives one score per example: expected {len(points)} scores, found shape "
            f"{list(scores.shape)}; return [B] or [B, 1], without averaging over the batch"
        )
    with input_gradients_only():
        (gradient,) = torch.autograd.grad(scores.sum(), points, create_graph=True)
    if gradient.dtype in (torch.float16, torch.bfloat16):
        gradient = gradient.float()
    slopes: Tensor = torch.linalg.vector_norm(gradient.flatten(1), dim=1)
    return slopes


def slope_penalty(slopes: Tensor, *, target: float = 1.0, one_sided: bool = False) -> Tensor:
    r"""Return :math:`E(\|\nabla\|-t)^2`, or :math:`E\max(0, \|\nabla\|-t)^2` if one-sided.

    Source: Gulrajani et al. 2017 (arXiv 1704.00028), equation 3 and appendix C, with target t = 1.

    >>> slope_penalty(torch.tensor([0.0, 3.0])), slope_penalty(torch.tensor([0.0, 3.0]), one_sided=True)
    (tensor(2.5000), tensor(2.))
    """
    excess = slopes - target
    if one_sided:
        excess = excess.clamp(min=0)
    return excess.square().mean()


Where = Literal["line", "real", "fake", "both", "noise", "normal-line"]


def penalty_points(where: Where, real: Tensor, fake: Tensor) -> Tensor:
    r"""Return the points at which slopes are penalised, ``[B, ...]`` like ``real``, detached.

    * ``line``: interpolates of data and samples (Gulrajani et al. 2017).
    * ``real``, ``fake``: the data, the samples themselves (Mescheder et al. 2018: R1, R2). ``both``: one after the
      other, ``[2 B, ...]``.
    * ``noise``: the neighbourhood of the data, :math:`x + \tfrac12 \epsilon\,\mathrm{std}(x)\,u` with
      :math:`u \sim U[0,1]` per coordinate and :math:`\epsilon \sim U[0,1]` per example (Kodali et al. 2017,
      arXiv 1705.07215, and its release: DRAGAN).
    * ``normal-line``: like ``line`` but with :math:`\epsilon \sim N(0, 1)`, to compare with notebooks that do so.
    """
    if where == "line":
        return interpolate(real, fake)
    if where == "normal-line":
        return interpolate(real, fake, "normal")
    if where == "noise":
        return interpolate(real + 0.5 * deviation(real) * draw_for_all(torch.rand_like, real), real)
    if where == "both":
        return torch.cat([real, fake]).detach()
    return (real if where == "real" else fake).detach()


def deviation(real: Tensor) -> Tensor:
    """Return the standard deviation of all values of a batch, a scalar."""
    if count() == 1:
        return real.std()
    # Over all processes the mean of squares less the square of the mean, in float64 since the two nearly cancel; the
    # divisor n - 1 is that of ``Tensor.std``.
    values = real.numel() * count()
    mean, square = mean_over_all(torch.stack([real.mean(), real.square().mean()]).double())
    found: Tensor = ((square - mean.square()) * values / (values - 1)).sqrt().to(real.dtype)
    return found


def gradient_penalty(
    critic: Score,
    real: Tensor,
    fake: Tensor,
    *,
    weight: float = 10.0,
    target: float = 1.0,
    one_sided: bool = False,
    where: Where = "line",
) -> Tensor:
    r"""Return the gradient penalty, ready to be added to any critic loss.

    .. math:: \lambda\, E_{\hat x} (\|\nabla_{\hat x} D(\hat x)\|_2 - t)^2

    Source: Gulrajani et al. 2017 (arXiv 1704.00028), equation 3, with target t = 1 on the line; see
    :class:`GradientPenalty` for its relatives.

    Args:
        critic: a module or function from points ``[B, ...]`` to scores ``[B]`` or ``[B, 1]``.
        real: data, floating point, shape ``[B, ...]`` of any rank.
        fake: samples of the same shape; no gradient flows into the generator.
        weight: the penalty coefficient, lambda in the paper.
        target: the slope that is not penalised.
        one_sided: penalise only slopes above the target.
        where: at which points; see :func:`penalty_points`.

    Returns:
        A scalar whose gradient reaches the critic's parameters.

    Raises:
        UsageError: the critic has batch norm, or couples the examples of a batch otherwise (a function that hides
            its module is called three times to see that, so hand over the module itself); or the shapes do not match.

    >>> critic = torch.nn.Linear(2, 1, bias=False)
    >>> _ = torch.nn.init.constant_(critic.weight, 3.0)
    >>> gradient_penalty(critic, torch.randn(8, 2), torch.randn(8, 2)).item()  # 10 * (sqrt(18) - 1)^2
    105.147...
    """
    points = penalty_points(where, real, fake)
    refuse_coupling(critic, points[: len(real)])
    # With labels bound, a critic takes as many points as there are labels: both ends one after the other.
    slopes = torch.cat([gradient_norm(critic, part) for part in points.split(len(real))])
    ends = 2 if where == "both" else 1
    return ends * weight * slope_penalty(slopes, target=target, one_sided=one_sided)


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
