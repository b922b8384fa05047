r"""Group, layer and instance norm whose second derivative is written out.

Of one example and group let :math:`\hat x = s (x - \mu)` be the :math:`n` standardised values, with s the reciprocal
deviation. The derivative is a symmetric map, :math:`J u = s (u - \bar u - \hat x\, a_u)` with
:math:`a_u = \overline{u \hat x}`, one pass of a kernel of its own. The penalty's gradient needs that of
:math:`v^T J g` with respect to x besides:

.. math:: -\tfrac{s}{n} (v^T J g)\, \hat x - s\,(a_g J v + a_v J g)

PyTorch's own second derivative is the same, composed of some thirty operations.
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from gradpen.networks.layers import applied


def laid_out(tensor: Tensor, like: Tensor) -> Tensor:
    """Return a tensor in the memory layout of another."""
    channels_last = like.dim() == 4 and like.is_contiguous(memory_format=torch.channels_last)
    return tensor.contiguous(memory_format=torch.channels_last if channels_last else torch.contiguous_format)


def standardised_back(gradient: Tensor, x: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
    """Return J applied to a gradient ``[B, C, ...]``, statistics being ``[B, groups]``."""
    batch, channels, positions, groups = x.shape[0], x.shape[1], x[0, 0].numel(), mean.shape[1]
    found: Tensor = torch.ops.aten.native_group_norm_backward(
        laid_out(gradient, x), x, mean, scale, None, batch, channels, positions, groups, [True, False, False]
    )[0]
    return found


class Standardise(torch.autograd.Function):
    """Each example's groups of channels, with mean 0 and variance 1."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, groups: int, eps: float) -> Tensor:
        """Return x standardised."""
        x = laid_out(x, x)
        batch, channels, positions = x.shape[0], x.shape[1], x[0, 0].numel()
        found, mean, scale = torch.native_group_norm(x, None, None, batch, channels, positions, groups, eps)
        ctx.save_for_backward(x, mean, scale)
        return found

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return J applied to the gradient."""
        return applied(StandardiseGradient, gradients[0], *ctx.saved_tensors), None, None


class StandardiseGradient(torch.autograd.Function):
    """J applied to a gradient, a function of both the gradient and x."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, x: Tensor, mean: Tensor, scale: Tensor) -> Tensor:
        """Return J g."""
        back = standardised_back(gradient, x, mean, scale)
        ctx.save_for_backward(gradient, x, mean, scale, back)
        return back

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the derivatives of v^T J g with respect to g and x."""
        (second,) = gradients
        gradient, x, mean, scale, back = ctx.saved_tensors
        second_back = standardised_back(second, x, mean, scale)
        if not ctx.needs_input_grad[1]:
            return second_back, None, None, None
        groups, values = mean.shape[1], x[0].numel() // mean.shape[1]

        def total(tensor: Tensor) -> Tensor:
            over_positions: Tensor = tensor.sum(tuple(range(2, x.dim())))
            return over_positions.view(len(x), groups, -1).sum(2)

        def spread(statistic: Tensor) -> Tensor:
            by_channel: Tensor = statistic.repeat_interleave(x.shape[1] // groups, 1)
            return by_channel.view(*x.shape[:2], *[1] * (x.dim() - 2))

        def along(tensor: Tensor) -> Tensor:
            mixed: Tensor = (total(tensor * x) - mean * total(tensor)) * scale / values
            return mixed

        of_x = -(scale**2) * total(second * back) / values
        found = torch.addcmul(spread(-of_x * mean), spread(of_x), x)
        found.addcmul_(spread(-scale * along(gradient)), second_back)
        found.addcmul_(spread(-scale * along(second)), back)
        return second_back, found, None, None


class GroupNorm(nn.GroupNorm):
    """Group norm; of one group layer norm, of as many as channels instance norm."""

    lean = True

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised maps, ``[B, C, ...]``, in the type of x."""
        if not self.lean or len(x) == 0:
            return super().forward(x)
        shape = [1, -1, *[1] * (x.dim() - 2)]
        maps: Tensor = applied(Standardise, x.to(self.weight.dtype), self.num_groups, self.eps)
        scaled = torch.addcmul(self.bias.view(shape), maps, self.weight.view(shape))
        return scaled.to(x.dtype)
