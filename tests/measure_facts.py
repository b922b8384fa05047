"""Facts of the measures of a critic, of samples and of a generator; each wrong form of a measure violates one.

Every fact takes the module it speaks of, so that the same facts run on the product and on its mutants.
"""

import itertools
import math
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import scipy.ndimage
import scipy.spatial.distance
import scipy.stats
import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor, nn
from torch.nn.utils import clip_grad_norm_, get_total_norm

from facts import close, linear_critic
from gradpen.data.labels import class_labels
from gradpen.data.source import DataReport, Source, gather, label_vectors, make_source, spread_out
from gradpen.machine.seeds import derived_seed
from gradpen.metrics.features import random_features
from gradpen.metrics.sets import frechet_distance, kernel_distance, neighbourhoods
from gradpen.sampling import draw

Fact = Callable[[Any], None]
CPU = torch.device("cpu")


def agree(found: Any, expected: Any, tolerance: float = 1e-9) -> None:
    """Two numbers, or as many of them in the same shape, are equal to that part of them."""
    one, other = (torch.as_tensor(values, dtype=torch.float64) for values in (found, expected))
    close(one, other, tolerance)


def normal(*shape: int, seed: int = 0) -> Tensor:
    """Numbers from N(0, 1) in float64, the same for every module."""
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def bowl(points: Tensor) -> Tensor:
    """The critic |x|^2 / 2, whose slope at a point is the point's norm."""
    return points.square().flatten(1).sum(1) / 2


# metrics/critic


def gap_is_the_difference_of_means(critic: Any) -> None:
    """Data minus samples: exchanged it changes its sign, and a constant on both changes nothing."""
    real, fake = normal(7, seed=1) + 2, normal(4, seed=2)
    gap, exchanged, moved = (critic.critic_gap(x, y) for x, y in ((real, fake), (fake, real), (real + 5, fake + 5)))
    agree(gap.value, sum(real.tolist()) / 7 - sum(fake.tolist()) / 4)
    agree([exchanged.value, exchanged.standard_error], [-gap.value, gap.standard_error])
    agree([moved.value, moved.standard_error], [gap.value, gap.standard_error])


def error_of_a_gap_is_welchs(critic: Any) -> None:
    """The root of s^2/n summed over both kinds: by hand, from errors of the means, and as the gap over Welch's t."""
    real, fake = normal(7, seed=1) + 2, 3 * normal(4, seed=2)
    found = critic.critic_gap(real, fake)
    by_hand = sum(((each - each.mean()) ** 2).sum() / (len(each) - 1) / len(each) for each in (real, fake))
    agree(found.standard_error**2, by_hand)
    agree(found.standard_error, math.hypot(*(scipy.stats.sem(each.numpy()) for each in (real, fake))))
    agree(found.value / found.standard_error, scipy.stats.ttest_ind(real, fake, equal_var=False).statistic)


def one_score_has_no_error(critic: Any) -> None:
    for real, fake in ((1, 5), (5, 1), (0, 2)):
        with pytest.raises(ValueError, match=f"at least 2 scores of either kind, found {real} and {fake}"):
            critic.critic_gap(torch.arange(real) + 0.0, torch.arange(fake) + 0.0)
    assert critic.critic_gap(torch.tensor([1.0, 3.0]), torch.tensor([0.0, 0.0])).standard_error == 1


def slopes_of_a_linear_critic(critic: Any) -> None:
    """The norm of its weight, mean and maximum alike; where no gradient is taken otherwise too."""
    weight, (real, fake) = normal(2, 3), normal(2, 9, 2, 3, seed=1)
    with torch.no_grad():
        found = critic.slopes_of(linear_critic(weight), real, fake)
    assert list(found) == ["interpolates", "data", "samples"]
    for slopes in found.values():
        agree(slopes, weight.norm().item() * torch.ones(9, dtype=torch.float64))


def slopes_are_taken_between_data_and_samples(critic: Any) -> None:
    """In a bowl, on the segments from 1 to 3 along an axis, slopes are the points themselves: uniform on [1, 3]; 1 at
    data and 3 at samples."""
    real, fake = (torch.full((2000, 1), value, dtype=torch.float64) for value in (1.0, 3.0))
    torch.manual_seed(0)
    found = critic.slopes_of(bowl, real, fake)
    between = found["interpolates"]
    assert abs(between.mean() - 2) < 0.05
    assert 2.99 < between.max() <= 3
    assert (found["data"] == 1).all()
    assert (found["samples"] == 3).all()
    torch.manual_seed(0)
    points = 3 - 2 * torch.rand(2000, 1, dtype=torch.float64)
    agree(between, points.flatten())


