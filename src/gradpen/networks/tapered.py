"""The residual pair of Gulrajani et al. 2017 for 64x64 images, whose channels double where maps halve.

After ``GoodGenerator`` and ``GoodDiscriminator`` of their release (github.com/igul222/improved_wgan_training,
``gan_64x64.py``): norm, ReLU and a 3x3 convolution twice beside a shortcut; enlargement before the first convolution,
pooling after the second. The paper's own 64x64 experiments name it the architecture that the script takes by default.
"""

import itertools
from typing import Literal

from pydantic import Field
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from gradpen.choice import STRICT, Size
from gradpen.networks.blocks import Scores, Shape
from gradpen.networks.fused import EnlargedConvolution, PooledConvolution
from gradpen.networks.labels import CriticLabels, Layers, critic_with_labels, generator_with_labels
from gradpen.networks.layers import Convolution, LeakyReLU, Linear
from gradpen.networks.residual import BASE, RELU, halvings, initialise_residual, norm

Norm = Literal["batch", "layer", "none"]
Labels = Literal["none", "concatenate", "embed", "multiply"]


def channels_of(width: int, count: int, most: int) -> list[int]:
    """Return the channels at the image and after each halving: doubled each time, at most so many times the width.

    >>> channels_of(64, 4, 8)
    [64, 128, 256, 512, 512]
    """
    return [width * min(2**halving, most) for halving in range(count + 1)]


class Growing(nn.Module):
    """Norm, ReLU, enlargement and convolution, norm, ReLU, convolution; beside an enlarged 1x1 convolution."""

    def __init__(self, fan_in: int, fan_out: int, kind: Norm) -> None:
        super().__init__()
        self.before, self.between = norm(kind, fan_in, 0, 1e-5), norm(kind, fan_out, 0, 1e-5)
        self.grow = EnlargedConvolution(fan_in, fan_out, bias=False)
        self.convolve = Convolution(fan_out, fan_out, 3, padding=1)
        self.shortcut, self.bend = Convolution(fan_in, fan_out, 1), LeakyReLU(RELU)

    def forward(self, x: Tensor) -> Tensor:
        """Return maps of twice the height and width."""
        branch: Tensor = self.convolve(self.bend(self.between(self.grow(self.bend(self.before(x))))))
        return branch + interpolate(self.shortcut(x), scale_factor=2, mode="nearest")


class Shrinking(nn.Module):
    """Norm, ReLU, convolution, norm, ReLU, convolution and pooling; beside a pooled 1x1 convolution."""

    def __init__(self, fan_in: int, fan_out: int, kind: Norm) -> None:
        super().__init__()
        self.before, self.between = norm(kind, fan_in, 0, 1e-5), norm(kind, fan_in, 0, 1e-5)
        self.convolve = Convolution(fan_in, fan_in, 3, padding=1, bias=False)
        self.pool, self.bend = PooledConvolution(fan_in, fan_out), LeakyReLU(RELU)
        self.shortcut = Convolution(fan_in, fan_out, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Return maps of half the height and width."""
        branch: Tensor = self.pool(self.bend(self.between(self.convolve(self.bend(self.before(x))))))
        shortcut: Tensor = self.shortcut(avg_pool2d(x, 2))
        return branch + shortcut


@dataclass(frozen=True, kw_only=True, config=STRICT)
class TaperedGenerator:
    """A linear layer to about 4x4 positions, growing residual blocks of half the channels each, norm, ReLU, 3x3, tanh.

    >>> import torch
    >>> TaperedGenerator(width=4).build((3, 64, 64))(torch.zeros(2, 128)).shape
    torch.Size([2, 3, 64, 64])
    """

    name: Literal["tapered"] = "tapered"
    latent_dim: Size = 128
    width: Size = 64
    """channels nearest the image; doubled at every halving"""
    most: Size = Field(default=8)
    """how many times the width there are at most"""
    norm: Norm = "batch"
    labels: Labels = "none"
    """how labels enter: none, concatenate, embed or multiply"""
    label_features: Size = 10
    """size of the embedding, for ``embed``"""

    def build(self, shape: Shape, labels: int = 0) -> nn.Module:
        """Return the generator; raise :class:`UsageError` if images of this shape do not halve evenly."""
        count = halvings(shape, BASE)
        return generator_with_labels(self, labels, lambda latent_dim: self.layers(latent_dim, shape, count))

    def layers(self, latent_dim: int, shape: Shape, count: int) -> Layers:
        """Return the layers from latents of that size, with so many doublings."""
        widths = channels_of(self.width, count, self.most)[::-1]
        base = (widths[0], shape[1] >> count, shape[2] >> count)
        generator = Layers(
            Linear(latent_dim, base[0] * base[1] * base[2]),
            nn.Unflatten(1, base),
            *(Growing(before, after, self.norm) for before, after in itertools.pairwise(widths)),
            norm(self.norm, widths[-1], 0, 1e-5),
            LeakyReLU(RELU),
            Convolution(widths[-1], shape[0], 3, padding=1),
            nn.Tanh(),
        )
        initialise_residual(generator)
        return generator


@dataclass(frozen=True, kw_only=True, config=STRICT)
class TaperedCritic:
    """A 3x3 convolution, shrinking residual blocks with twice the channels each, a linear layer to one score.

    >>> import torch
    >>> TaperedCritic(width=4).build((3, 64, 64))(torch.zeros(2, 3, 64, 64)).shape
    torch.Size([2])
    """

    name: Literal["tapered"] = "tapered"
    width: Size = 64
    """channels nearest the image; doubled at every halving"""
    most: Size = 8
    """how many times the width there are at most"""
    norm: Norm = "layer"
    """batch norm is refused by gradient penalties"""
    labels: CriticLabels = "none"
    """how labels enter: none, planes, embed, or classify (AC-GAN)"""
    label_features: Size = 10
    """size of the embedding, for ``embed``"""

    def build(self, shape: Shape, labels: int = 0) -> nn.Module:
        """Return the critic; raise :class:`UsageError` if images of this shape do not halve evenly."""
        count = halvings(shape, BASE)
        return critic_with_labels(self, labels, lambda added, outputs: self.layers(shape, added, count, outputs))

    def layers(self, shape: Shape, added: int, count: int, outputs: int) -> nn.Module:
        """Return the layers from images with so many more maps to so many outputs, with so many halvings."""
        widths = channels_of(self.width, count, self.most)
        places = (shape[1] >> count) * (shape[2] >> count)
        first = Convolution(shape[0] + added, widths[0], 3, padding=1)
        critic = nn.Sequential(
            first,
            *(Shrinking(before, after, self.norm) for before, after in itertools.pairwise(widths)),
            nn.Flatten(),
            Linear(widths[-1] * places, outputs),
            Scores(),
        )
        initialise_residual(critic, last=first)
        return critic
