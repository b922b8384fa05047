r"""The residual pair of R3GAN: no norm layers, branches that start at zero (Huang et al. 2024, arXiv 2501.05441).

After their release (github.com/brownvc/R3GAN, ``Networks.py``): every block is a 1x1, a grouped 3x3 and a 1x1
convolution with leaky ReLU between, beside the input itself. The last 1x1 starts at zero, the others with gain
:math:`\sqrt{2 / (1 + 0.2^2)}\, L^{-1/4}`, L being the blocks of a network (Zhang et al. 2019, arXiv 1901.09321).
Deviations: the release resizes with a 1-2-1 filter, here maps are enlarged bilinearly and reduced by their mean over
2x2; one width serves all sizes, where the release narrows at 64x64 alone.
"""

import math
from typing import Literal

import torch
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from gradpen.choice import STRICT, Size
from gradpen.networks.blocks import Scores, Shape
from gradpen.networks.labels import CriticLabels, Layers, critic_with_labels, generator_with_labels
from gradpen.networks.layers import Convolution, LeakyReLU, Linear
from gradpen.networks.residual import BASE, halvings

SLOPE = 0.2
GAIN = math.sqrt(2 / (1 + SLOPE**2))


@torch.no_grad()
def scaled(layer: nn.Conv2d | nn.Linear, gain: float = 1.0) -> nn.Module:
    """Return the layer with weights from N(0, gain^2 / fan in) and no offset to begin with."""
    layer.weight.normal_(0, gain / math.sqrt(layer.weight[0].numel()))
    if layer.bias is not None:
        layer.bias.zero_()
    return layer


def groups_of(channels: int, group: int) -> int:
    """Return into how many groups channels are divided, each of so many channels or the next number that divides them.

    >>> groups_of(64, 16), groups_of(56, 16)
    (4, 2)
    """
    return next(count for count in range(max(1, channels // group), 0, -1) if channels % count == 0)


class Bottleneck(nn.Module):
    """1x1, grouped 3x3 and 1x1 convolutions beside the input itself, which is all there is at first."""

    def __init__(self, width: int, expansion: int, group: int, blocks: int) -> None:
        super().__init__()
        inner, gain = width * expansion, GAIN * blocks**-0.25
        self.widen = scaled(Convolution(width, inner, 1), gain)
        self.convolve = scaled(Convolution(inner, inner, 3, padding=1, groups=groups_of(inner, group)), gain)
        self.narrow = scaled(Convolution(inner, width, 1, bias=False), 0.0)
        self.bend = LeakyReLU(SLOPE)

    def forward(self, x: Tensor) -> Tensor:
        """Return maps of the same size."""
        maps: Tensor = x + self.narrow(self.bend(self.convolve(self.bend(self.widen(x)))))
        return maps


class Enlarge(nn.Module):
    """Twice the rows and columns, bilinearly."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the enlarged maps."""
        return interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class Reduce(nn.Module):
    """Half the rows and columns, by the mean over 2x2."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the reduced maps."""
        return avg_pool2d(x, 2)


class Basis(nn.Module):
    """A learned picture for each channel, weighed by a linear map of the latent."""

    def __init__(self, latent_dim: int, width: int, size: tuple[int, int]) -> None:
        super().__init__()
        self.pictures = nn.Parameter(torch.randn(width, *size))
        self.weigh = scaled(Linear(latent_dim, width, bias=False))

    def forward(self, z: Tensor) -> Tensor:
        """Return maps ``[B, width, *size]``."""
        maps: Tensor = self.pictures * self.weigh(z)[:, :, None, None]
        return maps


@dataclass(frozen=True, kw_only=True, config=STRICT)
class R3ganGenerator:
    """Learned pictures weighed by the latent, then blocks and enlargements up to the image.

    >>> import torch
    >>> R3ganGenerator(width=16).build((3, 32, 32))(torch.zeros(2, 64)).shape
    torch.Size([2, 3, 32, 32])
    """

    name: Literal["r3gan"] = "r3gan"
    latent_dim: Size = 64
    width: Size = 32
    """channels of every stage; 768 in the release"""
    blocks: Size = 2
    """blocks in a stage"""
    expansion: Size = 2
    """how much wider the middle of a block is"""
    group: Size = 16
    """channels in a group of the 3x3 convolutions"""
    tanh: bool = True
    """end in tanh; without it samples are unbounded, as in the release"""
    labels: Literal["none", "concatenate", "embed", "multiply"] = "none"
    """how labels enter: beside the latent as they are or embedded, or as an embedding times the latent"""
    label_features: Size = 10
    """size of the embedding, for ``embed``"""

    def build(self, shape: Shape, labels: int = 0) -> nn.Module:
        """Return the generator; raise :class:`UsageError` if images of this shape do not halve evenly."""
        count = halvings(shape, BASE)
        return generator_with_labels(self, labels, lambda latent_dim: self.layers(latent_dim, shape, count))

    def layers(self, latent_dim: int, shape: Shape, count: int) -> Layers:
        """Return the layers from latents of that size, with so many doublings."""
        whole = self.blocks * (count + 1)
        layers: list[nn.Module] = [Basis(latent_dim, self.width, (shape[1] >> count, shape[2] >> count))]
        for stage in range(count + 1):
            layers += [Enlarge()] if stage else []
            layers += [Bottleneck(self.width, self.expansion, self.group, whole) for _ in range(self.blocks)]
        image = scaled(Convolution(self.width, shape[0], 1, bias=False))
        return Layers(*layers, image, *([nn.Tanh()] if self.tanh else []))


@dataclass(frozen=True, kw_only=True, config=STRICT)
class R3ganCritic:
    """A 1x1 convolution, blocks and reductions down to about 4x4 positions, one weight for each, one score.

    >>> import torch
    >>> R3ganCritic(width=16).build((3, 32, 32))(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2])
    """

    name: Literal["r3gan"] = "r3gan"
    width: Size = 32
    """channels of every stage; 768 in the release"""
    blocks: Size = 2
    """blocks in a stage"""
    expansion: Size = 2
    """how much wider the middle of a block is"""
    group: Size = 16
    """channels in a group of the 3x3 convolutions"""
    labels: CriticLabels = "none"
    """how labels enter: none, planes, embed, or classify (AC-GAN)"""
    label_features: Size = 10
    """size of the embedding, for ``embed``"""

    def build(self, shape: Shape, labels: int = 0) -> nn.Module:
        """Return the critic; raise :class:`UsageError` if images of this shape do not halve evenly."""
        count = halvings(shape, BASE)
        return critic_with_labels(
            self, labels, lambda added, outputs: self.layers((shape[0] + added, *shape[1:]), count, outputs)
        )

    def layers(self, shape: Shape, count: int, outputs: int) -> nn.Module:
        """Return the layers from images of that shape to so many outputs, with so many halvings."""
        whole, base = self.blocks * (count + 1), (shape[1] >> count, shape[2] >> count)
        layers: list[nn.Module] = [scaled(Convolution(shape[0], self.width, 1, bias=False))]
        for stage in range(count + 1):
            layers += [Reduce()] if stage else []
            layers += [Bottleneck(self.width, self.expansion, self.group, whole) for _ in range(self.blocks)]
        at_each_place = scaled(nn.Conv2d(self.width, self.width, base, groups=self.width, bias=False))
        return nn.Sequential(
            *layers, at_each_place, nn.Flatten(), scaled(Linear(self.width, outputs, bias=False)), Scores()
        )
