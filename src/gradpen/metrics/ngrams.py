"""How near the n-grams of two sets of lines are: the measure of the language model of Gulrajani et al. 2017."""

import math
from collections import Counter
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["jensen_shannon", "ngrams"]

Grams = Counter[tuple[int, ...]]


def ngrams(codes: NDArray[Any], n: int) -> Grams:
    """Return how often each n-gram occurs in lines, those across their filled ends included.

    Args:
        codes: integers ``[N, L]``.
        n: characters in a row, from 1 to L.

    Raises:
        ValueError: n-grams do not fit into the lines.

    >>> ngrams(np.array([[1, 2, 1]]), 2)
    Counter({(1, 2): 1, (2, 1): 1})
    """
    if not 1 <= n <= codes.shape[1]:
        raise ValueError(f"lines of {codes.shape[1]} characters have no {n}-grams")
    windows = np.lib.stride_tricks.sliding_window_view(codes, n, axis=1).reshape(-1, n)
    found, counts = np.unique(windows, axis=0, return_counts=True)
    return Counter(dict(zip(map(tuple, found.tolist()), counts.tolist(), strict=True)))


def jensen_shannon(one: Grams, other: Grams) -> float:
    r"""Return the Jensen-Shannon divergence of the relative frequencies in two counts, in bits.

    .. math:: \tfrac12 \sum_g p_g \log_2 \frac{p_g}{m_g} + \tfrac12 \sum_g q_g \log_2 \frac{q_g}{m_g},
              \qquad m = \frac{p + q}{2}

    Source: ``language_helpers.py`` of Gulrajani et al. 2017 (github.com/igul222/improved_wgan_training). Two samples of
    one text are above 0 too, the more so the longer the n-grams: give it beside that of held-out lines.

    Args:
        one: counts of at least one n-gram.
        other: likewise.

    Returns:
        From 0, for equal frequencies, to 1, for texts without an n-gram in common.

    Raises:
        ValueError: a count is empty.

    >>> one, other = Counter({(1,): 2}), Counter({(2,): 3})
    >>> jensen_shannon(one, one), jensen_shannon(one, other)
    (0.0, 1.0)
    """
    sums = one.total(), other.total()
    if 0 in sums:
        raise ValueError("there are no n-grams on one side")
    total = 0.0
    for gram in one.keys() | other.keys():
        p, q = one[gram] / sums[0], other[gram] / sums[1]
        middle = (p + q) / 2
        total += sum(share * math.log2(share / middle) for share in (p, q) if share) / 2
    return min(max(total, 0.0), 1.0)
