"""Four ways to train one pair: a score against updates and against time."""

import json
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from gradpen.data.recognise import open_source
from gradpen.looking.figures import GREY, HELD_OUT, PENALTY, TRAIN
from gradpen.metrics.classifier import classifier_of
from gradpen.presets.catalogue import find
from gradpen.presets.reduced import reduced
from gradpen.runs.trained import load
from gradpen.settings import to_dict
from gradpen.studies.critics import rounded
from gradpen.studies.runs import NAN, in_letters, newest_grid, of_all, panels, show, trained
from gradpen.studies.scores import score_of_data, score_of_samples
from gradpen.studies.study import Case, Criterion, Findings, Found, Results, Scale, Study, case_name

FORMS = {
    "cifar10-wgan": "WGAN, clipping",
    "cifar10-wgan-gp-rmsprop": "WGAN-GP, RMSProp",
    "cifar10-wgan-gp": "WGAN-GP, Adam",
    "cifar10-gan": "GAN (DCGAN), Adam",
}
COLOURS = dict(zip(FORMS, (GREY, PENALTY, TRAIN, HELD_OUT), strict=True))
SEEDS = (0, 1, 2)
LENGTH, MARKS = {"small": 800, "paper": 200_000}, {"small": 8, "paper": 200}
FASTER = 5.0
"""times the published rates, in the short runs"""
SCORED = 500


def settings_of(preset: str, seed: int, scale: Scale) -> dict[str, Any]:
    """Return the settings of a case: on digits at 16x16 with two of three stages, where the scale is small."""
    every = LENGTH[scale] // MARKS[scale]
    settings: dict[str, Any] = {
        "iterations": LENGTH[scale],
        "cadence.log_every": every,
        "cadence.sample_every": every,
        "cadence.save_every": every,
        "cadence.keep": "all",
        "seed": seed,
    }
    if scale == "paper":
        return settings | {"data.path": "embedded:bricks", "data.size": [32, 32], "data.channels": None}
    values = to_dict(reduced(find(preset).config()))
    values["generator"]["stages"] = [values["generator"]["stages"][0], values["generator"]["stages"][-1]]
    values["critic"]["stages"] = values["critic"]["stages"][:2]
    for player in ("generator_optimizer", "critic_optimizer"):
        optimizer = values[player]
        settings[player] = optimizer | {"learning_rate": FASTER * optimizer["learning_rate"]}
    data = {"data.path": "embedded:digits", "data.size": [16, 16], "data.channels": None}
    return settings | data | {"generator": values["generator"], "critic": values["critic"]}


def train(place: Path, preset: str, settings: dict[str, Any]) -> Found:
    """Train one run, and return the score of its samples at every mark with the time it took to come there."""
    trained(place, preset, settings)
    folder = place / "run"
    source = open_source(load(folder).config.data)
    classifier = classifier_of(source)
    rows = [json.loads(line) for line in (folder / "measures.jsonl").read_text(encoding="utf-8").splitlines()]
    seconds = {row["iteration"]: row["seconds"] for row in rows}
    every = settings["cadence.save_every"]
    iterations = list(range(every, settings["iterations"] + 1, every))
    scores = [score_of_samples(load(folder, checkpoint=iteration), classifier, SCORED) for iteration in iterations]
    return {
        "iterations": iterations,
        "seconds": [seconds[iteration] for iteration in iterations],
        "scores": rounded(scores),
        "real": score_of_data(source, classifier, SCORED),
        "picture": in_letters(newest_grid(place)),
    }


def cases(scale: Scale) -> list[Case]:
    """Return a case for each way and seed."""
    return [
        Case(
            name=case_name(preset, seed),
            work=train,
            arguments={"preset": preset, "settings": settings_of(preset, seed, scale)},
        )
        for seed in SEEDS
        for preset in FORMS
    ]


def findings(results: Results, scale: Scale) -> Findings:
    """Return last scores and the curves."""
    del scale
    rows: list[tuple[str | float | int | None, ...]] = []
    last: dict[str, float] = {}
    figure, axes = panels(1, 2, width=5, height=3.4)
    samples, pictures = panels(1, len(FORMS), width=2.6, height=2.7)
    for place, (preset, words) in enumerate(FORMS.items()):
        each = of_all(results, *(case_name(preset, seed) for seed in SEEDS))
        show(pictures[0][place], results.get(case_name(preset, 0)), words)
        if not each:
            continue
        last[preset] = median(one["scores"][-1] for one in each)
        rows.append(
            (
                words,
                len(each),
                median(one["scores"][0] for one in each),
                last[preset],
                median(one["real"] for one in each),
                median(one["seconds"][-1] for one in each),
            )
        )
        for panel, against in zip(axes[0], ("iterations", "seconds"), strict=True):
            middle = np.median([one["scores"] for one in each], axis=0)
            panel.plot(np.median([one[against] for one in each], axis=0), middle, color=COLOURS[preset], label=words)
    for panel, words in zip(axes[0], ("generator updates", "seconds of a CPU thread"), strict=True):
        panel.set_xlabel(words)
        panel.set_ylabel("score by a classifier of digits")
        panel.legend(frameon=False, fontsize=8)
    clipped = last.get("cifar10-wgan", NAN)
    return Findings(
        columns=("way", "seeds", "first score", "last score", "score of real digits", "seconds"),
        rows=rows,
        criteria=[
            Criterion(
                words="score of WGAN-GP with Adam above that of clipping",
                value=last.get("cifar10-wgan-gp", NAN) - clipped,
                bound=0.5,
            ),
            Criterion(
                words="score of WGAN-GP with clipping's optimiser above that of clipping",
                value=last.get("cifar10-wgan-gp-rmsprop", NAN) - clipped,
                bound=0.0,
            ),
        ],
        figures=[("Medians of seeds.", figure), ("The last samples.", samples)],
        notes=(
            f"The score of {SCORED} samples, as that of Salimans et al. 2016 but by a small classifier of digits: no "
            "Inception score. Published: curves alone, between 1 and 7 by Inception on CIFAR-10.",
        ),
    )


STUDY = Study(
    name="convergence",
    title="Four ways to train one pair",
    source="Gulrajani et al. 2017, arXiv 1704.00028, figure 3; github.com/igul222/improved_wgan_training, gan_cifar.py",
    shows="WGAN-GP learns faster than clipping with the same optimiser and rate, and faster still with Adam; DCGAN is "
    "quicker by the clock.",
    cost="small: 7 minutes of 2 cores, digits at 16x16; paper: four runs of a GPU, on bricks where CIFAR-10 is not "
    "given",
    cases=cases,
    findings=findings,
)
