"""Two parallel lines: the Wasserstein distance is continuous where the Jensen-Shannon divergence is not."""

import math
from pathlib import Path

import numpy as np
import torch
from matplotlib.figure import Figure

from gradpen.looking.figures import GREY, HELD_OUT, TRAIN
from gradpen.metrics.samples import exact_wasserstein
from gradpen.studies.critics import numbers, rounded
from gradpen.studies.study import Case, Criterion, Findings, Found, Results, Scale, Study

POINTS = 400
SHIFTS = tuple(float(shift) for shift in np.linspace(-1, 1, 9))
CELLS = 40
"""of a histogram along the lines"""


def jensen_shannon(one: np.ndarray, other: np.ndarray) -> float:
    r"""Return the divergence of two distributions over the same cells, in nats.

    .. math:: \tfrac12 KL(p \| m) + \tfrac12 KL(q \| m), \qquad m = (p + q) / 2

    >>> jensen_shannon(np.array([1.0, 0.0]), np.array([0.0, 1.0])) == math.log(2)
    True
    """
    middle = (one + other) / 2
    return sum(0.5 * float((part[part > 0] * np.log(part[part > 0] / middle[part > 0])).sum()) for part in (one, other))


def shares(points: np.ndarray, shift: float) -> np.ndarray:
    """Return the shares of points in cells: at no shift, at the shift, and along both lines."""
    x_edges = np.unique([-2.0, -1e-9, 1e-9, shift - 1e-9, shift + 1e-9, 2.0])
    counts, _, _ = np.histogram2d(points[:, 0], points[:, 1], bins=(x_edges, np.linspace(0, 1, CELLS + 1)))
    share: np.ndarray = counts.ravel() / len(points)
    return share


def measure(place: Path, seed: int) -> Found:
    """Return distances of samples of both lines for every shift, with the same and with other heights."""
    del place
    rows = []
    for number, shift in enumerate(SHIFTS):
        random = numbers(seed, "lines", number)
        heights, others = random.random(POINTS), random.random(POINTS)
        line = np.stack([np.zeros(POINTS), heights], axis=1)
        same = np.stack([np.full(POINTS, shift), heights], axis=1)
        apart = np.stack([np.full(POINTS, shift), others], axis=1)
        rows.append(
            {
                "shift": shift,
                "same_heights": rounded(exact_wasserstein(torch.from_numpy(line), torch.from_numpy(same)), 12),
                "other_heights": rounded(exact_wasserstein(torch.from_numpy(line), torch.from_numpy(apart))),
                "jensen_shannon": rounded(jensen_shannon(shares(line, shift), shares(same, shift)), 12),
            }
        )
    return {"rows": rows}


def findings(results: Results, scale: Scale) -> Findings:
    """Return both distances beside their formulas."""
    del scale
    rows = results["lines"]["rows"]
    shifts = [row["shift"] for row in rows]
    worst_same = max(abs(row["same_heights"] - abs(row["shift"])) for row in rows)
    worst_apart = max(abs(row["other_heights"] - abs(row["shift"])) for row in rows)
    worst_js = max(abs(row["jensen_shannon"] - (math.log(2) if row["shift"] else 0)) for row in rows)
    figure = Figure(figsize=(9, 3.4), layout="constrained")
    left, right = figure.subplots(1, 2)
    fine = np.linspace(-1, 1, 201)
    left.plot(fine, np.abs(fine), color=GREY, lw=1, label="|θ|")
    left.plot(shifts, [row["other_heights"] for row in rows], "o", color=TRAIN, label=f"{POINTS} samples of each")
    left.set_title("Wasserstein-1 distance", fontsize=10)
    right.plot([-1, 1], [math.log(2)] * 2, color=GREY, lw=1, label="log 2, but 0 at θ = 0")
    right.plot(shifts, [row["jensen_shannon"] for row in rows], "o", color=HELD_OUT, label="histogram of the samples")
    right.set_title("Jensen-Shannon divergence, nats", fontsize=10)
    for axes in (left, right):
        axes.set_xlabel("θ, how far apart the lines are")
        axes.set_ylim(bottom=-0.05)
        axes.legend(frameon=False)
    return Findings(
        columns=("θ", "W1, formula", "W1, samples", "JS, formula", "JS, samples", "KL", "total variation"),
        rows=[
            (
                row["shift"],
                abs(row["shift"]),
                row["other_heights"],
                math.log(2) if row["shift"] else 0.0,
                row["jensen_shannon"],
                "+∞" if row["shift"] else "0",
                1 if row["shift"] else 0,
            )
            for row in rows
        ],
        criteria=[
            Criterion(words="largest error of W1, the same heights", value=worst_same, bound=1e-6, at_least=False),
            Criterion(words="largest error of W1, other heights", value=worst_apart, bound=0.03, at_least=False),
            Criterion(words="largest error of JS", value=worst_js, bound=1e-9, at_least=False),
        ],
        figures=[("A line at 0 and one at θ: only the Wasserstein distance says how far away it is.", figure)],
    )


STUDY = Study(
    name="lines",
    title="Two parallel lines",
    source="Arjovsky et al. 2017, arXiv 1701.07875, example 1 and figure 1",
    shows="The Wasserstein distance of two parallel lines is their distance; the Jensen-Shannon divergence is log 2 "
    "however near they are, and so gives no gradient. Exact formulas, checked on samples.",
    cost="a second at either scale",
    cases=lambda _: [Case(name="lines", work=measure, arguments={"seed": 0})],
    findings=findings,
)
