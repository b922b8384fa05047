"""The residual pair of Gulrajani et al. 2017 for CIFAR-10 (arXiv 1704.00028, appendix F).

After their release (github.com/igul222/improved_wgan_training, ``gan_cifar_resnet.py``): pre-activation blocks of two
3x3 convolutions, upsampling before the first convolution of a block (the paper says before the second), batch norm in
the generator and no norm in the critic. A shortcut pools, or convolves 1x1, first, whichever is less work: both orders
are the same map.
"""

from functools import partial
from typing import Literal

import torch
from pydantic import PositiveFloat
from pydantic.dataclasses import dataclass
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate

from gradpen.choice import STRICT, Size
from gradpen.errors import UsageError
from gradpen.networks.blocks import Scores, Shape, initialise
from gradpen.networks.fused import EnlargedConvolution, PooledConvolution
from gradpen.networks.labels import (
    ConditionalBatchNorm,
    CriticLabels,
    GeneratorLabels,
    Layers,
    TakesLabels,
    critic_with_labels,
    generator_with_labels,
)
from gradpen.networks.layers import Convolution, LeakyReLU, Linear
from gradpen.networks.norms import BatchNorm2d

BASE = 4
FULL_SIZE_FROM = 8
RELU = 0.0


class GrowingBlock(TakesLabels):
    """Norm, ReLU, enlargement and convolution, norm, ReLU, convolution; beside an enlarging shortcut."""

    def __init__(self, fan_in: int, fan_out: int, norms: list[nn.Module]) -> None:
        super().__init__()
        self.norms = nn.ModuleList(norms)
        self.grow, self.convolve = EnlargedConvolution(fan_in, fan_out), Convolution(fan_out, fan_out, 3, padding=1)
        self.shortcut = Convolution(fan_in, fan_out, 1)

    def forward(self, x: Tensor, labels: Tensor | None) -> Tensor:
        """Return maps of twice the height and width."""
        first, second = self.norms
        branch: Tensor = self.convolve(
            normalised(second, self.grow(normalised(first, x, labels).relu()), labels).relu()
        )
        enlarged: Tensor = interpolate(self.shortcut(x), scale_factor=2, mode="nearest")
        return branch + enlarged


def norm(kind: Literal["none", "batch", "layer"], features: int, labels: int, eps: float) -> nn.Module:
    """Return a norm layer of this kind, conditional if there are labels."""
    if labels:
        return ConditionalBatchNorm(features, labels, eps=eps, momentum=0.1)
    if kind == "none":
        return nn.Identity()
    return BatchNorm2d(features, eps=eps) if kind == "batch" else nn.GroupNorm(1, features, eps=eps)


def normalised(layer: nn.Module, x: Tensor, labels: Tensor | None) -> Tensor:
    """Return the norm layer's output."""
    maps: Tensor = layer(x, labels) if isinstance(layer, ConditionalBatchNorm) else layer(x)
    return maps


class FirstBlock(nn.Module):
    """Convolution, norm, ReLU, convolution and pooling, beside a pooling shortcut: images are not rectified first."""

    def __init__(self, fan_in: int, fan_out: int, norm: nn.Module) -> None:
        super().__init__()
        self.norm = norm
        self.convolve, self.pool = Convolution(fan_in, fan_out, 3, padding=1), PooledConvolution(fan_out, fan_out)
        self.shortcut, self.bend = Convolution(fan_in, fan_out, 1), LeakyReLU(RELU)

    def forward(self, x: Tensor) -> Tensor:
        """Return maps of half the height and width."""
        maps: Tensor = self.pool(self.bend(self.norm(self.convolve(x)))) + self.shortcut(avg_pool2d(x, 2))
        return maps


class ShrinkingBlock(nn.Module):
    """Norm, ReLU, convolution, norm, ReLU, convolution and pooling, beside a pooling shortcut."""

    def __init__(self, features: int, norms: list[nn.Module]) -> None:
        super().__init__()
        self.norms = nn.ModuleList(norms)
        self.convolve, self.pool = Convolution(features, features, 3, padding=1), PooledConvolution(features, features)
        self.shortcut, self.bend = Convolution(features, features, 1), LeakyReLU(RELU)

    def forward(self, x: Tensor) -> Tensor:
        """Return maps of half the height and width."""
        first, second = self.norms
        maps: Tensor = self.pool(self.bend(second(self.convolve(self.bend(first(x)))))) + self.shortcut(
            avg_pool2d(x, 2)
        )
        return maps


class PlainBlock(nn.Module):
    """Norm, ReLU, convolution, norm, ReLU, convolution, beside the input itself."""

    def __init__(self, features: int, norms: list[nn.Module]) -> None:
        super().__init__()
        self.norms = nn.ModuleList(norms)
        self.first, self.second = (Convolution(features, features, 3, padding=1) for _ in range(2))
        self.bend = LeakyReLU(RELU)

    def forward(self, x: Tensor) -> Tensor:
        """Return maps of the same size."""
        before, between = self.norms
        maps: Tensor = self.second(self.bend(between(self.first(self.bend(before(x)))))) + x
        return maps


