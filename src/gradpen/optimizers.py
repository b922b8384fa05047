"""Optimisers as choices: Adam and RMSProp with the hyperparameters of the papers."""

from collections.abc import Iterable
from typing import Annotated, Literal, Protocol

import torch
from pydantic import Field, PositiveFloat
from pydantic.dataclasses import dataclass
from torch import nn

from gradpen.choice import STRICT

Decay = Annotated[float, Field(ge=0, lt=1)]


class OptimizerChoice(Protocol):
    """The contract of an optimiser choice."""

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Return the optimiser over the parameters."""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class Adam:
    """Adam (Kingma & Ba 2015); the defaults are those of Gulrajani et al. 2017, Algorithm 1."""

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
class RmsProp:
    """RMSProp with PyTorch's form; the learning rate is that of Arjovsky et al. 2017, Algorithm 1."""

    name: Literal["rmsprop"] = "rmsprop"
    learning_rate: PositiveFloat = 5e-5
    alpha: Decay = 0.99
    """decay of the running mean of squared gradients"""
    eps: PositiveFloat = 1e-8

    def build(self, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
        """Return :class:`torch.optim.RMSprop`."""
        return torch.optim.RMSprop(parameters, lr=self.learning_rate, alpha=self.alpha, eps=self.eps, foreach=True)
