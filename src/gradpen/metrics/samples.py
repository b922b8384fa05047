"""Measures of samples against data, in pixel space."""

import torch
from scipy.optimize import linear_sum_assignment
from torch import Tensor


def exact_wasserstein(one: Tensor, other: Tensor) -> float:
    r"""Return the exact Wasserstein-1 distance between two equally large sets of points.

    .. math:: W_1 = \min_\pi \frac1n \sum_i \|x_i - y_{\pi(i)}\|_2

    by optimal assignment. Two finite sets from the same distribution are apart too: judge the value against
    the same number for two sets of data.

    Args:
        one: shape ``[n, ...]``.
        other: shape ``[n, ...]``, the same.

    Returns:
        The mean Euclidean distance of matched points, in data units.

    >>> exact_wasserstein(torch.tensor([[0.0], [1.0]]), torch.tensor([[4.0], [2.0]]))
    2.5
    """
    if one.shape != other.shape:
        raise ValueError(f"two sets of the same shape are compared, found {one.shape} and {other.shape}")
    costs = torch.cdist(
        one.flatten(1).double(),
        other.flatten(1).double(),
        compute_mode="donot_use_mm_for_euclid_dist",
    ).cpu()
    return float(costs[linear_sum_assignment(costs)].mean())
