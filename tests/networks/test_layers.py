"""Lean second derivatives: equal to PyTorch's own in float64, and without needless convolution passes."""

import threading
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn
from torch.autograd import gradcheck, gradgradcheck
from torch.utils._python_dispatch import TorchDispatchMode

from gradpen.networks import layers
from gradpen.networks.blocks import Crop
from gradpen.networks.dcgan import DcganCritic, DcganGenerator
from gradpen.networks.dropout import Dropout
from gradpen.networks.layers import (
    Convolution,
    Convolve,
    Geometry,
    LeakyReLU,
    Linear,
    Multiply,
    TransposedConvolution,
    apply,
    input_gradients_only,
    use_stock_derivatives,
)
from gradpen.penalties import gradient_penalty

DOUBLE = torch.float64


def penalty_gradients(network: nn.Module, x: Tensor) -> list[Tensor]:
    """Gradients of a loss with a penalty: forward, first and second derivatives together."""
    network.zero_grad()
    points = x.clone().requires_grad_()
    scores = network(points).flatten(1).sum(1)
    (gradient,) = torch.autograd.grad(scores.sum(), points, create_graph=True)
    loss = scores.square().mean() + (gradient.flatten(1).norm(dim=1) - 1).square().mean()
    loss.backward()
    assert points.grad is not None
    return [points.grad, *(p.grad for p in network.parameters() if p.grad is not None)]


def close(found: list[Tensor], expected: list[Tensor]) -> None:
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert torch.allclose(one, other, rtol=1e-12, atol=1e-12), (one - other).abs().max()


@settings(max_examples=100)
@given(
    kind=st.sampled_from([Convolution, TransposedConvolution]),
    channels=st.tuples(st.integers(1, 3), st.integers(1, 4)),
    side=st.tuples(st.integers(5, 9), st.integers(5, 9)),
    kernel=st.integers(1, 5),
    stride=st.integers(1, 3),
    padding=st.integers(0, 2),
    bias=st.booleans(),
    slope=st.sampled_from([0.0, 0.2, 0.3]),
    memory_format=st.sampled_from([torch.contiguous_format, torch.channels_last]),
    batch=st.integers(1, 3),
)
def test_equal_to_stock_double_backward(
    kind: type[Convolution | TransposedConvolution],
    channels: tuple[int, int],
    side: tuple[int, int],
    kernel: int,
    stride: int,
    padding: int,
    bias: bool,
    slope: float,
    memory_format: torch.memory_format,
    batch: int,
) -> None:
    torch.manual_seed(0)
    fan_in, fan_out = channels
    network: nn.Module = nn.Sequential(
        kind(fan_in, fan_out, kernel, stride, padding, bias=bias),
        LeakyReLU(slope),
        Convolution(fan_out, 2, 1, bias=bias),
        LeakyReLU(0.2),
        nn.Flatten(),
    )
    network = network.double()
    for parameter in network.parameters():
        if parameter.dim() == 4:
            parameter.data = parameter.data.contiguous(memory_format=memory_format)
    x = torch.randn(batch, fan_in, *side, dtype=DOUBLE).contiguous(memory_format=memory_format)
    lean = [gradient.clone() for gradient in penalty_gradients(network, x)]
    use_stock_derivatives(network)
    close(lean, penalty_gradients(network, x))


@pytest.mark.parametrize(("groups", "dilation", "output_padding"), [(2, 1, 0), (1, 2, 0), (1, 1, 1)])
def test_unusual_transposed_convolutions_are_the_stock_ones(groups: int, dilation: int, output_padding: int) -> None:
    layer = TransposedConvolution(2, 2, 3, 2, groups=groups, dilation=dilation, output_padding=output_padding)
    x = torch.randn(1, 2, 4, 4)
    found = layer(x)
    use_stock_derivatives(layer)
    assert torch.equal(found, layer(x))


@pytest.mark.parametrize("transposed", [False, True])
@pytest.mark.parametrize("stride", [1, 2])
def test_every_derivative_against_differences(transposed: bool, stride: int) -> None:
    torch.manual_seed(0)
    geometry = Geometry(stride=(stride, stride), padding=(1, 1), transposed=transposed)
    x, weight, bias = (
        torch.randn(*size, dtype=DOUBLE, requires_grad=True) for size in ((2, 3, 5, 4), (3, 3, 3, 3), (3,))
    )

    def convolve(*tensors: Tensor) -> Tensor:
        return apply(Convolve, *tensors, geometry)

    assert gradcheck(convolve, (x, weight, bias))
    assert gradgradcheck(convolve, (x, weight, bias))