def slopes_leave_no_gradient(critic: Any) -> None:
    network = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.Linear(3, 1)).double()
    critic.slopes_of(network, *normal(2, 5, 2))
    assert all(parameter.grad is None for parameter in network.parameters())


def quotients_bound_the_slope_from_below(critic: Any) -> None:
    """Of pairs (0, 2), (5, 5) and (1, 4) with scores (0, 1), (3, 9) and (0, 3): a half and 1, the equal pair none."""
    points = torch.tensor([[0.0], [5.0], [1.0]]), torch.tensor([[2.0], [5.0], [4.0]])
    scores = torch.tensor([0.0, 3.0, 0.0]), torch.tensor([1.0, 9.0, 3.0])
    assert critic.largest_quotient(scores, points) == 1.0
    assert critic.largest_quotient((scores[0][1:2], scores[1][1:2]), (points[0][1:2], points[1][1:2])) == 0
    real, fake = normal(2, 30, 3, 2, seed=11)
    weight = normal(6, seed=12)
    found = critic.largest_quotient((real.flatten(1) @ weight, fake.flatten(1) @ weight), (real, fake))
    assert 0.5 * weight.norm() < found <= weight.norm()


def cosine_of_a_step_as_it_was_taken(critic: Any) -> None:
    """Of Adam, RMSProp and the other form of it, against the weights before and after; none before the first step."""
    for make in (
        lambda p: torch.optim.Adam(p, lr=1e-3, betas=(0.9, 0.99)),
        lambda p: torch.optim.Adam(p, lr=1e-3, betas=(0.0, 0.9)),
        lambda p: torch.optim.RMSprop(p, lr=1e-3),
    ):
        network = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1)).double()
        optimizer = make(network.parameters())
        assert critic.step_cosine(optimizer) is None
        for number in range(4):
            optimizer.zero_grad()
            (network(normal(6, 3, seed=number)) * (-1) ** number).mean().backward()
            before = [p.detach().clone() for p in network.parameters()]
            optimizer.step()
            step = torch.cat(
                [(p.detach() - old).flatten() for p, old in zip(network.parameters(), before, strict=True)]
            )
            descent = torch.cat([-p.grad.flatten() for p in network.parameters() if p.grad is not None])
            agree(critic.step_cosine(optimizer), torch.cosine_similarity(step, descent, dim=0).item(), 1e-6)
    assert critic.step_cosine(torch.optim.SGD(network.parameters(), lr=1.0)) is None


def weights_at_the_bound_are_counted(critic: Any) -> None:
    """Two of the five weights, of either sign; one just below is not held."""
    parameters = [nn.Parameter(torch.tensor(values)) for values in ([0.01, -0.01], [0.00999, 0.0, 0.005])]
    agree(critic.share_at_bound(parameters, 0.01), 0.4)


def gradients_are_told_by_layer(critic: Any) -> None:
    """Of matrices and kernels, in their order; those without a gradient and biases not."""
    network = nn.Sequential(nn.Conv2d(1, 2, 1), nn.Flatten(), nn.Linear(2, 1), nn.Linear(1, 1))
    network[0].weight.grad, network[2].weight.grad = torch.ones(2, 1, 1, 1), torch.tensor([[3.0, 4.0]])
    network[2].bias.grad = torch.ones(1)
    agree(list(critic.layer_gradient_norms(network).values()), [2**0.5, 5.0])
    assert list(critic.layer_gradient_norms(network)) == ["0.weight", "2.weight"]


def gradients_are_one_vector(critic: Any) -> None:
    """(3, 4) and 12 have together norm 13; as torch has it; a parameter without a gradient counts for nothing."""
    parameters = [nn.Parameter(torch.zeros(size)) for size in (2, 1, 5)]
    parameters[0].grad, parameters[1].grad = torch.tensor([3.0, -4.0]), torch.tensor([12.0])
    agree(critic.total_gradient_norm(iter(parameters)), 13.0)
    for parameter in parameters:
        parameter.grad = normal(*parameter.shape).float()
    found = critic.total_gradient_norm(parameters)
    agree(found, get_total_norm([p.grad for p in parameters if p.grad is not None]), 1e-6)
    agree(found, clip_grad_norm_(parameters, math.inf), 1e-6)


