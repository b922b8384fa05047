"""Facts of distances between sets of features, and of features; each wrong form violates one."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy.linalg import sqrtm
from scipy.spatial.distance import cdist
from torch.nn.functional import avg_pool2d


def normal(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=shape)


def frechet_distance_of_tf_gans_test(sets: Any) -> None:
    """TF-GAN bc369b7, eval/classifier_metrics_test.py: two draws of randn(512, 256) in float32 after seed 0."""
    state = np.random.RandomState(0)
    one, other = (torch.from_numpy(state.randn(512, 256).astype(np.float32)) for _ in range(2))
    assert sets.frechet_distance(one, other) == pytest.approx(65.7427, rel=1e-4)


def kernel_distance_of_tf_gans_test(sets: Any) -> None:
    """TF-GAN bc369b7, eval/classifier_metrics_test.py: cubic kernel, unbiased, one block."""
    state = np.random.RandomState(0)
    one, other = state.randn(512, 256), state.randn(512, 256) * 1.1 + 0.05
    assert sets.kernel_distance(torch.from_numpy(one), torch.from_numpy(other)) == pytest.approx(0.0083886, rel=1e-3)


def frechet_distance_rises_with_the_spread_as_in_tf_gans_test(sets: Any) -> None:
    """Two independent sets of N(0, i^2) are further apart for larger i."""
    values = [
        sets.frechet_distance(*(torch.from_numpy(i * normal(10 * i + which, 512, 64)) for which in range(2)))
        for i in (1, 3, 5, 7, 9)
    ]
    assert values == sorted(values)


def frechet_distance_by_the_square_root_of_a_matrix(sets: Any) -> None:
    """For more vectors than numbers in one, for fewer, and for single numbers; and a shift by 3 in d directions."""
    for n, m, d in ((40, 30, 5), (9, 12, 20), (2, 3, 1)):
        one, other = normal(1, n, d), 1 + 2 * normal(2, m, d)
        first, second = (np.atleast_2d(np.cov(points.T)) for points in (one, other))
        root = sqrtm(first @ second).real
        expected = ((one.mean(0) - other.mean(0)) ** 2).sum() + np.trace(first + second - 2 * root)
        found = sets.frechet_distance(torch.from_numpy(one), torch.from_numpy(other))
        assert found == pytest.approx(expected, rel=1e-6)
        assert sets.frechet_distance(torch.from_numpy(other), torch.from_numpy(one)) == pytest.approx(found, rel=1e-9)
        assert sets.frechet_distance(torch.from_numpy(one), torch.from_numpy(one + 3)) == pytest.approx(9 * d, rel=1e-9)


def kernel_distance_pair_by_pair(sets: Any) -> None:
    one, other = normal(3, 5, 3), normal(4, 4, 3)

    def kernel(x: np.ndarray, y: np.ndarray) -> float:
        return float((x @ y / 3 + 1) ** 3)

    within = [np.mean([kernel(x, y) for x in s for y in s if x is not y]) for s in (list(one), list(other))]
    between = np.mean([kernel(x, y) for x in one for y in other])
    found = sets.kernel_distance(torch.from_numpy(one), torch.from_numpy(other))
    assert found == pytest.approx(sum(within) - 2 * between, rel=1e-12)


def neighbourhoods_by_definition(sets: Any) -> None:
    real, fake, k = normal(5, 30, 2), normal(6, 25, 2) + 0.5, 3
    reach = [np.sort(cdist(points, points), axis=1)[:, k] for points in (real, fake)]
    between = cdist(real, fake)
    found = sets.neighbourhoods(torch.from_numpy(real), torch.from_numpy(fake), k=k)
    assert found.precision == np.mean([any(between[i, j] <= reach[0][i] for i in range(30)) for j in range(25)])
    assert found.recall == np.mean([any(between[i, j] <= reach[1][j] for j in range(25)) for i in range(30)])
    hits = [sum(between[i, j] <= reach[0][i] for i in range(30)) for j in range(25)]
    assert found.density == pytest.approx(np.mean(hits) / k)
    assert found.coverage == np.mean([(between[i] <= reach[0][i]).any() for i in range(30)])
    same = sets.neighbourhoods(torch.from_numpy(real), torch.from_numpy(real), k=k)
    assert (same.precision, same.recall, same.coverage) == (1, 1, 1)


def a_generator_of_one_kind_is_precise_and_recalls_little(sets: Any) -> None:
    real = torch.from_numpy(np.concatenate([normal(7, 60, 4), normal(8, 60, 4) + 20]))
    found = sets.neighbourhoods(real, torch.from_numpy(normal(9, 120, 4)))
    assert found.precision > 0.9
    assert 0.4 < found.recall < 0.5
    assert 0.4 < found.coverage <= 0.5


def sets_that_cannot_be_compared_are_refused(sets: Any) -> None:
    for distance, fewest in ((sets.frechet_distance, 2), (sets.kernel_distance, 2), (sets.neighbourhoods, 6)):
        with pytest.raises(ValueError, match=r"vectors of one length are compared, found \[9, 2\] and \[9, 3\]"):
            distance(torch.zeros(9, 2), torch.zeros(9, 3))
        with pytest.raises(ValueError, match=f"at least {fewest} vectors of either kind are needed, found 9 and 1"):
            distance(torch.zeros(9, 2), torch.zeros(1, 2))


def features_are_the_same_for_an_image_whatever_goes_with_it(features: Any) -> None:
    images = torch.rand(300, 3, 13, 20, generator=torch.Generator().manual_seed(0)) * 2 - 1
    torch.manual_seed(3)
    found = features.random_features(images)
    assert found.shape == (300, 512)
    torch.manual_seed(4)
    torch.testing.assert_close(features.random_features(images[290:]), found[290:])
    assert features.random_features(torch.zeros(2, 1, 2, 2)).shape == (2, 256)
    assert features.random_features(torch.zeros(2, 4, 64, 64)).shape == (2, 768)


def filters_have_mean_0_and_length_1(features: Any) -> None:
    for number, channels in enumerate((1, 3, 16)):
        filters = features.random_filters(channels, 5, number)
        assert filters.shape == (16, channels, 5, 5)
        torch.testing.assert_close(filters.mean((1, 2, 3)), torch.zeros(16), atol=1e-6, rtol=0)
        torch.testing.assert_close(filters.flatten(1).norm(dim=1), torch.ones(16))
        assert not torch.equal(filters, features.random_filters(channels, 5, number + 1))


def features_see_layout_and_structure(features: Any) -> None:
    """A picture, the same elsewhere in the frame, and its blurred form have different features."""
    image = torch.zeros(1, 1, 64, 64)
    image[..., 24:34, 18:20] = 1
    own = features.random_features(image)
    for other in (image.roll(16, 3), avg_pool2d(image, 3, stride=1, padding=1)):
        assert (features.random_features(other) - own).norm() > 0.2 * own.norm()


Fact = Callable[[Any], None]
FACTS: dict[str, list[Fact]] = {
    "sets": [
        frechet_distance_of_tf_gans_test,
        kernel_distance_of_tf_gans_test,
        frechet_distance_rises_with_the_spread_as_in_tf_gans_test,
        frechet_distance_by_the_square_root_of_a_matrix,
        kernel_distance_pair_by_pair,
        neighbourhoods_by_definition,
        a_generator_of_one_kind_is_precise_and_recalls_little,
        sets_that_cannot_be_compared_are_refused,
    ],
    "features": [
        features_are_the_same_for_an_image_whatever_goes_with_it,
        filters_have_mean_0_and_length_1,
        features_see_layout_and_structure,
    ],
}
