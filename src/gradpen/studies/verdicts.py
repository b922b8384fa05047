"""What the verdict says of runs that were made sick on purpose, and of healthy ones."""

from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from gradpen.data.choice import DataChoice
from gradpen.data.recognise import open_source
from gradpen.data.source import Source
from gradpen.errors import DivergedError
from gradpen.looking.diagnosis import diagnose
from gradpen.looking.left_out import LeftOut
from gradpen.looking.symptoms import Symptoms, recorded_symptoms
from gradpen.looking.verdict import WELL
from gradpen.looking.wiring import Wiring
from gradpen.runs.trained import load
from gradpen.studies.critics import numbers
from gradpen.studies.loops import MISTAKES, watched
from gradpen.studies.runs import NAN, in_letters, newest_grid, of_all, panels, show, trained
from gradpen.studies.study import Case, Criterion, Findings, Found, Results, Scale, Study, case_name

SEEDS = (0, 1, 2)
MARKS = 10
ITERATIONS = {"small": 600, "paper": 6_000}
DIGITS = {"data.path": "embedded:digits"}
RING = {"data.path": "embedded:8gaussians"}
GAN = {"objective": "non-saturating", "constraint": "none", "critic_steps": 1}
CLIPPED = {"objective": "wasserstein", "constraint": "weight-clipping"}
FAST = {"name": "adam", "learning_rate": 1e-3, "beta1": 0.5, "beta2": 0.9}
LABELLED = {"generator.labels": "concatenate", "critic.labels": "planes"}


def rates(generator: float, critic: float) -> dict[str, Any]:
    """Return the learning rates of both players."""
    return {"generator_optimizer.learning_rate": generator, "critic_optimizer.learning_rate": critic}


MOST = 6_000
"""digits of which data with labels are made"""
Arrays = dict[str, NDArray[np.generic]]


def few(digits: Source, seed: int, count: int) -> Arrays:
    """Return some of the digits."""
    images = np.asarray(digits.images, dtype=np.uint8)[:, 0]
    return {"images": numbers(seed, "few", 0).permutation(images)[:count]}


def with_few_of(digits: Source, digit: int, left: int) -> Arrays:
    """Return digits with their labels, and so many of one of them; at most :data:`MOST` in all."""
    assert digits.labels is not None
    classes = digits.labels.values.astype(np.int64)[:MOST]
    kept = (classes != digit) | (np.cumsum(classes == digit) <= left)
    return {"images": np.asarray(digits.images[:MOST], dtype=np.uint8)[kept, 0], "labels": classes[kept]}


def copies(digits: Source, seed: int) -> Arrays:
    """Return twelve digits, each eighty times."""
    return {"images": np.repeat(few(digits, seed, 12)["images"], 80, axis=0)}


def grey(digits: Source, seed: int) -> Arrays:
    """Return images that are all alike."""
    return {"images": np.full((600, *digits.shape[1:]), 100 + seed, dtype=np.uint8)}


