"""Mode coverage on a ring and a grid of Gaussians: PacGAN's protocol and rows, and those that nobody has published."""

import math
from dataclasses import asdict
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

from gradpen.data.toys import TOYS
from gradpen.metrics.modes import modes_reached
from gradpen.studies.runs import in_letters, newest_grid, of_all, panels, show, trained
from gradpen.studies.study import Case, Criterion, Findings, Found, Results, Scale, Study, case_name

DATA = ("ring", "grid")
SAMPLES = 2_500
ITERATIONS = {"small": 15_000, "paper": 400_000}
WIDTHS = {"generator.widths": [128, 128, 128], "critic.widths": [128, 128, 128]}
"""at the small scale, but of our own recipe"""
LEAKY = {"critic.maxout": 1}
"""a penalised critic has leaky ReLU in place of maxout"""
WASSERSTEIN = {"objective": "wasserstein", "critic_steps": 5, **LEAKY}


def falling(start: float) -> dict[str, Any]:
    """Return Adam without momentum, whose rate falls to 0 in the second half."""
    return {
        "name": "adam",
        "learning_rate": {"shape": "linear", "start": start, "end": 0.0, "hold": 0.5},
        "beta1": 0.0,
        "beta2": 0.99,
    }


OWN = {
    **LEAKY,
    "generator.negative_slope": 0.2,
    "generator.initialiser": "pytorch",
    "critic.initialiser": "pytorch",
    "critic_optimizer": falling(1e-3),
}
"""what both recipes of our own share"""
OURS = "relativistic, R1 + R2"
FORMS: dict[str, dict[str, Any]] = {
    "GAN": {},
    **{f"PacGAN{m}": {"pack": m, "batch_size": 100 * m} for m in (2, 3, 4)},
    "WGAN, clipping": {
        **WASSERSTEIN,
        "constraint": "weight-clipping",
        "generator_optimizer": {"name": "rmsprop", "learning_rate": 5e-5},
        "critic_optimizer": {"name": "rmsprop", "learning_rate": 5e-5},
    },
    **{
        f"WGAN-GP, weight {weight:g}": {
            **WASSERSTEIN,
            "constraint": {"name": "gradient-penalty", "weight": weight},
            "generator_optimizer": {"name": "adam", "learning_rate": 1e-4, "beta1": 0.5, "beta2": 0.9},
            "critic_optimizer": {"name": "adam", "learning_rate": 1e-4, "beta1": 0.5, "beta2": 0.9},
        }
        for weight in (10.0, 1.0, 0.1)
    },
    "the recipe of quick": {
        **OWN,
        "constraint": {"name": "gradient-penalty", "where": "real", "target": 0, "weight": 0.01, "every": 4},
        "generator.batch_norm": False,
        "generator_optimizer": falling(1e-3),
        "average": {"half_life": 2_000, "ramp_up": 0.1},
    },
    OURS: {
        **OWN,
        "objective": "relativistic",
        "constraint": {"name": "gradient-penalty", "where": "both", "target": 0, "weight": 0.01},
        "generator.widths": [256] * 4,
        "critic.widths": [128] * 3,
        "generator_optimizer": falling(2e-3),
        "batch_size": 256,
    },
}
"""ours has a generator of twice the width, with batch norm and twice the critic's rate

Without norm it takes many times as long to part the modes: what it makes of neighbouring latents has to change by the
distance of two modes.
"""
PUBLISHED: dict[str, dict[str, tuple[float, float, float]]] = {
    "ring": {
        "GAN": (6.3, 98.2, 0.45),
        "PacGAN2": (7.9, 95.6, 0.07),
        "PacGAN3": (7.8, 97.7, 0.10),
        "PacGAN4": (7.8, 95.9, 0.07),
    },
    "grid": {
        "GAN": (17.3, 94.8, 0.70),
        "PacGAN2": (23.8, 91.3, 0.13),
        "PacGAN3": (24.6, 94.2, 0.06),
        "PacGAN4": (24.8, 93.6, 0.04),
    },
}
"""modes, percent of high quality, reverse KL: Lin et al. 2018, table 1, means of 10 runs"""
SEEDS = {"small": 1, "paper": 10}
SEEDS_OF_OURS = {"small": 3, "paper": 10}


def train(place: Path, toy: str, seed: int, settings: dict[str, Any]) -> Found:
    """Train one run, and return which modes 2,500 of its samples reach."""
    run = trained(place, "mixture-gan", {"data.path": f"embedded:{toy}", "seed": seed} | settings)
    mixture = TOYS[toy].mixture
    assert mixture is not None
    reached = modes_reached(run.sample(SAMPLES, seed=1), mixture.centres, mixture.spread)
    return {**asdict(reached), "picture": in_letters(newest_grid(place))}


