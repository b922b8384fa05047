"""DCGAN-shaped convolutional networks for images of any height, width and number of channels.

The shape follows DCGAN (Radford, Metz & Chintala 2016, arXiv 1511.06434) as used in the release of Arjovsky
et al. 2017 (github.com/martinarjovsky/WassersteinGAN): 4x4 convolutions of stride 2 between the image and
about 4x4 positions, twice the channels at half the size. A side that does not halve evenly is rounded up in
the generator, which crops, as the MNIST generator of Gulrajani et al. 2017 crops 8x8 to 7x7. Images too small
for two halvings get 3x3 convolutions at full size instead, so that every network has at least two stages.
"""

from typing import Literal

from pydantic import PositiveInt
from pydantic.dataclasses import dataclass
from torch import nn

from gradpen.choice import STRICT
from gradpen.errors import UsageError
from gradpen.networks.blocks import Crop, Initialiser, Norm, Scores, Shape, initialise, norm_layer
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

SMALLEST_SIDE = 4
FEWEST_STAGES = 2
WIDEST = 8


def sizes(height: int, width: int) -> list[tuple[int, int]]:
    """Return height and width after each stage of a generator, from the latent side to the image.

    >>> sizes(28, 28)
    [(4, 4), (7, 7), (14, 14), (28, 28)]
    >>> sizes(8, 8)
    [(4, 4), (8, 8), (8, 8)]
    """
    steps = [(height, width)]
    while min(steps[0]) > SMALLEST_SIDE:
        steps.insert(0, ((steps[0][0] + 1) // 2, (steps[0][1] + 1) // 2))
    steps += [(height, width)] * (FEWEST_STAGES + 1 - len(steps))
    return steps


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
    latent_dim: PositiveInt = 128
    width: PositiveInt = 64
    """channels of the stage nearest the image; doubled at every halving, at most eightfold"""
    way: Literal["transposed", "upsample"] = "transposed"
    """how maps grow: transposed convolution, or nearest-neighbour enlargement and a 3x3 convolution"""
    norm: Norm = "batch"
    initialiser: Initialiser = "he-uniform"
    labels: GeneratorLabels = "none"
    """how labels enter: none, concatenate, embed, multiply, or norm (batch norm becomes conditional)"""
    label_features: PositiveInt = 10
    """size of the embedding, for ``embed``"""

    def build(self, shape: Shape, labels: int = 0) -> nn.Module:
        """Return the generator for images ``[channels, height, width]`` with label vectors of that size.

        Raises:
            UsageError: labels are to enter through batch norm, which there is none of.
        """
        if self.labels == "norm" and self.norm != "batch":
            raise UsageError(f"labels=norm makes batch norm conditional, but norm is {self.norm}; choose norm=batch")
        return generator_with_labels(self, labels, lambda latent_dim: self.layers(latent_dim, shape, labels))

    def layers(self, latent_dim: int, shape: Shape, labels: int) -> Layers:
        """Return the layers from latents of that size."""
        steps = sizes(*shape[1:])
        widths = channels(len(steps) - 1, self.width)
        bias = self.norm == "none"
        base = (widths[0], *steps[0])
        layers: list[nn.Module] = [
            Linear(latent_dim, base[0] * base[1] * base[2], bias=bias),
            nn.Unflatten(1, base),
            *self.norm_after(base[0], labels),
            nn.ReLU(),
        ]
        for stage, width in enumerate(widths[1:]):
            layers += stage_up(self.way, steps[stage], steps[stage + 1], widths[stage], width, bias=bias)
            layers += [*self.norm_after(width, labels), nn.ReLU()]
        layers += stage_up(self.way, steps[-2], steps[-1], widths[-1], shape[0], bias=True)
        generator = Layers(*layers, nn.Tanh())
        initialise(generator, self.initialiser)
        return generator

    def norm_after(self, width: int, labels: int) -> list[nn.Module]:
        """Return the norm layer of a stage, as a list of none or one."""
        if self.labels == "norm":
            return [ConditionalBatchNorm(width, labels, eps=1e-5, momentum=0.1)]
        return norm_layer(self.norm, width)


def stage_up(
    way: str, before: tuple[int, int], after: tuple[int, int], fan_in: int, fan_out: int, *, bias: bool
) -> list[nn.Module]:
    """Return the convolution from ``fan_in`` maps of size ``before`` to ``fan_out`` of size ``after``."""
    if before == after:
        return [nn.Conv2d(fan_in, fan_out, 3, padding=1, bias=bias)]
    doubled = (2 * before[0], 2 * before[1])
    up: nn.Module
    if way == "upsample":
        up = EnlargedConvolution(fan_in, fan_out, bias=bias)
    else:
        up = TransposedConvolution(fan_in, fan_out, 4, stride=2, padding=1, bias=bias)
    return [up] if doubled == after else [up, Crop(*after)]


@dataclass(frozen=True, kw_only=True, config=STRICT)
class DcganCritic:
    """Convolutions with leaky ReLU from the image down to about 4x4 positions, then one unbounded score.

    >>> import torch
    >>> DcganCritic(width=4).build((3, 28, 28))(torch.zeros(2, 3, 28, 28)).shape
    torch.Size([2])
    """

    name: Literal["dcgan"] = "dcgan"
    width: PositiveInt = 64
    """channels of the stage nearest the image; doubled at every halving, at most eightfold"""
    norm: Norm = "none"
    """norm layers between the convolutions; a gradient penalty refuses ``batch``"""
    negative_slope: float = 0.2
    initialiser: Initialiser = "he-uniform"
    labels: CriticLabels = "none"
    """how labels enter: none, planes, embed, or classify (AC-GAN)"""
    label_features: PositiveInt = 10
    """size of the embedding, for ``embed``"""

    def build(self, shape: Shape, labels: int = 0) -> nn.Module:
        """Return the critic for images ``[channels, height, width]`` with label vectors of that size."""
        maps, height, width = shape

        def build(added: int, outputs: int) -> nn.Module:
            return self.layers(maps + added, height, width, outputs)

        return critic_with_labels(self, labels, build)

    def layers(self, fan_in: int, height: int, width: int, outputs: int) -> nn.Module:
        """Return the layers from so many maps of that size to so many outputs."""
        steps = sizes(height, width)[::-1]
        layers: list[nn.Module] = []
        for stage, fan_out in enumerate(reversed(channels(len(steps) - 1, self.width))):
            norm = self.norm if stage > 0 else "none"
            if steps[stage] == steps[stage + 1]:
                layers.append(Convolution(fan_in, fan_out, 3, padding=1, bias=norm == "none"))
            else:
                layers.append(Convolution(fan_in, fan_out, 4, stride=2, padding=1, bias=norm == "none"))
                height, width = height // 2, width // 2
            layers += [*norm_layer(norm, fan_out), LeakyReLU(self.negative_slope)]
            fan_in = fan_out
        last = Linear(fan_in * height * width, outputs)
        critic = nn.Sequential(*layers, nn.Flatten(), last, Scores())
        initialise(critic, self.initialiser)
        return critic
