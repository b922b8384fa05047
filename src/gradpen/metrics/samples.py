"""Measures of samples against data, in pixel space."""

import torch
from torch import Tensor
from torch.nn.functional import conv2d

__all__ = ["diversity", "energy_distance", "exact_wasserstein", "sharpness", "sliced_wasserstein"]

LAPLACIAN = ((0.0, 1.0, 0.0), (1.0, -4.0, 1.0), (0.0, 1.0, 0.0))
DIRECTIONS = 512
SMALLEST_SHARP = 3
"""rows and columns that the Laplacian needs"""


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
    from scipy.optimize import (
        linear_sum_assignment,
    )  # takes a third of a second, which `import gradpen` need not wait for

    costs = between(*points_of(one, other))
    return float(costs[linear_sum_assignment(costs)].mean())


def sliced_wasserstein(one: Tensor, other: Tensor, *, directions: int = DIRECTIONS) -> float:
    r"""Return the mean Wasserstein-1 distance of two equally large sets of points, seen along random directions.

    .. math:: \frac{1}{K} \sum_k \frac1n \sum_i \left| \langle\theta_k, x\rangle_{(i)} -
              \langle\theta_k, y\rangle_{(i)} \right|, \qquad \|\theta_k\|_2 = 1

    where (i) is the i-th smallest. The directions are the same at every call. In d dimensions it is smaller than the
    exact distance by about the square root of d, and never larger.

    Source: Bonneel et al. 2015, Sliced and Radon Wasserstein barycenters of measures.

    Args:
        one: shape ``[n, ...]``.
        other: shape ``[n, ...]``, the same.
        directions: K, how many.

    Returns:
        At least 0, in data units; 0 for equal sets.

    Raises:
        ValueError: the shapes differ.

    >>> sliced_wasserstein(torch.tensor([[0.0], [1.0]]), torch.tensor([[4.0], [2.0]]))
    2.5
    """
    one, other = points_of(one, other)
    generator = torch.Generator().manual_seed(0)
    along = torch.randn(one.shape[1], directions, generator=generator, dtype=torch.float64)
    along /= along.norm(dim=0)
    return float(((one @ along).sort(dim=0).values - (other @ along).sort(dim=0).values).abs().mean())


def energy_distance(one: Tensor, other: Tensor) -> float:
    r"""Return the squared energy distance of the distributions that two sets of points are drawn from, unbiased.

    .. math:: 2\,\mathbb E \|x - y\|_2 - \mathbb E \|x - x'\|_2 - \mathbb E \|y - y'\|_2

    Pairs of a point with itself are left out, so the mean over many sets is right for any n, and a single value may be
    negative. Source: Szekely & Rizzo 2013, Energy statistics.

    Args:
        one: shape ``[n, ...]``, n at least 2.
        other: shape ``[n, ...]``, the same.

    Returns:
        The squared distance, in data units; near 0 for sets from one distribution.

    Raises:
        ValueError: the shapes differ, or there are fewer than two points.

    >>> energy_distance(torch.tensor([[0.0], [0.0]]), torch.tensor([[3.0], [3.0]]))
    6.0
    """
    one, other = points_of(one, other)
    if len(one) < 2:
        raise ValueError(f"at least 2 points differ from one another, found {len(one)}")
    return float(2 * between(one, other).mean() - torch.pdist(one).mean() - torch.pdist(other).mean())


def between(one: Tensor, other: Tensor) -> Tensor:
    """Return the distance of every point of one set to every point of the other, ``[n, m]``."""
    return torch.cdist(one, other, compute_mode="donot_use_mm_for_euclid_dist")


def points_of(one: Tensor, other: Tensor) -> tuple[Tensor, Tensor]:
    """Return two sets of one shape as points ``[n, d]`` in float64."""
    if one.shape != other.shape:
        raise ValueError(f"two sets of the same shape are compared, found {one.shape} and {other.shape}")
    return one.detach().flatten(1).double().cpu(), other.detach().flatten(1).double().cpu()


def diversity(images: Tensor) -> float:
    r"""Return how far images are apart from one another.

    .. math:: \frac{2}{n(n-1)} \sum_{i<j} \|x_i - x_j\|_2

    A generator that makes the same image from every latent has 0: judge it against the same number for data.

    Args:
        images: shape ``[n, ...]``, n at least 2.

    Returns:
        The mean Euclidean distance of two different images, in data units.

    >>> diversity(torch.tensor([[0.0], [1.0], [3.0]]))
    2.0
    """
    if len(images) < 2:
        raise ValueError(f"at least 2 images differ from one another, found {len(images)}")
    return float(torch.pdist(images.detach().flatten(1).double()).mean())


def sharpness(images: Tensor) -> Tensor:
    r"""Return how sharp each image is: the variance of its Laplacian.

    .. math:: \operatorname{Var}_{ij}\left( g_{i-1,j} + g_{i+1,j} + g_{i,j-1} + g_{i,j+1} - 4 g_{ij} \right)

    where g is the mean over channels and i, j run over all pixels but those at the border. Blurred images have little
    of it, noise has much: judge it against the same number for data.

    Source: Pech-Pacheco et al. 2000, Diatom autofocusing in brightfield microscopy.

    Args:
        images: float ``[N, C, H, W]`` in [-1, 1], H and W at least 3.

    Returns:
        ``[N]``, at least 0; 64 for a checkerboard of -1 and 1.

    >>> sharpness(torch.eye(4).view(1, 1, 4, 4))
    tensor([9.])
    """
    if min(images.shape[2:]) < SMALLEST_SHARP:
        raise ValueError(f"the Laplacian needs images of at least 3x3 pixels, found {tuple(images.shape[2:])}")
    kernel = images.new_tensor(LAPLACIAN).view(1, 1, 3, 3)
    return conv2d(images.mean(dim=1, keepdim=True), kernel).flatten(1).var(dim=1, correction=0)
