"""Optimisers as choices, with the hyperparameters of the papers, and a moving average of the generator's weights."""

import copy
from collections.abc import Iterable
from typing import Annotated, Literal, Protocol

import torch
from pydantic import Field, PositiveFloat
from pydantic.dataclasses import dataclass
from torch import nn

from gradpen.choice import STRICT

__all__ = ["Adam", "RMSProp"]

Decay = Annotated[float, Field(ge=0, lt=1)]


class OptimizerChoice(Protocol):
    """The contract of an optimiser choice."""

    @property
    def learning_rate(self) -> float:
        """The learning rate that decay starts from."""

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Return the optimiser over the parameters."""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Adam:
    """Adam (Kingma & Ba 2015); the defaults are those of Gulrajani et al. 2017, Algorithm 1.

    >>> Adam(learning_rate=2e-4).build(nn.Linear(2, 1).parameters()).defaults["betas"]
    (0.0, 0.9)
    """

    name: Literal["adam"] = "adam"
    learning_rate: PositiveFloat = 1e-4
    beta1: Decay = 0.0
    beta2: Decay = 0.9

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Return :class:`torch.optim.Adam` in its fused form."""
        return torch.optim.Adam(
            parameters, lr=self.learning_rate, betas=(float(self.beta1), float(self.beta2)), fused=True
        )


@dataclass(frozen=True, kw_only=True, config=STRICT)
class RMSProp:
    r"""RMSProp; the learning rate is that of Arjovsky et al. 2017, Algorithm 1.

    PyTorch's form starts its running mean v of squared gradients at 0 and divides by :math:`\sqrt v + \epsilon`;
    TensorFlow's starts it at 1 and divides by :math:`\sqrt{v + \epsilon}`, so that its first steps are short.

    >>> RMSProp().build(nn.Linear(2, 1).parameters()).defaults["lr"]
    5e-05
    """

    name: Literal["rmsprop"] = "rmsprop"
    learning_rate: PositiveFloat = 5e-5
    alpha: Decay = 0.99
    """decay of the running mean of squared gradients"""
    eps: PositiveFloat = 1e-8
    form: Literal["pytorch", "tensorflow"] = "pytorch"

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Return :class:`torch.optim.RMSprop`, or :class:`TensorFlowRMSProp`."""
        if self.form == "tensorflow":
            return TensorFlowRMSProp(parameters, lr=self.learning_rate, alpha=self.alpha, eps=self.eps)
        return torch.optim.RMSprop(parameters, lr=self.learning_rate, alpha=self.alpha, eps=self.eps, foreach=True)


OPTIMIZERS = (Adam, RMSProp)
"""all optimisers to choose from"""


class TensorFlowRMSProp(torch.optim.Optimizer):
    """RMSProp as ``tf.train.RMSPropOptimizer`` computes it, without momentum.

    >>> weight = nn.Parameter(torch.zeros(1))
    >>> optimizer = TensorFlowRMSProp([weight], lr=1.0, alpha=0.75, eps=0.0)
    >>> weight.grad = torch.full((1,), 2.0)
    >>> optimizer.step()  # v = 0.75 * 1 + 0.25 * 4
    >>> weight.item()
    -1.5118...
    """

    def __init__(self, params: Iterable[nn.Parameter], *, lr: float, alpha: float, eps: float) -> None:
        super().__init__(params, {"lr": lr, "alpha": alpha, "eps": eps})

    @torch.no_grad()
    def step(self, closure: None = None) -> None:  # type: ignore[override]
        """Move the parameters that have gradients."""
        del closure
        for group in self.param_groups:
            parameters = [parameter for parameter in group["params"] if parameter.grad is not None]
            if not parameters:
                continue
            gradients = [parameter.grad for parameter in parameters]
            for parameter in parameters:
                self.state[parameter].setdefault("square_avg", torch.ones_like(parameter))
            squares = [self.state[parameter]["square_avg"] for parameter in parameters]
            torch._foreach_mul_(squares, group["alpha"])
            torch._foreach_addcmul_(squares, gradients, gradients, 1 - group["alpha"])
            roots = torch._foreach_sqrt(torch._foreach_add(squares, group["eps"]))
            torch._foreach_addcdiv_(parameters, gradients, roots, -group["lr"])


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
    # lerp with 1 - decay: the average moves a small step towards the new weights.
    torch._foreach_lerp_(list(average.parameters()), list(network.parameters()), 1 - decay)
    for kept, new in zip(average.buffers(), network.buffers(), strict=True):
        kept.copy_(new)
