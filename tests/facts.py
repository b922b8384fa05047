"""Facts of mathematics that the product's modules must satisfy, and that each wrong form violates.

Every fact takes the modules it speaks of, so that the same facts run on the product and on its mutants.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import islice
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from gradpen.batch import Batch
from gradpen.errors import UsageError

SHAPES = [(5,), (2, 3), (3, 4, 4)]
Critic = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Modules:
    objectives: Any
    penalties: Any
    lipschitz: Any
    coupling: Any
    algorithm: Any
    gan: Any


def load_source(name: str, source: str) -> ModuleType:
    """Return a module made from source text."""
    import sys

    module = ModuleType(name)
    sys.modules[name] = module
    exec(compile(source, name, "exec"), module.__dict__)
    return module


def violates(original: ModuleType, old: str, new: str, found: Sequence[Callable[[Any], None]]) -> bool:
    """Return whether a module with one place of its source replaced violates any of the facts about it."""
    source = Path(str(original.__file__)).read_text(encoding="utf-8")
    assert source.count(old) == 1, f"{original.__name__} reads {old!r} in {source.count(old)} places"
    changed = load_source(f"mutant_{original.__name__}", source.replace(old, new))

    def holds(fact: Callable[[Any], None]) -> bool:
        try:
            fact(changed)
        except AssertionError:
            return False
        return True

    return not all(holds(fact) for fact in found)


def close(found: Tensor | float, expected: Tensor | float, tolerance: float = 1e-9) -> None:
    found, expected = torch.as_tensor(found).double(), torch.as_tensor(expected).double()
    assert found.shape == expected.shape, (found.shape, expected.shape)
    assert torch.allclose(found, expected, rtol=tolerance, atol=tolerance), (found, expected)


def linear_critic(weight: Tensor) -> Critic:
    return lambda points: (points * weight).flatten(1).sum(1)


# Lipschitz constraints


def penalty_of_a_linear_critic(modules: Modules) -> None:
    """A linear critic's slope is the norm of its weight everywhere: the penalty is 10 (|w| - 1)^2."""
    torch.manual_seed(0)
    for shape in SHAPES:
        weight = torch.randn(shape, dtype=torch.float64)
        real, fake = torch.randn(2, 7, *shape, dtype=torch.float64)
        penalty = modules.penalties.gradient_penalty(linear_critic(weight), real, fake, weight=10)
        close(penalty, 10 * (weight.norm() - 1) ** 2)


def penalty_moves_the_critic(modules: Modules) -> None:
    """Its gradient with respect to w is 20 (|w| - 1) w / |w|, which needs the second derivative."""
    torch.manual_seed(1)
    weight = torch.randn(3, 4, 4, dtype=torch.float64, requires_grad=True)
    real, fake = torch.randn(2, 7, 3, 4, 4, dtype=torch.float64)
    modules.penalties.gradient_penalty(linear_critic(weight), real, fake, weight=10).backward()
    norm = weight.detach().norm()
    assert weight.grad is not None
    close(weight.grad, 20 * (norm - 1) * weight.detach() / norm)


def slopes_are_per_example(modules: Modules) -> None:
    """A quadratic critic |x|^2 / 2 has slope |x|: the penalty is the mean over examples of (|x| - 1)^2."""
    torch.manual_seed(2)
    points = torch.randn(6, 2, 3, dtype=torch.float64)
    slopes = modules.penalties.gradient_norm(lambda x: x.square().flatten(1).sum(1) / 2, points)
    expected = points.flatten(1).norm(dim=1)
    close(slopes.detach(), expected)
    close(modules.penalties.slope_penalty(slopes).detach(), ((expected - 1) ** 2).mean())


def penalty_of_equal_points(modules: Modules) -> None:
    """Where real and fake coincide every interpolate is that point, so a quadratic critic's penalty is exact."""
    torch.manual_seed(3)
    points = torch.randn(6, 2, 3, dtype=torch.float64)
    penalty = modules.penalties.gradient_penalty(
        lambda x: x.square().flatten(1).sum(1) / 2, points, points.clone(), weight=4
    )
    close(penalty.detach(), 4 * ((points.flatten(1).norm(dim=1) - 1) ** 2).mean())


def interpolates_lie_on_the_segments(modules: Modules) -> None:
    """Between 0 (fake) and 1 (real) an interpolate is its epsilon: one per example, uniform on [0, 1]."""
    torch.manual_seed(4)
    points = modules.penalties.interpolate(torch.ones(4000, 2, 3), torch.zeros(4000, 2, 3)).flatten(1)
    epsilon = points[:, 0]
    assert bool((points == epsilon[:, None]).all()), "one epsilon for all coordinates of an example"
    assert epsilon.min() >= 0
    assert epsilon.max() <= 1
    assert len(epsilon.unique()) > 3900, "each example has its own"
    assert abs(epsilon.mean() - 0.5) < 0.03
    assert abs(epsilon.var() - 1 / 12) < 0.01


