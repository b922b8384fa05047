"""Layers that keep their weights, as fine-tuning on few images holds the first ones of a critic still.

Source: FreezeD, Mo, Cho & Shin 2020 (arXiv 2002.10964).
"""

from torch import nn

from gradpen.errors import UsageError

__all__ = ["freeze_first"]


def freeze_first(critic: nn.Module, count: int) -> None:
    """Hold the first layers of a critic still: convolutions, linear layers and embeddings, with the norms after them.

    Args:
        critic: whose layers are counted in the order they were added in, the one nearest the data first.
        count: how many.

    Raises:
        UsageError: it has no more layers than that, so that none would learn.

    >>> critic = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 1))
    >>> freeze_first(critic, 1)
    >>> [parameter.requires_grad for parameter in critic.parameters()]
    [False, False, True, True]
    """
    layers = [list(module.parameters(recurse=False)) for module in critic.modules()]
    total = sum(map(is_weighted, layers))
    if count >= total:
        raise UsageError(f"`freeze_critic={count}` leaves nothing to learn: this critic has {total} layers")
    seen = 0
    for parameters in layers:
        seen += is_weighted(parameters)
        for parameter in parameters:
            parameter.requires_grad_(seen > count)


def is_weighted(parameters: list[nn.Parameter]) -> bool:
    """Return whether parameters are those of a layer with a matrix of weights, and not of a norm."""
    return any(parameter.dim() > 1 for parameter in parameters)
