"""A thousand modes: three random digits as the channels of an image, against a critic of a quarter of the size."""

import math
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gradpen.data.choice import DataChoice
from gradpen.data.recognise import open_source
from gradpen.metrics.classifier import Classifier, classifier_of
from gradpen.networks.stages import Stage, StagedCritic, StagedGenerator
from gradpen.presets.sized import gan
from gradpen.settings import to_dict
from gradpen.studies.critics import numbers
from gradpen.studies.runs import NAN, in_letters, newest_grid, of_all, panels, show, trained
from gradpen.studies.study import Case, Criterion, Findings, Found, Results, Scale, Study, case_name

TRIPLES, SAMPLES, MODES = 25_600, 25_600, 1_000
LENGTH = {"small": 4_000, "paper": 500_000}
SEEDS = {"small": 1, "paper": 3}
PENALISED = "relativistic, R1 + R2"
AVERAGE = {"average": {"half_life": 20_000, "ramp_up": 0.1}}
FORMS: dict[str, dict[str, Any]] = {
    "DCGAN": {},
    **{f"PacDCGAN{m}": {"pack": m} for m in (2, 4)},
    "WGAN, clipping": {"objective": "wasserstein", "constraint": "weight-clipping", "critic_steps": 5},
    "WGAN-GP": {"objective": "wasserstein", "constraint": "gradient-penalty", "critic_steps": 5},
    PENALISED: {
        "objective": "relativistic",
        "constraint": {"name": "gradient-penalty", "where": "both", "target": 0, "weight": 0.1},
        **AVERAGE,
    },
}
WITHOUT_NORM = ("WGAN-GP", PENALISED)
PUBLISHED = {"DCGAN": (78.5, 5.21), "PacDCGAN2": (484.5, 2.61), "PacDCGAN4": (667.4, 1.81)}
"""modes and KL after 500,000 iterations: Lin et al. 2018, means of 50 runs"""


def networks(*, norm: bool) -> dict[str, Any]:
    """Return both networks: a critic with 2, 4 and 8 maps, a quarter of the generator's."""
    up: dict[str, Any] = {"kernel": 3, "way": "up", "norm": "batch", "activation": "relu"}
    generator = StagedGenerator(
        latent_dim=256,
        first=(64, 4, 4),
        first_norm="batch",
        stages=(
            Stage(channels=32, crop=7, **up),
            Stage(channels=16, **up),
            Stage(channels=8, **up),
            Stage(kernel=3, stride=1, activation="tanh"),
        ),
    )
    kind: Any = "batch" if norm else "none"
    stages = tuple(Stage(channels=width, kernel=3, norm=kind, negative_slope=0.3) for width in (2, 4, 8))
    values = to_dict(replace(gan(), generator=generator, critic=StagedCritic(stages=stages)))
    return {"generator": values["generator"], "critic": values["critic"]}


def settings_of(form: str, seed: int, scale: Scale) -> dict[str, Any]:
    """Return the settings of a case; MNIST's place is to be given."""
    every = LENGTH[scale] // 4
    return (
        networks(norm=form not in WITHOUT_NORM)
        | {
            "generator_optimizer": {"name": "adam", "learning_rate": 1e-4, "beta1": 0.5, "beta2": 0.99},
            "critic_optimizer": {"name": "adam", "learning_rate": 2e-4, "beta1": 0.5, "beta2": 0.99},
            "batch_size": 128,
            "iterations": LENGTH[scale],
            "cadence.log_every": every,
            "cadence.sample_every": every,
            "cadence.save_every": every,
            "seed": seed,
            "data.path": "mnist",
        }
        | FORMS[form]
    )


def triples_of(images: NDArray[Any], seed: int) -> NDArray[Any]:
    """Return images ``[n, H, W, 3]``, each of three random ones of ``[N, H, W]``."""
    chosen = numbers(seed, "triples", 0).integers(len(images), size=(TRIPLES, 3))
    return images[chosen].transpose(0, 2, 3, 1)