def normal_epsilon_reaches_beyond(modules: Modules) -> None:
    """The form to compare with draws from N(0, 1): two thirds of its points lie beyond the segment."""
    torch.manual_seed(4)
    points = modules.penalties.penalty_points("normal-line", torch.ones(4000, 2), torch.zeros(4000, 2))
    beyond = ((points < 0) | (points > 1)).double().mean()
    assert abs(beyond - 0.659) < 0.03, beyond


def interpolates_pair_examples(modules: Modules) -> None:
    """Interpolate i lies between real i and fake i, x - fake parallel to real - fake; it is a plain point."""
    torch.manual_seed(5)
    assert not modules.penalties.interpolate(torch.ones(2, 3), torch.ones(2, 3, requires_grad=True)).requires_grad
    real, fake = torch.randn(2, 9, 4, dtype=torch.float64)
    points = modules.penalties.interpolate(real, fake)
    ratio = (points - fake) / (real - fake)
    close(ratio, ratio[:, :1].expand_as(ratio), 1e-6)


def a_dead_critic_gives_no_nan(modules: Modules) -> None:
    """With a gradient of exactly zero the penalty is its weight and no parameter's gradient is NaN."""
    first = nn.Linear(4, 3)
    critic = nn.Sequential(first, nn.ReLU(), nn.Linear(3, 1))
    with torch.no_grad():
        first.bias.fill_(-100.0)
    penalty = modules.penalties.gradient_penalty(critic, torch.randn(5, 4), torch.randn(5, 4), weight=10)
    close(penalty.detach(), 10.0)
    penalty.backward()
    assert all(p.grad is None or bool(torch.isfinite(p.grad).all()) for p in critic.parameters())


def one_sided_penalises_only_steep_slopes(modules: Modules) -> None:
    real, fake = torch.randn(2, 5, 2, dtype=torch.float64)
    for norm, expected in ((0.3, 0.0), (3.0, 40.0)):
        weight = torch.tensor([norm, 0.0], dtype=torch.float64)
        penalty = modules.penalties.gradient_penalty(linear_critic(weight), real, fake, weight=10, one_sided=True)
        close(penalty, expected)


def penalty_leaves_the_generator_alone(modules: Modules) -> None:
    fake = torch.randn(5, 2, requires_grad=True)
    critic = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1))
    modules.penalties.gradient_penalty(critic, torch.randn(5, 2), fake).backward()
    assert fake.grad is None


def batch_norm_is_refused(modules: Modules) -> None:
    critic = nn.Sequential(nn.Linear(2, 3), nn.Sequential(nn.BatchNorm1d(3)), nn.Linear(3, 1))
    with pytest.raises(UsageError, match=r"'1.0' is BatchNorm1d.* layer norm .* no norm"):
        modules.coupling.refuse_batch_norm(critic)


def coupling_behind_a_function_is_refused(modules: Modules) -> None:
    """A function hides batch norm from sight, but not that one example moves the scores of others."""
    torch.manual_seed(18)
    coupled = nn.Sequential(nn.Linear(2, 9), nn.BatchNorm1d(9), nn.Dropout(0.5), nn.Linear(9, 1))
    alone = nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3), nn.Dropout(0.5), nn.Linear(3, 1))
    points = torch.randn(5, 2)
    with pytest.raises(UsageError, match=r"changing one example .* moved the score of another .* layer norm"):
        modules.coupling.refuse_coupling(lambda x: coupled(x), points)
    with pytest.raises(UsageError, match=r"'1' is BatchNorm1d"):
        modules.coupling.refuse_coupling(coupled, points)
    modules.coupling.refuse_coupling(lambda x: coupled.eval()(x), points)
    torch.manual_seed(19)
    modules.coupling.refuse_coupling(lambda x: alone(x), points)
    after = torch.rand(3)
    torch.manual_seed(19)
    close(torch.rand(3), after)


def penalties_refuse_coupling(modules: Modules) -> None:
    coupled = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.Linear(3, 1))
    for constraint in (modules.lipschitz.GradientPenalty(), modules.lipschitz.WassersteinDivergence()):
        with pytest.raises(UsageError, match="changing one example"):
            constraint.penalty(lambda x: coupled(x), *torch.randn(2, 5, 2))
        with pytest.raises(UsageError, match="is BatchNorm1d"):
            constraint.prepare(coupled)


