"""DCGAN-shaped convolutional networks for images of any height, width and number of channels.

The shape follows DCGAN (Radford, Metz & Chintala 2016, arXiv 1511.06434) as used in the release of Arjovsky
et al. 2017 (github.com/martinarjovsky/WassersteinGAN): 4x4 convolutions of stride 2 between the image and
about 4x4 positions, twice the channels at half the size. A side that does not halve evenly is rounded up in
the generator, which crops, as the MNIST generator of Gulrajani et al. 2017 crops 8x8 to 7x7. Images too small
for two halvings get 3x3 convolutions at full size instead, so that every network has at least two stages.

Signals, whose height is 1, get the same along their one side; volumes along three, as in 3D-GAN (Wu et al. 2016, arXiv
1610.07584).
"""

import math
from typing import Any, Literal

from pydantic.dataclasses import dataclass
from torch import nn

from gradpen.choice import STRICT, Size
from gradpen.errors import UsageError
from gradpen.networks.blocks import VOLUME, Crop, Initialiser, Norm, Scores, Shape, initialise, norm_layer
from gradpen.networks.fused import EnlargedConvolution
from gradpen.networks.labels import (
    ConditionalBatchNorm,
    CriticLabels,
    GeneratorLabels,
    Layers,
    critic_with_labels,
    generator_with_labels,
)
from gradpen.networks.layers import Convolution, LeakyReLU, Linear, TransposedConvolution
from gradpen.networks.volumes import TransposedVolumeConvolution, VolumeConvolution

SMALLEST_SIDE = 4
FEWEST_STAGES = 2
WIDEST = 8


