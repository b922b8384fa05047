"""A moving average of the generator's weights."""

import copy

import torch
from torch import nn


def averaged_copy(network: nn.Module) -> nn.Module:
    """Return a copy that averages start from."""
    return copy.deepcopy(network).requires_grad_(False)


@torch.no_grad()
def update_average(average: nn.Module, network: nn.Module, decay: float) -> None:
    r"""Move the average by one step, :math:`\bar w \leftarrow d \bar w + (1 - d) w`; moving statistics are copied.

    Source: Yazıcı et al. 2019 (arXiv 1806.04498), section 3.1.

    >>> one, other = nn.Linear(1, 1, bias=False), nn.Linear(1, 1, bias=False)
    >>> _ = nn.init.zeros_(one.weight), nn.init.ones_(other.weight)
    >>> update_average(one, other, 0.75)
    >>> one.weight.item()
    0.25
    """
    torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1 - decay)
    for kept, new in zip(average.buffers(), network.buffers(), strict=True):
        kept.copy_(new)
