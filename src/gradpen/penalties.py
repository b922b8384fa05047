"""Gradient penalties: at which points, the slope of a critic there, and what it costs.

A critic is a function ``score: points [B, ...] -> scores [B]``, differentiated with respect to the points only, so that
a conditional one hands over its score with the labels bound.
"""

from typing import Literal

import torch
from torch import Tensor

from gradpen.augmentation import Score
from gradpen.coupling import refuse_coupling
from gradpen.errors import UsageError
from gradpen.machine.sharing import count, draw_for_all, mean_over_all
from gradpen.networks.layers import input_gradients_only

__all__ = ["gradient_norm", "gradient_penalty", "interpolate"]

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
