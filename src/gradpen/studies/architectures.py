"""Seven architectures by four objectives: which train with shared settings."""

from dataclasses import replace
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from gradpen.config import RunConfig
from gradpen.data.recognise import open_source
from gradpen.data.source import gather, spread_out
from gradpen.metrics.samples import diversity
from gradpen.presets.catalogue import find
from gradpen.presets.reduced import reduced
from gradpen.runs.trained import load
from gradpen.settings import to_dict
from gradpen.studies.runs import measured, of_all, panels, progress_made, show
from gradpen.studies.study import Case, Criterion, Findings, Found, Results, Scale, Study, case_name

ARCHITECTURES = {
    "lsun-64-dcgan": "DCGAN",
    "lsun-64-constant-filters": "constant filters, no norm",
    "lsun-64-mlp": "perceptron as generator",
    "lsun-64-no-norm": "no norm at all",
    "lsun-64-gated": "gated activations",
    "lsun-64-tanh": "tanh everywhere",
    "lsun-64-residual-101": "101 residual layers",
}
"""presets and what they are"""
FORMS = ("GAN", "least squares", "WGAN, clipping", "WGAN-GP")
SIDE, BLOCKS, MEASURED = 16, 2, 300
SMALL = {"iterations": 400, "cadence.log_every": 100, "cadence.sample_every": 200, "cadence.save_every": 200}
FASTER = 10.0
"""times the published rates, in the short runs"""
SUCCESS, VARIED = 0.5, 0.5
"""a run succeeds that comes so much of the way to the data, with samples at least so varied as data"""


def optimizer_of(form: str) -> dict[str, Any]:
    """Return the optimiser of appendix E."""
    optimizers: dict[str, dict[str, Any]] = {
        "GAN": {"name": "adam", "learning_rate": 2e-4, "beta1": 0.5, "beta2": 0.999},
        "least squares": {"name": "rmsprop", "learning_rate": 1e-4},
        "WGAN, clipping": {"name": "rmsprop", "learning_rate": 5e-5},
        "WGAN-GP": {"name": "adam", "learning_rate": 1e-4, "beta1": 0.5, "beta2": 0.9},
    }
    return optimizers[form]


def of_form(form: str) -> dict[str, Any]:
    """Return what a form sets: objective, constraint, critic steps and rate."""
    optimizer = optimizer_of(form)
    values: dict[str, Any] = {"generator_optimizer": optimizer, "critic_optimizer": optimizer}
    if form == "WGAN-GP":
        return values
    one = {"critic_steps": 1, "constraint": "none"}
    others: dict[str, dict[str, Any]] = {
        "GAN": {"objective": "non-saturating", **one},
        "least squares": {"objective": "least-squares", **one},
        "WGAN, clipping": {"constraint": "weight-clipping"},
    }
    return values | others[form]


def small(config: RunConfig) -> RunConfig:
    """Return a preset at 16x16 with an eighth of the channels: two stages of four, two residual blocks of six."""
    config = reduced(config)
    generator: Any = config.generator
    critic: Any = config.critic
    if hasattr(generator, "stages"):
        generator = replace(generator, stages=(generator.stages[-2], generator.stages[-1]))
    if hasattr(critic, "stages"):
        critic = replace(critic, stages=critic.stages[:2])
    if hasattr(generator, "blocks"):
        generator, critic = replace(generator, blocks=BLOCKS), replace(critic, blocks=BLOCKS)
    return replace(config, generator=generator, critic=critic)


def unpenalised(critic: dict[str, Any]) -> dict[str, Any]:
    """Return a critic with batch norm where the penalised one has layer norm."""
    text: dict[str, Any] = {
        name: "batch" if name == "norm" and value == "layer" else value for name, value in critic.items()
    }
    if "stages" in text:
        text["stages"] = [unpenalised(stage) for stage in text["stages"]]
    return text


