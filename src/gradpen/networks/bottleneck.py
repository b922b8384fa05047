r"""The 101-layer residual pair of Gulrajani et al. 2017 (arXiv 1704.00028, figure 2): bottleneck blocks.

After ``ResnetGenerator`` and ``ResnetDiscriminator`` of their release (github.com/igul222/improved_wgan_training,
``gan_64x64.py``). A block is ReLU and a 1x1, ReLU and a 3x3, ReLU and a 1x1 convolution, a norm, times 0.3, beside a
shortcut; of 33 blocks with three convolutions each, and a layer at both ends, come 101. The ends are divided by 5:

.. math:: G(z) = \tanh(g(z) / 5), \qquad D(x) = d(x) / 5
"""

from typing import Literal

from pydantic.dataclasses import dataclass
from torch import Tensor, nn

from gradpen.choice import STRICT, Size
from gradpen.networks.blocks import Crop, Scores, Shape
from gradpen.networks.labels import CriticLabels, Layers, critic_with_labels, generator_with_labels
from gradpen.networks.layers import Convolution, LeakyReLU, Linear, TransposedConvolution
from gradpen.networks.residual import BASE, RELU, halvings, initialise_residual, norm
from gradpen.networks.tapered import Labels, Norm

BRANCH = 0.3
"""share of a branch in the sum"""
ENDS = 5.0
"""what the last layer is divided by"""
Way = Literal["same", "up", "down"]


class Divide(nn.Module):
    """Divide by a number."""

    def __init__(self, by: float) -> None:
        super().__init__()
        self.by = by

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x / by``."""
        return x / self.by


class Block(nn.Module):
    """1x1, 3x3 and 1x1 convolutions of half the channels, each after ReLU, and a norm; beside a shortcut."""

    def __init__(self, fan_in: int, fan_out: int, way: Way, kind: Norm) -> None:
        super().__init__()
        inner, outer = max(fan_in // 2, 1), max(fan_out // 2, 1)
        self.narrow = Convolution(fan_in, inner, 1)
        self.convolve = resized(inner, outer, way)
        self.widen = Convolution(outer, fan_out, 1, bias=False)
        self.norm, self.bend = norm(kind, fan_out, 0, 1e-5), LeakyReLU(RELU)
        self.shortcut = shortcut_of(fan_in, fan_out, way)

    def forward(self, x: Tensor) -> Tensor:
        """Return maps of the size that the way says."""
        branch = self.widen(self.bend(self.convolve(self.bend(self.narrow(self.bend(x))))))
        maps: Tensor = self.shortcut(x) + BRANCH * self.norm(branch)
        return maps


def resized(fan_in: int, fan_out: int, way: Way) -> nn.Module:
    """Return the 3x3 convolution, of stride 2 down or transposed up with TensorFlow's padding."""
    if way == "same":
        return Convolution(fan_in, fan_out, 3, padding=1)
    if way == "down":
        return nn.Sequential(nn.ZeroPad2d((0, 1, 0, 1)), Convolution(fan_in, fan_out, 3, 2))
    return nn.Sequential(TransposedConvolution(fan_in, fan_out, 3, 2), CropLast())


class CropLast(nn.Module):
    """Leave out the last row and column, one more than twice those that came in."""

    def forward(self, x: Tensor) -> Tensor:
        """Return ``[B, C, H - 1, W - 1]``."""
        cropped: Tensor = Crop(x.shape[2] - 1, x.shape[3] - 1)(x)
        return cropped


def shortcut_of(fan_in: int, fan_out: int, way: Way) -> nn.Module:
    """Return what goes beside the branch: the input, a 1x1 convolution of stride 2, or one turned into places."""
    if way == "same":
        return nn.Identity()
    if way == "down":
        return Convolution(fan_in, fan_out, 1, 2)
    return nn.Sequential(Convolution(fan_in, 4 * fan_out, 1), nn.PixelShuffle(2))


def blocks_of(widths: list[int], way: Way, each: int, kind: Norm) -> list[nn.Module]:
    """Return blocks of each width, one fewer at the image as in the release, and between them those that change it."""
    layers: list[nn.Module] = []
    for place, width in enumerate(widths):
        at_image = place == (0 if way == "down" else len(widths) - 1)
        layers += [Block(width, width, "same", kind) for _ in range(each - at_image)]
        if place + 1 < len(widths):
            layers.append(Block(width, widths[place + 1], way, kind))
    return layers


@dataclass(frozen=True, kw_only=True, config=STRICT)
class BottleneckGenerator:
    """A linear layer to about 4x4 positions, bottleneck blocks with half the channels at twice the size, 1x1, tanh.

    >>> import torch
    >>> BottleneckGenerator(width=4, blocks=2).build((3, 32, 32))(torch.zeros(2, 128)).shape
    torch.Size([2, 3, 32, 32])
    """

    name: Literal["bottleneck"] = "bottleneck"
    latent_dim: Size = 128
    width: Size = 32
    """channels nearest the image; doubled at every halving"""
    blocks: Size = 6
    """of each width, one fewer nearest the image"""
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
        widths = [self.width << halving for halving in range(count, -1, -1)]
        base = (widths[0], shape[1] >> count, shape[2] >> count)
        generator = Layers(
            Linear(latent_dim, base[0] * base[1] * base[2]),
            nn.Unflatten(1, base),
            *blocks_of(widths, "up", self.blocks, self.norm),
            Convolution(widths[-1], shape[0], 1),
            Divide(ENDS),
            nn.Tanh(),
        )
        initialise_bottlenecks(generator)
        return generator


@dataclass(frozen=True, kw_only=True, config=STRICT)
class BottleneckCritic:
    """A 1x1 convolution, bottleneck blocks with twice the channels at half the size, a linear layer to one score.

    >>> import torch
    >>> BottleneckCritic(width=4, blocks=2).build((3, 32, 32))(torch.zeros(2, 3, 32, 32)).shape
    torch.Size([2])
    """

    name: Literal["bottleneck"] = "bottleneck"
    width: Size = 32
    """channels nearest the image; doubled at every halving"""
    blocks: Size = 6
    """of each width, one fewer nearest the image"""
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
        widths = [self.width << halving for halving in range(count + 1)]
        places = (shape[1] >> count) * (shape[2] >> count)
        critic = nn.Sequential(
            Convolution(shape[0] + added, widths[0], 1),
            *blocks_of(widths, "down", self.blocks, self.norm),
            nn.Flatten(),
            Linear(widths[-1] * places, outputs),
            Divide(ENDS),
            Scores(),
        )
        initialise_bottlenecks(critic)
        return critic


def initialise_bottlenecks(network: nn.Module) -> None:
    """Initialise as the release does: convolutions of branches by He, those beside them and the ends by Glorot."""
    initialise_residual(network)
    for block in network.modules():
        if isinstance(block, Block):
            for layer in (block.narrow, block.widen):
                # The residual pair's 1x1 convolutions are all by Glorot, whose variance is half of He's.
                layer.weight.data.mul_(2**0.5)
