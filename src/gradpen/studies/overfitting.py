"""A critic that learns its few training images by heart, and one with enough: training loss against held-out loss."""

from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from gradpen.data.choice import DataChoice
from gradpen.data.embedded import digits
from gradpen.looking.figures import HELD_OUT, TRAIN
from gradpen.studies.estimates import CLIPPED, both
from gradpen.studies.runs import NAN, curve, measured, of_all, panels
from gradpen.studies.study import Case, Criterion, Findings, Found, Results, Scale, Study, case_name

FEW, MANY = 200, 1_797
"""digits; half of them are held out"""
FORMS: dict[str, dict[str, Any]] = {
    "WGAN-GP": {"generator_optimizer.learning_rate": 1e-4, "critic_optimizer.learning_rate": 1e-3},
    "WGAN, clipping": {**CLIPPED, **both("rmsprop", 2e-4), "constraint.threshold": 0.05},
}
SEEDS = (0, 1, 2)
LENGTH, MARKS = {"small": 450, "paper": 20_000}, 30


def train(place: Path, count: int, settings: dict[str, Any]) -> Found:
    """Train one run on so many digits, half of which are held out."""
    file = place / "digits.npz"
    source = digits(DataChoice())
    chosen = np.random.Generator(np.random.Philox(key=6)).permutation(len(source.images))[:count]
    np.savez(file, images=source.images[chosen])
    return measured(place, "wgan-gp-digits", {"data.path": str(file), "data.held_out": 0.5} | settings)


def cases(scale: Scale) -> list[Case]:
    """Return a case for each constraint, number of digits and seed."""
    every = LENGTH[scale] // MARKS
    length = {"iterations": LENGTH[scale], "cadence.log_every": every, "cadence.sample_every": LENGTH[scale] // 2}
    return [
        Case(
            name=case_name(form, count, seed),
            work=train,
            arguments={"count": count, "settings": FORMS[form] | length | {"seed": seed}},
        )
        for form in FORMS
        for count in (FEW, MANY)
        for seed in SEEDS
    ]


def gaps(found: Found) -> list[float]:
    """Return how much larger the critic's gap is on training than on held-out data, mark by mark."""
    pairs = zip(curve(found, "critic_gap_train")[1], curve(found, "critic_gap_held_out")[1], strict=True)
    return [train - held_out for train, held_out in pairs]


def findings(results: Results, scale: Scale) -> Findings:
    """Return how far training and held-out estimates part."""
    del scale
    rows: list[tuple[str | float | int | None, ...]] = []
    criteria = []
    figure, axes = panels(1, 2 * len(FORMS), width=3, height=2.8)
    for place, form in enumerate(FORMS):
        last = {}
        for column, count in enumerate((FEW, MANY)):
            each = of_all(results, *(case_name(form, count, seed) for seed in SEEDS))
            if not each:
                continue
            early, late = (median(gaps(one)[mark] for one in each) for mark in (MARKS // 10 - 1, -1))
            last[count] = late
            rows.append(
                (
                    form,
                    count // 2,
                    len(each),
                    early,
                    late,
                    median(curve(one, "critic_gap_train")[1][-1] for one in each),
                )
            )
            panel = axes[0][2 * place + column]
            panel.plot(*curve(each[0], "critic_gap_train"), color=TRAIN, label="training")
            panel.plot(*curve(each[0], "critic_gap_held_out"), color=HELD_OUT, label="held out")
            panel.set_title(f"{form}, {count // 2} digits", fontsize=9)
            panel.legend(frameon=False, fontsize=8)
            if count == FEW:
                words = f"gap of the two curves at the end over that after a tenth, {form}"
                criteria.append(Criterion(words=words, value=late / max(abs(early), 1e-9), bound=2))
        ratio = last.get(MANY, NAN) / last.get(FEW, NAN)
        criteria.append(
            Criterion(
                words=f"that gap with more digits, of that with few, {form}", value=ratio, bound=0.5, at_least=False
            )
        )
    return Findings(
        columns=(
            "constraint",
            "digits",
            "seeds",
            "training less held out, early",
            "at the end",
            "training, at the end",
        ),
        rows=rows,
        criteria=criteria,
        figures=[
            ("The critic's Wasserstein estimate, without the penalty, on training and on held-out digits.", figure)
        ],
        notes=(
            "Published: curves alone, of 1,000 MNIST digits; they include the penalty. Networks and their sizes are "
            "not "
            "published. With enough data both curves fall together, as figure 5a shows of LSUN bedrooms.",
        ),
    )


STUDY = Study(
    name="overfitting",
    title="A critic that overfits",
    source="Gulrajani et al. 2017, arXiv 1704.00028, figures 5a and 5b",
    shows="On few data the estimate on training data stays up or rises while that on held-out data falls; on enough "
    "data "
    "both fall together.",
    cost="small: 2 minutes of 2 cores; paper: an hour of a CPU, on the same digits",
    cases=cases,
    findings=findings,
)
