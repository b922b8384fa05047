"""Numbers that other projects' test suites expect, asked of gradpen; and inputs that tell known wrong forms apart.

Inputs, expected values and tolerances come from the public test that each table or docstring names. Conventions differ
and are converted in the open: gradpen halves the critic's cross-entropies, and not the least-squares generator loss.

TF-GAN is github.com/tensorflow/gan at bc369b7 (2025-01-16), files under tensorflow_gan/python; torchgan is
github.com/torchgan/torchgan at fe86d7c (2020-09-02); mimicry is github.com/kwotsin/mimicry at a7fda06 (2022-08-07),
whose own comparisons reject only what is too large.
"""

from collections.abc import Callable
from itertools import pairwise
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

from gradpen.auxiliary import class_loss
from gradpen.errors import UsageError
from gradpen.lipschitz import SpectralNorm, WeightClipping
from gradpen.metrics.critic import total_gradient_norm
from gradpen.objectives import (
    AbsoluteObjective,
    Hinge,
    LeastSquares,
    Minimax,
    NonSaturating,
    Objective,
    RelativisticAverage,
    Wasserstein,
)
from gradpen.penalties import gradient_norm, gradient_penalty, slope_penalty

Loss = Callable[[Tensor, Tensor], Tensor]


def places(count: int) -> float:
    """Return the tolerance of unittest's assertAlmostEqual to that many places."""
    return 0.5 * 10.0**-count


def doubles(values: object) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def of_critic(objective: Objective, factor: float = 1.0) -> Loss:
    return lambda real, fake: factor * objective.critic_loss(real, fake)


def of_generator(objective: AbsoluteObjective, factor: float = 1.0) -> Loss:
    return lambda _, fake: factor * objective.generator_loss(fake)


class Peer(NamedTuple):
    source: str
    real: list[float]
    fake: list[float]
    tolerance: float


PEERS = {
    "TF-GAN": Peer("losses/losses_impl_test.py", [-5.0, 1.4, 12.5, 2.7], [10.0, 4.4, -5.5, 3.6], places(5)),
    "TF-GAN, relativistic": Peer("losses/losses_impl_test.py", [-2.0, 0.4, 12.5, 2.7], [10.0, 4.4, -5.5, 3.6], 1e-5),
    "torchgan": Peer("tests/torchgan/test_losses.py", [1.3, 2.9, 8.4, 6.3], [4.8, 1.2, -3.5, 5.9], places(5)),
    "mimicry": Peer("tests/modules/test_losses.py", [1.0] * 4, [1.0] * 4, 1e-2),
}
SMOOTHED = NonSaturating(real_targets=(0.875, 0.875))
"""TF-GAN's default of 0.25: real targets of 0.75 + 0.25 / 2"""
OF_DATA = softplus(doubles(-1.0))
"""the peers' minimax generator loss is minus the discriminator's with scores of 1 for data"""
LOSSES: dict[str, tuple[Loss, dict[str, float]]] = {
    "Wasserstein critic": (of_critic(Wasserstein()), {"TF-GAN": 0.225, "torchgan": -2.625, "mimicry": 0.0}),
    "Wasserstein generator": (of_generator(Wasserstein()), {"TF-GAN": -3.125, "torchgan": -2.1, "mimicry": -1.0}),
    "hinge critic": (of_critic(Hinge()), {"TF-GAN": 6.75, "mimicry": 2.0}),
    "hinge generator": (of_generator(Hinge()), {"TF-GAN": -3.125, "mimicry": -1.0}),
    "least-squares critic": (of_critic(LeastSquares()), {"TF-GAN": 41.73375, "torchgan": 19.76125}),
    "least-squares generator": (of_generator(LeastSquares(), 0.5), {"TF-GAN": 17.69625, "torchgan": 7.3425007}),
    "minimax critic": (of_critic(Minimax(), 2), {"torchgan": 3.1251488, "mimicry": 1.6265}),
    "minimax critic, smoothed": (
        lambda real, fake: 2 * Minimax().critic_loss(real, fake) + 0.125 * real.mean(),
        {"TF-GAN": 6.19637},
    ),
    "minimax generator": (
        lambda _, fake: Minimax().generator_loss(fake) - OF_DATA,
        {"TF-GAN": -4.82408, "torchgan": -3.3642528},
    ),
    "non-saturating critic, smoothed": (of_critic(SMOOTHED, 2), {"TF-GAN": 6.19637}),
    "non-saturating generator": (
        of_generator(NonSaturating()),
        {"TF-GAN": 1.38582, "torchgan": 0.9509911, "mimicry": 0.3133},
    ),
    "relativistic average critic": (of_critic(RelativisticAverage(), 2), {"TF-GAN, relativistic": 4.390114}),
    "relativistic average generator": (
        lambda real, fake: 2 * RelativisticAverage().relative_generator_loss(real, fake),
        {"TF-GAN, relativistic": 4.9401135},
    ),
}
LAYOUTS = {"flat": (4,), "column": (4, 1), "patches": (2, 2)}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize(("name", "peer"), [(name, peer) for name, (_, numbers) in LOSSES.items() for peer in numbers])
def test_loss(name: str, peer: str, layout: str) -> None:
    loss, expected = LOSSES[name]
    source, real, fake, tolerance = PEERS[peer]
    found = loss(doubles(real).view(LAYOUTS[layout]), doubles(fake).view(LAYOUTS[layout]))
    assert found.item() == pytest.approx(expected[peer], abs=tolerance), source


