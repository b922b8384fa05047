"""Multilayer perceptrons for images, as in PyTorch-GAN's MNIST models.

Source: github.com/eriklindernoren/PyTorch-GAN, ``wgan.py`` and ``wgan_gp.py``. There ``BatchNorm1d(n, 0.8)``
sets eps to 0.8 where Keras' momentum 0.8 was meant; here eps is 1e-5 and the momentum is the intended one
(0.2 in PyTorch's convention). ``batch_norm_eps=0.8`` brings the original's behaviour back.
"""

import math
from typing import Literal

from pydantic import Field, PositiveFloat, PositiveInt
from pydantic.dataclasses import dataclass
from torch import nn

from gradpen.choice import STRICT
from gradpen.networks.blocks import Initialiser, Scores, Shape, initialise


@dataclass(frozen=True, kw_only=True, config=STRICT)
class MlpGenerator:
    """Linear layers with batch norm after all but the first, leaky ReLU between, tanh at the end."""

    name: Literal["mlp"] = "mlp"
    latent_dim: PositiveInt = 100
    widths: tuple[PositiveInt, ...] = Field(default=(128, 256, 512, 1024), min_length=1)
    """features of the hidden layers"""
    batch_norm: bool = True
    batch_norm_eps: PositiveFloat = 1e-5
    negative_slope: float = 0.2
    initialiser: Initialiser = "pytorch"

    def build(self, shape: Shape) -> nn.Module:
        """Return the generator for images ``[channels, height, width]``."""
        layers: list[nn.Module] = []
        features = self.latent_dim
        for index, width in enumerate(self.widths):
            layers.append(nn.Linear(features, width))
            if self.batch_norm and index > 0:
                layers.append(nn.BatchNorm1d(width, eps=self.batch_norm_eps, momentum=0.2))
            layers.append(nn.LeakyReLU(self.negative_slope))
            features = width
        layers += [nn.Linear(features, math.prod(shape)), nn.Tanh(), nn.Unflatten(1, shape)]
        generator = nn.Sequential(*layers)
        initialise(generator, self.initialiser)
        return generator


@dataclass(frozen=True, kw_only=True, config=STRICT)
class MlpCritic:
    """Linear layers with leaky ReLU between and a single unbounded score."""

    name: Literal["mlp"] = "mlp"
    widths: tuple[PositiveInt, ...] = Field(default=(512, 256), min_length=1)
    """features of the hidden layers"""
    negative_slope: float = 0.2
    initialiser: Initialiser = "pytorch"

    def build(self, shape: Shape) -> nn.Module:
        """Return the critic for images ``[channels, height, width]``."""
        layers: list[nn.Module] = [nn.Flatten()]
        features = math.prod(shape)
        for width in self.widths:
            layers += [nn.Linear(features, width), nn.LeakyReLU(self.negative_slope)]
            features = width
        critic = nn.Sequential(*layers, nn.Linear(features, 1), Scores())
        initialise(critic, self.initialiser)
        return critic
