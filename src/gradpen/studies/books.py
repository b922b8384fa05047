"""The examples of Foster's book and of the well-known notes on MNIST, each in a small run with its picture."""

from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from gradpen.presets.catalogue import find
from gradpen.presets.reduced import DIVISOR, reduced
from gradpen.runs.trained import load
from gradpen.settings import to_dict
from gradpen.studies.runs import NAN, measured, of_all, panels, progress_made, show
from gradpen.studies.study import Case, Criterion, Findings, Found, Results, Scale, Study, case_name

LENGTH = {"small": 1_600}
BATCH = 16
SIDE = 32
BRICKS = {"data.path": "embedded:bricks", "data.size": [SIDE, SIDE], "data.channels": None}
FACES = {"data.path": "embedded:faces", "data.size": [SIDE, SIDE]}
CLEAN = {"objective.real_targets": [1.0, 1.0], "objective.fake_targets": [0.0, 0.0], "objective.beyond_bounds": False}
FORMS: dict[str, tuple[str, dict[str, Any]]] = {
    "DCGAN bricks, transposed": ("dcgan-bricks", BRICKS),
    "DCGAN bricks, upsampled": ("dcgan-bricks", BRICKS | {"generator.way": "upsample"}),
    "DCGAN bricks, no label noise": ("dcgan-bricks", BRICKS | CLEAN),
    "WGAN-GP faces": ("wgan-gp-faces", FACES),
    "conditional WGAN-GP faces": ("cgan-faces", FACES),
    "MLP WGAN-GP digits": ("wgan-gp-mnist", {"data.path": "embedded:digits", "data.size": [16, 16]}),
    "MLP WGAN digits": ("wgan-mnist", {"data.path": "embedded:digits", "data.size": [16, 16]}),
}
"""presets and what differs from them"""
OF_BRICKS = ("DCGAN bricks, transposed", "DCGAN bricks, upsampled", "DCGAN bricks, no label noise")
RATES = {
    **dict.fromkeys(OF_BRICKS, 4e-4),
    "WGAN-GP faces": 6e-4,
    "conditional WGAN-GP faces": 6e-4,
    "MLP WGAN-GP digits": 6e-4,
    "MLP WGAN digits": 2e-4,
}
"""of short runs, which need more than the published ones"""
LONGER = {"WGAN-GP faces": 2, "conditional WGAN-GP faces": 2, **dict.fromkeys(OF_BRICKS, 4)}
"""times as many iterations"""
WIDER = dict.fromkeys(OF_BRICKS, 4)
"""what the channels are divided by, where an eighth draws spots"""
WITHOUT_DROPOUT = ("conditional WGAN-GP faces",)
"""what trains without dropout in its critic: at these rates scores that follow the labels alone grow to hundreds, and
what dropout makes of them is noise that hides the images"""
JUDGED = ("WGAN-GP faces", "conditional WGAN-GP faces", "MLP WGAN-GP digits")
SEEDS = (0,)
"""of each"""


def settings_of(form: str, seed: int, scale: Scale) -> dict[str, Any]:
    """Return what a form sets: at the small scale the preset's reduced version at 32x32, one stage shorter."""
    preset, settings = FORMS[form]
    if scale == "paper":
        return {name: value for name, value in settings.items() if "size" not in name} | {"seed": seed}
    values = to_dict(reduced(find(preset).config(), WIDER.get(form, DIVISOR)))
    networks: dict[str, Any] = {}
    if values["generator"]["name"] == "staged":
        generator, critic = values["generator"], values["critic"]
        # From 64x64 to 32x32 goes the largest of the inner stages, and in the critic the first but one.
        del generator["stages"][-2]
        del critic["stages"][1]
        if form in WITHOUT_DROPOUT:
            critic["stages"] = [stage | {"dropout": 0.0} for stage in critic["stages"]]
        networks = {"generator": generator, "critic": critic}
    iterations = LENGTH["small"] * LONGER.get(form, 1)
    short: dict[str, Any] = {"iterations": iterations, "batch_size": BATCH, "seed": seed}
    short |= {f"cadence.{name}": iterations // 2 for name in ("log_every", "sample_every", "save_every")}
    short["learning_rate"] = RATES[form]
    return networks | settings | short


def train(place: Path, preset: str, settings: dict[str, Any]) -> Found:
    """Train one run; of a conditional one, return how much its labels change in the same latents' samples."""
    found = measured(place, preset, settings)
    run = load(place / "run", checkpoint="last")
    if run.labels is None:
        return found
    each = run.sample_every_label(64, seed=1).astype(np.float64)
    return found | {"change": float(np.abs(each[0] - each[1]).mean()), "varies": float(each[0].std(axis=0).mean())}


def cases(scale: Scale) -> list[Case]:
    """Return a case for each example."""
    return [
        Case(
            name=case_name(form, seed),
            work=train,
            arguments={"preset": preset, "settings": settings_of(form, seed, scale)},
        )
        for form, (preset, _) in FORMS.items()
        for seed in SEEDS
    ]


def findings(results: Results, scale: Scale) -> Findings:
    """Return how far each came, and its picture."""
    del scale
    rows: list[tuple[str | float | int | None, ...]] = []
    came: dict[str, float] = {}
    figure, axes = panels(2, 4, width=3.2, height=3.3)
    for place, form in enumerate(FORMS):
        show(axes[place // 4][place % 4], results.get(case_name(form, 0)), form)
        each = of_all(results, *(case_name(form, seed) for seed in SEEDS))
        if each:
            came[form] = median(progress_made(one) for one in each)
            slopes = [one["rows"][-1]["slope_mean"] for one in each]
            change = median(one["change"] for one in each) if "change" in each[0] else None
            rows.append((form, FORMS[form][0], came[form], median(slopes), change))
    axes[1][3].set_axis_off()
    return Findings(
        columns=("example", "preset", "of the way to the data", "mean slope", "grey levels that the label changes"),
        rows=rows,
        criteria=[
            Criterion(words=f"of the way to the data, {form}", value=came.get(form, NAN), bound=0.4) for form in JUDGED
        ],
        figures=[("The last samples; of the conditional run a row for each label, from the same latents.", figure)],
        notes=(
            "Of the way from the untrained generator to the data by exact Wasserstein-1 distance. The notebooks are "
            "published without outputs: there are no numbers to lay beside. Drawn bricks and faces and embedded digits "
            "stand for the LEGO bricks, CelebA and MNIST. Short runs have batches of 16 and higher rates, and those of "
            "bricks a quarter of the channels; the critic of conditional faces has no dropout in them.",
        ),
    )


STUDY = Study(
    name="books",
    title="The book's examples and the notes on MNIST",
    source="Foster, Generative Deep Learning, 2nd edition, chapter 4; github.com/eriklindernoren/PyTorch-GAN",
    shows="The DCGAN with transposed or upsampled maps, with and without label noise, the WGAN-GP and the conditional "
    "WGAN-GP of faces, and the perceptrons on MNIST.",
    cost="small: 9 minutes of 2 cores, an eighth or a quarter of the channels; paper: as published, hours of a GPU",
    cases=cases,
    findings=findings,
)
