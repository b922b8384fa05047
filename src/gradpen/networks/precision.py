"""Inputs and weights in the type that autocast asks for, each weight cast once a step."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

Casts = dict[int, tuple[tuple[Any, ...], Tensor]]
"""parameters in a narrower type by their id, each with what it was made from"""


class Kept(threading.local):
    """Where the pass under way in this thread keeps what it casts."""

    casts: Casts | None = None


KEPT = Kept()


@contextmanager
def keeping(casts: Casts) -> Iterator[None]:
    """Keep parameters that layers cast, or take them from there if they did not change since."""
    before, KEPT.casts = KEPT.casts, casts
    try:
        yield
    finally:
        KEPT.casts = before


def cast(parameter: Tensor, dtype: torch.dtype) -> Tensor:
    """Return a parameter in a narrower type."""
    casts = KEPT.casts
    if casts is None or not isinstance(parameter, nn.Parameter):
        return parameter.to(dtype)
    made_from = (parameter._version, parameter.requires_grad, torch.is_grad_enabled(), dtype)
    if id(parameter) not in casts or casts[id(parameter)][0] != made_from:
        casts[id(parameter)] = made_from, parameter.to(dtype)
    return casts[id(parameter)][1]


def narrowed(x: Tensor, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return input, weight and bias in the type that autocast asks for; as they are without autocast."""
    device = x.device.type
    if not torch.is_autocast_enabled(device):
        return x, weight, bias
    dtype = torch.get_autocast_dtype(device)
    return x.to(dtype), cast(weight, dtype), None if bias is None else cast(bias, dtype)