def no_gradients_have_norm_zero(critic: Any) -> None:
    assert critic.total_gradient_norm([nn.Parameter(torch.ones(3))]) == 0.0
    assert critic.total_gradient_norm([]) == 0.0


def huge_gradients_do_not_overflow(critic: Any) -> None:
    """1e30 squared is beyond float32."""
    parameters = [nn.Parameter(torch.zeros(2)) for _ in range(2)]
    for parameter in parameters:
        parameter.grad = torch.full((2,), 1e30)
    agree(critic.total_gradient_norm(parameters), 2e30, 1e-6)


def mixed_critic() -> nn.Sequential:
    """Dropout and batch norm in two depths and modes, moving statistics far from any batch's, one norm without them."""
    inner = nn.Sequential(nn.BatchNorm1d(3, affine=False).eval(), nn.Dropout(0.5))
    network = nn.Sequential(
        nn.Linear(2, 3), nn.BatchNorm1d(3, affine=False, track_running_stats=False), inner, nn.Dropout(0.5)
    )
    inner.get_buffer("0.running_mean").fill_(7.0)
    return network.append(nn.BatchNorm1d(3, affine=False)).append(nn.Linear(3, 1)).double()


def scores_are_those_of_training_without_dropout(critic: Any) -> None:
    """Batch norm takes the batch's own statistics, which stay out of the moving ones."""
    network, points = mixed_critic(), normal(6, 2)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}

    def standardised(x: Tensor) -> Tensor:
        return (x - x.mean(0)) / (x.var(0, correction=0) + 1e-5).sqrt()

    with critic.scoring(network), torch.no_grad():
        agree(network(points), network[5](standardised(standardised(standardised(network[0](points))))))
    for name, tensor in network.state_dict().items():
        agree(tensor, before[name])


def modes_come_back(critic: Any) -> None:
    """Every module's own, at every depth, after an exception too."""
    network = mixed_critic()

    def modes() -> list[tuple[bool, Any]]:
        return [(module.training, getattr(module, "track_running_stats", None)) for module in network.modules()]

    before = modes()
    with critic.scoring(network):
        pass
    assert modes() == before
    with suppress(KeyError), critic.scoring(network):
        raise KeyError
    assert modes() == before


def accuracies_by_hand(critic: Any) -> None:
    """Two of four data above 0, three of four samples below; a score of 0 is right of neither."""
    found = critic.accuracies(torch.tensor([2.0, 1.0, -1.0, 0.0]), torch.tensor([-1.0, -3.0, -2.0, 0.0]))
    assert found == {"accuracy_real": 0.5, "accuracy_fake": 0.75, "accuracy": 0.625}


# metrics/samples


def distance_of_numbers_is_scipys(samples: Any) -> None:
    one, other = normal(9, 1, seed=3), 2 * normal(9, 1, seed=4)
    agree(samples.exact_wasserstein(one, other), scipy.stats.wasserstein_distance(one[:, 0], other[:, 0]))


def distance_is_the_best_of_all_assignments(samples: Any) -> None:
    one, other = normal(2, 5, 1, 2, 3, seed=5)
    every = [(one - other[list(order)]).flatten(1).norm(dim=1).mean() for order in itertools.permutations(range(5))]
    agree(samples.exact_wasserstein(one, other), min(every))


def distance_is_a_metric(samples: Any) -> None:
    """Symmetric, 0 for the same set in another order, |t| for a set moved by t, and no more than the way round."""
    one, other, third = normal(3, 6, 2, seed=6)
    distance, shift = samples.exact_wasserstein, torch.tensor([3.0, -4.0], dtype=torch.float64)
    agree(distance(one, other), distance(other, one))
    assert distance(one, one.flip(0)) == 0
    agree(distance(one, (one + shift).flip(0)), 5.0)
    assert distance(one, other) <= distance(one, third) + distance(third, other)


def near_points_far_out_keep_their_distance(samples: Any) -> None:
    """A thousandth at 1e5, where |x|^2 + |y|^2 - 2 xy has no digits left."""
    points = 1e5 + normal(4, 2, seed=7)
    agree(samples.exact_wasserstein(points, points + 1e-3), 1e-3 * 2**0.5, 1e-6)