def a_score_per_batch_is_refused(modules: Modules) -> None:
    """A critic that averages over the batch has no slope per example."""
    with pytest.raises(UsageError, match="one score per example"):
        modules.penalties.gradient_norm(lambda x: x.sum(1).mean().expand(1), torch.randn(5, 2))


def clipping_bounds_parameters_only(modules: Modules) -> None:
    linear, norm = nn.Linear(3, 3), nn.BatchNorm1d(3)
    others: list[nn.Module] = [nn.InstanceNorm2d(3, affine=True), nn.GroupNorm(1, 3), nn.LayerNorm(3)]
    assert norm.running_mean is not None
    norm.running_mean.fill_(7.0)
    modules.lipschitz.WeightClipping(threshold=0.01, norm_layers=False).project(nn.Sequential(linear, norm, *others))
    assert bool((linear.weight.abs() <= 0.01).all())
    for scaling in (norm, *others):
        close(scaling.get_parameter("weight").detach(), torch.ones(3))
    modules.lipschitz.WeightClipping(threshold=0.01).project(nn.Sequential(linear, norm))
    close(norm.weight.detach(), torch.full((3,), 0.01))
    close(norm.running_mean, torch.full((3,), 7.0))


def penalties_at_other_points(modules: Modules) -> None:
    """With a quadratic critic the slope is the norm of the point, so each place has its closed form."""
    torch.manual_seed(11)
    real, fake = torch.randn(2, 6, 2, 3, dtype=torch.float64)

    def score(x: Tensor) -> Tensor:
        return x.square().flatten(1).sum(1) / 2

    for where, points in (("real", real), ("fake", fake)):
        for target in (0.0, 1.0):
            found = modules.lipschitz.GradientPenalty(weight=5, target=target, where=where).penalty(score, real, fake)
            close(found.detach(), 5 * ((points.flatten(1).norm(dim=1) - target) ** 2).mean())
    line = modules.penalties.gradient_penalty(linear_critic(torch.full((2, 3), 2.0)), real, fake, weight=1, target=0)
    close(line, 24.0)


def both_ends_add_up(modules: Modules) -> None:
    """R1 + R2 of a quadratic critic: gamma / 2 times the sum of the mean squared norms of data and of samples."""
    torch.manual_seed(11)
    real, fake = torch.randn(2, 6, 2, 3, dtype=torch.float64)

    def score(x: Tensor) -> Tensor:
        if len(x) > 6:  # labels are bound, so a critic takes as many points as there are data
            raise ValueError(len(x))
        return x.square().flatten(1).sum(1) / 2

    found = modules.lipschitz.GradientPenalty(weight=0.5, target=0, where="both").penalty(score, real, fake)
    ends = [points.flatten(1).norm(dim=1).square().mean() for points in (real, fake)]
    close(found.detach(), 0.5 * (ends[0] + ends[1]))


def lazy_penalties_weigh_the_same_in_all(modules: Modules) -> None:
    """Of the steps 1 to 7 of an iteration's two rounds, 3 and 6 are penalised, threefold."""
    lazy = modules.lipschitz.GradientPenalty(weight=2.0, every=3)
    points = torch.zeros(4, 2, dtype=torch.float64)
    found = [
        modules.lipschitz.in_step(lazy, step).penalty(linear_critic(points[0]), points, points).item()
        for step in range(1, 8)
    ]
    assert found == [0, 0, 6, 0, 0, 6, 0], found
    clipping = modules.lipschitz.WeightClipping()
    assert modules.lipschitz.in_step(clipping, 2) is clipping


def lazy_steps_count_through_iterations(modules: Modules) -> None:
    """Two critic steps each in two iterations: with a penalty in every third step, the third alone is penalised."""
    lazy = modules.lipschitz.GradientPenalty(weight=10, every=3)
    gan, batches = small_gan(modules), endless(modules)
    penalties = []
    for before in (0, 2):
        for step in (1, 2):
            found = modules.algorithm.train_iteration(
                gan, modules.objectives.Wasserstein(), lazy, islice(batches, step), steps_before=before
            )
            penalties.append(found["penalty"].item() > 0)
    assert penalties == [False, False, True, False], penalties


def the_generator_sees_several_batches(modules: Modules) -> None:
    """Two critic steps of one batch, one generator step of three: as many samples each time, labels kept."""
    gan = small_gan(modules, partial(torch.optim.SGD, lr=0.1))
    made: list[int] = []
    gan.generator.register_forward_hook(lambda _module, _inputs, output: made.append(len(output)))
    batches = list(islice(endless(modules), 2))
    objective, constraint = modules.objectives.Wasserstein(), modules.lipschitz.GradientPenalty(weight=10)
    modules.algorithm.train_iteration(gan, objective, constraint, batches, generator_batches=3)
    size = len(batches[0])
    assert made == [size, size, 3 * size], made


