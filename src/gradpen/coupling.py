"""What a gradient penalty cannot work with: critics that couple the examples of a batch.

The penalty is on the gradient of each score with respect to its own example. Batch norm makes every score depend on the
whole batch (Gulrajani et al. 2017, section 4, "No critic batch normalization").
"""

from functools import partial
from weakref import WeakSet

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from gradpen.augmentation import Augmented, Score
from gradpen.errors import UsageError
from gradpen.machine.seeds import seed_everything, separate_randomness
from gradpen.networks.precision import InPrecision

COUPLING_TOLERANCE = 1e-4
"""how far a score may move, in parts of the largest one, by rounding alone"""
KNOWN = ("torch.nn.modules.", "torch.nn.utils.", "gradpen.")
"""where modules come from that do what their class says; others may call anything"""
TRIED: WeakSet[nn.Module] = WeakSet()
"""foreign modules that were found not to couple examples"""


def refuse_batch_norm(critic: nn.Module) -> None:
    """Raise :class:`UsageError` if the critic has batch norm, naming the layer and the alternatives.

    The penalty is on the gradient of each score with respect to its own example; batch norm makes every
    score depend on the whole batch (Gulrajani et al. 2017, section 4, "No critic batch normalization").

    >>> refuse_batch_norm(torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.LayerNorm(2)))
    """
    name, kind = batch_norm_in(critic)
    if kind:
        raise UsageError(
            f"the critic's layer '{name}' is {kind}, which a gradient penalty does not allow: it makes each score "
            f"depend on the whole batch; use layer norm (`critic.norm=layer`, or torch.nn.GroupNorm(1, channels)) or "
            f"no norm (`critic.norm=none`)"
        )


def batch_norm_in(network: nn.Module) -> tuple[str, str]:
    """Return name and class of a network's first layer of batch norm; empty if it has none."""
    for name, module in network.named_modules():
        if isinstance(module, _BatchNorm):
            return name, type(module).__name__
    return "", ""


def module_behind(score: Score) -> nn.Module | None:
    """Return the module that a score is taken from; None for a function that hides it."""
    while not isinstance(score, nn.Module):
        if isinstance(score, partial):
            score = score.func
        elif isinstance(score, InPrecision | Augmented):
            score = score.network
        else:
            return None
    return score


@torch.no_grad()
def refuse_coupling(score: Score, points: Tensor) -> None:
    """Raise :class:`UsageError` if the score of an example depends on the others of its batch.

    A module is looked at for batch norm. A function that hides its module is tried, and so is once a module with parts
    of somebody else's: one example is changed, and no other score may move by more than it does from one call to the
    next. Randomness is drawn alike in all calls and left as it was afterwards.
    """
    module = module_behind(score)
    if module is not None:
        refuse_batch_norm(module)
        if module in TRIED or all(type(part).__module__.startswith(KNOWN) for part in module.modules()):
            return
    try_coupling(score, points)
    if module is not None:
        TRIED.add(module)


def try_coupling(score: Score, points: Tensor) -> None:
    """Raise :class:`UsageError` if another score moves where one example is changed."""
    changed = points.clone()
    changed[:1] += 1 + changed[:1].abs()
    scores = []
    with separate_randomness():
        for batch in (points, points, changed):
            seed_everything(0, "coupling", 0)
            scores.append(score(batch).float())
    first, second, moved = scores
    if len(points) < 2 or second.shape not in (points.shape[:1], (len(points), 1)):
        return
    restless = (second - first).abs().max()
    allowed = 2 * restless + COUPLING_TOLERANCE * second.abs().max()
    coupling = (moved - second)[1:].abs().max()
    if coupling > allowed:
        raise UsageError(
            f"changing one example of a batch moved the score of another by {coupling.item():.2g}, which a gradient "
            f"penalty does not allow: the critic couples the examples of a batch, as batch norm does; use layer norm "
            f"or no norm"
        )