def sets_of_other_shapes_are_refused(samples: Any) -> None:
    for shape in ((3, 2), (5, 2, 1)):
        with pytest.raises(ValueError, match="two sets of the same shape"):
            samples.exact_wasserstein(torch.zeros(5, 2), torch.zeros(shape))
        for distance in (samples.sliced_wasserstein, samples.energy_distance):
            with pytest.raises(ValueError, match="two sets of the same shape"):
                distance(torch.zeros(5, 2), torch.zeros(shape))


def sliced_distance_is_the_mean_over_directions(samples: Any) -> None:
    """Of numbers it is exact; a shift by t gives |t| times the mean |cos|, 2 / pi in the plane; and never more."""
    one, other = normal(9, 1, seed=3), 2 * normal(9, 1, seed=4)
    agree(samples.sliced_wasserstein(one, other), scipy.stats.wasserstein_distance(one[:, 0], other[:, 0]))
    points = normal(40, 2, seed=5)
    moved = (points + torch.tensor([3.0, -4.0], dtype=torch.float64)).flip(0)
    agree(samples.sliced_wasserstein(points, moved, directions=40_000), 10 / np.pi, 0.01)
    agree(samples.sliced_wasserstein(points, moved), samples.sliced_wasserstein(moved, points), 1e-12)
    assert samples.sliced_wasserstein(points, points.flip(0)) == 0
    for seed in range(3):
        first, second = normal(2, 12, 3, 2, seed=seed)
        assert samples.sliced_wasserstein(first, second) <= samples.exact_wasserstein(first, second)


def energy_distance_is_by_pairs(samples: Any) -> None:
    """By hand over every pair of different points; scipy's, which is a root and counts equal pairs, of large sets."""
    one, other = normal(5, 2, 3, seed=6), 1 + normal(5, 2, 3, seed=7)
    within = [[(a - b).norm() for a, b in itertools.combinations(points, 2)] for points in (one, other)]
    between = torch.stack([(a - b).norm() for a in one for b in other]).mean()
    expected = 2 * between - torch.stack(within[0]).mean() - torch.stack(within[1]).mean()
    agree(samples.energy_distance(one, other), expected)
    first, second = normal(2_000, 1, seed=8), 1 + normal(2_000, 1, seed=9)
    agree(samples.energy_distance(first, second), scipy.stats.energy_distance(first[:, 0], second[:, 0]) ** 2, 0.01)
    halves = [samples.energy_distance(*normal(2, 20, 2, seed=seed)) for seed in range(300)]
    assert abs(np.mean(halves)) < 3 * np.std(halves) / 300**0.5
    assert min(halves) < 0
    with pytest.raises(ValueError, match="at least 2 points"):
        samples.energy_distance(one[:1], other[:1])


def diversity_is_over_different_pairs(samples: Any) -> None:
    """The mean over every two images, by hand and by scipy; 0 for equal ones, and none of one image."""
    images = normal(6, 2, 3, 1, seed=8)
    pairs = [(one - other).norm() for one, other in itertools.combinations(images, 2)]
    agree(samples.diversity(images), torch.stack(pairs).mean())
    agree(samples.diversity(images), scipy.spatial.distance.pdist(images.flatten(1)).mean())
    assert samples.diversity(images[:1].expand(4, -1, -1, -1)) == 0
    with pytest.raises(ValueError, match="at least 2 images"):
        samples.diversity(images[:1])


def sharpness_is_the_variance_of_the_laplacian(samples: Any) -> None:
    """A checkerboard has 64, one dot 20 / 9, a corner nothing; scipy's Laplacian of the mean channel has the same."""
    board = ((torch.arange(8)[:, None] + torch.arange(8)) % 2 * 2.0 - 1)[None, None]
    dots = torch.zeros(2, 1, 5, 5)
    dots[0, 0, 2, 2] = dots[1, 0, 0, 4] = 1
    agree(samples.sharpness(board), torch.tensor([64.0]))
    agree(samples.sharpness(dots), torch.tensor([20 / 9, 0.0]), 1e-6)
    images = normal(4, 3, 7, 5, seed=9)
    inside = [scipy.ndimage.laplace(image.mean(0).numpy())[1:-1, 1:-1] for image in images]
    agree(samples.sharpness(images), torch.tensor([np.var(values) for values in inside]))
    with pytest.raises(ValueError, match="at least 3x3 pixels"):
        samples.sharpness(torch.zeros(1, 1, 2, 9))