class MeanOverPositions(nn.Module):
    """The mean of ``[B, C, H, W]`` over height and width."""

    def forward(self, x: Tensor) -> Tensor:
        """Return ``[B, C]``."""
        return x.mean((2, 3))


class SumOverPositions(nn.Module):
    """The sum of ``[B, C, H, W]`` over height and width."""

    def forward(self, x: Tensor) -> Tensor:
        """Return ``[B, C]``."""
        return x.sum((2, 3))


@torch.no_grad()
def initialise_residual(network: nn.Module, *, last: nn.Module | None = None) -> None:
    """Initialise as the release does: 3x3 convolutions by He, linear layers, shortcuts and the last layer by Glorot."""
    initialise(network, "he-uniform")
    for layer in network.modules():
        if isinstance(layer, Linear):
            nn.init.xavier_uniform_(layer.weight)
        elif isinstance(layer, nn.Conv2d) and (layer.kernel_size == (1, 1) or layer is last):
            # He's variance is 4 / (fan in + fan out) and Glorot's is half of it.
            layer.weight.mul_(0.5**0.5)


def halvings(shape: Shape, smallest: int) -> int:
    """Return how often images of this shape are halved until a side has ``smallest`` positions.

    Raises:
        UsageError: they do not halve evenly.
    """
    _, height, width = shape
    count = halvings_of(min(height, width), smallest)
    if height % 2**count or width % 2**count or min(height, width) < 2 * BASE:
        largest = 2 ** halvings_of(max(height, width), BASE)
        even = [max(2 * BASE, largest, round(side / largest) * largest) for side in (height, width)]
        raise UsageError(
            f"residual networks halve images {count} times and end with at least {BASE} rows and columns, which "
            f"{height}x{width} does not allow; choose for example `data.size={even[0]}x{even[1]}`"
        )
    return count


def halvings_of(side: int, smallest: int) -> int:
    """Return how often a side is halved.

    >>> halvings_of(32, 4), halvings_of(28, 8)
    (3, 1)
    """
    return max(1, (side // smallest).bit_length() - 1)


@dataclass(frozen=True, kw_only=True, config=STRICT)
class ResidualGenerator:
    """A linear layer to about 4x4 positions, growing residual blocks of one width, batch norm, ReLU, 3x3, tanh.

    >>> import torch
    >>> ResidualGenerator(width=4).build((3, 32, 32))(torch.zeros(2, 128)).shape
    torch.Size([2, 3, 32, 32])
    """

    name: Literal["residual"] = "residual"
    latent_dim: Size = 128
    width: Size = 128
    """channels of every block"""
    norm: Literal["batch", "layer", "none"] = "batch"
    norm_eps: PositiveFloat = 1e-5
    labels: GeneratorLabels = "none"
    """how labels enter: none, concatenate, embed, multiply, or norm (batch norm in the blocks becomes conditional)"""
    label_features: Size = 10
    """size of the embedding, for ``embed``"""

    def build(self, shape: Shape, labels: int = 0) -> nn.Module:
        """Return the generator; raise :class:`UsageError` if images of this shape do not halve evenly."""
        count = halvings(shape, BASE)
        return generator_with_labels(self, labels, lambda latent_dim: self.layers(latent_dim, shape, count, labels))

    def layers(self, latent_dim: int, shape: Shape, count: int, labels: int) -> Layers:
        """Return the layers from latents of that size, with so many doublings."""
        base = (self.width, shape[1] >> count, shape[2] >> count)
        in_norms = labels if self.labels == "norm" else 0
        norms = partial(norm, self.norm, self.width, eps=self.norm_eps)
        last = Convolution(self.width, shape[0], 3, padding=1)
        generator = Layers(
            Linear(latent_dim, base[0] * base[1] * base[2]),
            nn.Unflatten(1, base),
            *(GrowingBlock(self.width, self.width, [norms(in_norms), norms(in_norms)]) for _ in range(count)),
            norms(0),
            nn.ReLU(),
            last,
            nn.Tanh(),
        )
        initialise_residual(generator, last=last)
        return generator


@dataclass(frozen=True, kw_only=True, config=STRICT)
class ResidualCritic:
    """Shrinking residual blocks to about 8x8 positions, two plain ones, the mean over positions, one score.

    >>> import torch
    >>> ResidualCritic(width=4).build((3, 32, 32))(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2])
    """

    name: Literal["residual"] = "residual"
    width: Size = 128
    """channels of every block"""
    norm: Literal["none", "layer", "batch"] = "none"
    """batch norm is refused by gradient penalties"""
    norm_eps: PositiveFloat = 1e-5
    pooling: Literal["mean", "sum"] = "mean"
    """over the positions that are left"""
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
        norms = partial(norm, self.norm, self.width, 0, self.norm_eps)
        critic = nn.Sequential(
            FirstBlock(fan_in, self.width, norms()),
            *(ShrinkingBlock(self.width, [norms(), norms()]) for _ in range(count - 1)),
            *(PlainBlock(self.width, [norms(), norms()]) for _ in range(2)),
            LeakyReLU(RELU),
            MeanOverPositions() if self.pooling == "mean" else SumOverPositions(),
            Linear(self.width, outputs),
            Scores(),
        )
        initialise_residual(critic)
        return critic