def shared_samples_are_made_once(modules: Modules) -> None:
    """Three batches, three sets of samples; the generator then moves by its loss on the third, by plain descent."""
    objective, constraint = modules.objectives.Wasserstein(), modules.lipschitz.GradientPenalty(weight=10)
    gan = small_gan(modules, partial(torch.optim.SGD, lr=0.1))
    made: list[Tensor] = []
    gan.generator.register_forward_hook(lambda _module, _inputs, output: made.append(output))
    before = [parameter.detach().clone() for parameter in gan.generator.parameters()]
    torch.manual_seed(12)
    modules.algorithm.train_iteration(gan, objective, constraint, islice(endless(modules), 3), share_samples=True)
    assert len(made) == 3, len(made)
    moved = [parameter.detach().clone() for parameter in gan.generator.parameters()]
    other = small_gan(modules, partial(torch.optim.SGD, lr=0.1))
    torch.manual_seed(12)
    for batch in islice(endless(modules), 3):
        fakes = other.generate(batch)
        modules.algorithm.critic_step(other, objective, constraint, batch, fakes=fakes)
    (-other.critic(fakes).mean()).backward()
    for start, parameter, end in zip(before, other.generator.parameters(), moved, strict=True):
        close(start, parameter.detach())
        assert parameter.grad is not None
        close(end, start - 0.1 * parameter.grad)


def noisy_points_lie_beside_the_data(modules: Modules) -> None:
    """DRAGAN: within half a standard deviation above each coordinate, not at the data, not near the samples."""
    torch.manual_seed(12)
    real, fake = torch.randn(2000, 4), torch.full((2000, 4), 100.0)
    moved = modules.penalties.penalty_points("noise", real, fake) - real
    assert moved.min() >= -1e-6
    assert moved.max() <= 0.5 * real.std() + 1e-5
    assert abs(moved.mean() - 0.125 * real.std()) < 0.01


def divergence_penalises_both_sides(modules: Modules) -> None:
    """k / 2 (|x|^p + |x~|^p) for a quadratic critic."""
    torch.manual_seed(13)
    real, fake = torch.randn(2, 6, 5, dtype=torch.float64)
    constraint = modules.lipschitz.WassersteinDivergence(k=3, power=4)
    found = constraint.penalty(lambda x: x.square().sum(1) / 2, real, fake)
    close(found.detach(), 1.5 * (real.norm(dim=1) ** 4 + fake.norm(dim=1) ** 4).mean())


def spectral_norm_is_one(modules: Modules) -> None:
    """After enough power iterations every weight's largest singular value is 1."""
    torch.manual_seed(14)
    critic = nn.Sequential(nn.Conv2d(2, 5, 3), nn.Flatten(), nn.Linear(20, 1))
    modules.lipschitz.SpectralNorm().prepare(critic)
    for _ in range(200):
        critic(torch.randn(3, 2, 4, 4))
    for layer in (critic[0], critic[2]):
        weight = torch.as_tensor(layer.weight).detach().flatten(1)
        close(torch.linalg.matrix_norm(weight, 2), 1.0, 1e-4)


# Objectives


def least_squares_and_hinge(modules: Modules) -> None:
    real, fake = torch.tensor([2.0, 0.5]), torch.tensor([-3.0, 0.25])
    squares = modules.objectives.LeastSquares()
    close(squares.critic_loss(real, fake), 0.5 * ((1 + 0.25) / 2 + (9 + 0.0625) / 2))
    close(squares.generator_loss(fake), (16 + 0.5625) / 2)
    hinge = modules.objectives.Hinge()
    close(hinge.critic_loss(real, fake), (0 + 0.5) / 2 + (0 + 1.25) / 2)
    close(hinge.generator_loss(fake), 1.375)


def relativistic_losses(modules: Modules) -> None:
    """Against the formulas on probabilities; exchanging the players' roles exchanges their losses."""
    torch.manual_seed(15)
    real, fake = torch.randn(2, 8, dtype=torch.float64)
    paired = modules.objectives.Relativistic()
    close(paired.critic_loss(real, fake), -(real - fake).sigmoid().log().mean())
    average = modules.objectives.RelativisticAverage()
    expected = -(real - fake.mean()).sigmoid().log().mean() - (1 - (fake - real.mean()).sigmoid()).log().mean()
    close(average.critic_loss(real, fake), expected / 2)
    for objective in (paired, average):
        close(objective.relative_generator_loss(real, fake), objective.critic_loss(fake, real))