# metrics/neighbours


def pixels(seed: int, count: int, *shape: int) -> Any:
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def nearest_is_the_smallest_mean_error(neighbours: Any) -> None:
    """Over all rows asked for, however many are compared at a time."""
    images, queries, rows = pixels(0, 30, 3, 3, 2), pixels(1, 5, 3, 3, 2), np.arange(29, 1, -2)
    errors = np.abs(queries[:, None].astype(int) - images[rows].astype(int)).mean(axis=(2, 3, 4))
    for at_once in (1, 4, None):
        found = neighbours.nearest_images(queries, images, rows, at_once=at_once)
        assert found.rows.tolist() == rows[errors.argmin(axis=1)].tolist()
        agree(found.distances, errors.min(axis=1))
        agree(found.median, sorted(errors.min(axis=1))[2])
        assert found.among == len(rows)


def the_first_of_equally_near_images_is_taken(neighbours: Any) -> None:
    images = np.zeros((9, 1, 2, 2), np.uint8)
    for at_once in (1, 2, 9):
        assert neighbours.nearest_images(images[:1], images, np.array([8, 3, 4]), at_once=at_once).rows.tolist() == [8]


def sums_beyond_float32_are_exact(neighbours: Any) -> None:
    """Of 255 x 76800 and one less, 19583999 is the less: float32 counts in twos there."""
    images = np.full((3, 3, 160, 160), 255, np.uint8)
    images[1, 0, 0, 0] = images[2, 0, 0, 0] = 254
    found = neighbours.nearest_images(np.zeros((1, 3, 160, 160), np.uint8), images, np.arange(3))
    assert found.rows.tolist() == [1]
    assert round(found.distances[0] * 76800, 3) == 19583999


# metrics/generator and metrics/copies


def source_of(images: Any, train: Any, held_out: Any) -> Source:
    """Images of three classes in turn."""
    report = DataReport(kind="array", path="array", found=len(images), used=len(images), shape=images.shape[1:])
    labels = class_labels(np.arange(len(images)) % 3, ("a", "b", "c"))
    return make_source(images, np.asarray(train), np.asarray(held_out), labels, report)


def numbered(train: int, held_out: int, side: int = 4) -> Source:
    """Flat images whose pixels are six times the number of their row; those to train on come first."""
    values = (6 * np.arange(train + held_out)).astype(np.uint8)
    images = np.tile(values[:, None, None, None], (1, 1, side, side))
    return source_of(images, range(train), range(train, train + held_out))


class ByLabel(nn.Module):
    """Flat images that tell their label by their grey: 0, 1 / 3, 2 / 3; without labels, 1."""

    def __init__(self) -> None:
        super().__init__()
        self.level = nn.Parameter(torch.ones(()))

    def forward(self, z: Tensor, labels: Tensor | None = None) -> Tensor:
        values = self.level * (torch.ones(len(z)) if labels is None else labels.argmax(1) / 3)
        return values.view(-1, 1, 1, 1).expand(-1, 1, 4, 4)


def network(side: int = 4) -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(2, side * side), nn.Tanh(), nn.Unflatten(1, (1, side, side)))


def sets_are_as_large_as_data_allow(generator: Any) -> None:
    """All held-out images, half of the training images, or the limit, whichever is least."""
    found = [generator.set_size(numbered(*sizes)) for sizes in ((30, 10), (12, 20))]
    assert [*found, generator.set_size(numbered(30, 10), 4)] == [10, 6, 4]


def training_sets_are_drawn_without_replacement(generator: Any) -> None:
    """Rows told by their pixels: those to train on alone, none twice; another number, another set."""
    source = numbered(16, 8)

    def rows(count: int, number: int) -> list[int]:
        images = generator.training_set(source, count, number)
        return sorted(((images[:, 0, 0, 0] + 1) * 127.5 / 6).round().int().tolist())

    assert rows(16, 0) == list(range(16))
    assert rows(5, 1) == rows(5, 1) != rows(5, 2)


def held_out_images_come_with_their_labels(generator: Any) -> None:
    source = numbered(10, 9)
    for count in (3, 9):
        rows = spread_out(source.held_out, count)
        found = generator.held_out_batch(source, count, conditional=True)
        agree(found.images, gather(source, rows, CPU))
        agree(found.labels, label_vectors(source, rows))
        assert generator.held_out_batch(source, count, conditional=False).labels is None