def settings_of(form: str, scale: Scale) -> dict[str, Any]:
    """Return what a form sets: narrower networks where the scale is small, and as many updates in all as the others."""
    settings = FORMS[form] | {"iterations": ITERATIONS[scale]}
    if scale == "paper":
        return settings
    settings["iterations"] = 2 * ITERATIONS[scale] // (settings.get("critic_steps", 1) + 1)
    maxout = {} if "critic.maxout" in settings else {"critic.maxout": 3}
    return WIDTHS | maxout | settings


def seeds_of(form: str, scale: Scale) -> range:
    """Return the seeds of a form: more where it is judged."""
    return range((SEEDS_OF_OURS if form == OURS else SEEDS)[scale])


def cases(scale: Scale) -> list[Case]:
    """Return a case for each form, data and seed, those that are judged first."""
    return [
        Case(
            name=case_name(toy, form, seed),
            work=train,
            arguments={"toy": toy, "seed": seed, "settings": settings_of(form, scale)},
        )
        for form in sorted(FORMS, key=lambda form: form != OURS)
        for toy in DATA
        for seed in seeds_of(form, scale)
    ]


def with_error(values: list[float]) -> str:
    """Return a mean with its standard error, where there are several values.

    >>> with_error([7.0, 8.0]), with_error([8.0])
    ('7.5 ± 0.5', '8')
    """
    error = f" ± {stdev(values) / math.sqrt(len(values)):.2g}" if len(values) > 1 else ""
    return f"{fmean(values):.3g}{error}"


def findings(results: Results, scale: Scale) -> Findings:
    """Return modes, high quality and evenness of each form, beside PacGAN's."""
    rows: list[tuple[str | float | int | None, ...]] = []
    for toy in DATA:
        for form in FORMS:
            each = of_all(results, *(case_name(toy, form, seed) for seed in seeds_of(form, scale)))
            if each:
                modes, quality, kl = PUBLISHED[toy].get(form, (None, None, None))
                rows.append(
                    (
                        toy,
                        form,
                        len(each),
                        f"{with_error([one['captured'] for one in each])} of {each[0]['of']}",
                        modes,
                        with_error([100 * one["high_quality"] for one in each]),
                        quality,
                        with_error([one["reverse_kl"] for one in each]),
                        kl,
                    )
                )
    ours = {toy: of_all(results, *(case_name(toy, OURS, seed) for seed in seeds_of(OURS, scale))) for toy in DATA}
    nan = float("nan")
    criteria = [
        Criterion(
            words=f"{words} of {toy} that ours reaches, over seeds",
            value=min((one[name] for one in ours[toy]), default=nan),
            bound=bound,
        )
        for toy, modes in (("ring", 8), ("grid", 25))
        for words, name, bound in (("fewest modes", "captured", modes), ("least high quality", "high_quality", 0.95))
    ]
    figure, axes = panels(len(DATA), len(FORMS), width=2.2, height=2.4)
    for row, toy in enumerate(DATA):
        for column, form in enumerate(FORMS):
            show(axes[row][column], results.get(case_name(toy, form, 0)), f"{toy}, {form}")
    return Findings(
        columns=(
            "data",
            "method",
            "seeds",
            "modes",
            "published",
            "high quality, percent",
            "published ",
            "reverse KL",
            " published",
        ),
        rows=rows,
        criteria=criteria,
        figures=[("The last samples (green) and data (orange) over the critic's surface.", figure)],
        notes=(
            f"{SAMPLES:,} samples; a mode is captured by a sample within three standard deviations, the share of which "
            f"is the high quality. {ITERATIONS[scale]:,} iterations where PacGAN has 400,000. At the small scale "
            "128 features in three layers, and a third of the iterations with five critic steps in each: as many "
            "updates of both networks. The published rows are means of 10 runs; no published table has "
            "rows for WGAN, WGAN-GP, R1 or R2. Penalised critics have leaky ReLU in place of maxout.",
            "Ours: relativistic loss, R1 + R2 of 0.01, a generator of 4 x 256 with batch norm, a critic of 3 x 128, "
            "both with leaky ReLU and PyTorch's weights, Adam without momentum, beta2 0.99, rates of 2e-3 and 1e-3 "
            "that fall to 0 in the second half, batches of 256.",
        ),
    )


STUDY = Study(
    name="mixtures",
    title="Modes of a ring and a grid",
    source="Lin et al. 2018 (PacGAN), arXiv 1712.04086, section 4.1 and table 1; github.com/fjxmlzn/PacGAN",
    shows="How many modes of a mixture a generator reaches: packing helps a GAN, and Wasserstein critics and penalties "
    "help without it. Ours is the recipe that was found best, said below.",
    cost="small: half an hour of 2 cores; paper: days of a CPU",
    cases=cases,
    findings=findings,
)
