"""A 3x3 convolution with the mean pooling after it, or the enlargement before it, as one convolution.

Both are exact: pooling the mean of 2x2 positions of a 3x3 convolution is a 4x4 convolution of stride 2, whose weight is
the mean of the 3x3 weight in four places; a 3x3 convolution of a map enlarged by nearest neighbours is the transposed
convolution likewise. Parameters stay 3x3. Both do 2.25 times fewer multiplications.
"""

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, pad

from gradpen.networks.layers import Convolve, Geometry, apply
from gradpen.networks.precision import narrowed

CORNERS = ((0, 1, 0, 1), (1, 0, 0, 1), (0, 1, 1, 0), (1, 0, 1, 0))
HALVING = Geometry(stride=(2, 2), padding=(1, 1))
DOUBLING = Geometry(stride=(2, 2), padding=(1, 1), transposed=True)


def in_four_places(weight: Tensor) -> Tensor:
    """Return the sum of a weight ``[..., 3, 3]`` in the four corners of ``[..., 4, 4]``, channels last.

    >>> in_four_places(torch.ones(1, 1, 3, 3))[0, 0]
    tensor([[1., 2., 2., 1.],
            [2., 4., 4., 2.],
            [2., 4., 4., 2.],
            [1., 2., 2., 1.]])
    """
    wide = sum((pad(weight, corner) for corner in CORNERS[1:]), pad(weight, CORNERS[0]))
    return wide.contiguous(memory_format=torch.channels_last)


class PooledConvolution(nn.Conv2d):
    """A 3x3 convolution followed by mean pooling over 2x2 positions; even heights and widths."""

    lean = True

    def __init__(self, fan_in: int, fan_out: int, *, bias: bool = True) -> None:
        super().__init__(fan_in, fan_out, 3, padding=1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``[B, fan_out, H / 2, W / 2]``."""
        if not self.lean:
            return avg_pool2d(super().forward(x), 2)
        x, weight, bias = narrowed(x, in_four_places(self.weight) / 4, self.bias)
        return apply(Convolve, x, weight, bias, HALVING)


class EnlargedConvolution(nn.Conv2d):
    """A 3x3 convolution of a map enlarged twofold by nearest neighbours."""

    lean = True

    def __init__(self, fan_in: int, fan_out: int, *, bias: bool = True) -> None:
        super().__init__(fan_in, fan_out, 3, padding=1, bias=bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return ``[B, fan_out, 2 H, 2 W]``."""
        if not self.lean:
            return super().forward(interpolate(x, scale_factor=2, mode="nearest"))
        # A transposed convolution reads its weight mirrored and with input and output channels exchanged.
        weight = in_four_places(self.weight.flip(2, 3).transpose(0, 1))
        x, weight, bias = narrowed(x, weight, self.bias)
        return apply(Convolve, x, weight, bias, DOUBLING)