def settings_of(preset: str, form: str, scale: Scale) -> dict[str, Any]:
    """Return the settings of a case, complete."""
    config = find(preset).config()
    values = to_dict(small(config) if scale == "small" else config)
    critic = values["critic"] if form == "WGAN-GP" else unpenalised(values["critic"])
    settings = {"generator": values["generator"], "critic": critic} | of_form(form)
    if scale == "paper":
        return settings | {"data.path": "embedded:faces", "data.size": [64, 64]}
    for player in ("generator_optimizer", "critic_optimizer"):
        rate = settings[player]["learning_rate"]
        settings[player] = settings[player] | {"learning_rate": FASTER * rate}
    return settings | SMALL | {"data.path": "embedded:digits", "data.size": [SIDE, SIDE]}


def train(place: Path, preset: str, settings: dict[str, Any]) -> Found:
    """Train one run, and return its measures with how varied samples and data are."""
    found = measured(place, preset, settings)
    run = load(place / "run", checkpoint="last")
    source = open_source(run.config.data)
    data = gather(source, spread_out(source.held_out, min(MEASURED, len(source.held_out))), torch.device("cpu"))
    made = torch.from_numpy(run.values.taken(run.sample(len(data), seed=1)))
    return found | {"variety": diversity(made) / diversity(data)}


def cases(scale: Scale) -> list[Case]:
    """Return a case for each architecture and objective."""
    return [
        Case(
            name=case_name(preset, form),
            work=train,
            arguments={"preset": preset, "settings": settings_of(preset, form, scale)},
        )
        for form in reversed(FORMS)
        for preset in ARCHITECTURES
    ]


def succeeded(found: Found) -> bool:
    """Return whether samples came near to the data and are as varied."""
    return bool(progress_made(found) >= SUCCESS and found["variety"] >= VARIED)


def findings(results: Results, scale: Scale) -> Findings:
    """Return which runs succeeded."""
    del scale
    rows: list[tuple[str | float | int | None, ...]] = []
    for preset, words in ARCHITECTURES.items():
        each = {form: results.get(case_name(preset, form)) for form in FORMS}
        if any(each.values()):
            rows.append((words, *map(cell, each.values())))
    figure, axes = panels(len(ARCHITECTURES), len(FORMS), width=2.4, height=2.5)
    for row, (preset, words) in enumerate(ARCHITECTURES.items()):
        for column, form in enumerate(FORMS):
            show(axes[row][column], results.get(case_name(preset, form)), f"{words}\n{form}")
    ours = of_all(results, *(case_name(preset, "WGAN-GP") for preset in ARCHITECTURES))
    return Findings(
        columns=("architecture", *FORMS),
        rows=rows,
        criteria=[
            Criterion(words="architectures that WGAN-GP trains, of 7", value=sum(map(succeeded, ours)), bound=7),
            Criterion(
                words="median of the way to the data, WGAN-GP",
                value=median([progress_made(one) for one in ours] or [np.nan]),
                bound=SUCCESS,
            ),
        ],
        figures=[("The last samples of every run.", figure)],
        notes=(
            f"Of the way from the untrained generator to the data by exact Wasserstein-1 distance, and the variety of "
            f"samples beside that of data; a run succeeds with {SUCCESS} and {VARIED}. Published: sample sheets, and "
            f"that "
            f"WGAN-GP alone trains all seven.",
        ),
    )


def cell(found: Found | None) -> str | None:
    """Return what came of a run in words."""
    if found is None:
        return None
    word = "yes" if succeeded(found) else "diverged" if found["diverged"] else "no"
    return f"{word} ({progress_made(found):.2f}, {found['variety']:.2f})"


STUDY = Study(
    name="architectures",
    title="Seven architectures, four objectives",
    source="Gulrajani et al. 2017, arXiv 1704.00028, figure 2 and appendix E; Arjovsky et al. 2017, figures 5 to 7",
    shows="WGAN-GP trains every architecture with one set of settings; each other objective fails on some.",
    cost="small: 8 minutes of 2 cores, digits at 16x16 with an eighth of the channels; paper: 28 runs of a GPU",
    cases=cases,
    findings=findings,
)
