"""A batch: images, and the labels of conditional networks."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gradpen.errors import UsageError

__all__ = ["Batch"]


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Images with their labels; everything that is drawn, scored and penalised together.

    >>> import torch
    >>> batch = Batch(images=torch.zeros(6, 3, 8, 8), labels=torch.eye(6))
    >>> len(batch), len(batch[:2])
    (6, 2)
    """

    images: Tensor
    """``[B, ...]`` in the networks' range"""
    labels: Tensor | None = None
    """label vectors ``[B, K]``; None for unconditional networks"""

    def __len__(self) -> int:
        return len(self.images)

    def parts(self, count: int) -> Iterator["Batch"]:
        """Yield the batch in ``count`` parts of equal size.

        Raises:
            UsageError: it cannot be divided so.

        >>> import torch
        >>> [len(part) for part in Batch(images=torch.zeros(6, 2)).parts(3)]
        [2, 2, 2]
        """
        if count < 1 or len(self) % count or not len(self):
            raise UsageError(f"a batch of {len(self)} cannot be divided into {count} equal parts")
        size = len(self) // count
        for start in range(0, count * size, size):
            yield self[start : start + size]

    def joined_by(self, samples: Tensor) -> "Batch":
        """Return the batch followed by as many samples with its labels."""
        labels = None if self.labels is None else torch.cat([self.labels, self.labels])
        return Batch(images=torch.cat([self.images, samples]), labels=labels)

    def packed(self, together: int) -> "Batch":
        """Return the batch with so many examples as one, their channels after one another; what is left over goes.

        Source: Lin et al. 2018 (arXiv 1712.04086), section 2: a discriminator that sees several samples at once sees
        whether they are alike.

        >>> import torch
        >>> Batch(images=torch.zeros(7, 3, 8, 8)).packed(2).images.shape
        torch.Size([3, 6, 8, 8])
        """
        return self if together == 1 else Batch(images=packed(self.images, together))

    def repeated(self, times: int) -> "Batch":
        """Return the batch so many times over, one after the other."""
        labels = None if self.labels is None else torch.cat([self.labels] * times)
        return self if times == 1 else Batch(images=torch.cat([self.images] * times), labels=labels)

    def __getitem__(self, rows: slice | NDArray[np.int64]) -> "Batch":
        return Batch(images=self.images[rows], labels=None if self.labels is None else self.labels[rows])


def packed(images: Tensor, together: int) -> Tensor:
    """Return ``[B, C, ...]`` as ``[B / together, together * C, ...]``."""
    whole = len(images) // together * together
    return images[:whole].reshape(-1, together * images.shape[1], *images.shape[2:])
