"""Multilayer perceptrons for images, as in PyTorch-GAN's MNIST models.

Source: github.com/eriklindernoren/PyTorch-GAN, ``wgan.py`` and ``wgan_gp.py``. There ``BatchNorm1d(n, 0.8)``
sets eps to 0.8 where Keras' momentum 0.8 was meant; here eps is 1e-5 and the momentum is the intended one
(0.2 in PyTorch's convention). ``batch_norm_eps=0.8`` brings the original's behaviour back.
"""

import math
from typing import Literal

from pydantic import Field, PositiveFloat
from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from gradpen.choice import STRICT, Size
from gradpen.networks.blocks import Initialiser, Scores, Shape, initialise
from gradpen.networks.dropout import Dropout
from gradpen.networks.labels import (
    CriticLabels,
    Layers,
    critic_with_labels,
    generator_with_labels,
)
from gradpen.networks.layers import LeakyReLU, Linear
from gradpen.networks.norms import BatchNorm1d


@dataclass(frozen=True, kw_only=True, config=STRICT)
class MlpGenerator:
    """Linear layers with batch norm after all but the first, leaky ReLU between, tanh at the end.

    >>> import torch
    >>> MlpGenerator(widths=(8, 8)).build((1, 8, 8))(torch.zeros(2, 100)).shape
    torch.Size([2, 1, 8, 8])
    """

    name: Literal["mlp"] = "mlp"
    latent_dim: Size = 100
    widths: tuple[Size, ...] = Field(default=(128, 256, 512, 1024), min_length=1)
    """features of the hidden layers"""
    tanh: bool = True
    """end in tanh; without it samples are unbounded, as in the WGAN release's MLP"""
    batch_norm: bool = True
    batch_norm_eps: PositiveFloat = 1e-5
    batch_norm_momentum: float = Field(default=0.2, gt=0, le=1)
    """share of a batch in the moving statistics, PyTorch's convention"""
    negative_slope: float = 0.2
    initialiser: Initialiser = "pytorch"
    labels: Literal["none", "concatenate", "embed", "multiply"] = "none"
    """how labels enter: beside the latent as they are or embedded, or as an embedding times the latent"""
    label_features: Size = 10
    """size of the embedding, for ``embed``"""

    def build(self, shape: Shape, labels: int = 0) -> nn.Module:
        """Return the generator for images ``[channels, height, width]`` with label vectors of that size."""
        return generator_with_labels(self, labels, lambda latent_dim: self.layers(latent_dim, shape))

    def layers(self, features: int, shape: Shape) -> Layers:
        """Return the layers, the first of which takes so many features."""
        layers: list[nn.Module] = []
        for index, width in enumerate(self.widths):
            layers.append(Linear(features, width))
            if self.batch_norm and index > 0:
                layers.append(BatchNorm1d(width, eps=self.batch_norm_eps, momentum=self.batch_norm_momentum))
            layers.append(nn.LeakyReLU(self.negative_slope))
            features = width
        layers += [Linear(features, math.prod(shape)), *([nn.Tanh()] if self.tanh else []), nn.Unflatten(1, shape)]
        generator = Layers(*layers)
        initialise(generator, self.initialiser)
        return generator


class Maxout(nn.Module):
    r"""The largest of so many numbers at a time, :math:`\max_k x_{ck}` (Goodfellow et al. 2013, arXiv 1302.4389)."""

    def __init__(self, pieces: int) -> None:
        super().__init__()
        self.pieces = pieces

    def forward(self, x: Tensor) -> Tensor:
        """Return ``[B, features / pieces]``."""
        largest: Tensor = x.unflatten(1, (-1, self.pieces)).max(dim=2).values
        return largest


@dataclass(frozen=True, kw_only=True, config=STRICT)
class MlpCritic:
    """Linear layers with leaky ReLU between and a single unbounded score.

    >>> import torch
    >>> MlpCritic(widths=(8,)).build((1, 8, 8))(torch.zeros(2, 1, 8, 8)).shape
    torch.Size([2])
    """

    name: Literal["mlp"] = "mlp"
    widths: tuple[Size, ...] = Field(default=(512, 256), min_length=1)
    """features of the hidden layers"""
    negative_slope: float = 0.2
    """of the leaky ReLU; 0 is ReLU"""
    maxout: Size = 1
    """numbers of which the largest is taken, in place of the leaky ReLU; 1: none"""
    dropout: float = Field(default=0.0, ge=0, lt=1)
    """before every activation but the first"""
    initialiser: Initialiser = "pytorch"
    labels: CriticLabels = "none"
    """how labels enter: planes and embed lay them beside the flattened image; classify adds class logits (AC-GAN)"""
    label_features: Size = 10
    """size of the embedding, for ``embed``"""

    def build(self, shape: Shape, labels: int = 0) -> nn.Module:
        """Return the critic for images ``[channels, height, width]`` with label vectors of that size."""

        def build(added: int, outputs: int) -> nn.Module:
            return self.layers(math.prod(shape) + added, outputs)

        return critic_with_labels(self, labels, build, flat=True)

    def layers(self, features: int, outputs: int) -> nn.Module:
        """Return the layers from so many features to so many outputs."""
        layers: list[nn.Module] = [nn.Flatten()]
        for index, width in enumerate(self.widths):
            layers.append(Linear(features, width * self.maxout))
            if self.dropout and index > 0:
                layers.append(Dropout(self.dropout))
            layers.append(LeakyReLU(self.negative_slope) if self.maxout == 1 else Maxout(self.maxout))
            features = width
        critic = nn.Sequential(*layers, Linear(features, outputs), Scores())
        initialise(critic, self.initialiser)
        return critic