def relativistic_generator_sees_the_data(modules: Modules) -> None:
    gan = small_gan(modules, lambda parameters: torch.optim.SGD(parameters, lr=0.0))
    real = Batch(images=3 * next(endless(modules)).images)
    torch.manual_seed(16)
    found = modules.algorithm.generator_step(gan, modules.objectives.Relativistic(), real)["generator_loss"]
    torch.manual_seed(16)
    scores = gan.critic(gan.generate(real)).detach()
    close(found, -(scores - gan.critic(real.images).detach()).sigmoid().log().mean())


def targets_stay_within_bounds(modules: Modules) -> None:
    """Outside [0, 1] cross-entropy has no lower bound: the notebooks' targets are refused unless asked for."""
    gan = modules.objectives.NonSaturating
    with pytest.raises(ValueError, match="over-confidence"):
        gan(real_targets=(1.0, 1.1))
    sure = torch.full((64,), 14.0)
    book = gan(real_targets=(1.0, 1.1), fake_targets=(-0.1, 0.0), beyond_bounds=True)
    assert book.critic_loss(sure, -sure) < 0
    assert gan(real_targets=(0.9, 1.0)).critic_loss(sure, -sure) > 0.1


def targets_are_drawn_and_flipped(modules: Modules) -> None:
    """With logits s and targets of mean t the loss is softplus(s) - t s: flipping a fraction f moves t to 1 - f."""
    torch.manual_seed(17)
    scores = torch.full((200_000,), 2.0, dtype=torch.float64)
    gan = modules.objectives.NonSaturating

    def loss(t_real: float, t_fake: float) -> Tensor:
        return 0.5 * (2 * nn.functional.softplus(scores[0]) - 2.0 * t_real - 2.0 * t_fake)

    close(gan(real_targets=(0.6, 1.0), fake_targets=(0.0, 0.2)).critic_loss(scores, scores), loss(0.8, 0.1), 5e-3)
    close(gan(flip=0.25).critic_loss(scores, scores), loss(0.75, 0.25), 5e-3)
    close(gan(flip=0.4, real_targets=(0.9, 0.9)).critic_loss(scores, 0 * scores), flipped(scores), 5e-3)


def flipped(scores: Tensor) -> Tensor:
    """The loss of logits 2 for data and 0 for samples, real targets 0.9, two fifths flipped."""
    mean_target = 0.6 * 0.9
    return 0.5 * (nn.functional.softplus(scores[0]) - 2.0 * mean_target + math.log(2))


def wasserstein_signs(modules: Modules) -> None:
    """The critic lowers fake and raises real scores; the generator raises fake scores."""
    real, fake = torch.tensor([1.0, 2.0], requires_grad=True), torch.tensor([0.5, 0.0], requires_grad=True)
    objective = modules.objectives.Wasserstein()
    loss = objective.critic_loss(real, fake)
    close(loss.detach(), 0.25 - 1.5)
    loss.backward()
    close(real.grad, torch.tensor([-0.5, -0.5]))  # type: ignore[arg-type]
    close(fake.grad, torch.tensor([0.5, 0.5]))  # type: ignore[arg-type]
    fake.grad = None
    objective.generator_loss(fake).backward()
    close(fake.grad, torch.tensor([-0.5, -0.5]))  # type: ignore[arg-type]


def wasserstein_ignores_a_constant(modules: Modules) -> None:
    real, fake = torch.randn(2, 8, dtype=torch.float64)
    objective = modules.objectives.Wasserstein()
    close(objective.critic_loss(real + 5, fake + 5), objective.critic_loss(real, fake))


def gan_losses_are_cross_entropies(modules: Modules) -> None:
    """Compared with PyTorch's binary cross-entropy on probabilities, in float64."""
    torch.manual_seed(6)
    real, fake = torch.randn(2, 8, dtype=torch.float64)
    one, zero = torch.ones(8, dtype=torch.float64), torch.zeros(8, dtype=torch.float64)
    entropy = nn.functional.binary_cross_entropy
    expected = (entropy(real.sigmoid(), one) + entropy(fake.sigmoid(), zero)) / 2
    for name in ("Minimax", "NonSaturating"):
        close(getattr(modules.objectives, name)().critic_loss(real, fake), expected)
    close(modules.objectives.Minimax().generator_loss(fake), (1 - fake.sigmoid()).log().mean())
    close(modules.objectives.NonSaturating().generator_loss(fake), entropy(fake.sigmoid(), one))


def gan_losses_do_not_overflow(modules: Modules) -> None:
    sure = torch.full((4,), 1e4)
    for name in ("Minimax", "NonSaturating"):
        objective = getattr(modules.objectives, name)()
        assert math.isfinite(objective.critic_loss(-sure, sure))
        assert math.isfinite(objective.generator_loss(-sure))


# Algorithm 1