@pytest.mark.parametrize(
    ("name", "total", "each"),
    [
        ("Wasserstein generator", -8.4, [-4.8, -1.2, 3.5, -5.9]),
        ("Wasserstein critic", -10.5, [3.5, -1.7, -11.9, -0.4]),
        ("least-squares generator", 29.370003, [7.22, 0.02, 10.125, 12.005]),
        ("least-squares critic", 4 * 19.76125, [11.565, 2.525, 33.505, 31.45]),
        ("non-saturating generator", 4 * 0.9509911, [0.0081961661, 0.26328245, 3.5297503, 0.0027356991]),
    ],
)
def test_loss_of_each_example(name: str, total: float, each: list[float]) -> None:
    """torchgan, tests/torchgan/test_losses.py: without a reduction, and summed."""
    loss, torchgan = LOSSES[name][0], PEERS["torchgan"]
    pairs = zip(doubles(torchgan.real), doubles(torchgan.fake), strict=True)
    found = [loss(real, fake).item() for real, fake in pairs]
    assert found == pytest.approx(each, abs=places(5))
    assert sum(found) == pytest.approx(total, abs=places(5))


def test_wasserstein_losses_of_the_assignment() -> None:
    """deeplearning.ai's WGAN-GP assignment, as in mrshahabian/GAN, WGAN/test.py: losses, with the weighted penalty."""
    generator_loss, critic_loss = Wasserstein().generator_loss, Wasserstein().critic_loss
    torch.manual_seed(0)
    assert generator_loss(torch.ones(1)).item() == -1
    assert generator_loss(torch.rand(10000)).item() == pytest.approx(-0.5, rel=0.05)
    assert (critic_loss(doubles([2]), doubles([1])) + 0.1 * 3).item() == pytest.approx(-0.7, rel=1e-5)
    assert (critic_loss(doubles([-20]), doubles([20])) + 10 * 2).item() == pytest.approx(60, rel=1e-5)


@pytest.mark.parametrize(
    ("shape", "slope", "expected"),
    [
        pytest.param((256, 1, 28, 28), 0.0, 1.0, id="CaibinSh/GANs, gans/test/test_WGAN_GP.py: zero"),
        pytest.param((256, 1, 28, 28), 784**-0.5, 0.0, id="CaibinSh/GANs, gans/test/test_WGAN_GP.py: of norm 1"),
        pytest.param((100, 2), 1.0, 0.1715729, id="sisl/Crux.jl, test/extras_tests.jl: of norm sqrt(2)"),
    ],
)
def test_penalty_of_a_constant_gradient(shape: tuple[int, ...], slope: float, expected: float) -> None:
    """deeplearning.ai's WGAN-GP assignment as copied there, and a dense layer of ones: to 7 places."""
    slopes = gradient_norm(lambda x: (slope * x).flatten(1).sum(1), torch.ones(shape, dtype=torch.float64))
    assert slope_penalty(slopes).item() == pytest.approx(expected, abs=places(7))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize(
    ("weight", "target", "one_sided", "expected", "tolerance"),
    [
        (1.0, 1.0, False, 9.0, places(6)),
        (1.0, 1.0, True, 9.0, places(5)),
        (1.0, 2.0, False, 2**2 * 1.0, places(5)),  # TF-GAN's is (slope / target - 1)^2
        (2.3, 1.0, False, 20.7, places(3)),
    ],
)
def test_gradient_penalty(
    weight: float, target: float, one_sided: bool, expected: float, tolerance: float, dtype: torch.dtype
) -> None:
    """TF-GAN, losses/losses_impl_test.py, GradientPenaltyTest: 2x in four coordinates; type and variables kept."""
    critic = nn.Linear(4, 1, bias=False, dtype=dtype)
    nn.init.constant_(critic.weight, 2.0)
    fake = torch.tensor([[3.1, 2.3, -12.3, 32.1]], dtype=dtype)
    real = torch.tensor([[-12.3, 23.2, 16.3, -43.2]], dtype=dtype)
    penalty = gradient_penalty(critic, real, fake, weight=weight, target=target, one_sided=one_sided)
    assert penalty.item() == pytest.approx(expected, abs=tolerance)
    assert penalty.dtype == dtype
    assert list(critic.state_dict()) == ["weight"]


