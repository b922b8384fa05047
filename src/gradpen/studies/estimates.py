"""What a critic's loss says of the samples: the Wasserstein estimate falls with them, the GAN's divergence does not."""

import math
from statistics import median
from typing import Any

import numpy as np
from scipy.stats import spearmanr

from gradpen.looking.figures import GREY, HELD_OUT, TRAIN
from gradpen.studies.runs import NAN, curve, measured, of_all, panels, progress_made
from gradpen.studies.study import Case, Criterion, Findings, Found, Results, Scale, Study, case_name

PRESET = "wgan-gp-digits"
SMALL = {
    "iterations": 1_200,
    "generator.widths": [128, 128],
    "critic.widths": [128, 128],
    "cadence.log_every": 60,
    "cadence.sample_every": 60,
    "cadence.save_every": 600,
}
PAPER = {"iterations": 100_000, "cadence.log_every": 1_000, "cadence.sample_every": 1_000}
CLIPPED = {"objective": "wasserstein", "constraint": "weight-clipping"}


def both(name: str, rate: float) -> dict[str, Any]:
    """Return an optimiser for both networks."""
    optimizer = {"name": name, "learning_rate": rate} | ({"beta1": 0.5} if name == "adam" else {})
    return {f"{player}_optimizer": optimizer for player in ("generator", "critic")}


FORMS: dict[str, dict[str, Any]] = {
    "WGAN, clipping": {**CLIPPED, **both("rmsprop", 5e-5)},
    "WGAN, clipping, rate too high": {**CLIPPED, **both("rmsprop", 0.1)},
    "WGAN-GP": both("adam", 1e-4),
    "GAN": {"objective": "non-saturating", "constraint": "none", "critic_steps": 1, **both("adam", 2e-4)},
}
JUDGED = ("WGAN, clipping", "WGAN-GP")
SEEDS = (0, 1, 2)
MEDIAN_OF = 5
"""marks that a curve is smoothed over"""


def settings_of(form: str, seed: int, scale: Scale) -> dict[str, Any]:
    """Return what a form sets."""
    data = {"data.path": "embedded:digits", "seed": seed}
    return FORMS[form] | data | (SMALL if scale == "small" else PAPER)


def cases(scale: Scale) -> list[Case]:
    """Return a case for each form and seed."""
    return [
        Case(
            name=case_name(form, seed),
            work=measured,
            arguments={"preset": PRESET, "settings": settings_of(form, seed, scale)},
        )
        for form in FORMS
        for seed in SEEDS
    ]


def estimate(form: str, found: Found) -> tuple[list[int], list[float]]:
    """Return the curve that the papers plot: the Wasserstein estimate, or the GAN's bound on the divergence."""
    if form != "GAN":
        return curve(found, "critic_gap_train")
    iterations, losses = curve(found, "critic_loss")
    return iterations, [math.log(2) - loss for loss in losses]


def smoothed(values: list[float]) -> list[float]:
    """Return running medians.

    >>> smoothed([1.0, 9.0, 2.0])
    [2.0, 2.0, 2.0]
    """
    reach = MEDIAN_OF // 2
    return [median(values[max(0, place - reach) : place + reach + 1]) for place in range(len(values))]


def rank_correlation(form: str, found: Found) -> float:
    """Return Spearman's correlation of the smoothed estimate with the samples' Fréchet distance; NaN of a constant."""
    known = dict(zip(*curve(found, "frechet_distance"), strict=True))
    iterations, values = estimate(form, found)
    pairs = [
        (value, known[iteration])
        for iteration, value in zip(iterations, smoothed(values), strict=True)
        if iteration in known
    ]
    ours, theirs = np.array(pairs).T
    if np.ptp(ours) == 0 or np.ptp(theirs) == 0:
        return NAN
    return float(spearmanr(ours, theirs).statistic)


def findings(results: Results, scale: Scale) -> Findings:
    """Return how each estimate goes with the distance of the samples."""
    del scale
    rows: list[tuple[str | float | int | None, ...]] = []
    correlations: dict[str, float] = {}
    figure, axes = panels(1, len(FORMS), width=3.2, height=3)
    for place, form in enumerate(FORMS):
        each = of_all(results, *(case_name(form, seed) for seed in SEEDS))
        if not each:
            continue
        correlations[form] = median(rank_correlation(form, one) for one in each)
        rows.append(
            (
                form,
                len(each),
                correlations[form],
                median(progress_made(one) for one in each),
                median(estimate(form, one)[1][0] for one in each),
                median(estimate(form, one)[1][-1] for one in each),
            )
        )
        panel = axes[0][place]
        for one in each:
            panel.plot(*estimate(form, one), color=TRAIN, lw=0.8, alpha=0.6)
        other = panel.twinx()
        other.plot(*curve(each[0], "frechet_distance"), color=HELD_OUT, lw=1)
        other.set_ylim(bottom=0)
        if form == "GAN":
            panel.axhline(math.log(2), color=GREY, ls="--", lw=0.8)
        panel.set_title(form, fontsize=9)
    return Findings(
        columns=(
            "objective",
            "seeds",
            "rank correlation with the samples' Fréchet distance",
            "of the way to the data",
            "first estimate",
            "last estimate",
        ),
        rows=rows,
        criteria=[
            Criterion(words=f"rank correlation, {form}", value=correlations.get(form, NAN), bound=0.8)
            for form in JUDGED
        ],
        figures=[
            (
                "Blue: the estimate, a line for each seed; the dashed line is log 2. Orange: Fréchet distance of "
                "samples to held-out digits in features of random convolutions, right axis.",
                figure,
            )
        ],
        notes=(
            "Of the way to the data: 0 is the untrained generator and 1 the distance of training to held-out data. "
            "Estimates are medians of five marks. Published: curves alone, in words “the lower the loss, the better "
            "the "
            "image quality” of the WGAN, and no such relation of the GAN.",
        ),
    )


STUDY = Study(
    name="estimates",
    title="What the critic's loss says",
    source="Arjovsky et al. 2017, arXiv 1701.07875, figures 3 and 4",
    shows="The Wasserstein estimate falls as samples get better, and stays where training fails; the bound on the "
    "Jensen-Shannon divergence of a GAN rises or stays near log 2 while samples improve. Inferred: the rate of the "
    "failing run.",
    cost="small: 2 minutes of 2 cores; paper: the same networks for 100,000 iterations",
    cases=cases,
    findings=findings,
)
