"""Measures of a critic: the critic gap with its standard error, slopes, gradient norms."""

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import Optimizer

from gradpen.augmentation import Score
from gradpen.penalties import gradient_norm, interpolate

__all__ = ["critic_gap"]


@dataclass(frozen=True, kw_only=True)
class Gap:
    """A critic gap and its standard error, in score units."""

    value: float
    standard_error: float


def critic_gap(real_scores: Tensor, fake_scores: Tensor) -> Gap:
    r"""Return the critic gap, the Wasserstein estimate without any penalty.

    .. math:: \overline{D(x)} - \overline{D(\tilde x)}, \qquad
              \mathrm{SE} = \sqrt{s_x^2/n_x + s_{\tilde x}^2/n_{\tilde x}}

    It estimates the Wasserstein-1 distance for a critic with slopes of 1, K times it for a K-Lipschitz one
    (Arjovsky et al. 2017, equation 2).

    Args:
        real_scores: scores of data, shape ``[n]``, n at least 2.
        fake_scores: scores of samples, shape ``[m]``, m at least 2.

    Raises:
        ValueError: either side has fewer than two scores, of which no standard error can be taken.

    >>> critic_gap(torch.tensor([1.0, 3.0]), torch.tensor([0.0, 0.0]))
    Gap(value=2.0, standard_error=1.0)
    """
    if min(real_scores.numel(), fake_scores.numel()) < 2:
        raise ValueError(
            f"a standard error needs at least 2 scores of either kind, found {real_scores.numel()} and "
            f"{fake_scores.numel()}"
        )
    spread = real_scores.var() / real_scores.numel() + fake_scores.var() / fake_scores.numel()
    return Gap(value=(real_scores.mean() - fake_scores.mean()).item(), standard_error=math.sqrt(spread.item()))


PLACES = ("interpolates", "data", "samples")


def slopes_of(score: Score, real: Tensor, fake: Tensor) -> dict[str, Tensor]:
    """Return the critic's slopes, score units per data unit, at :data:`PLACES`, whatever the constraint.

    Args:
        score: maps ``[n, ...]`` to ``[n]``.
        real: data ``[n, ...]``.
        fake: as many samples; an interpolate lies at random between each and the data beside it.
    """
    with torch.enable_grad():
        points = dict(zip(PLACES, (interpolate(real, fake), real, fake), strict=True))
        return {place: gradient_norm(score, each).detach() for place, each in points.items()}


def total_gradient_norm(parameters: Iterable[nn.Parameter]) -> float:
    """Return the Euclidean norm of all gradients left by the last backward pass, taken together."""
    # In float64, since the square of a large float32 gradient overflows.
    norms = [torch.linalg.vector_norm(p.grad, dtype=torch.float64) for p in parameters if p.grad is not None]
    return torch.linalg.vector_norm(torch.stack(norms)).item() if norms else 0.0


def largest_quotient(scores: tuple[Tensor, Tensor], points: tuple[Tensor, Tensor]) -> float:
    r"""Return the largest quotient of scores and points, pair by pair: no Lipschitz constant is smaller.

    .. math:: \max_i \frac{|D(x_i) - D(y_i)|}{\|x_i - y_i\|_2}

    Pairs of equal points have none; 0 where all are equal.

    >>> x, y = torch.zeros(2, 1), torch.tensor([[2.0], [1.0]])
    >>> largest_quotient((torch.zeros(2), torch.tensor([1.0, 3.0])), (x, y))
    3.0
    """
    apart = (points[0] - points[1]).flatten(1).norm(dim=1)
    quotients = (scores[0] - scores[1]).flatten().abs() / apart
    return float(quotients[apart > 0].max()) if (apart > 0).any() else 0.0


@torch.no_grad()
def step_cosine(optimizer: Optimizer) -> float | None:
    r"""Return the cosine of the angle between an optimiser's newest step and the direction of steepest descent.

    .. math:: \frac{\langle \Delta w, -\nabla L \rangle}{\|\Delta w\| \|\nabla L\|}

    With momentum, the gradients of a critic that changes as fast as the data it sees can turn it negative: the critic
    then steps uphill (Arjovsky et al. 2017, section 4.2, where that goes with unstable training).

    Returns:
        From -1 to 1; None before the first step, and of optimisers that keep neither Adam's state nor RMSProp's.
    """
    along = steps = descents = 0.0
    for group in optimizer.param_groups:
        for parameter in group["params"]:
            kept, gradient = optimizer.state.get(parameter, {}), parameter.grad
            root = next((kept[name].double().sqrt() for name in ("exp_avg_sq", "square_avg") if name in kept), None)
            if gradient is None or root is None:
                continue
            if "step" in kept and "betas" in group:
                root /= (1 - group["betas"][1] ** float(kept["step"])) ** 0.5
            step, descent = kept.get("exp_avg", gradient).double() / (root + group["eps"]), gradient.double()
            along += float((step * descent).sum())
            steps += float(step.square().sum())
            descents += float(descent.square().sum())
    return along / math.sqrt(steps * descents) if steps * descents > 0 else None


def share_at_bound(parameters: Iterable[nn.Parameter], bound: float) -> float:
    """Return the share of all weights that clipping holds at plus or minus the bound.

    >>> share_at_bound([nn.Parameter(torch.tensor([0.01, -0.01, 0.0, 0.002]))], 0.01)
    0.5
    """
    held = [(p.detach().abs() >= bound * (1 - 1e-6)).double() for p in parameters]
    return float(sum(each.sum() for each in held) / sum(each.numel() for each in held))


def layer_gradient_norms(network: nn.Module) -> dict[str, float]:
    """Return the norm of the newest gradient of each matrix or kernel of weights, from the input on, by its name."""
    return {
        name: float(torch.linalg.vector_norm(parameter.grad, dtype=torch.float64))
        for name, parameter in network.named_parameters()
        if parameter.grad is not None and parameter.dim() > 1
    }


@contextmanager
def scoring(critic: nn.Module) -> Iterator[None]:
    """Score as in training but without dropout and without touching batch norm's moving statistics."""
    modes = {module: module.training for module in critic.modules()}
    tracking = {module: module.track_running_stats for module in modes if isinstance(module, _BatchNorm)}
    # Batch norm scores by the statistics of the batch, as in training; not tracking keeps the moving ones still.
    critic.eval()
    for norm in tracking:
        norm.train()
        norm.track_running_stats = False
    try:
        yield
    finally:
        for module, mode in modes.items():
            module.training = mode
        for norm, tracked in tracking.items():
            norm.track_running_stats = tracked


def accuracies(real_scores: Tensor, fake_scores: Tensor) -> dict[str, float]:
    """Return how often a discriminator's logit has the right sign: on data, on as many samples, on both."""
    real, fake = (real_scores > 0).float().mean().item(), (fake_scores < 0).float().mean().item()
    return {"accuracy_real": real, "accuracy_fake": fake, "accuracy": (real + fake) / 2}