def test_weight_clipping() -> None:
    """TF-GAN, features/clip_weights_test.py: 2 clipped at 0.1; negative is refused."""
    critic = nn.Linear(1, 1, bias=False)
    nn.init.constant_(critic.weight, 2.0)
    WeightClipping(threshold=0.1).project(critic)
    assert critic.weight.item() == pytest.approx(0.1, abs=1e-7)
    with pytest.raises(ValueError, match="threshold"):
        WeightClipping(threshold=-1.0)


def test_class_loss() -> None:
    """TF-GAN, losses/losses_impl_test.py, ACGANLossTest: of samples, and of samples and data added."""
    generated = [[10.0, 4.4, -5.5, 3.6], [-4.0, 4.4, 5.2, 4.6], [1.1, 2.4, -3.5, 5.6], [1.1, 2.4, -3.5, 5.6]]
    real = [[-2.0, 0.4, 12.5, 2.7], [-1.2, 1.9, 12.3, 2.6], [-2.4, -1.7, 2.5, 2.7], [1.1, 2.4, -3.5, 5.6]]
    labels = doubles([[0, 1, 0, 0], [0, 0, 1, 0], [1, 0, 0, 0], [1, 0, 0, 0]])
    of_samples, of_data = (class_loss(doubles(logits), labels).item() for logits in (generated, real))
    assert of_samples == pytest.approx(3.84974, abs=places(5))
    assert of_samples + of_data == pytest.approx(9.43950, abs=places(5))


def spectral_error(layer: nn.Linear) -> float:
    """Return how far the largest singular value of what a layer multiplies by is from 1, without iterating on."""
    weight: Tensor = layer.eval()(torch.eye(layer.in_features, dtype=torch.float64))
    layer.train()
    error: float = (torch.linalg.matrix_norm(weight, 2) - 1).abs().item()
    return error


def test_spectral_norm_converges() -> None:
    """TF-GAN, features/spectral_normalization_test.py: [2, 3, 50, 100] as a matrix, nearer 1 at each mark."""
    torch.manual_seed(0)
    layer = nn.Linear(100, 300, bias=False, dtype=torch.float64)
    nn.init.normal_(layer.weight, std=10.0)
    errors = [spectral_error(layer)]
    SpectralNorm().prepare(layer)
    for iterations in (1, 4, 5, 40):
        for _ in range(iterations):
            layer(torch.zeros(1, 100, dtype=torch.float64))
        errors.append(spectral_error(layer))
    assert all(later < earlier for earlier, later in pairwise(errors)), errors
    assert errors[-1] < places(0)


def test_spectral_norm_of_tiny_weights() -> None:
    """TF-GAN, features/spectral_normalization_test.py: weights of 1e-5, 5 iterations."""
    layer = nn.Linear(100, 300, bias=False, dtype=torch.float64)
    nn.init.constant_(layer.weight, 1e-5)
    SpectralNorm(power_iterations=5).prepare(layer)
    assert spectral_error(layer) < 1e-4