MADE: dict[str, Callable[[Source, int], Arrays]] = {
    "twenty": lambda digits, seed: few(digits, seed, 20),
    "hundred": lambda digits, seed: few(digits, seed, 100),
    "copies": copies,
    "grey": grey,
    "without a digit": lambda digits, seed: with_few_of(digits, seed + 3, 0),
    "six of a digit": lambda digits, seed: with_few_of(digits, seed + 3, 6),
}
"""what data are made of digits, by the key "made" of a kind"""
KINDS: dict[str, tuple[tuple[str, ...], str, dict[str, Any]]] = {
    "no penalty": (("critic unconstrained",), "wgan-gp-digits", {**DIGITS, "constraint": "none"}),
    "weight 0.001": (("critic unconstrained",), "wgan-gp-digits", {**DIGITS, "constraint.weight": 0.001}),
    "weight 1000": (("critic too weak",), "wgan-gp-digits", {**DIGITS, "constraint.weight": 1000}),
    "clip 0.001": (
        ("critic too weak", "vanishing gradients"),
        "wgan-gp-digits",
        {**DIGITS, **CLIPPED, "constraint.threshold": 0.001},
    ),
    "clip 1": (
        ("exploding gradients", "critic unconstrained"),
        "wgan-gp-digits",
        {**DIGITS, **CLIPPED, "constraint.threshold": 1.0},
    ),
    "fast generator": (
        ("critic too weak",),
        "wgan-gp-digits",
        {**DIGITS, "critic_steps": 1, **rates(1e-2, 1e-4)},
    ),
    "critic at rest": (("critic too weak",), "wgan-gp-digits", {**DIGITS, **rates(1e-3, 1e-7)}),
    "generator at rest": (("generator not learning",), "wgan-gp-digits", {**DIGITS, **rates(1e-7, 1e-3)}),
    "latent size 1": (
        ("too few latents", "collapsed", "modes missing"),
        "wgan-gp-digits",
        {**DIGITS, "generator.latent_dim": 1},
    ),
    "rate 0.1": (
        ("diverged", "exploding gradients", "critic unconstrained"),
        "wgan-gp-digits",
        {**DIGITS, **rates(0.1, 0.1)},
    ),
    "20 images": (("data unfit",), "wgan-gp-digits", {**DIGITS, "made": "twenty", "batch_size": 8}),
    "100 images": (
        ("overfitting critic", "memorising"),
        "wgan-gp-digits",
        {**DIGITS, "made": "hundred", "critic.widths": [512, 512, 512]},
    ),
    "12 images many times": (("data unfit",), "wgan-gp-digits", {**DIGITS, "made": "copies"}),
    "one grey": (("data unfit",), "wgan-gp-digits", {**DIGITS, "made": "grey"}),
    "labels do not count": (
        ("condition ignored",),
        "wgan-gp-digits",
        {
            **DIGITS,
            "critic.labels": "classify",
            "generator.labels": "concatenate",
            "class_loss": {"generator_weight": 0.0},
        },
    ),
    "discriminator ahead": (
        ("critic too strong",),
        "wgan-gp-digits",
        {**DIGITS, **GAN, "objective": "minimax", "critic_steps": 20, **rates(1e-4, 1e-3)},
    ),
    "noisy labels": (
        ("critic too weak",),
        "wgan-gp-digits",
        {**DIGITS, **GAN, "objective.flip": 0.45},
    ),
    "GAN that collapses": (
        ("collapsed",),
        "mixture-gan",
        {
            "data.path": "embedded:grid",
            "generator.widths": [128] * 3,
            "generator.batch_norm": False,
            "critic.widths": [128] * 3,
            **rates(1e-2, 1e-3),
        },
    ),
    "a class missing": (
        ("class missing",),
        "wgan-gp-digits",
        {**DIGITS, "made": "without a digit", **LABELLED},
    ),
    "six of a class": (
        ("data unfit",),
        "wgan-gp-digits",
        {**DIGITS, "made": "six of a digit", **LABELLED},
    ),
    "healthy WGAN-GP": ((), "wgan-gp-digits", DIGITS),
    "healthy WGAN": (
        (),
        "wgan-gp-digits",
        {
            **DIGITS,
            **CLIPPED,
            "constraint.threshold": 0.03,
            "generator_optimizer": {"name": "rmsprop", "learning_rate": 5e-4},
            "critic_optimizer": {"name": "rmsprop", "learning_rate": 5e-4},
        },
    ),
    "healthy R1": ((), "quick", DIGITS),
    "healthy with labels": ((), "wgan-gp-digits", {**DIGITS, **LABELLED}),
    "healthy 8 Gaussians": ((), "toy-wgan-gp", {**RING, "generator.widths": [128] * 3, "critic.widths": [128] * 3}),
    "healthy hinge": (
        (),
        "wgan-gp-digits",
        {**DIGITS, "objective": "hinge", "constraint": "spectral-norm", "critic_steps": 5},
    ),
    "healthy faces": ((), "quick", {"data.path": "embedded:faces", "data.size": [16, 16]}),
    "healthy text": ((), "text", {"data.path": "embedded:sentences"}),
}
"""the verdicts that fit (none: healthy, or still improving), the preset, and what is set"""


def case_of(kind: str, seed: int, scale: Scale, **given: Any) -> Case:
    """Return the case of a kind of run, with settings of one's own."""
    every = ITERATIONS[scale] // MARKS
    settings = {
        "iterations": ITERATIONS[scale],
        "cadence.log_every": every,
        "cadence.sample_every": every,
        "cadence.save_every": every,
        "seed": seed,
    }
    _, preset, own = KINDS[kind]
    own = dict(own)
    made = own.pop("made", None)
    arguments = {"preset": preset, "settings": own | settings | given, "made": made}
    return Case(name=case_name(kind, seed), work=train, arguments=arguments)