def small_gan(modules: Modules, optimizer: Callable[..., torch.optim.Optimizer] | None = None) -> Any:
    torch.manual_seed(7)
    generator = nn.Sequential(nn.Linear(3, 8), nn.Tanh(), nn.Linear(8, 2)).double()
    critic = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1), nn.Flatten(0)).double()
    make = optimizer or (lambda parameters: torch.optim.SGD(parameters, lr=0.1))
    return modules.gan.Gan(
        generator=DoubleLatents(generator),
        critic=critic,
        generator_optimizer=make(generator.parameters()),
        critic_optimizer=make(critic.parameters()),
        latent_dim=3,
    )


class DoubleLatents(nn.Module):
    """A generator in float64 that remembers the latents it was given."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.seen: list[Tensor] = []
        self.fixed: Tensor | None = None
        """latents used in turn instead of those given"""

    def forward(self, latents: Tensor) -> Tensor:
        self.seen.append(latents)
        if self.fixed is not None:
            latents, self.fixed = self.fixed[: len(latents)], self.fixed.roll(-len(latents), 0)
        output: Tensor = self.network(latents.double())
        return output


def endless(modules: Modules) -> Iterator[Batch]:
    del modules
    generator = torch.Generator().manual_seed(8)
    while True:
        yield Batch(images=torch.randn(5, 2, generator=generator, dtype=torch.float64))


def iteration_follows_algorithm_1(modules: Modules) -> None:
    """Two iterations equal the paper's algorithm written out by hand, to rounding, in float64."""
    equals_by_hand(modules, modules.lipschitz.GradientPenalty(weight=10), penalised=True)


def clipped_iteration_follows_algorithm_1(modules: Modules) -> None:
    """The same with weight clipping, which comes after the optimiser step."""
    equals_by_hand(modules, modules.lipschitz.WeightClipping(threshold=0.05), penalised=False)


def equals_by_hand(modules: Modules, constraint: Any, *, penalised: bool) -> None:
    gan = small_gan(modules)
    torch.manual_seed(9)
    batches = endless(modules)
    for _ in range(2):
        modules.algorithm.train_iteration(gan, modules.objectives.Wasserstein(), constraint, islice(batches, 3))
    expected = by_hand(modules, penalised=penalised)
    for found, wanted in zip([*gan.critic.parameters(), *gan.generator.parameters()], expected, strict=True):
        close(found.detach(), wanted)


def by_hand(modules: Modules, *, penalised: bool) -> list[Tensor]:
    """Algorithm 1 of both papers with explicit parameters, gradients and updates."""
    gan = small_gan(modules)
    critic = [p.detach().clone().requires_grad_() for p in gan.critic.parameters()]
    generator = [p.detach().clone().requires_grad_() for p in gan.generator.parameters()]

    def score(x: Tensor) -> Tensor:
        scores: Tensor = torch.tanh(x @ critic[0].T + critic[1]) @ critic[2].T + critic[3]
        return scores[:, 0]

    def generate(z: Tensor) -> Tensor:
        points: Tensor = torch.tanh(z.double() @ generator[0].T + generator[1]) @ generator[2].T + generator[3]
        return points

    torch.manual_seed(9)
    batches = endless(modules)
    for _ in range(2):
        for _ in range(3):
            real = next(batches).images
            fake = generate(torch.randn(5, 3)).detach()
            loss = score(fake).mean() - score(real).mean()
            if penalised:
                epsilon = torch.rand(5, 1, dtype=torch.float64)
                x = (epsilon * real + (1 - epsilon) * fake).requires_grad_()
                (gradient,) = torch.autograd.grad(score(x).sum(), x, create_graph=True)
                loss = loss + 10 * ((gradient.square().sum(1).sqrt() - 1) ** 2).mean()
            gradients = torch.autograd.grad(loss, critic)
            with torch.no_grad():
                for p, g in zip(critic, gradients, strict=True):
                    p -= 0.1 * g
                    if not penalised:
                        p.clamp_(-0.05, 0.05)
        gradients = torch.autograd.grad(-score(generate(torch.randn(5, 3))).mean(), generator)
        with torch.no_grad():
            for p, g in zip(generator, gradients, strict=True):
                p -= 0.1 * g
    return [p.detach() for p in critic + generator]


def critic_step_leaves_the_generator_alone(modules: Modules) -> None:
    gan = small_gan(modules)
    objective, constraint = modules.objectives.Wasserstein(), modules.lipschitz.GradientPenalty()
    modules.algorithm.critic_step(gan, objective, constraint, next(endless(modules)))
    assert all(p.grad is None for p in gan.generator.parameters())


def generator_step_leaves_the_critic_alone(modules: Modules) -> None:
    gan = small_gan(modules)
    before = [p.detach().clone() for p in gan.critic.parameters()]
    modules.algorithm.generator_step(gan, modules.objectives.Wasserstein(), next(endless(modules)))
    for found, wanted in zip(gan.critic.parameters(), before, strict=True):
        close(found.detach(), wanted)
        assert found.grad is None
        assert found.requires_grad