@pytest.mark.parametrize("build", [nn.Linear, nn.Conv2d, nn.ConvTranspose2d])
def test_spectral_norm_leaves_zero_weights_zero(build: Callable[..., nn.Module]) -> None:
    """TF-GAN, features/spectral_normalization_test.py: zero, and so finite, instead of 0 / 0."""
    layer = build(4, 6, bias=False) if build is nn.Linear else build(4, 6, 3, bias=False)
    for parameter in layer.parameters():
        nn.init.zeros_(parameter)
    SpectralNorm().prepare(layer)
    scores: Tensor = layer(torch.randn(2, 4) if build is nn.Linear else torch.randn(2, 4, 5, 5))
    assert torch.equal(scores, torch.zeros_like(scores))


def total_norm(gradients: list[Tensor]) -> float:
    """Return gradpen's total, beside a parameter without gradient."""
    parameters = [nn.Parameter(torch.zeros_like(gradient)) for gradient in gradients]
    for parameter, gradient in zip(parameters, gradients, strict=True):
        parameter.grad = gradient
    return total_gradient_norm([*parameters, nn.Parameter(torch.ones(2))])


def test_total_gradient_norm_does_not_overflow() -> None:
    """TF-GAN, losses/losses_impl_test.py: the sum of squares is beyond float32."""
    assert total_norm([torch.ones(4), 1e19 * torch.ones(4, 4)]) == pytest.approx(4e19, rel=1e-6)


def test_total_gradient_norm_is_the_plain_one() -> None:
    """TF-GAN, losses/losses_impl_test.py: ranks 0 to 5, uniform in [-10, 10], to 1e-4."""
    torch.manual_seed(0)
    gradients = [20 * torch.rand([3] * rank) - 10 for rank in range(6)]
    plain = torch.cat([gradient.double().flatten() for gradient in gradients]).square().sum().sqrt()
    assert total_norm(gradients) == pytest.approx(plain.item(), abs=1e-4)


# Wrong forms met in public code, written out, at inputs where they differ from the right one

B, SHAPE = 16, (3, 8, 8)


def linear_critic() -> Callable[[Tensor], Tensor]:
    """Return w.x with a normal w of norm 2: the right penalty is (2 - 1)^2 = 1 for every example."""
    torch.manual_seed(0)
    weight = torch.randn(SHAPE, dtype=torch.float64)
    weight *= 2 / weight.norm()
    return lambda x: (x * weight).flatten(1).sum(1)


@pytest.mark.parametrize(
    ("norms", "penalty", "content"),
    [
        pytest.param(lambda g: g.flatten(1).norm(dim=1), 1.0, 1.0, id="right"),
        pytest.param(lambda g: g.norm(), 49.0, 0.25, id="over the batch: gretel-synthetics DGAN, torchgan"),
        pytest.param(lambda g: g.norm(dim=1), 0.61, 8.0, id="over channels: BasicSR, mmagic's default, eeggan"),
        pytest.param(lambda g: g.norm(dim=0), 0.43, 12**0.5, id="over the stack: pytorch-domain-adaptation WDGRL"),
    ],
)
def test_linear_critic_tells_norms_apart(norms: Callable[[Tensor], Tensor], penalty: float, content: float) -> None:
    """A form's penalty at slope 2, and the slope that contents it: where its norms have a mean square of 1."""
    score, (real, fake) = linear_critic(), torch.randn(2, B, *SHAPE, dtype=torch.float64)
    (gradient,) = torch.autograd.grad(score(real.requires_grad_()).sum(), real)
    found = norms(gradient)
    assert (found - 1).square().mean().item() == pytest.approx(penalty, rel=0.02)
    assert (2 / found.square().mean().sqrt()).item() == pytest.approx(content)
    assert (gradient_norm(score, real) - 1).square().tolist() == pytest.approx([1.0] * B)
    assert gradient_penalty(score, real, fake, weight=1).item() == pytest.approx(1.0)


def test_weight_enters_once() -> None:
    """DoWnGAN multiplies by the weight inside its penalty and outside: at weight 10, ten times the right value."""
    critic, (real, fake) = linear_critic(), torch.randn(2, B, *SHAPE, dtype=torch.float64)
    right = gradient_penalty(critic, real, fake, weight=10).item()
    inside = 10 * (gradient_norm(critic, real) - 1).square().mean().item()
    assert right == pytest.approx(10.0)
    assert 10 * inside == pytest.approx(10 * right)


