"""How far two sets of feature vectors are apart, and how much of one the other covers.

All take features ``[n, d]`` of images, whatever the features are; a number says nothing without their name, n, and the
same number for two sets of real images.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

__all__ = ["Neighbourhoods", "frechet_distance", "kernel_distance", "neighbourhoods"]

NEIGHBOURS = 5


def frechet_distance(one: Tensor, other: Tensor) -> float:
    r"""Return the Fréchet distance of the normal distributions with the sets' means and covariances.

    .. math:: \|m_1 - m_2\|^2 + \operatorname{tr}\left(C_1 + C_2 - 2 (C_1 C_2)^{1/2}\right)

    with covariances divided by n - 1. Source: Dowson & Landau 1982; Heusel et al. 2017 (arXiv 1706.08500), equation 6,
    who take Inception features: with others it is no FID.

    Args:
        one: features ``[n, d]``, n at least 2. A covariance of rank d needs n above d.
        other: features ``[m, d]``, m at least 2.

    Returns:
        At least 0, in squared feature units; 0 for sets with equal means and covariances.

    Raises:
        ValueError: a set has fewer than two vectors, or the vectors differ in length.

    >>> frechet_distance(torch.tensor([[0.0], [2.0]]), torch.tensor([[3.0], [5.0]]))
    9.0
    """
    one, other = checked(one, other)
    means = (one.mean(0) - other.mean(0)).square().sum()
    # tr (C1 C2)^(1/2) is the nuclear norm of A1^T A2 for any factors C = A A^T, here the centred sets themselves.
    roots = [(points - points.mean(0)) / (len(points) - 1) ** 0.5 for points in (one, other)]
    spreads = roots[0].square().sum() + roots[1].square().sum()
    if min(len(one), len(other)) < one.shape[1]:
        shared = torch.linalg.matrix_norm(roots[0] @ roots[1].T, "nuc")
    else:
        first, second = (torch.linalg.qr(root).R for root in roots)
        shared = torch.linalg.matrix_norm(first @ second.T, "nuc")
    return max(float(means + spreads - 2 * shared), 0.0)


def kernel_distance(one: Tensor, other: Tensor) -> float:
    r"""Return the squared maximum mean discrepancy under a cubic kernel, unbiased.

    .. math:: k(x, y) = (x^\top y / d + 1)^3

    Pairs of a vector with itself are left out, so the mean over many sets is right for any n, and a single value may be
    negative. Source: Binkowski et al. 2018 (arXiv 1801.01401), section 4; with Inception features it is KID.

    Args:
        one: features ``[n, d]``, n at least 2.
        other: features ``[m, d]``, m at least 2.

    Returns:
        The squared discrepancy; near 0 for sets from one distribution.

    Raises:
        ValueError: a set has fewer than two vectors, or the vectors differ in length.

    >>> round(kernel_distance(torch.zeros(3, 1), torch.ones(3, 1)), 6)  # 1 + 8 - 2
    7.0
    """
    one, other = checked(one, other)

    def kernel(a: Tensor, b: Tensor) -> Tensor:
        return (a @ b.T / a.shape[1] + 1).pow(3)

    def within(points: Tensor) -> Tensor:
        products = kernel(points, points)
        return (products.sum() - products.diagonal().sum()) / (len(points) * (len(points) - 1))

    return (within(one) + within(other) - 2 * kernel(one, other).mean()).item()


@dataclass(frozen=True, kw_only=True)
class Neighbourhoods:
    """How two sets lie among each other's nearest neighbours, each from 0 up; 1 is what two real sets come near to.

    >>> Neighbourhoods(precision=0.9, recall=0.2, density=1.0, coverage=0.3).recall  # good samples of few kinds
    0.2
    """

    precision: float
    """share of samples within reach of a real vector: are they like the data?"""
    recall: float
    """share of real vectors within reach of a sample: are all the data there?"""
    density: float
    """how many real vectors have a sample within their reach, over k: like precision, but outliers weigh less"""
    coverage: float
    """share of real vectors that have a sample within their reach"""


def neighbourhoods(real: Tensor, fake: Tensor, *, k: int = NEIGHBOURS) -> Neighbourhoods:
    """Return precision, recall, density and coverage; a vector reaches to its k-th neighbour of its own kind.

    Source: precision and recall of Kynkäänniemi et al. 2019 (arXiv 1904.06991); density and coverage of Naeem et al.
    2020 (arXiv 2002.09797).

    Args:
        real: features of data ``[n, d]``, n above k.
        fake: features of samples ``[m, d]``, m above k.
        k: neighbours within reach.

    Raises:
        ValueError: a set has no more than k vectors, or the vectors differ in length.

    >>> line = torch.arange(8.0)[:, None]
    >>> neighbourhoods(line, line + 100, k=2)
    Neighbourhoods(precision=0.0, recall=0.0, density=0.0, coverage=0.0)
    """
    real, fake = checked(real, fake, fewest=k + 1)
    between = torch.cdist(real, fake)
    reach_of_real, reach_of_fake = (torch.cdist(points, points).kthvalue(k + 1).values for points in (real, fake))
    within_real = between <= reach_of_real[:, None]
    return Neighbourhoods(
        precision=within_real.any(0).double().mean().item(),
        recall=(between <= reach_of_fake[None]).any(1).double().mean().item(),
        density=within_real.double().sum(0).mean().item() / k,
        coverage=within_real.any(1).double().mean().item(),
    )


def checked(one: Tensor, other: Tensor, fewest: int = 2) -> tuple[Tensor, Tensor]:
    """Return both sets in float64."""
    if one.dim() != 2 or other.dim() != 2 or one.shape[1] != other.shape[1]:
        raise ValueError(
            f"two sets of vectors of one length are compared, found {list(one.shape)} and {list(other.shape)}"
        )
    if min(len(one), len(other)) < fewest:
        raise ValueError(f"at least {fewest} vectors of either kind are needed, found {len(one)} and {len(other)}")
    return one.detach().double(), other.detach().double()
