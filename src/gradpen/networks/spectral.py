"""A weight divided by its largest singular value, also where that is zero."""

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd
from torch.nn.utils import parametrize

from gradpen.networks.labels import Embedding

FIRST_ITERATIONS = 15
EPSILON = 1e-12


class SpectrallyNormalised(nn.Module):
    """The parametrisation of a weight by itself over its largest singular value, estimated by power iteration.

    As ``torch.nn.utils.parametrizations.spectral_norm``, number for number, but that a weight of zero stays zero and
    may grow, where torch's divides zero by zero.
    """

    _u: Tensor
    _v: Tensor

    def __init__(self, weight: Tensor, power_iterations: int, outputs: int) -> None:
        super().__init__()
        self.power_iterations, self.outputs = power_iterations, outputs
        matrix = self.matrix(weight)
        for name, size in zip(("_u", "_v"), matrix.shape, strict=True):
            self.register_buffer(name, normalize(matrix.new_empty(size).normal_(0, 1), dim=0, eps=EPSILON))
        self.iterate(matrix, FIRST_ITERATIONS)

    def matrix(self, weight: Tensor) -> Tensor:
        """Return the weight as a matrix of outputs against the rest."""
        return weight.detach().movedim(self.outputs, 0).flatten(1)

    @torch.no_grad()
    def iterate(self, matrix: Tensor, times: int) -> None:
        """Move both singular vectors nearer to their end; a matrix of zeros leaves them where they are."""
        for _ in range(times):
            for mine, other, onto in ((self._u, self._v, matrix), (self._v, self._u, matrix.t())):
                new = torch.mv(onto, other)
                mine.copy_(torch.where(new.any(), normalize(new, dim=0, eps=EPSILON), mine))

    def forward(self, weight: Tensor) -> Tensor:
        """Return the weight over its largest singular value."""
        matrix = weight.movedim(self.outputs, 0).flatten(1)
        if self.training:
            self.iterate(matrix.detach(), self.power_iterations)
        sigma = torch.vdot(self._u.clone(), torch.mv(matrix, self._v.clone()))
        return weight / torch.where(sigma == 0, 1.0, sigma)


NORMALISED = (_ConvNd, nn.Linear, nn.Embedding, Embedding)
"""layers that compute with one weight"""


def normalise_spectrum(layer: nn.Module, power_iterations: int) -> None:
    """Let a layer compute with its weight over its largest singular value, from now on."""
    outputs = 1 if isinstance(layer, _ConvTransposeNd) else 0
    weight = layer.weight
    assert isinstance(weight, Tensor)
    normalised = SpectrallyNormalised(weight, power_iterations, outputs)
    parametrize.register_parametrization(layer, "weight", normalised)
