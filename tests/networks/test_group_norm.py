"""Group norm with its second derivative written out: PyTorch's, in value and in every derivative."""

import copy

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.autograd import gradcheck, gradgradcheck

from gradpen.lipschitz import gradient_penalty
from gradpen.networks.dcgan import DcganCritic
from gradpen.networks.group_norm import GroupNorm, Standardise
from gradpen.networks.layers import applied, use_stock_derivatives


@settings(max_examples=40, deadline=None)
@given(
    groups=st.integers(1, 3),
    width=st.integers(1, 3),
    sides=st.one_of(st.tuples(st.integers(2, 5), st.integers(1, 5)), st.tuples(st.integers(3, 6))),
    batch=st.integers(1, 4),
    memory_format=st.sampled_from([torch.contiguous_format, torch.channels_last]),
)
def test_equal_to_stock_double_backward(
    groups: int, width: int, sides: tuple[int, ...], batch: int, memory_format: torch.memory_format
) -> None:
    torch.manual_seed(0)
    lean = GroupNorm(groups, groups * width).double()
    nn.init.normal_(lean.weight)
    nn.init.normal_(lean.bias)
    stock = copy.deepcopy(lean)
    use_stock_derivatives(stock)
    x = torch.randn(batch, groups * width, *sides, dtype=torch.float64)
    x = x.to(memory_format=memory_format) if x.dim() == 4 else x
    found = []
    for norm in (lean, stock):
        points = x.clone().requires_grad_()
        maps = norm(points)
        (gradient,) = torch.autograd.grad(maps.pow(3).sum(), points, create_graph=True)
        (gradient.square().sum() + maps.sin().sum()).backward()
        found.append([maps, gradient, points.grad, norm.weight.grad, norm.bias.grad])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


def test_derivatives_against_differences() -> None:
    x = torch.randn(2, 4, 3, 2, dtype=torch.float64, requires_grad=True)

    def standardise(points: torch.Tensor) -> torch.Tensor:
        return applied(Standardise, points, 2, 1e-5)

    assert gradcheck(standardise, (x,))
    assert gradgradcheck(standardise, (x,))


def test_one_group_is_layer_norm_and_a_group_a_channel_is_instance_norm() -> None:
    x = torch.randn(3, 4, 5, 5)
    torch.testing.assert_close(GroupNorm(4, 4)(x), nn.InstanceNorm2d(4)(x))
    torch.testing.assert_close(GroupNorm(1, 4)(x), nn.LayerNorm([4, 5, 5])(x))


@pytest.mark.parametrize("precision", [torch.float32, torch.bfloat16])
def test_the_type_of_x_is_kept(precision: torch.dtype) -> None:
    norm = GroupNorm(1, 4)
    x = torch.randn(3, 4, 5, 5, dtype=precision)
    assert norm(x).dtype == precision
    torch.testing.assert_close(norm(x).float(), norm(x.float()), rtol=1e-2, atol=1e-2)
    assert norm(x[:0]).shape == (0, 4, 5, 5)


def test_the_penalty_of_a_critic_with_layer_norm_has_the_stock_gradient() -> None:
    torch.manual_seed(0)
    lean = DcganCritic(width=4, norm="layer").build((2, 16, 16)).double()
    stock = copy.deepcopy(lean)
    use_stock_derivatives(stock)
    points = torch.randn(3, 2, 16, 16, dtype=torch.float64)
    for network in (lean, stock):
        (network(points).mean() + gradient_penalty(network, points, points)).backward()
    for one, other in zip(lean.parameters(), stock.parameters(), strict=True):
        torch.testing.assert_close(one.grad, other.grad, rtol=1e-11, atol=1e-11)