def train(place: Path, preset: str, settings: dict[str, Any], made: str | None) -> Found:
    """Train one run, on what is made of its data where that is asked for, and return its symptoms."""
    if made is not None:
        file = place / "data.npz"
        if not file.exists():
            digits = open_source(DataChoice(path=settings["data.path"]))
            np.savez(file, **MADE[made](digits, settings["seed"]))  # type: ignore[arg-type]
        settings = settings | {"data.path": str(file)}
    with suppress(DivergedError):
        trained(place, preset, settings)
    run = load(place / "run", checkpoint="last")
    return asdict(recorded_symptoms(run, open_source(run.config.data))) | {"picture": in_letters(newest_grid(place))}


def loop(place: Path, mistake: str, seed: int, iterations: int) -> Found:
    """Train in a loop of its own with a mistake, and return its symptoms."""
    del place
    return asdict(watched(mistake, seed, iterations, MARKS))


def cases(scale: Scale) -> list[Case]:
    """Return a case for each kind and mistake, and seed."""
    runs = [case_of(kind, seed, scale) for seed in SEEDS for kind in KINDS]
    loops = [
        Case(
            name=case_name(mistake, seed),
            work=loop,
            arguments={"mistake": mistake, "seed": seed, "iterations": ITERATIONS[scale]},
        )
        for seed in SEEDS
        for mistake in MISTAKES
    ]
    return runs + loops


def verdicts_of(found: Found) -> list[str]:
    """Return what the rules say of a run's symptoms, the gravest first."""
    shown = {part.name: found[part.name] for part in fields(Symptoms) if part.name in found}
    parts = {"wiring": Wiring, "left_out": LeftOut}
    shown |= {name: kind(**shown[name]) for name, kind in parts.items() if shown.get(name)}
    return [one.name for one in diagnose(Symptoms(**shown))]


def findings(results: Results, scale: Scale) -> Findings:
    """Return the verdict on every kind of run, beside those that fit it."""
    del scale
    looked_at = {kind: (fitting, preset) for kind, (fitting, preset, _) in KINDS.items()}
    return judged(
        results, looked_at | {mistake: (fitting, "a loop of one's own") for mistake, fitting in MISTAKES.items()}
    )


def judged(results: Results, looked_at: Mapping[str, tuple[tuple[str, ...], str]]) -> Findings:
    """Return the verdicts on kinds of runs or loops, of which are given the verdicts that fit and what was trained."""
    rows: list[tuple[str | float | int | None, ...]] = []
    named: list[bool] = []
    alarms: list[bool] = []
    for kind, (fitting, what) in looked_at.items():
        each = [verdicts_of(one) for one in of_all(results, *(case_name(kind, seed) for seed in SEEDS))]
        if not each:
            continue
        firsts = [one[0] for one in each]
        if fitting:
            named += [first in fitting for first in firsts]
        else:
            alarms += [first not in WELL for first in firsts]
        rows.append((kind, what, " or ".join(fitting) or "healthy", ", ".join(firsts)))
    right = sum(named) / len(named) if named else NAN
    false = sum(alarms) if alarms else NAN
    return Findings(
        columns=("run", "preset or loop", "what fits", "first verdict, each seed"),
        rows=rows,
        criteria=[
            Criterion(words="share of the sick runs whose first verdict fits", value=right, bound=0.9),
            Criterion(words="false alarms on healthy runs", value=false, bound=1, at_least=False),
        ],
        figures=[("The last samples of each kind.", last_samples(results))],
        notes=(
            f"{len(named)} sick and {len(alarms)} healthy runs. The thresholds were set on seed 0 of `verdicts`, so "
            "that the other seeds, and other data, are the test.",
        ),
    )


def last_samples(results: Results) -> Figure:
    """Return the last samples of each kind of run, of the first seed that there is."""
    pictures = {kind: of_all(results, *(case_name(kind, seed) for seed in SEEDS)) for kind in KINDS}
    pictures = {kind: found for kind, found in pictures.items() if found}
    rows = max(1, -(-len(pictures) // 7))
    figure, axes = panels(rows, 7, width=2, height=2.2)
    flat = [axis for row in axes for axis in row]
    for axis, (kind, found) in zip(flat, pictures.items(), strict=False):
        show(axis, found[0], kind)
    for axis in flat[len(pictures) :]:
        axis.set_axis_off()
    return figure


STUDY = Study(
    name="verdicts",
    title="Verdicts on sick runs and healthy ones",
    source="the troubles that Foster, Generative Deep Learning, 2nd edition, chapter 4 and public issues name",
    shows="That `gradpen diagnose` names what is wrong with runs made sick on purpose, and nothing in healthy ones.",
    cost="small: 20 minutes of 2 cores; paper: ten times as long",
    cases=cases,
    findings=findings,
)