def samples_have_the_labels_of_held_out_images(generator: Any) -> None:
    """One by one, of a generator that draws its label."""
    source = numbered(10, 9)
    held_out = generator.held_out_batch(source, 5, conditional=True)
    expected = ByLabel()(torch.zeros(5, 1), held_out.labels).detach()
    agree(generator.samples_beside(held_out, ByLabel(), 2, 0), expected)
    assert generator.sample_distance(ByLabel(), 2, replace(held_out, images=expected), 0) == 0
    measure = generator.Measure(name="level", real_name="real", words="", of=lambda made, _: made.images.sum().item())
    options: Any = {"seed": 0, "limit": 8, "sets": 2, "measures": [measure]}
    found = generator.measure_generator(ByLabel(), 2, source, conditional=True, **options)
    agree(found["level"].mean, expected.sum(), 1e-6)


def estimates_are_over_sets(generator: Any) -> None:
    """Mean and sample standard deviation of each measure in turn, of images beside the held-out ones."""
    sets, held_out = list(normal(4, 6, 2, seed=10)), normal(5, 2, seed=11)
    functions: list[Callable[[Tensor, Tensor], float]] = [
        lambda one, other: (one.sum() - other.sum()).item(),
        lambda one, _: one.max().item(),
    ]

    def measure(of: Callable[[Tensor, Tensor], float]) -> Any:
        return generator.Measure(name="a", real_name="b", words="", of=lambda made, real: of(made.images, real.images))

    measures = map(measure, functions)
    for found, of in zip(generator.estimates(measures, iter(sets), held_out), functions, strict=True):
        values = [of(images, held_out) for images in sets]
        agree([found.mean, found.standard_deviation], [np.mean(values), np.std(values, ddof=1)])
        assert (found.sets, found.n) == (4, 5)


def samples_and_floor_by_hand(generator: Any) -> None:
    """Samples from latents of each set's own seed; the floor from training images; beside the same held-out ones."""
    source, made_by = numbered(16, 8), network()
    found = generator.measure_generator(made_by, 2, source, conditional=False, seed=5, limit=6, sets=3)
    held_out = gather(source, spread_out(source.held_out, 6), CPU).flatten(1)
    drawn = [draw(made_by, 2, 6, derived_seed(5, "evaluate", number)).numpy() for number in range(3)]
    chosen = [generator.training_set(source, 6, number).numpy() for number in range(3)]
    names = (("samples", "diversity", "sharpness"), ("floor", "real_diversity", "real_sharpness"))
    for of, sets in zip(names, (drawn, chosen), strict=True):
        flat_sets = [images.reshape(6, -1) for images in sets]
        costs = [scipy.spatial.distance.cdist(images, held_out) for images in flat_sets]
        matched = [cost[linear_sum_assignment(cost)].mean() for cost in costs]
        apart = [scipy.spatial.distance.pdist(images).mean() for images in flat_sets]
        inside = [[scipy.ndimage.laplace(image[0])[1:-1, 1:-1].var() for image in images] for images in sets]
        sharp = [sorted(values)[2] for values in inside]
        for name, values in zip(of, (matched, apart, sharp), strict=True):
            agree([found[name].mean, found[name].standard_deviation], [np.mean(values), np.std(values, ddof=1)], 1e-5)
            assert (found[name].sets, found[name].n) == (3, 6)
        reference, seen = random_features(gather(source, spread_out(source.held_out, 6), CPU)), []
        for images in sets:
            made = random_features(torch.from_numpy(images))
            shares = neighbourhoods(reference, made)
            distances = frechet_distance(made, reference), 1000 * kernel_distance(made, reference)
            seen.append([*distances, shares.precision, shares.recall, shares.density, shares.coverage])
        prefix = "real_" if of[0] == "floor" else ""
        for name, values in zip(IN_FEATURES, np.array(seen).T, strict=True):
            agree(found[prefix + name].mean, values.mean(), 1e-5)


IN_FEATURES = ("frechet", "kernel", "precision", "recall", "density", "coverage")