def described(points: Tensor, real: Tensor, fake: Tensor) -> tuple[bool, bool, bool]:
    """Return whether an example's coordinates share one epsilon, each example has its own, and all are in [0, 1]."""
    shares = ((points - fake) / (real - fake)).flatten(1)
    one = (shares.amax(1) - shares.amin(1)).max().item() < 1e-9
    own = len(shares.mean(1).mul(1e9).round().unique()) == len(shares)
    return one, own, shares.min().item() > -1e-9 and shares.max().item() < 1 + 1e-9


@pytest.mark.parametrize(
    ("draw", "shape", "wrong"),
    [
        pytest.param(torch.rand, (1, 1, 1, 1), (True, False, True), id="one per batch: xyfJASON"),
        pytest.param(torch.rand, (B, 3, 1, 1), (False, True, True), id="one per channel: A03ki"),
        pytest.param(torch.randn, (B, 1, 1, 1), (True, True, False), id="normal: CaloScore, the Keras book"),
    ],
)
def test_curved_critic_tells_points_apart(
    draw: Callable[..., Tensor], shape: tuple[int, ...], wrong: tuple[bool, bool, bool]
) -> None:
    """The slope of |x|^2 / 2 is |x|, so its penalty depends on where it is taken; a linear critic's does not."""
    torch.manual_seed(0)
    real, fake = 1 + torch.rand(B, *SHAPE, dtype=torch.float64), -torch.rand(B, *SHAPE, dtype=torch.float64)
    seen: list[Tensor] = []

    def critic(x: Tensor) -> Tensor:
        seen.append(x.detach())
        return x.square().flatten(1).sum(1) / 2

    penalty = gradient_penalty(critic, real, fake, weight=1)
    points = seen[-1]  # before, the function was tried for coupling
    assert penalty.item() == pytest.approx((points.flatten(1).norm(dim=1) - 1).square().mean().item())
    assert described(points, real, fake) == (True, True, True)
    assert described(fake + draw(shape, dtype=torch.float64) * (real - fake), real, fake) == wrong


@pytest.mark.parametrize("norm", [nn.GroupNorm, nn.BatchNorm2d])
def test_slope_is_its_own_examples(norm: type[nn.Module]) -> None:
    """One example is changed. Batch norm moves the slopes of others, as in EngiOpt 3-D, 3dbraingen and xyfJASON."""
    torch.manual_seed(0)
    layer = nn.GroupNorm(1, 4) if norm is nn.GroupNorm else nn.BatchNorm2d(4)
    critic = nn.Sequential(nn.Conv2d(3, 4, 3), layer, nn.Tanh(), nn.Flatten(), nn.Linear(144, 1)).double()
    points = torch.randn(B, *SHAPE, dtype=torch.float64)
    changed = points.clone()
    changed[0] += 1
    moved = (gradient_norm(critic, changed) - gradient_norm(critic, points)).abs() > 1e-9
    assert moved.tolist() == [True] + [norm is nn.BatchNorm2d] * (B - 1)
    if norm is nn.BatchNorm2d:
        with pytest.raises(UsageError, match="BatchNorm2d"):
            gradient_penalty(critic, points, changed)


@pytest.mark.parametrize("objective", [Wasserstein(), Minimax(), NonSaturating(), LeastSquares(), Hinge()], ids=repr)
def test_score_reaches_the_generator(objective: AbsoluteObjective) -> None:
    """ClimatExML detaches the score of its samples in the generator's loss, and so leaves no gradient."""
    critic, samples = linear_critic(), torch.randn(B, *SHAPE, dtype=torch.float64, requires_grad=True)
    (gradient,) = torch.autograd.grad(objective.generator_loss(critic(samples)), samples)
    assert gradient.flatten(1).norm(dim=1).min().item() > 0
    assert not objective.generator_loss(critic(samples).detach()).requires_grad


@pytest.mark.parametrize("shape", [(), (1,), (2 * B,), (1, B), (B, 2), (B // 2, 2)], ids=str)
def test_features_are_not_scores(shape: tuple[int, ...]) -> None:
    """MolGAN-pytorch differentiates the sum of features; only [B] and [B, 1] are one score per example."""
    points = torch.randn(B, *SHAPE)
    with pytest.raises(UsageError, match="one score per example"):
        gradient_penalty(lambda x: x.sum() * torch.ones(shape), points, points)