def read_triples(classifier: Classifier, images: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Return which of the 1,000 triples of digits images ``[n, H, W, 3]`` show, as read."""
    read = [
        classifier.read(torch.from_numpy(images[:, None, :, :, channel]).float() / 127.5 - 1).numpy()
        for channel in range(3)
    ]
    triples: NDArray[np.int64] = 100 * read[0] + 10 * read[1] + read[2]
    return triples


def coverage(triples: NDArray[np.int64]) -> tuple[int, float]:
    """Return how many triples there are, and the divergence of their shares from equal ones, in nats.

    >>> coverage(np.arange(1000))
    (1000, 0.0)
    """
    shares = np.bincount(triples, minlength=MODES) / len(triples)
    found = shares[shares > 0]
    return len(found), abs(round(float((found * np.log(MODES * found)).sum()), 9))


def train(place: Path, settings: dict[str, Any]) -> Found:
    """Train one run on triples of MNIST's digits, and return how many triples 25,600 samples show."""
    digits = open_source(DataChoice(path=settings["data.path"]))
    file = place / "triples.npy"
    if not file.exists():
        np.save(file, triples_of(np.asarray(digits.images)[digits.train][:, 0], settings["seed"]))
    run = trained(place, "gan", settings | {"data.path": str(file)})
    classifier = classifier_of(digits)
    modes, kl = coverage(read_triples(classifier, run.sample(SAMPLES, seed=1)))
    return {"modes": modes, "kl": kl, "accuracy": classifier.accuracy, "picture": in_letters(newest_grid(place))}


def cases(scale: Scale) -> list[Case]:
    """Return a case for each method and seed."""
    return [
        Case(name=case_name(form, seed), work=train, arguments={"settings": settings_of(form, seed, scale)})
        for form in FORMS
        for seed in range(SEEDS[scale])
    ]


def findings(results: Results, scale: Scale) -> Findings:
    """Return how many of the thousand modes each method reaches."""
    rows: list[tuple[str | float | int | None, ...]] = []
    modes: dict[str, float] = {}
    figure, axes = panels(2, 3, width=3.2, height=3.3)
    for place, form in enumerate(FORMS):
        show(axes[place // 3][place % 3], results.get(case_name(form, 0)), form)
        each = of_all(results, *(case_name(form, seed) for seed in range(SEEDS[scale])))
        if each:
            modes[form] = fmean(one["modes"] for one in each)
            published = PUBLISHED.get(form, (None, None))
            rows.append((form, len(each), modes[form], published[0], fmean(one["kl"] for one in each), published[1]))
    accuracy = fmean(one["accuracy"] for one in results.values())
    best = max((count for form, count in modes.items() if form in WITHOUT_NORM), default=NAN)
    bound = PUBLISHED["PacDCGAN4"][0] if scale == "paper" else modes.get("DCGAN", math.inf)
    return Findings(
        columns=("method", "seeds", "modes of 1,000", "published", "KL", "published "),
        rows=rows,
        criteria=[
            Criterion(words="modes of the best penalised critic, beside those of the GAN", value=best, bound=bound)
        ],
        figures=[("The last samples: three digits in red, green and blue.", figure)],
        notes=(
            f"{SAMPLES:,} samples, read by a classifier that is right on {accuracy:.1%} of held-out digits. "
            f"{LENGTH[scale]:,} iterations on {TRIPLES:,} fixed triples, where the published rows have 500,000 on "
            f"new ones.",
        ),
    )


STUDY = Study(
    name="stacked-mnist",
    title="A thousand modes",
    source="Lin et al. 2018 (PacGAN), arXiv 1712.04086; Metz et al. 2017, arXiv 1611.02163: a critic of D = 1/4 G",
    shows="How many of the thousand triples of digits a generator reaches against a critic a quarter of its size.",
    cost="small: half an hour of 2 cores; paper: days of a GPU",
    cases=cases,
    findings=findings,
    needs="MNIST: its folder",
)