class Biases(TorchDispatchMode):
    """Notes of every convolution whether it adds a bias itself."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: list[bool] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func.overloadpacket.__name__ == "convolution":
            self.found.append(args[2] is not None)
        return func(*args, **(kwargs or {}))


@pytest.mark.parametrize(("kernel", "stride", "by_itself"), [(5, 2, True), (3, 2, True), (4, 2, False), (5, 1, False)])
def test_a_bias_is_added_by_itself_where_the_kernel_is_slow_with_it(kernel: int, stride: int, by_itself: bool) -> None:
    with Biases() as biases:
        TransposedConvolution(2, 3, kernel, stride)(torch.randn(1, 2, 4, 4))
        Convolution(2, 3, kernel, stride)(torch.randn(1, 2, 6, 6))
    assert biases.found == [not by_itself, True]


@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_cropped_maps_are_dense(memory_format: torch.memory_format) -> None:
    x = torch.randn(2, 3, 5, 6).contiguous(memory_format=memory_format)
    cropped = Crop(4, 5)(x)
    assert torch.equal(cropped, x[:, :, :4, :5])
    assert cropped.is_contiguous(memory_format=memory_format)


class Counted(TorchDispatchMode):
    """Counts convolution passes: forward, and each gradient that a backward call computes."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.counts = {"forward": 0, "input": 0, "weight": 0}

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name = func.overloadpacket.__name__
        if name == "convolution":
            self.counts["forward"] += 1
        elif name == "convolution_backward":
            self.counts["input"] += int(args[-1][0])
            self.counts["weight"] += int(args[-1][1])
        return func(*args, **(kwargs or {}))


