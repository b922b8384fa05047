"""Inputs and weights in the type that autocast asks for, each weight cast once a step."""

import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.utils.weak import WeakTensorKeyDictionary


class Casts:
    """Weights in a narrower type: each is cast once, and forgotten when an optimiser that is watched moves it.

    A change in place that torch counts, as clipping and loading are, is noticed by itself; a step of a fused optimiser
    is not counted, so optimisers have to be watched.
    """

    def __init__(self) -> None:
        self.kept: Any = WeakTensorKeyDictionary()
        """by parameter: what its cast was made from, and the cast"""
        self.watched: list[Optimizer] = []

    def watch(self, *optimizers: Optimizer) -> None:
        """Forget casts after each step of these optimisers; watching one twice changes nothing."""
        forget = weakref.WeakMethod(self.forget)

        def after_step(moved: Optimizer, *_: object) -> None:
            if (still_here := forget()) is not None:
                still_here(moved)

        for optimizer in optimizers:
            if not any(optimizer is known for known in self.watched):
                self.watched.append(optimizer)
                weakref.finalize(self, optimizer.register_step_post_hook(after_step).remove)

    def forget(self, moved: Optimizer) -> None:
        """Drop the casts of an optimiser's parameters."""
        if not len(self.kept):
            return
        for group in moved.param_groups:
            for parameter in group["params"]:
                self.kept.pop(parameter, None)

    def cast(self, parameter: nn.Parameter, dtype: torch.dtype) -> Tensor:
        """Return a parameter in a narrower type, cast now if it changed since the last time."""
        # A cast made without gradients, or of a frozen parameter, has no path back to it and cannot serve where one is
        # needed.
        made_from = (parameter._version, parameter.requires_grad, torch.is_grad_enabled(), dtype)
        before = self.kept.get(parameter)
        if before is None or before[0] != made_from:
            before = self.kept[parameter] = made_from, parameter.to(dtype)
        narrow: Tensor = before[1]
        return narrow


class Current(threading.local):
    """What the pass under way in this thread takes its casts from."""

    casts: Casts | None = None


CURRENT = Current()


@contextmanager
def keeping(casts: Casts) -> Iterator[None]:
    """Let layers take their casts from here."""
    before, CURRENT.casts = CURRENT.casts, casts
    try:
        yield
    finally:
        CURRENT.casts = before


@dataclass(frozen=True)
class InPrecision:
    """A network that computes in a narrower type where it can, and gives float32."""

    network: Callable[[Tensor], Tensor]
    precision: torch.dtype
    casts: Casts

    def __call__(self, x: Tensor) -> Tensor:
        """Return the network's output as float32."""
        with torch.autocast(x.device.type, self.precision), keeping(self.casts):
            return self.network(x).float()


def in_precision(
    network: Callable[[Tensor], Tensor], precision: torch.dtype, casts: Casts
) -> Callable[[Tensor], Tensor]:
    """Return the network, or for bfloat16 one that computes in it, its weights cast once a step."""
    return network if precision == torch.float32 else InPrecision(network, precision, casts)


def cast(weight: Tensor, dtype: torch.dtype) -> Tensor:
    """Return a weight in a narrower type; what is no parameter, as a weight made of others, is cast anew."""
    if CURRENT.casts is None or not isinstance(weight, nn.Parameter):
        return weight.to(dtype)
    return CURRENT.casts.cast(weight, dtype)


def narrowed(x: Tensor, weight: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor, Tensor | None]:
    """Return input, weight and bias in the type that autocast asks for; as they are without autocast."""
    device = x.device.type
    if not torch.is_autocast_enabled(device):
        return x, weight, bias
    dtype = torch.get_autocast_dtype(device)
    return x.to(dtype), cast(weight, dtype), None if bias is None else cast(bias, dtype)
