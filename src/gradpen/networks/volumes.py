"""Convolutions and batch norm of volumes ``[B, C, D, H, W]``, with the derivatives of those of images."""

from torch import Tensor, nn

from gradpen.networks.layers import Convolve, Geometry, apply
from gradpen.networks.norms import normalised, of_one_batch
from gradpen.networks.precision import narrowed


class VolumeConvolution(nn.Conv3d):
    """A convolution of volumes with lean second derivatives; zero padding, no dilation or groups."""

    lean = True

    def forward(self, x: Tensor) -> Tensor:
        """Return the convolved maps ``[B, out_channels, D, H, W]``."""
        if not self.lean or isinstance(self.padding, str):
            return super().forward(x)
        geometry = Geometry(stride=self.stride, padding=self.padding)
        return apply(Convolve, *narrowed(x, self.weight, self.bias), geometry)


class TransposedVolumeConvolution(nn.ConvTranspose3d):
    """A transposed convolution of volumes; no output padding, dilation or groups."""

    lean = True

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Return the maps ``[B, out_channels, D, H, W]``."""
        if not self.lean or output_size is not None or isinstance(self.padding, str):
            return super().forward(x, output_size)
        geometry = Geometry(stride=self.stride, padding=self.padding, transposed=True)
        return apply(Convolve, *narrowed(x, self.weight, self.bias), geometry)


class BatchNorm3d(nn.BatchNorm3d):
    """Batch norm of maps ``[B, C, D, H, W]``."""

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised maps."""
        return super().forward(x) if of_one_batch(self) else normalised(self, x)
