"""The residual pair of the 128x128 bedrooms of Gulrajani et al. 2017, whose critic halves by strided convolutions.

After the first author's research code (github.com/igul222/nn, ``experiments/wgan/wgan_imagenet128.py``), which
Arjovsky names for figure 4: blocks enlarge before their first convolution, the critic's second convolutions have
stride 2, convolutions behind an enlargement begin at half of He's size, and a mean over positions ends the critic.
"""

import itertools
from typing import Literal

import torch
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d

from gradpen.choice import STRICT, Size
from gradpen.networks.blocks import Scores, Shape
from gradpen.networks.fused import EnlargedConvolution
from gradpen.networks.labels import CriticLabels, Layers, critic_with_labels, generator_with_labels
from gradpen.networks.layers import Convolution, LeakyReLU, Linear
from gradpen.networks.residual import (
    BASE,
    FULL_SIZE_FROM,
    RELU,
    MeanOverPositions,
    PlainBlock,
    halvings,
    initialise_residual,
    norm,
)
from gradpen.networks.tapered import Growing, Labels, Norm, channels_of

GAIN = 0.5
"""of the weights of convolutions behind an enlargement"""


class Striding(nn.Module):
    """Norm, ReLU, convolution, norm, ReLU, convolution of stride 2; beside a 1x1 convolution of the pooled maps."""

    def __init__(self, fan_in: int, fan_out: int, kind: Norm) -> None:
        super().__init__()
        self.before, self.between = norm(kind, fan_in, 0, 1e-5), norm(kind, fan_in, 0, 1e-5)
        self.convolve = Convolution(fan_in, fan_in, 3, padding=1)
        self.halve = Convolution(fan_in, fan_out, 3, stride=2, padding=1)
        self.shortcut, self.bend = Convolution(fan_in, fan_out, 1), LeakyReLU(RELU)

    def forward(self, x: Tensor) -> Tensor:
        """Return maps of half the height and width."""
        branch: Tensor = self.halve(self.bend(self.between(self.convolve(self.bend(self.before(x))))))
        shortcut: Tensor = self.shortcut(avg_pool2d(x, 2))
        return branch + shortcut


@dataclass(frozen=True, kw_only=True, config=STRICT)
class StridedGenerator:
    """A linear layer to about 4x4 positions, growing residual blocks, norm, ReLU, enlargement, a 5x5 convolution, tanh.

    >>> import torch
    >>> StridedGenerator(width=4).build((3, 128, 128))(torch.zeros(2, 128)).shape
    torch.Size([2, 3, 128, 128])
    """

    name: Literal["strided"] = "strided"
    latent_dim: Size = 128
    width: Size = 64
    """channels at half the image's size; doubled at every halving"""
    most: Size = 8
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
        widths = channels_of(self.width, count - 1, self.most)[::-1]
        base = (widths[0], shape[1] >> count, shape[2] >> count)
        last = Convolution(widths[-1], shape[0], 5, padding=2)
        generator = Layers(
            Linear(latent_dim, base[0] * base[1] * base[2]),
            nn.Unflatten(1, base),
            *(Growing(before, after, self.norm) for before, after in itertools.pairwise(widths)),
            norm(self.norm, widths[-1], 0, 1e-5),
            LeakyReLU(RELU),
            nn.UpsamplingNearest2d(scale_factor=2),
            last,
            nn.Tanh(),
        )
        initialise_residual(generator)
        with torch.no_grad():
            for layer in generator.modules():
                if layer is last or isinstance(layer, EnlargedConvolution):
                    layer.weight.mul_(GAIN)
        return generator


@dataclass(frozen=True, kw_only=True, config=STRICT)
class StridedCritic:
    """A 5x5 convolution of stride 2, striding residual blocks to about 8x8, two plain ones, the mean, one score.

    >>> import torch
    >>> StridedCritic(width=4).build((3, 128, 128))(torch.zeros(2, 3, 128, 128)).shape
    torch.Size([2])
    """

    name: Literal["strided"] = "strided"
    width: Size = 128
    """channels at half the image's size; doubled at every halving"""
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
        count, channels = halvings(shape, FULL_SIZE_FROM), shape[0]
        return critic_with_labels(self, labels, lambda added, outputs: self.layers(channels + added, count, outputs))

    def layers(self, fan_in: int, count: int, outputs: int) -> nn.Module:
        """Return the layers from so many maps to so many outputs, with so many halvings."""
        widths = channels_of(self.width, count - 1, self.most)
        norms = [[norm(self.norm, widths[-1], 0, 1e-5) for _ in range(2)] for _ in range(2)]
        critic = nn.Sequential(
            Convolution(fan_in, widths[0], 5, stride=2, padding=2),
            *(Striding(before, after, self.norm) for before, after in itertools.pairwise(widths)),
            *(PlainBlock(widths[-1], each) for each in norms),
            LeakyReLU(RELU),
            MeanOverPositions(),
            Linear(widths[-1], outputs),
            Scores(),
        )
        initialise_residual(critic)
        return critic