def clipped_after_every_critic_step(modules: Modules) -> None:
    gan = small_gan(modules)
    constraint = modules.lipschitz.WeightClipping(threshold=0.01)
    for batch, _ in zip(endless(modules), range(3), strict=False):
        modules.algorithm.critic_step(gan, modules.objectives.Wasserstein(), constraint, batch)
        assert all(bool((p.abs() <= 0.01).all()) for p in gan.critic.parameters())


def every_step_has_its_own_latents(modules: Modules) -> None:
    gan = small_gan(modules)
    modules.algorithm.train_iteration(
        gan, modules.objectives.Wasserstein(), modules.lipschitz.Unconstrained(), islice(endless(modules), 4)
    )
    assert len(gan.generator.seen) == 5
    assert len({tuple(z.flatten().tolist()) for z in gan.generator.seen}) == 5


def measures_are_apart(modules: Modules) -> None:
    """The critic loss comes without the penalty, and the penalty with its weight once."""
    gan = small_gan(modules, lambda parameters: torch.optim.SGD(parameters, lr=0.0))
    real = next(endless(modules))
    torch.manual_seed(10)
    measures = modules.algorithm.critic_step(
        gan, modules.objectives.Wasserstein(), modules.lipschitz.GradientPenalty(weight=3), real
    )
    torch.manual_seed(10)
    fake = gan.generate(real).detach()
    close(measures["critic_loss"], (gan.critic(fake).mean() - gan.critic(real.images).mean()).detach())
    close(measures["penalty"], modules.penalties.gradient_penalty(gan.critic, real.images, fake, weight=3).detach())


class LabelledGenerator(nn.Module):
    """Its samples are the label's number, as is told apart from anything else."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.ones((), dtype=torch.float64))

    def forward(self, latents: Tensor, labels: Tensor) -> Tensor:
        return self.scale * labels.argmax(1)[:, None].double() + 0 * latents[:, :2].double()


class LabelledCritic(nn.Module):
    """Its score is linear in the image with one weight for each label, which it remembers."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.tensor([[1.0, 0.0], [0.0, 2.0], [3.0, 4.0]], dtype=torch.float64))
        self.seen: list[tuple[Tensor, Tensor]] = []

    def forward(self, images: Tensor, labels: Tensor) -> Tensor:
        self.seen.append((images.detach(), labels))
        return (images * (labels @ self.weight)).sum(1)


def labelled_gan(modules: Modules) -> Any:
    generator, critic = LabelledGenerator(), LabelledCritic()
    return modules.gan.Gan(
        generator=generator,
        critic=critic,
        generator_optimizer=torch.optim.SGD(generator.parameters(), lr=0.0),
        critic_optimizer=torch.optim.SGD(critic.parameters(), lr=0.0),
        latent_dim=3,
    )


def labelled_batch() -> Batch:
    labels = torch.eye(3, dtype=torch.float64)[[2, 0, 1, 2]]
    return Batch(images=labels.argmax(1)[:, None].double().expand(4, 2), labels=labels)


def labels_stay_with_their_images(modules: Modules) -> None:
    """Samples are made with the batch's labels and scored with those: here both equal the label's number."""
    gan, batch = labelled_gan(modules), labelled_batch()
    # Somebody's own critic is tried once on changed images, which have no labels of their own.
    modules.lipschitz.refuse_coupling.__wrapped__.__globals__["TRIED"].add(gan.critic)
    modules.algorithm.critic_step(gan, modules.objectives.Wasserstein(), modules.lipschitz.GradientPenalty(), batch)
    modules.algorithm.generator_step(gan, modules.objectives.Relativistic(), batch)
    assert len(gan.critic.seen) == 4
    for images, labels in gan.critic.seen:
        close(images, labels.argmax(1)[:, None].expand(len(images), 2))


def conditional_penalty_is_on_images_alone(modules: Modules) -> None:
    """The slopes of that critic are the norms of the weights of each image's label: 5, 1, 2, 5."""
    gan, batch = labelled_gan(modules), labelled_batch()
    constraint = modules.lipschitz.GradientPenalty(weight=1)
    found = modules.algorithm.critic_step(gan, modules.objectives.Wasserstein(), constraint, batch)["penalty"]
    close(found, (16 + 0 + 1 + 16) / 4)
    assert gan.critic.weight.grad is not None


