"""The critic looked at closely: its slopes, the gradients of its layers, its weights, at one mark of a run."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from gradpen.batch import Batch
from gradpen.gan import Gan
from gradpen.lipschitz import Constraint, WeightClipping
from gradpen.metrics.critic import largest_quotient, layer_gradient_norms, share_at_bound, step_cosine
from gradpen.runs.folder import Row

BARS = 60


@dataclass(frozen=True, kw_only=True)
class Instruments:
    """What a figure of the critic is drawn from, as plain values."""

    iteration: int
    slopes: dict[str, list[float]]
    """at interpolates, at data and at samples"""
    layer_gradients: dict[str, float]
    """norm of the newest gradient of each layer's weights, from the input on"""
    weight_counts: list[int]
    weight_edges: list[float]
    bound: float | None
    """of clipped weights"""


def critic_row(gan: Gan, pairs: Batch, fake: Tensor, slopes: dict[str, Tensor], constraint: Constraint) -> Row:
    """Return what is measured of the critic at every mark beside its gap.

    Args:
        gan: the players.
        pairs: some data, with their labels.
        fake: as many samples.
        slopes: there, as :func:`slopes_of` returns them.
        constraint: of the critic.
    """
    score = gan.score(pairs)
    with torch.no_grad():
        quotient = largest_quotient((score(pairs.images), score(fake)), (pairs.images, fake))
    row: Row = {
        "slope_mean": slopes["interpolates"].mean().item(),
        "slope_max": slopes["interpolates"].max().item(),
        "slope_data": slopes["data"].mean().item(),
        "slope_samples": slopes["samples"].mean().item(),
        "lipschitz_estimate": max(quotient, *(each.max().item() for each in slopes.values())),
    }
    if isinstance(constraint, WeightClipping):
        row["clipped"] = share_at_bound(gan.critic.parameters(), constraint.threshold)
    cosine = step_cosine(gan.critic_optimizer)
    return row if cosine is None else row | {"critic_step_cosine": cosine}


def instruments(iteration: int, critic: nn.Module, slopes: dict[str, Tensor], constraint: Constraint) -> Instruments:
    """Return what the figure of a critic shows."""
    weights = torch.cat([p.detach().flatten() for p in critic.parameters() if p.dim() > 1]).float().cpu()
    extent = float(weights.abs().max()) or 1.0
    counts = torch.histc(weights, bins=BARS, min=-extent, max=extent)
    return Instruments(
        iteration=iteration,
        slopes={place: [round(slope, 6) for slope in each.tolist()] for place, each in slopes.items()},
        layer_gradients=layer_gradient_norms(critic),
        weight_counts=[int(count) for count in counts],
        weight_edges=torch.linspace(-extent, extent, BARS + 1).tolist(),
        bound=constraint.threshold if isinstance(constraint, WeightClipping) else None,
    )
