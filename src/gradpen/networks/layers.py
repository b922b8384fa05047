"""Convolution, linear layer and piecewise-linear activations whose second derivatives do no needless work.

A gradient penalty differentiates the critic twice. PyTorch's own second derivatives are right but wasteful there: those
of leaky ReLU and ReLU hand back zeros, which then travel through the whole forward pass of the interpolates, and that
of a convolution computes its weight gradient as a forward convolution with a filter as large as the feature map. Here a
convolution is what it is, a trilinear form, each of whose derivatives is a convolution pass with a kernel of its own,
and an activation has no second derivative. Values and gradients are the same to rounding.

A transposed convolution has its bias added by itself where oneDNN is slow to.

What a derivative does not depend on is handed on detached, so that the next pass never walks there.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import leaky_relu

from gradpen.networks.precision import narrowed

backward_of_convolution = torch.ops.aten.convolution_backward
FEW_OUTPUTS = 32


def onednn_types() -> tuple[torch.dtype, ...]:
    """Return the types in which oneDNN multiplies matrices on this CPU; without AVX-512 it has no bfloat16."""
    if not torch.backends.mkldnn.is_available() or not hasattr(torch.ops.mkldnn, "_linear_pointwise"):
        return ()
    if not torch.ops.mkldnn._is_mkldnn_bf16_supported():
        return (torch.float32,)
    return (torch.float32, torch.bfloat16)


ONEDNN_TYPES = onednn_types()


class Wanted(threading.local):
    """Which gradients the pass under way in this thread wants; a Function cannot see that itself."""

    parameters = True


WANTED = Wanted()


@contextmanager
def input_gradients_only() -> Iterator[None]:
    """Leave out gradients of parameters in a backward pass that wants those of the input alone."""
    before, WANTED.parameters = WANTED.parameters, False
    try:
        yield
    finally:
        WANTED.parameters = before


def apply(function: Any, *arguments: Any) -> Tensor:
    """Apply a Function."""
    result: Tensor = function.apply(*arguments)
    return result


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """What a convolution is beside its tensors."""

    stride: tuple[int, ...]
    padding: tuple[int, ...]
    transposed: bool = False

    def arguments(self) -> tuple[Any, ...]:
        """Return stride, padding, dilation, transposed, output padding and groups, as PyTorch's kernels take them."""
        ones, zeros = [1] * len(self.stride), [0] * len(self.stride)
        return list(self.stride), list(self.padding), ones, self.transposed, zeros, 1

    def adds_slowly(self, weight: Tensor) -> bool:
        """Return whether oneDNN's kernel is slow with a bias: where it is transposed and no multiple of the stride.

        It then takes up to ten times as long in bfloat16 and up to twice in fp32 (oneDNN of PyTorch 2.13, AVX-512).
        """
        sizes = zip(weight.shape[2:], self.stride, strict=True)
        return self.transposed and any(size % step for size, step in sizes)

    def gradients(
        self, gradient: Tensor, x: Tensor, weight: Tensor, mask: tuple[bool, bool, bool]
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Return the gradients of input, weight and bias that the mask asks for."""
        bias_sizes = [gradient.shape[1]]
        found: tuple[Tensor, Tensor, Tensor] = backward_of_convolution(
            gradient, x, weight, bias_sizes, *self.arguments(), list(mask)
        )
        return found


class Convolve(torch.autograd.Function):
    """``y = conv(x, w) + b``, bilinear in x and w."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, bias: Tensor | None, geometry: Geometry) -> Tensor:
        """Return the convolution."""
        ctx.save_for_backward(x, weight)
        ctx.geometry = geometry
        if bias is None or not geometry.adds_slowly(weight):
            return torch.convolution(x, weight, bias, *geometry.arguments())
        return torch.convolution(x, weight, None, *geometry.arguments()).add_(bias.view(-1, *[1] * (x.dim() - 2)))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradients, in one call where nobody differentiates them again."""
        (gradient,) = gradients
        x, weight = ctx.saved_tensors
        wants_x = ctx.needs_input_grad[0]
        wants_weight, wants_bias = (needed and WANTED.parameters for needed in ctx.needs_input_grad[1:3])
        # The last backward pass of a step is never differentiated again, and one call shares its preparations.
        if not torch.is_grad_enabled():
            mask = (wants_x, wants_weight, wants_bias)
            found = ctx.geometry.gradients(gradient, x, weight, mask)
            return *(value if wanted else None for value, wanted in zip(found, mask, strict=True)), None
        return (
            apply(InputGradient, gradient, weight, x.detach(), ctx.geometry) if wants_x else None,
            apply(WeightGradient, gradient, x, weight.detach(), ctx.geometry) if wants_weight else None,
            gradient.sum((0, *range(2, gradient.dim()))) if wants_bias else None,
            None,
        )


class InputGradient(torch.autograd.Function):
    """The gradient of a convolution with respect to its input, bilinear in the incoming gradient and w."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, weight: Tensor, like: Tensor, geometry: Geometry) -> Tensor:
        """Return a tensor of the shape of ``like``, the convolution's input, whose values do not matter."""
        ctx.save_for_backward(gradient, weight)
        ctx.geometry = geometry
        return geometry.gradients(gradient, like, weight, (True, False, False))[0]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return a convolution, and a weight gradient with the kernel for weight gradients."""
        (second,) = gradients
        gradient, weight = ctx.saved_tensors
        return (
            apply(Convolve, second, weight, None, ctx.geometry) if ctx.needs_input_grad[0] else None,
            apply(WeightGradient, gradient, second, weight.detach(), ctx.geometry) if ctx.needs_input_grad[1] else None,
            None,
            None,
        )


class WeightGradient(torch.autograd.Function):
    """The gradient of a convolution with respect to its weight, bilinear in the incoming gradient and x."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, x: Tensor, like: Tensor, geometry: Geometry) -> Tensor:
        """Return a tensor of the shape of ``like``, the weight, whose values do not matter."""
        ctx.save_for_backward(gradient, x)
        ctx.geometry = geometry
        return geometry.gradients(gradient, x, like, (False, True, False))[1]

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return a convolution with the second gradient as its weight, and an input gradient."""
        (second,) = gradients
        gradient, x = ctx.saved_tensors
        return (
            apply(Convolve, x, second, None, ctx.geometry) if ctx.needs_input_grad[0] else None,
            apply(InputGradient, gradient, second, x.detach(), ctx.geometry) if ctx.needs_input_grad[1] else None,
            None,
            None,
        )


class Bend(torch.autograd.Function):
    """Leaky ReLU; with slope 0, ReLU."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, slope: float) -> Tensor:
        """Return ``max(x, 0) + slope min(x, 0)``."""
        ctx.save_for_backward(x)
        ctx.slope = slope
        return leaky_relu(x, slope)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the gradient, linear in the incoming one."""
        (x,) = ctx.saved_tensors
        return apply(BendGradient, gradients[0], x.detach(), ctx.slope), None


class BendGradient(torch.autograd.Function):
    """The gradient of leaky ReLU: the incoming one, times the slope where the input is negative."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, x: Tensor, slope: float) -> Tensor:
        """Return the gradient."""
        ctx.save_for_backward(x)
        ctx.slope = slope
        result: Tensor = torch.ops.aten.leaky_relu_backward(gradient, x, slope, False)
        return result

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return the same of the second gradient; with respect to the input there is nothing, not zeros."""
        (x,) = ctx.saved_tensors
        return apply(BendGradient, gradients[0], x.detach(), ctx.slope), None, None


class Multiply(torch.autograd.Function):
    """``y = x w^T``, bilinear in x and w."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor) -> Tensor:
        """Return ``[B, out]`` from ``[B, in]`` and ``[out, in]``."""
        ctx.save_for_backward(x, weight)
        return product(x, weight)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return both gradients."""
        (gradient,) = gradients
        x, weight = ctx.saved_tensors
        wants_x, wants_weight = ctx.needs_input_grad[0], ctx.needs_input_grad[1] and WANTED.parameters
        return (
            apply(MultiplyBack, gradient, weight) if wants_x else None,
            apply(OuterProduct, gradient, x) if wants_weight else None,
        )


class MultiplyBack(torch.autograd.Function):
    """The gradient of a product with respect to x, ``g w``, bilinear in the incoming gradient and w."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, weight: Tensor) -> Tensor:
        """Return ``[B, in]`` from ``[B, out]`` and ``[out, in]``."""
        ctx.save_for_backward(gradient, weight)
        return product(gradient, weight.t())

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return both gradients, that of the weight in its own layout."""
        (second,) = gradients
        gradient, weight = ctx.saved_tensors
        return (
            apply(Multiply, second, weight) if ctx.needs_input_grad[0] else None,
            apply(OuterProduct, gradient, second) if ctx.needs_input_grad[1] else None,
        )


class OuterProduct(torch.autograd.Function):
    """The gradient of a product with respect to w, ``g^T x``, bilinear in the incoming gradient and x."""

    @staticmethod
    def forward(ctx: Any, gradient: Tensor, x: Tensor) -> Tensor:
        """Return ``[out, in]`` from ``[B, out]`` and ``[B, in]``."""
        ctx.save_for_backward(gradient, x)
        return product(gradient.t(), x.t())

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return both gradients."""
        (second,) = gradients
        gradient, x = ctx.saved_tensors
        return (
            apply(Multiply, x, second) if ctx.needs_input_grad[0] else None,
            apply(MultiplyBack, gradient, second) if ctx.needs_input_grad[1] else None,
        )


def product(x: Tensor, weight: Tensor) -> Tensor:
    """Return ``x w^T``, by oneDNN where it can: twice as fast as MKL on CPUs that MKL is not tuned for."""
    it_can = x.dtype == weight.dtype and x.dtype in ONEDNN_TYPES
    if it_can and x.device.type == "cpu" and x.numel() > 0:
        result: Tensor = torch.ops.mkldnn._linear_pointwise(x, weight, None, "none", [], "")
        return result
    return x @ weight.t()


class Linear(nn.Linear):
    """A linear layer whose matrix products take the faster library.

    One with few outputs, which give a score or a class, stays in the type of its weights under autocast.
    """

    lean = True

    def forward(self, x: Tensor) -> Tensor:
        """Return ``x w^T + b``, ``[B, out_features]``."""
        if not self.lean or x.dim() != 2:
            return super().forward(x)
        # Scores are differences of large numbers and decide on the sign of everything; they cost next to nothing.
        if self.out_features <= FEW_OUTPUTS and torch.is_autocast_enabled(x.device.type):
            with torch.autocast(x.device.type, enabled=False):
                scores: Tensor = self(x.to(self.weight.dtype))
                return scores
        x, weight, bias = narrowed(x, self.weight, self.bias)
        features = apply(Multiply, x, weight)
        return features if bias is None else features + bias


class Convolution(nn.Conv2d):
    """A convolution with lean second derivatives, where it pads with zeros and has no dilation or groups."""

    lean = True

    def forward(self, x: Tensor) -> Tensor:
        """Return the convolved maps ``[B, out_channels, H, W]``."""
        special = self.padding_mode != "zeros" or self.groups > 1 or self.dilation != (1, 1)
        if special or not self.lean or isinstance(self.padding, str):
            return super().forward(x)
        geometry = Geometry(stride=self.stride, padding=self.padding)
        maps: Tensor = apply(Convolve, *narrowed(x, self.weight, self.bias), geometry)
        return maps


class TransposedConvolution(nn.ConvTranspose2d):
    """A transposed convolution with a quick bias, where it has no output padding, dilation or groups."""

    lean = True

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        """Return the maps ``[B, out_channels, H, W]``."""
        special = self.groups > 1 or self.dilation != (1, 1) or self.output_padding != (0, 0)
        if special or not self.lean or output_size is not None or isinstance(self.padding, str):
            return super().forward(x, output_size)
        geometry = Geometry(stride=self.stride, padding=self.padding, transposed=True)
        return apply(Convolve, *narrowed(x, self.weight, self.bias), geometry)


class LeakyReLU(nn.LeakyReLU):
    """Leaky ReLU without a second derivative; with a slope of 0, ReLU."""

    lean = True

    def forward(self, x: Tensor) -> Tensor:
        """Return ``max(x, 0) + slope min(x, 0)``."""
        if not self.lean:
            return super().forward(x)
        bent: Tensor = apply(Bend, x, self.negative_slope)
        return bent


def keep_channels_last(network: nn.Module) -> None:
    """Lay convolution weights out with channels last, which their outputs then follow and CPUs prefer."""
    for parameter in network.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=torch.channels_last)


def use_stock_derivatives(network: nn.Module) -> None:
    """Go back to PyTorch's own layers, to test and measure against, and for ``torch.func``."""
    for module in network.modules():
        if "lean" in dir(type(module)):
            setattr(module, "lean", False)  # noqa: B010