def measures_that_need_larger_images_are_left_out(generator: Any) -> None:
    """Sharpness needs 3x3 pixels, four measures of nearest neighbours 6 images; each measure is there twice."""
    for side, images, expected in ((2, 5, 12), (3, 5, 14), (3, 6, 22)):
        options: Any = {"conditional": False, "seed": 0, "limit": images, "sets": 2}
        assert len(generator.measure_generator(network(side), 2, numbered(14, 6, side), **options)) == expected


def flat(values: list[float]) -> Any:
    """Grey 4x4 images whose pixels sum to 16 times the values."""
    sums = np.array([round(16 * value) for value in values])
    return ((sums[:, None] // 16) + (np.arange(16) < sums[:, None] % 16)).astype(np.uint8).reshape(-1, 1, 4, 4)


def copies_lie_below_half_of_the_smallest_real_distance(copies: Any) -> None:
    """Held out at 10, 20 and 15 from data at 0 and 100: a copy is nearer than 5 to an image trained on."""
    source = source_of(flat([0, 100, 10, 80, 115]), [0, 1], [2, 3, 4])
    found = copies.find_neighbours(flat([4.9375, 5, 5.0625, 95.0625, 10]), source)
    assert found.copies == [0, 3]
    assert copies.verdict(found) == (
        "memorised: 2 of 5 samples (1, 4) lie nearer to a training image than 5.00, half of the smallest distance of 3 "
        "real held-out images"
    )
    none = copies.verdict(copies.find_neighbours(flat([5, 50]), source))
    assert none.startswith("no copies found: none of 2 samples lies nearer to a training image than 5.00, half")


def duplicates_across_the_split_allow_no_verdict(copies: Any) -> None:
    source = source_of(flat([0, 100, 10, 100]), [0, 1], [2, 3])
    found = copies.verdict(copies.find_neighbours(flat([0, 7]), source))
    assert found.startswith("nothing can be said about copies: of 2 real held-out images, some occur among")


def neighbours_are_sought_where_they_say(copies: Any) -> None:
    """Among training images, held-out ones, and as many of the former as there are of the latter, each once."""
    source = source_of(flat([0, 100, 10, 80, 115]), [0, 1], [2, 3, 4])
    found = copies.find_neighbours(flat([9, 90]), source)
    assert found.train.rows.tolist() == [0, 1]
    assert found.held_out.rows.tolist() == [2, 3]
    assert (found.train.among, found.held_out.among, found.subset.among, found.real.among) == (2, 3, 2, 2)
    agree(found.subset.distances, found.train.distances)
    many = source_of(pixels(2, 40, 1, 4, 4), range(30), range(30, 40))
    assert copies.find_neighbours(many.images, many).subset.among == 10


FACTS: dict[str, list[Fact]] = {
    "critic": [
        gap_is_the_difference_of_means,
        error_of_a_gap_is_welchs,
        one_score_has_no_error,
        slopes_of_a_linear_critic,
        slopes_are_taken_between_data_and_samples,
        slopes_leave_no_gradient,
        quotients_bound_the_slope_from_below,
        cosine_of_a_step_as_it_was_taken,
        weights_at_the_bound_are_counted,
        gradients_are_told_by_layer,
        gradients_are_one_vector,
        no_gradients_have_norm_zero,
        huge_gradients_do_not_overflow,
        scores_are_those_of_training_without_dropout,
        modes_come_back,
        accuracies_by_hand,
    ],
    "samples": [
        distance_of_numbers_is_scipys,
        distance_is_the_best_of_all_assignments,
        distance_is_a_metric,
        near_points_far_out_keep_their_distance,
        sets_of_other_shapes_are_refused,
        sliced_distance_is_the_mean_over_directions,
        energy_distance_is_by_pairs,
        diversity_is_over_different_pairs,
        sharpness_is_the_variance_of_the_laplacian,
    ],
    "neighbours": [
        nearest_is_the_smallest_mean_error,
        the_first_of_equally_near_images_is_taken,
        sums_beyond_float32_are_exact,
    ],
    "generator": [
        sets_are_as_large_as_data_allow,
        training_sets_are_drawn_without_replacement,
        held_out_images_come_with_their_labels,
        samples_have_the_labels_of_held_out_images,
        estimates_are_over_sets,
        samples_and_floor_by_hand,
        measures_that_need_larger_images_are_left_out,
    ],
    "copies": [
        copies_lie_below_half_of_the_smallest_real_distance,
        duplicates_across_the_split_allow_no_verdict,
        neighbours_are_sought_where_they_say,
    ],
}
