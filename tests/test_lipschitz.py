"""Properties of the gradient penalty over shapes, ranks, batch sizes and types."""

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from gradpen.errors import UsageError
from gradpen.penalties import gradient_norm, gradient_penalty, interpolate

shapes = st.lists(st.integers(1, 5), min_size=1, max_size=3).map(tuple)


@settings(max_examples=60)
@given(shape=shapes, batch=st.integers(1, 6), seed=st.integers(0, 2**32), weight=st.floats(0.01, 100))
def test_a_linear_critic_has_the_closed_form_penalty(
    shape: tuple[int, ...], batch: int, seed: int, weight: float
) -> None:
    torch.manual_seed(seed)
    direction = torch.randn(shape, dtype=torch.float64)
    real, fake = torch.randn(2, batch, *shape, dtype=torch.float64)
    penalty = gradient_penalty(lambda x: (x * direction).flatten(1).sum(1, keepdim=True), real, fake, weight=weight)
    assert torch.allclose(penalty, weight * (direction.norm() - 1) ** 2, rtol=1e-10)


@settings(max_examples=30)
@given(shape=shapes, batch=st.integers(2, 6), seed=st.integers(0, 2**32), constant=st.floats(-1e3, 1e3))
def test_slopes_ignore_a_constant_and_follow_a_permutation(
    shape: tuple[int, ...], batch: int, seed: int, constant: float
) -> None:
    torch.manual_seed(seed)
    points = torch.randn(batch, *shape, dtype=torch.float64)

    def score(x: torch.Tensor) -> torch.Tensor:
        return x.flatten(1).cos().sum(1)

    slopes = gradient_norm(score, points)
    assert torch.equal(gradient_norm(lambda x: score(x) + constant, points), slopes)
    order = torch.randperm(batch)
    assert torch.allclose(gradient_norm(score, points[order]), slopes[order])


@settings(max_examples=30)
@given(shape=shapes, batch=st.integers(1, 6), seed=st.integers(0, 2**32))
def test_interpolates_are_between(shape: tuple[int, ...], batch: int, seed: int) -> None:
    torch.manual_seed(seed)
    real, fake = torch.randn(2, batch, *shape)
    points = interpolate(real, fake)
    assert points.shape == real.shape
    low, high = torch.minimum(real, fake), torch.maximum(real, fake)
    assert bool(((points >= low - 1e-6) & (points <= high + 1e-6)).all())


def test_penalty_gradient_equals_finite_differences() -> None:
    """The second-order path through a smooth convolutional critic, checked numerically in float64."""
    torch.manual_seed(0)
    real, fake = torch.randn(2, 3, 2, 5, 5, dtype=torch.float64)
    points = interpolate(real, fake)
    first = torch.randn(4, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    last = torch.randn(4, dtype=torch.float64, requires_grad=True)

    def penalty(first: torch.Tensor, last: torch.Tensor) -> torch.Tensor:
        def score(x: torch.Tensor) -> torch.Tensor:
            return (torch.nn.functional.conv2d(x, first).tanh().mean((2, 3)) * last).sum(1)

        return (gradient_norm(score, points) - 1).square().mean()

    assert torch.autograd.gradcheck(penalty, (first, last))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_half_precision_points_give_float32_slopes(dtype: torch.dtype) -> None:
    slopes = gradient_norm(lambda x: (3 * x).sum(1), torch.ones(2, 12288, dtype=dtype))
    assert slopes.dtype == torch.float32
    assert slopes.tolist() == pytest.approx([3 * 12288**0.5] * 2, rel=1e-3)


def test_different_shapes_are_refused_by_name() -> None:
    with pytest.raises(UsageError, match=r"real has shape \[4, 2\] and fake \[3, 2\]"):
        gradient_penalty(torch.nn.Linear(2, 1), torch.zeros(4, 2), torch.zeros(3, 2))
