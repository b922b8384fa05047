"""Which modes of a mixture samples reach, and how well."""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gradpen.data.source import Source
from gradpen.data.toys import TOYS, Mixture
from gradpen.metrics.generator import Measure, Views

__all__ = ["Modes", "modes_reached"]


@dataclass(frozen=True, kw_only=True)
class Modes:
    """What samples reach of a mixture of Gaussians."""

    captured: int
    """modes that are the nearest one of some high-quality sample"""
    of: int
    high_quality: float
    """share of samples within three standard deviations of a mode, by their distance in the plane"""
    reverse_kl: float
    """of the shares of samples nearest to each mode against equal shares, in nats; 0 is even"""


def modes_reached(
    points: NDArray[np.floating], centres: NDArray[np.floating], spread: float, *, reach: float | None = None
) -> Modes:
    r"""Return which modes samples reach, as PacGAN counts them.

    With :math:`p_i` the share of samples whose nearest of M modes is i,

    .. math:: KL = \sum_i p_i \log (M p_i)

    Source: Lin et al. 2018 (arXiv 1712.04086), section 4.1, and github.com/fjxmlzn/PacGAN: 2,500 samples, three
    standard deviations. A value depends on the number of samples: state it.

    Args:
        points: samples ``[n, D]``.
        centres: of the modes, ``[M, D]``.
        spread: standard deviation of a mode along each axis.
        reach: distance within which a sample is of high quality; None: three spreads.

    Raises:
        ValueError: there are no points, or they have another dimension than the centres.

    >>> modes_reached(np.zeros((10, 2)), np.array([[0.0, 0.0], [1.0, 0.0]]), 0.1)
    Modes(captured=1, of=2, high_quality=1.0, reverse_kl=0.693...)
    """
    if points.ndim != 2 or centres.ndim != 2 or not len(points) or points.shape[1] != centres.shape[1]:
        raise ValueError(f"points [n, D] and centres [M, D] go together, found {points.shape} and {centres.shape}")
    distances = np.linalg.norm(points[:, None].astype(np.float64) - centres[None], axis=2)
    nearest = distances.argmin(axis=1)
    good = distances.min(axis=1) <= (3 * spread if reach is None else reach)
    shares = np.bincount(nearest, minlength=len(centres)) / len(points)
    kl = sum(float(share) * math.log(len(centres) * float(share)) for share in shares if share > 0)
    return Modes(
        captured=len(np.unique(nearest[good])), of=len(centres), high_quality=float(good.mean()), reverse_kl=kl
    )


MODES_IN_WORDS = {
    "captured": "modes that a sample within three standard deviations has for its nearest",
    "high_quality": "share of them within three standard deviations of a mode",
    "reverse_kl": "divergence of the shares of the modes from equal shares, in nats",
}
"""of :class:`Modes`, as measures"""


def mixture_of(source: Source) -> Mixture | None:
    """Return the mixture of Gaussians that data are named after; None of other data."""
    toy = TOYS.get(source.report.path.partition(",")[0]) if source.report.kind == "embedded" else None
    return toy.mixture if toy is not None else None


def mode_measures(source: Source) -> tuple[Measure, ...]:
    """Return what is measured of samples of a named mixture of Gaussians; nothing of other data."""
    mixture = mixture_of(source)
    if mixture is None:
        return ()

    def measure(name: str, words: str) -> Measure:
        def of(made: Views, _: Views) -> float:
            points = source.values.restore(made.images.flatten(1).numpy())
            return float(getattr(modes_reached(points, mixture.centres, mixture.spread), name))

        return Measure(name=name, real_name=f"real_{name}", words=words, of=of, fewest=1)

    return tuple(measure(name, words) for name, words in MODES_IN_WORDS.items())