def sizes(*sides: int) -> list[tuple[int, ...]]:
    """Return the sides after each stage of a generator, from the latent side to the image; a side of 1 stays.

    >>> sizes(28, 28)
    [(4, 4), (7, 7), (14, 14), (28, 28)]
    >>> sizes(8, 8)
    [(4, 4), (8, 8), (8, 8)]
    >>> sizes(1, 16), sizes(8, 16, 16)
    ([(1, 4), (1, 8), (1, 16)], [(4, 8, 8), (8, 16, 16), (8, 16, 16)])
    """
    steps = [sides]
    while min((side for side in steps[0] if side > 1), default=1) > SMALLEST_SIDE:
        steps.insert(0, tuple((side + 1) // 2 for side in steps[0]))
    steps += [sides] * (FEWEST_STAGES + 1 - len(steps))
    return steps


def sides_of(shape: Shape, depth: int | None) -> tuple[int, ...]:
    """Return height and width of an image; of a volume, whose slices lie one below the other, depth before them.

    Raises:
        UsageError: the rows are not that many slices.

    >>> sides_of((1, 64, 8), 8)
    (8, 8, 8)
    """
    _, height, width = shape
    if depth is None:
        return height, width
    if height % depth:
        raise UsageError(f"`generator.depth={depth}`: {height} rows are not as many slices of equal height")
    return depth, height // depth, width


def channels(stages: int, width: int) -> list[int]:
    """Return the channels after each stage but the last, from the latent side to the image.

    >>> channels(4, 64)
    [512, 256, 128, 64]
    """
    return [width * min(2**stage, WIDEST) for stage in reversed(range(stages))]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class DcganGenerator:
    """A linear layer to about 4x4 positions, then transposed convolutions up to the image; tanh at the end.

    >>> import torch
    >>> DcganGenerator(width=4).build((3, 28, 28))(torch.zeros(2, 128)).shape
    torch.Size([2, 3, 28, 28])
    """

    name: Literal["dcgan"] = "dcgan"
    latent_dim: Size = 128
    width: Size = 64
    """channels of the stage nearest the image; doubled at every halving, at most eightfold"""
    way: Literal["transposed", "upsample"] = "transposed"
    """how maps grow: transposed convolution, or nearest-neighbour enlargement and a 3x3 convolution"""
    depth: Size | None = None
    """slices of a volume, which lie one below the other; none: images or signals"""
    norm: Norm = "batch"
    initialiser: Initialiser = "he-uniform"
    labels: GeneratorLabels = "none"
    """how labels enter: none, concatenate, embed, multiply, or norm (batch norm becomes conditional)"""
    label_features: Size = 10
    """size of the embedding, for ``embed``"""

    def build(self, shape: Shape, labels: int = 0) -> nn.Module:
        """Return the generator for images ``[channels, height, width]`` with label vectors of that size.

        Raises:
            UsageError: labels are to enter through batch norm, which there is none of.
        """
        if self.labels == "norm" and self.norm != "batch":
            raise UsageError(f"labels=norm makes batch norm conditional, but norm is {self.norm}; choose norm=batch")
        if self.labels == "norm" and self.depth is not None:
            raise UsageError("labels=norm is for images; choose `generator.labels=concatenate` for volumes")
        return generator_with_labels(self, labels, lambda latent_dim: self.layers(latent_dim, shape, labels))

    def layers(self, latent_dim: int, shape: Shape, labels: int) -> Layers:
        """Return the layers from latents of that size."""
        steps = sizes(*sides_of(shape, self.depth))
        widths = channels(len(steps) - 1, self.width)
        bias = self.norm == "none"
        base = (widths[0], *steps[0])
        layers: list[nn.Module] = [
            Linear(latent_dim, math.prod(base), bias=bias),
            nn.Unflatten(1, base),
            *self.norm_after(base[0], labels),
            nn.ReLU(),
        ]
        for stage, width in enumerate(widths[1:]):
            layers += stage_up(self.way, steps[stage], steps[stage + 1], widths[stage], width, bias=bias)
            layers += [*self.norm_after(width, labels), nn.ReLU()]
        layers += stage_up(self.way, steps[-2], steps[-1], widths[-1], shape[0], bias=True)
        if self.depth is not None:
            layers.append(nn.Flatten(2, 3))
        generator = Layers(*layers, nn.Tanh())
        initialise(generator, self.initialiser)
        return generator

    def norm_after(self, width: int, labels: int) -> list[nn.Module]:
        """Return the norm layer of a stage, as a list of none or one."""
        if self.labels == "norm":
            return [ConditionalBatchNorm(width, labels, eps=1e-5, momentum=0.1)]
        return norm_layer(self.norm, width, 2 if self.depth is None else VOLUME)


def stage_up(
    way: str, before: tuple[int, ...], after: tuple[int, ...], fan_in: int, fan_out: int, *, bias: bool
) -> list[nn.Module]:
    """Return the convolution from ``fan_in`` maps of size ``before`` to ``fan_out`` of size ``after``."""
    full, transposed = OF_SIDES[len(before)]
    if before == after:
        return [full(fan_in, fan_out, along(before, 3), padding=along(before, 1, 0), bias=bias)]
    doubled = tuple(2 * side if side > 1 else 1 for side in before)
    up: list[nn.Module]
    if way == "upsample" and len(before) < VOLUME and 1 not in before:
        up = [EnlargedConvolution(fan_in, fan_out, bias=bias)]
    elif way == "upsample":
        larger = nn.Upsample(scale_factor=tuple(map(float, along(before, 2))))
        up = [larger, full(fan_in, fan_out, along(before, 3), padding=along(before, 1, 0), bias=bias)]
    else:
        up = [transposed(fan_in, fan_out, along(before, 4), along(before, 2), along(before, 1, 0), bias=bias)]
    return up if doubled == after else [*up, Crop(*after)]


def along(sides: tuple[int, ...], number: int, of_one: int = 1) -> Any:
    """Return a number for each side; another for sides of 1, along which nothing is convolved.

    >>> along((8, 8), 4), along((1, 8), 4)
    ((4, 4), (1, 4))
    """
    return tuple(number if side > 1 else of_one for side in sides)


OF_SIDES: dict[int, tuple[type[nn.Conv2d | nn.Conv3d], type[nn.ConvTranspose2d | nn.ConvTranspose3d]]] = {
    2: (nn.Conv2d, TransposedConvolution),
    VOLUME: (nn.Conv3d, TransposedVolumeConvolution),
}
"""a generator's convolutions, at full size and growing, by the number of sides"""


@dataclass(frozen=True, kw_only=True, config=STRICT)
class DcganCritic:
    """Convolutions with leaky ReLU from the image down to about 4x4 positions, then one unbounded score.

    >>> import torch
    >>> DcganCritic(width=4).build((3, 28, 28))(torch.zeros(2, 3, 28, 28)).shape
    torch.Size([2])
    """

    name: Literal["dcgan"] = "dcgan"
    width: Size = 64
    """channels of the stage nearest the image; doubled at every halving, at most eightfold"""
    depth: Size | None = None
    """slices of a volume, which lie one below the other; none: images or signals"""
    norm: Norm = "none"
    """norm layers between the convolutions; a gradient penalty refuses ``batch``"""
    negative_slope: float = 0.2
    initialiser: Initialiser = "he-uniform"
    labels: CriticLabels = "none"
    """how labels enter: none, planes, embed, or classify (AC-GAN)"""
    label_features: Size = 10
    """size of the embedding, for ``embed``"""

    def build(self, shape: Shape, labels: int = 0) -> nn.Module:
        """Return the critic for images ``[channels, height, width]`` with label vectors of that size."""
        sides = sides_of(shape, self.depth)

        def build(added: int, outputs: int) -> nn.Module:
            return self.layers(shape[0] + added, sides, outputs)

        return critic_with_labels(self, labels, build)

    def layers(self, fan_in: int, sides: tuple[int, ...], outputs: int) -> nn.Module:
        """Return the layers from so many maps of that size to so many outputs."""
        steps = sizes(*sides)[::-1]
        layers: list[nn.Module] = [] if self.depth is None else [nn.Unflatten(2, sides[:2])]
        convolution: Any = Convolution if self.depth is None else VolumeConvolution
        for stage, fan_out in enumerate(reversed(channels(len(steps) - 1, self.width))):
            norm = self.norm if stage > 0 else "none"
            bias = norm == "none"
            if steps[stage] == steps[stage + 1]:
                kernel, padding = along(sides, 3), along(sides, 1, 0)
                layers.append(convolution(fan_in, fan_out, kernel, padding=padding, bias=bias))
            else:
                kernel, stride, padding = along(sides, 4), along(sides, 2), along(sides, 1, 0)
                layers.append(convolution(fan_in, fan_out, kernel, stride, padding, bias=bias))
                sides = tuple(side // 2 if side > 1 else 1 for side in sides)
            layers += [*norm_layer(norm, fan_out, len(sides)), LeakyReLU(self.negative_slope)]
            fan_in = fan_out
        last = Linear(fan_in * math.prod(sides), outputs)
        critic = nn.Sequential(*layers, nn.Flatten(), last, Scores())
        initialise(critic, self.initialiser)
        return critic