def batch_norm_sees_one_kind_at_a_time(modules: Modules) -> None:
    """A critic with batch norm scores data and samples in passes of their own."""
    gan = small_gan(modules)
    norm = nn.BatchNorm1d(2).double()
    gan.critic.insert(0, norm)
    seen = []
    norm.register_forward_hook(lambda _module, inputs, _output: seen.append(len(inputs[0])))
    batch = next(endless(modules))
    modules.algorithm.critic_step(gan, modules.objectives.Wasserstein(), modules.lipschitz.Unconstrained(), batch)
    assert seen == [5, 5]
    found = gan.score_both(batch, batch.images + 1)
    close(found[0].detach(), found[1].detach(), 1e-6)


def parts_of_a_batch_average_to_the_whole(modules: Modules) -> None:
    """Accumulated gradients of the objective equal those of the whole batch at once."""
    images = torch.randn(6, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(3))
    found = []
    for parts in (1, 3):
        gan = small_gan(modules)
        torch.manual_seed(11)
        gan.generator.fixed = torch.randn(6, 3, dtype=torch.float64)
        batch = Batch(images=images)
        modules.algorithm.critic_step(
            gan, modules.objectives.Wasserstein(), modules.lipschitz.Unconstrained(), batch, parts
        )
        modules.algorithm.generator_step(gan, modules.objectives.Wasserstein(), batch, parts)
        found.append([p.detach() for p in (*gan.critic.parameters(), *gan.generator.parameters())])
    for whole, accumulated in zip(*found, strict=True):
        close(accumulated, whole)


def losses_are_those_of_the_batch(modules: Modules) -> None:
    """Of a batch that is accumulated from parts, the mean over parts of each loss is returned, as of the whole."""
    images = (
        torch.randn(6, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(3)) * torch.arange(6)[:, None]
    )
    found = []
    for parts in (1, 3):
        gan = small_gan(modules, lambda parameters: torch.optim.SGD(parameters, lr=0.0))
        gan.generator.fixed = torch.randn(6, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(4))
        batch, penalty = Batch(images=images), modules.lipschitz.GradientPenalty(target=0, where="real")
        measures = modules.algorithm.critic_step(gan, modules.objectives.Wasserstein(), penalty, batch, parts)
        found.append(measures | modules.algorithm.generator_step(gan, modules.objectives.Wasserstein(), batch, parts))
    assert list(found[0]) == ["critic_loss", "penalty", "generator_loss"]
    for name, whole in found[0].items():
        close(found[1][name], whole)


def what_cannot_be_done_is_said(modules: Modules) -> None:
    gan, batch = small_gan(modules), next(endless(modules))
    objective, constraint = modules.objectives.Wasserstein(), modules.lipschitz.Unconstrained()
    with pytest.raises(UsageError, match="needs at least one batch"):
        modules.algorithm.train_iteration(gan, objective, constraint, [])
    for parts in (0, 2, 6):
        with pytest.raises(UsageError, match=f"a batch of 5 cannot be divided into {parts} equal parts"):
            modules.algorithm.critic_step(gan, objective, constraint, batch, parts)


FACTS = [
    the_generator_sees_several_batches,
    shared_samples_are_made_once,
    both_ends_add_up,
    lazy_penalties_weigh_the_same_in_all,
    lazy_steps_count_through_iterations,
    penalty_of_a_linear_critic,
    penalty_moves_the_critic,
    slopes_are_per_example,
    penalty_of_equal_points,
    interpolates_lie_on_the_segments,
    normal_epsilon_reaches_beyond,
    interpolates_pair_examples,
    a_dead_critic_gives_no_nan,
    one_sided_penalises_only_steep_slopes,
    penalty_leaves_the_generator_alone,
    batch_norm_is_refused,
    coupling_behind_a_function_is_refused,
    penalties_refuse_coupling,
    a_score_per_batch_is_refused,
    clipping_bounds_parameters_only,
    penalties_at_other_points,
    noisy_points_lie_beside_the_data,
    divergence_penalises_both_sides,
    spectral_norm_is_one,
    least_squares_and_hinge,
    relativistic_losses,
    relativistic_generator_sees_the_data,
    targets_stay_within_bounds,
    targets_are_drawn_and_flipped,
    wasserstein_signs,
    wasserstein_ignores_a_constant,
    gan_losses_are_cross_entropies,
    gan_losses_do_not_overflow,
    iteration_follows_algorithm_1,
    clipped_iteration_follows_algorithm_1,
    critic_step_leaves_the_generator_alone,
    generator_step_leaves_the_critic_alone,
    clipped_after_every_critic_step,
    every_step_has_its_own_latents,
    labels_stay_with_their_images,
    conditional_penalty_is_on_images_alone,
    batch_norm_sees_one_kind_at_a_time,
    parts_of_a_batch_average_to_the_whole,
    measures_are_apart,
    losses_are_those_of_the_batch,
    what_cannot_be_done_is_said,
]
