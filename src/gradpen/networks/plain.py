"""A trained network as PyTorch's own layers, which trace, script and export."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gradpen.networks.fused import EnlargedConvolution
from gradpen.networks.labels import Layers, TakesLabels
from gradpen.networks.layers import Convolution, LeakyReLU, Linear, TransposedConvolution, use_stock_derivatives
from gradpen.networks.norms import BatchNorm1d, BatchNorm2d
from gradpen.networks.volumes import BatchNorm3d, TransposedVolumeConvolution, VolumeConvolution

__all__ = ["InUnits", "as_lean", "as_plain"]

OWN: dict[type[nn.Module], type[nn.Module]] = {
    Linear: nn.Linear,
    Convolution: nn.Conv2d,
    TransposedConvolution: nn.ConvTranspose2d,
    LeakyReLU: nn.LeakyReLU,
    BatchNorm1d: nn.BatchNorm1d,
    BatchNorm2d: nn.BatchNorm2d,
    VolumeConvolution: nn.Conv3d,
    TransposedVolumeConvolution: nn.ConvTranspose3d,
    BatchNorm3d: nn.BatchNorm3d,
}
"""gradpen's layers and those of PyTorch that compute the same without lean derivatives or several processes"""


def as_plain(network: nn.Module) -> nn.Module:
    """Return a network with its layers turned into PyTorch's own, in place; what it computes is the same to rounding.

    >>> as_plain(nn.Sequential(Linear(2, 3), LeakyReLU(0.2)))
    Sequential(
      (0): Linear(in_features=2, out_features=3, bias=True)
      (1): LeakyReLU(negative_slope=0.2)
    )
    """
    use_stock_derivatives(network)
    for module in network.modules():
        if type(module) in OWN:
            become(module, OWN[type(module)])
        if isinstance(module, nn.LeakyReLU):
            module.negative_slope = float(module.negative_slope)
        for name, child in module.named_children():
            if type(child) is EnlargedConvolution:
                become(child, nn.Conv2d)
                setattr(module, name, nn.Sequential(nn.UpsamplingNearest2d(scale_factor=2), child))
    if type(network) is Layers and not any(isinstance(layer, TakesLabels) for layer in network):
        become(network, nn.Sequential)
    return network


def as_lean(network: nn.Module) -> nn.Module:
    """Return a network with PyTorch's own layers turned into gradpen's, in place: lean derivatives, one batch for all.

    >>> type(as_lean(nn.Sequential(nn.Linear(2, 3)))[0]).__module__
    'gradpen.networks.layers'
    """
    ours = {theirs: own for own, theirs in OWN.items()}
    for module in network.modules():
        if type(module) in ours:
            become(module, ours[type(module)])
    return network


def become(module: nn.Module, kind: type[nn.Module]) -> None:
    """Let a module be of the class that its own one derives from."""
    setattr(module, "__class__", kind)  # noqa: B010


class InUnits(nn.Module):
    """A generator whose numbers are in the data's units."""

    low: Tensor
    high: Tensor

    def __init__(self, network: nn.Module, low: NDArray[np.float64], high: NDArray[np.float64]) -> None:
        """Of one smallest and largest number, or those of each column of vectors."""
        super().__init__()
        self.network = network
        for name, bound in (("low", low), ("high", high)):
            self.register_buffer(name, torch.from_numpy(bound).float(), persistent=False)

    def forward(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Return ``[B, C, H, W]`` between the smallest and the largest number of the data."""
        made = self.network(latents) if labels is None else self.network(latents, labels)
        numbers: Tensor = (made.clamp(-1, 1) + 1) * ((self.high - self.low) / 2) + self.low
        return numbers