def critic_of(convolutions: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for _ in range(convolutions):
        layers += [Convolution(2, 2, 3, padding=1), LeakyReLU(0.2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(2 * 36, 1))


@pytest.mark.parametrize("convolutions", [1, 3])
def test_a_critic_step_does_no_needless_pass(convolutions: int) -> None:
    """Real, fake and interpolates go forward once; the first layer's input gradient is taken for interpolates alone.

    In units of a forward pass with n layers: 3 forward, 2 weight and 2 (n - 1) / n input gradients for the loss; for
    the penalty 1 input gradient, then 1 forward and 1 weight gradient for its own gradient: 10 - 2 / n.
    """
    n = convolutions
    critic = critic_of(n)
    real, fake = torch.randn(2, 4, 2, 6, 6)
    with Counted() as counted:
        loss = critic(fake).mean() - critic(real).mean() + gradient_penalty(critic, real, fake)
        loss.backward()
    assert counted.counts == {"forward": 3 * n + n, "input": 2 * (n - 1) + n, "weight": 2 * n + n}
    use_stock_derivatives(critic)
    with Counted() as stock:
        loss = critic(fake).mean() - critic(real).mean() + gradient_penalty(critic, real, fake)
        loss.backward()
    assert sum(stock.counts.values()) > sum(counted.counts.values())


def test_a_generator_step_wants_no_weight_gradient() -> None:
    critic = critic_of(3).requires_grad_(False)
    fake = torch.randn(4, 2, 6, 6, requires_grad=True)
    with Counted() as counted:
        critic(fake).mean().backward()
    assert counted.counts == {"forward": 3, "input": 3, "weight": 0}


def test_state_is_that_of_the_stock_layers() -> None:
    ours, stock = Convolution(2, 3, 4), nn.Conv2d(2, 3, 4)
    stock.load_state_dict(ours.state_dict())
    x = torch.randn(2, 2, 6, 6)
    assert torch.equal(ours(x), stock(x))
    assert torch.equal(LeakyReLU(0.3)(x), nn.functional.leaky_relu(x, 0.3))


@settings(max_examples=30)
@given(sizes=st.tuples(*[st.integers(1, 9)] * 4), bias=st.booleans())
def test_linear_layers_equal_the_stock_ones(sizes: tuple[int, int, int, int], bias: bool) -> None:
    torch.manual_seed(0)
    batch, fan_in, hidden, out = sizes
    layers = [Linear(fan_in, hidden, bias=bias), LeakyReLU(0.2), Linear(hidden, out, bias=bias), LeakyReLU(0.0)]
    network = nn.Sequential(*layers).double()
    x = torch.randn(batch, fan_in, dtype=DOUBLE)
    lean = [gradient.clone() for gradient in penalty_gradients(network, x)]
    use_stock_derivatives(network)
    close(lean, penalty_gradients(network, x))


def test_products_of_linear_layers_against_differences_and_in_fp32() -> None:
    torch.manual_seed(0)
    x, weight = (torch.randn(*size, dtype=DOUBLE, requires_grad=True) for size in ((4, 3), (5, 3)))

    def multiply(*tensors: Tensor) -> Tensor:
        return apply(Multiply, *tensors)

    assert gradcheck(multiply, (x, weight))
    assert gradgradcheck(multiply, (x, weight))
    wide = torch.randn(64, 1024), torch.randn(512, 1024)
    exact = wide[0].double() @ wide[1].double().t()
    assert (multiply(*wide).double() - exact).abs().max() < 1e-3
    transposed = multiply(wide[0].t(), torch.randn(7, 64))
    assert transposed.shape == (1024, 7)


@pytest.mark.parametrize("probability", [0.0, 0.25, 0.3, 0.9])
@pytest.mark.parametrize("memory_format", [torch.contiguous_format, torch.channels_last])
def test_dropout_drops_its_share_and_keeps_the_mean(probability: float, memory_format: torch.memory_format) -> None:
    torch.manual_seed(0)
    dropout = Dropout(probability)
    x = torch.ones(40, 5, 30, 31).contiguous(memory_format=memory_format)
    dropped = dropout(x)
    assert dropped.is_contiguous(memory_format=memory_format)
    assert abs((dropped == 0).float().mean() - probability) < 0.01
    kept = dropped[dropped != 0]
    assert torch.allclose(kept, torch.tensor(1 / (1 - round(probability * 65536) / 65536)))
    assert abs(dropped.mean() - 1) < 0.02
    for dim in range(4):
        share = (dropped == 0).float().mean(dim=[other for other in range(4) if other != dim])
        assert (share - probability).abs().max() < 0.06, "every place is dropped equally often"
    torch.manual_seed(0)
    assert torch.equal(dropout(x), dropped)
    assert not torch.equal(dropout(x), dropped) or probability == 0
    assert torch.equal(dropout.eval()(x), x)


def test_gradients_pass_where_values_do() -> None:
    x = torch.randn(50, dtype=DOUBLE, requires_grad=True)
    dropped = Dropout(0.5)(x)
    dropped.sum().backward()
    assert x.grad is not None
    assert torch.allclose(x.grad, torch.where(dropped == 0, 0.0, 2.0).double())


def test_the_penalty_as_it_is_taken_has_the_stock_gradient() -> None:
    torch.manual_seed(0)
    critic = nn.Sequential(critic_of(2), Linear(1, 3), LeakyReLU(0.2), Linear(3, 1)).double()
    real, fake = torch.randn(2, 5, 2, 6, 6, dtype=DOUBLE)
    found = []
    for _ in range(2):
        torch.manual_seed(1)
        critic.zero_grad()
        (critic(real).mean() + gradient_penalty(critic, real, fake)).backward()
        found.append([p.grad.clone() for p in critic.parameters() if p.grad is not None])
        use_stock_derivatives(critic)
    close(*found)


def test_a_penalty_in_one_thread_leaves_gradients_in_another_alone() -> None:
    other = critic_of(1)
    with input_gradients_only():
        thread = threading.Thread(target=lambda: other(torch.randn(3, 2, 6, 6)).sum().backward())
        thread.start()
        thread.join()
    assert all(p.grad is not None for p in other.parameters())


def test_what_the_lean_layers_do_not_do_is_left_to_the_stock_ones() -> None:
    torch.manual_seed(0)
    x = torch.randn(2, 4, 6, 6)
    for options in ({"padding_mode": "reflect", "padding": 1}, {"groups": 2}, {"dilation": 2}, {"padding": "same"}):
        ours = Convolution(4, 4, 3, **options)
        assert torch.equal(ours(x), nn.Conv2d.forward(ours, x))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        assert Convolution(4, 4, 3)(x).dtype == torch.bfloat16
        assert Linear(6, 40)(x[0, 0]).dtype == torch.bfloat16
        assert Linear(6, 2)(x[0, 0]).dtype == torch.float32, "scores and classes are summed up in full precision"
    assert Linear(4, 2)(torch.empty(0, 4)).shape == (0, 2)


def test_networks_in_float64_train() -> None:
    import gradpen

    generator, critic = (choice.build((1, 8, 8)).double() for choice in (DcganGenerator(width=4), DcganCritic(width=4)))
    player = gradpen.Gan(
        generator=generator,
        critic=critic,
        generator_optimizer=torch.optim.SGD(generator.parameters(), lr=0.1),
        critic_optimizer=torch.optim.SGD(critic.parameters(), lr=0.1),
        latent_dim=128,
    )
    batch = gradpen.Batch(images=torch.rand(4, 1, 8, 8, dtype=DOUBLE))
    measures = gradpen.critic_step(player, gradpen.Wasserstein(), gradpen.GradientPenalty(), batch)
    assert measures["penalty"].dtype == DOUBLE


def test_a_cpu_without_bf16_in_onednn_multiplies_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    x, weight = torch.randn(4, 8).bfloat16(), torch.randn(5, 8).bfloat16()
    expected = x.float() @ weight.float().t()
    for types in ((), (torch.float32,), layers.ONEDNN_TYPES):
        monkeypatch.setattr(layers, "ONEDNN_TYPES", types)
        torch.testing.assert_close(layers.product(x, weight).float(), expected, rtol=0.02, atol=0.02)
