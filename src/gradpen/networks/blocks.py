"""Pieces shared by the networks: shapes, the contract, norm layers, initialisers."""

import math
from typing import Literal, Protocol

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd

from gradpen.networks.norms import BatchNorm2d
from gradpen.networks.volumes import BatchNorm3d

Shape = tuple[int, int, int]
"""channels, height and width of one image; the slices of a volume lie one below the other"""
VOLUME = 3
"""sides of a volume"""
MAPS = 4
"""axes of a batch of maps"""

Norm = Literal["none", "batch", "layer"]
Initialiser = Literal["pytorch", "he-uniform", "glorot-uniform", "normal-0.02", "uniform-0.02"]


class GeneratorChoice(Protocol):
    """The contract of a generator."""

    @property
    def latent_dim(self) -> int:
        """Size of the latent vector z."""

    @property
    def labels(self) -> str:
        """How labels enter; ``none`` if not at all."""

    def build(self, shape: Shape, labels: int = 0) -> nn.Module:
        """Return a module from latents ``[B, latent_dim]`` to images ``[B, *shape]`` in [-1, 1].

        A conditional one takes label vectors ``[B, labels]`` as its second argument.
        """


class CriticChoice(Protocol):
    """The contract of a critic."""

    @property
    def labels(self) -> str:
        """How labels enter; ``none`` if not at all."""

    def build(self, shape: Shape, labels: int = 0) -> nn.Module:
        """Return a module from images ``[B, *shape]`` in [-1, 1] to unbounded scores ``[B]``.

        A conditional one takes label vectors ``[B, labels]`` as its second argument.
        """


class Crop(nn.Module):
    """Keep the first rows and columns of ``[B, C, H, W]``, or the first places along each side of ``[B, C, …]``."""

    def __init__(self, *sides: int) -> None:
        super().__init__()
        self.sides = sides

    def forward(self, x: Tensor) -> Tensor:
        """Return the cropped maps, as densely laid out as ``x``: batch norm is slow on a part of a larger tensor."""
        last = x.dim() == MAPS and x.is_contiguous(memory_format=torch.channels_last)
        layout = torch.channels_last if last else torch.contiguous_format
        kept: Tensor = x[(slice(None), slice(None), *(slice(side) for side in self.sides))]
        return kept.contiguous(memory_format=layout)


class Scores(nn.Module):
    """Turn ``[B, 1]`` into scores ``[B]``; several outputs ``[B, n]`` pass."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the scores."""
        return x.squeeze(1)


def norm_layer(norm: Norm, channels: int, sides: int = 2) -> list[nn.Module]:
    """Return the norm layer for feature maps of ``channels`` channels and so many sides, as a list of none or one.

    ``layer`` normalises over channels, rows and columns of each example with one scale and offset per
    channel, as the layer norm in the release of Gulrajani et al. 2017: group norm with one group.
    """
    if norm == "batch":
        return [BatchNorm2d(channels) if sides < VOLUME else BatchNorm3d(channels)]
    if norm == "layer":
        return [nn.GroupNorm(1, channels)]
    return []


@torch.no_grad()
def initialise(module: nn.Module, initialiser: Initialiser) -> None:
    """Initialise every convolution and linear layer of the module in place.

    * ``pytorch``: leave PyTorch's defaults.
    * ``he-uniform``: uniform with standard deviation ``sqrt(4 / (fan_in + fan_out))`` for convolutions, fans counted
      per output position, as in the release of Gulrajani et al. 2017 (github.com/igul222/improved_wgan_training);
      ``sqrt(2 / fan_in)`` for linear layers (He et al. 2015); biases 0.
    * ``glorot-uniform``: Keras' default (Glorot & Bengio 2010), biases 0.
    * ``uniform-0.02``: uniform with standard deviation 0.02, biases 0, as the 64x64 DCGAN pair of that release.
    * ``normal-0.02``: N(0, 0.02) with biases 0 and norm scales N(1, 0.02), as in DCGAN (Radford et al.
      2016, section 4).
    """
    if initialiser == "pytorch":
        return
    for layer in module.modules():
        if isinstance(layer, _ConvNd | nn.Linear):
            if initialiser == "he-uniform":
                bound = math.sqrt(3) * he_standard_deviation(layer)
                layer.weight.uniform_(-bound, bound)
            elif initialiser == "glorot-uniform":
                nn.init.xavier_uniform_(layer.weight)
            elif initialiser == "uniform-0.02":
                layer.weight.uniform_(-0.02 * math.sqrt(3), 0.02 * math.sqrt(3))
            else:
                layer.weight.normal_(0, 0.02)
            if layer.bias is not None:
                layer.bias.zero_()
        elif isinstance(layer, nn.BatchNorm2d | nn.BatchNorm3d) and initialiser == "normal-0.02":
            layer.weight.normal_(1, 0.02)


def he_standard_deviation(layer: _ConvNd | nn.Linear) -> float:
    """Return the standard deviation of the ``he-uniform`` initialiser for this layer."""
    if isinstance(layer, nn.Linear):
        return math.sqrt(2 / layer.in_features)
    taps = math.prod(layer.kernel_size)
    stride = math.prod(layer.stride)
    fan_in, fan_out = float(layer.in_channels * taps), float(layer.out_channels * taps)
    # Of a convolution's taps, an input position meets one in ``stride``; transposed, an output position does.
    if layer.transposed:
        fan_in /= stride
    else:
        fan_out /= stride
    return math.sqrt(4 / (fan_in + fan_out))
