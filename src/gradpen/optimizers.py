"""Optimisers as choices, with the hyperparameters of the papers, and a moving average of the generator's weights."""

import copy
import inspect
from collections.abc import Iterable
from typing import Literal, Protocol

import torch
from pydantic import PositiveFloat
from pydantic.dataclasses import dataclass
from torch import nn

from gradpen.choice import STRICT
from gradpen.schedule import Below1, Decay, NotNegative, Positive, Schedule, number

__all__ = ["Adam", "Average", "RMSProp"]


class OptimizerChoice(Protocol):
    """The contract of an optimiser choice."""

    @property
    def learning_rate(self) -> float | Schedule:
        """The learning rate, which may change over training."""

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Return the optimiser over the parameters."""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Adam:
    """Adam (Kingma & Ba 2015); the defaults are those of Gulrajani et al. 2017, Algorithm 1.

    >>> Adam(learning_rate=2e-4).build(nn.Linear(2, 1).parameters()).defaults["betas"]
    (0.0, 0.9)
    """

    name: Literal["adam"] = "adam"
    learning_rate: Positive = 1e-4
    beta1: Below1 = 0.0
    beta2: Decay = 0.9

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Return :class:`torch.optim.Adam` in its fused form."""
        return AdamWithoutCompiler(
            parameters, lr=number(self.learning_rate), betas=(float(self.beta1), float(number(self.beta2))), fused=True
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
    learning_rate: Positive = 5e-5
    alpha: Below1 = 0.99
    """decay of the running mean of squared gradients"""
    eps: PositiveFloat = 1e-8
    form: Literal["pytorch", "tensorflow"] = "pytorch"

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Return :class:`torch.optim.RMSprop`, or :class:`TensorFlowRMSProp`."""
        if self.form == "tensorflow":
            return TensorFlowRMSProp(parameters, lr=number(self.learning_rate), alpha=self.alpha, eps=self.eps)
        return RMSpropWithoutCompiler(
            parameters, lr=number(self.learning_rate), alpha=self.alpha, eps=self.eps, foreach=True
        )


OPTIMIZERS = (Adam, RMSProp)
"""all optimisers to choose from"""


def move_to(optimizer: torch.optim.Optimizer, choice: OptimizerChoice) -> None:
    """Give an optimiser the learning rate and the second decay of a choice without schedules."""
    for group in optimizer.param_groups:
        group["lr"] = number(choice.learning_rate)
        if isinstance(choice, Adam):
            group["betas"] = (group["betas"][0], float(number(choice.beta2)))


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Average:
    r"""A moving average of the generator's weights, by the images in which half of it is forgotten.

    .. math:: \bar w \leftarrow d \bar w + (1 - d) w, \qquad d = 2^{-b / h}

    with b the images that the critic saw since the last update, and h the half-life, at most ``ramp_up`` times all
    images seen so far: an average of the first minutes should not remember the untrained generator. Source: Karras et
    al. 2020 (arXiv 2006.06676) and its release (``training_loop.py``: ``ema_kimg``, ``ema_rampup`` 0.05).

    >>> Average(half_life=64, ramp_up=None).decay(images=64, seen=6400)
    0.5
    """

    half_life: NotNegative = 10_000
    """images in which half of the average is forgotten"""
    ramp_up: PositiveFloat | None = 0.05
    """the half-life is at most this share of the images seen so far; none: it is never shorter"""

    def decay(self, images: int, seen: int) -> float:
        """Return the share of the average that an update keeps.

        Args:
            images: images that the critic saw since the last update.
            seen: images that it had seen before those.
        """
        half_life = number(self.half_life)
        if self.ramp_up is not None:
            half_life = min(half_life, self.ramp_up * seen)
        return float(0.5 ** (images / max(half_life, 1e-8)))


class WithoutCompiler(torch.optim.Optimizer):
    """PyTorch's optimisers without their hooks for ``torch.compile``.

    The first call of a hooked method imports the compiler, which takes a second or two of every command; nothing here
    compiles an optimiser. The methods are PyTorch's own, below the hook.
    """

    add_param_group = inspect.unwrap(torch.optim.Optimizer.add_param_group)
    zero_grad = inspect.unwrap(torch.optim.Optimizer.zero_grad)
    state_dict = inspect.unwrap(torch.optim.Optimizer.state_dict)
    load_state_dict = inspect.unwrap(torch.optim.Optimizer.load_state_dict)


class AdamWithoutCompiler(WithoutCompiler, torch.optim.Adam):
    """Adam as PyTorch has it."""

    step = torch.no_grad()(inspect.unwrap(torch.optim.Adam.step))


class RMSpropWithoutCompiler(WithoutCompiler, torch.optim.RMSprop):
    """RMSProp as PyTorch has it."""

    step = torch.no_grad()(inspect.unwrap(torch.optim.RMSprop.step))


class TensorFlowRMSProp(WithoutCompiler):
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
