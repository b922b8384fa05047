"""N-grams and their divergence against closed forms and SciPy's."""

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as some
from scipy.spatial.distance import jensenshannon

from gradpen.metrics.ngrams import Grams, jensen_shannon, ngrams


def test_ngrams_count_every_place_of_every_line() -> None:
    codes = np.array([[1, 2, 1], [2, 1, 2]])
    assert ngrams(codes, 1) == Counter({(1,): 3, (2,): 3})
    assert ngrams(codes, 2) == Counter({(1, 2): 2, (2, 1): 2})
    assert ngrams(codes, 3) == Counter({(1, 2, 1): 1, (2, 1, 2): 1})


@pytest.mark.parametrize("n", [0, 4])
def test_ngrams_that_do_not_fit(n: int) -> None:
    with pytest.raises(ValueError, match="-grams"):
        ngrams(np.array([[1, 2, 1]]), n)


def test_half_in_common() -> None:
    one: Grams = Counter({(1,): 1, (2,): 1})
    other: Grams = Counter({(2,): 5, (3,): 5})
    assert jensen_shannon(one, other) == pytest.approx(0.5)


def test_nothing_to_compare() -> None:
    with pytest.raises(ValueError, match="no n-grams"):
        jensen_shannon(Counter(), Counter({(1,): 1}))


@given(some.lists(some.tuples(some.integers(0, 9), some.integers(0, 9)), min_size=2, max_size=12))
def test_the_divergence_is_that_of_scipy(pairs: list[tuple[int, int]]) -> None:
    counts = np.array(pairs).T + np.array([[1], [0]])
    counts[1, 0] += 1
    one, other = (Grams({(place,): int(count) for place, count in enumerate(row) if count}) for row in counts)
    theirs = jensenshannon(*(row / row.sum() for row in counts), base=2) ** 2
    assert jensen_shannon(one, other) == pytest.approx(0 if math.isnan(theirs) else theirs, abs=1e-9)
