"""The nearest image among many, exactly, without reading all of them into memory."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray

NUMBERS_AT_ONCE = 2**24
"""pixel values held as floats at a time: 64 MiB"""
EXACT_FLOAT32 = 2**24
"""whole numbers below are exact in float32, and so are their sums"""


class Rows(Protocol):
    """Images by row."""

    def __getitem__(self, rows: NDArray[np.int64], /) -> NDArray[np.uint8]: ...


@dataclass(frozen=True, kw_only=True)
class Nearest:
    """The nearest image to each of Q images."""

    rows: NDArray[np.int64]
    """which image, ``[Q]``; the first of several that are equally near"""
    distances: NDArray[np.float64]
    """how far it is, ``[Q]``: mean absolute error over pixels and channels, 0 to 255"""
    among: int
    """how many images were searched"""

    @property
    def median(self) -> float:
        """The median of the distances."""
        return float(np.median(self.distances))


def nearest_images(
    queries: NDArray[np.uint8],
    images: Rows,
    rows: NDArray[np.int64],
    *,
    at_once: int | None = None,
) -> Nearest:
    r"""Return for each query the nearest of some images by mean absolute error over pixels.

    .. math:: d(x, y) = \frac1{CHW} \sum_i |x_i - y_i|

    Sums of absolute differences of pixels are whole numbers and computed as such, so the result is exact and does not
    depend on ``at_once``.

    Source: the check for copies in Foster, Generative Deep Learning, 2nd edition, chapter 4 (``compare_images``).

    Args:
        queries: uint8 ``[Q, C, H, W]``.
        images: uint8 ``[N, C, H, W]``, in memory, memory-mapped, or made as rows are asked for.
        rows: which of the images to search, ``[n]``, at least one.
        at_once: images compared at a time; None: as many as 64 MiB hold.

    >>> images = np.array([[[[0, 0]]], [[[90, 100]]]], dtype=np.uint8)
    >>> nearest_images(images[:1] + 100, images, np.array([0, 1])).distances
    array([5.])
    """
    size = queries[0].size
    dtype = torch.float32 if 255 * size < EXACT_FLOAT32 else torch.float64
    asked = torch.from_numpy(queries).flatten(1).to(dtype)
    step = at_once or max(1, NUMBERS_AT_ONCE // size)
    best = torch.full((len(queries),), torch.inf, dtype=dtype)
    found = torch.zeros(len(queries), dtype=torch.int64)
    for start in range(0, len(rows), step):
        part = torch.from_numpy(images[rows[start : start + step]]).flatten(1).to(dtype)
        sums, places = torch.cdist(asked, part, p=1).min(dim=1)
        nearer = sums < best
        best = torch.where(nearer, sums, best)
        found = torch.where(nearer, places + start, found)
    return Nearest(rows=rows[found.numpy()], distances=best.double().numpy() / size, among=len(rows))
