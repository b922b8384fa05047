"""Measures of a critic: the critic gap with its standard error, slopes, gradient norms."""

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from gradpen.augmentation import Score
from gradpen.lipschitz import gradient_norm, interpolate

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


@dataclass(frozen=True, kw_only=True)
class Slopes:
    """Norms of the critic's gradient at random interpolates, score units per data unit."""

    mean: float
    maximum: float


def interpolate_slopes(score: Score, real: Tensor, fake: Tensor) -> Slopes:
    """Return mean and largest slope on interpolates of real and fake ``[n, ...]``, whatever the constraint."""
    with torch.enable_grad():
        slopes = gradient_norm(score, interpolate(real, fake)).detach()
    return Slopes(mean=slopes.mean().item(), maximum=slopes.max().item())


def total_gradient_norm(parameters: Iterable[nn.Parameter]) -> float:
    """Return the Euclidean norm of all gradients left by the last backward pass, taken together."""
    # In float64, since the square of a large float32 gradient overflows.
    norms = [torch.linalg.vector_norm(p.grad, dtype=torch.float64) for p in parameters if p.grad is not None]
    return torch.linalg.vector_norm(torch.stack(norms)).item() if norms else 0.0


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
