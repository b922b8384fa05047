"""gradpen's pieces on networks of people's own: what is frozen stays so, and what a piece cannot do it says."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm, relu

import gradpen
from gradpen.batch import Batch
from gradpen.errors import UsageError
from gradpen.gan import Gan
from gradpen.lipschitz import SpectralNorm


def gan_of(critic: nn.Module) -> Gan:
    generator = nn.Sequential(nn.Linear(4, 27), nn.Unflatten(1, (3, 3, 3)))
    learning = [parameter for parameter in critic.parameters() if parameter.requires_grad]
    return Gan(
        generator=generator,
        critic=critic,
        generator_optimizer=torch.optim.Adam(generator.parameters()),
        critic_optimizer=torch.optim.Adam(learning),
        latent_dim=4,
    )


def test_fine_tuning_with_frozen_layers() -> None:
    """Freeze the first layer of a critic: an iteration leaves it frozen, without a gradient, and as it was."""
    critic = nn.Sequential(nn.Flatten(), nn.Linear(27, 8), nn.LeakyReLU(), nn.Linear(8, 1), nn.Flatten(0))
    critic[1].requires_grad_(False)
    before = critic[1].weight.clone()  # type: ignore[operator]
    gan = gan_of(critic)
    for _ in range(3):
        batches = [Batch(images=torch.randn(6, 3, 3, 3))]
        gradpen.train_iteration(gan, gradpen.Wasserstein(), gradpen.GradientPenalty(), batches)
    assert [parameter.requires_grad for parameter in critic.parameters()] == [False, False, True, True]
    assert critic[1].weight.grad is None
    assert torch.equal(critic[1].weight, before)


def test_a_failing_generator_leaves_the_critic_trainable() -> None:
    critic = nn.Sequential(nn.Flatten(), nn.Linear(5, 1))
    gan = gan_of(critic)
    with pytest.raises(RuntimeError):
        gradpen.generator_step(gan, gradpen.Wasserstein(), Batch(images=torch.zeros(4, 3, 3, 3)))
    assert all(parameter.requires_grad for parameter in critic.parameters())


def slope(critic: nn.Module, points: Tensor) -> float:
    for _ in range(50):
        critic(points)
    critic.eval()
    return float(gradpen.gradient_norm(lambda x: critic(x).flatten(), points).max())


@pytest.mark.parametrize(
    ("layer", "shape"),
    [
        (nn.Conv1d(4, 4, 1, bias=False), (2, 4, 6)),
        (nn.Conv3d(4, 4, 1, bias=False), (2, 4, 3, 3, 3)),
        (nn.ConvTranspose1d(4, 4, 1, bias=False), (2, 4, 6)),
        (nn.ConvTranspose3d(4, 4, 1, bias=False), (2, 4, 3, 3, 3)),
        (nn.Linear(4, 4, bias=False), (2, 4)),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_a_critic_of_signals_or_volumes_under_spectral_norm(layer: nn.Module, shape: tuple[int, ...]) -> None:
    """With steep weights, every rank is held to a largest singular value of 1: a map by points has that slope."""
    torch.manual_seed(0)
    with torch.no_grad():
        for parameter in layer.parameters():
            parameter.mul_(100)
    points = torch.randn(shape)
    critic = nn.Sequential(layer, nn.Flatten())
    SpectralNorm().prepare(critic)
    for _ in range(50):
        critic(points)
    critic.eval()
    with torch.no_grad():
        stretched = (critic(points) - critic(0 * points)).norm(dim=1) / points.flatten(1).norm(dim=1)
    assert 0.2 < stretched.max() <= 1 + 1e-4


@pytest.mark.parametrize(
    "layer",
    [nn.LSTM(4, 4), nn.GRU(4, 4), nn.MultiheadAttention(4, 1), nn.Bilinear(2, 2, 2)],
    ids=lambda x: type(x).__name__,
)
def test_layers_that_spectral_norm_does_not_know(layer: nn.Module) -> None:
    with pytest.raises(UsageError, match=rf"layer '0' is {type(layer).__name__}, whose weights it would leave"):
        SpectralNorm().prepare(nn.Sequential(layer))


class Functional(nn.Module):
    """Batch norm that no module shows."""

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(27, 5)
        self.last = nn.Linear(5, 1)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.last(relu(batch_norm(self.linear(x.flatten(1)), None, None, training=True)))
        return scores


def with_batch_norm() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(27, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 1))


HIDDEN: dict[str, Callable[[], Any]] = {
    "a module": with_batch_norm,
    "its forward": lambda: with_batch_norm().forward,
    "a lambda": lambda: (lambda critic: lambda x: critic(x))(with_batch_norm()),
    "a lambda of small scores": lambda: (lambda critic: lambda x: 1e-4 * critic(x))(with_batch_norm()),
    "torch.nn.functional": Functional,
    "torch.jit": lambda: torch.jit.trace(with_batch_norm(), torch.randn(4, 3, 3, 3)),
}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("hidden", HIDDEN)
@pytest.mark.parametrize("count", [8, 256])
def test_batch_norm_is_found_wherever_it_hides(hidden: str, count: int) -> None:
    torch.manual_seed(0)
    images = torch.randn(count, 3, 3, 3)
    with pytest.raises(UsageError, match="a gradient penalty does not allow"):
        gradpen.gradient_penalty(HIDDEN[hidden](), images, -images)


class Honest(nn.Module):
    """Somebody's own module that couples nothing, with dropout."""

    calls = 0

    def __init__(self) -> None:
        super().__init__()
        self.linear = nn.Linear(27, 1)

    def forward(self, x: Tensor) -> Tensor:
        self.calls += 1
        scores: Tensor = self.linear(nn.functional.dropout(x.flatten(1), 0.5))
        return scores


def test_an_own_module_is_tried_once() -> None:
    critic, images = Honest(), torch.randn(8, 3, 3, 3)
    gradpen.gradient_penalty(critic, images, -images)
    first = critic.calls
    gradpen.gradient_penalty(critic, images, -images)
    assert (first, critic.calls) == (4, 5)


@pytest.mark.parametrize(
    ("score", "images", "message"),
    [
        (lambda x: (x.sum((1, 2, 3)), x), torch.zeros(4, 3, 3, 3), "returns one tensor of scores.* found tuple"),
        (lambda x: {"score": x.sum((1, 2, 3))}, torch.zeros(4, 3, 3, 3), "found dict"),
        (
            lambda x: x.sum((1, 2, 3)),
            torch.zeros(4, 3, 3, 3, dtype=torch.uint8),
            r"found torch.uint8; of bytes, take images",
        ),
        (
            lambda x: x.sum((2, 3)),
            torch.zeros(4, 3, 3, 3),
            r"one score per example: expected 4 scores, found shape \[4, 3\]",
        ),
    ],
    ids=["tuple", "dict", "bytes", "several scores"],
)
def test_what_a_critic_returns_or_takes(score: Callable[[Tensor], Any], images: Tensor, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        gradpen.gradient_norm(score, images)
