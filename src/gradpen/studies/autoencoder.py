"""A GAN and a variational autoencoder on the same images, the decoder being the same network as the generator."""

from pathlib import Path
from statistics import median
from typing import Any

from gradpen.data.recognise import open_source
from gradpen.looking.vae import compare_with_vae
from gradpen.presets.catalogue import find
from gradpen.settings import to_dict
from gradpen.studies.runs import NAN, in_letters, of_all, panels, show, trained
from gradpen.studies.study import Case, Criterion, Findings, Found, Results, Scale, Study, case_name

SEEDS = (0, 1, 2)
LENGTH = {"small": 2_000, "paper": 20_000}
SIDE = {"small": 32, "paper": 64}
KINDS = {"gan": "GAN", "vae": "VAE"}


def settings_of(seed: int, scale: Scale) -> dict[str, Any]:
    """Return the settings of a case: the preset `quick` on drawn faces."""
    values = to_dict(find("quick").config())
    every = LENGTH[scale] // 2
    return {
        "generator": values["generator"],
        "critic": values["critic"],
        "data.path": "embedded:faces",
        "data.size": [SIDE[scale]] * 2,
        "iterations": LENGTH[scale],
        "cadence.log_every": every,
        "cadence.sample_every": every,
        "cadence.save_every": every,
        "precision": "fp32",
        "seed": seed,
    }


def train(place: Path, settings: dict[str, Any]) -> Found:
    """Train both for as many batches, and return sharpness and distance of the samples of each."""
    run = trained(place, "quick", settings)
    baseline = compare_with_vae(
        run,
        open_source(run.config.data),
        iterations=settings["iterations"],
        seed=settings["seed"],
        show=lambda _iteration, _loss: None,
    )
    return {
        "n": baseline.n,
        "sharpness": baseline.sharpness,
        "distance": {kind: estimate.mean for kind, estimate in baseline.distance.items()},
        "picture": in_letters(run.path / "vae" / "comparison.png"),
    }


def cases(scale: Scale) -> list[Case]:
    """Return a case for each seed."""
    return [
        Case(name=case_name("faces", seed), work=train, arguments={"settings": settings_of(seed, scale)})
        for seed in SEEDS
    ]


def findings(results: Results, scale: Scale) -> Findings:
    """Return how sharp and how near the samples of both are, beside the data."""
    each = of_all(results, *(case_name("faces", seed) for seed in SEEDS))
    if not each:
        return Findings(columns=(), rows=[], criteria=[], figures=[])

    def middle(measure: str, kind: str) -> float:
        return float(median(one[measure].get(kind, NAN) for one in each))

    rows: list[tuple[str | float | int | None, ...]] = [
        (words, len(each), middle("sharpness", kind), middle("distance", kind)) for kind, words in KINDS.items()
    ]
    rows.append(("VAE, reconstructions of data", len(each), middle("sharpness", "reconstructions"), None))
    rows.append(("data (floor)", len(each), middle("sharpness", "data"), middle("distance", "floor")))
    figure, axes = panels(1, 1, width=9, height=3.6)
    show(axes[0][0], each[0], "")
    return Findings(
        columns=("images", "seeds", "sharpness", "exact W1 to held-out data"),
        rows=rows,
        criteria=[
            Criterion(
                words="sharpness of the GAN's samples, of that of the VAE's",
                value=middle("sharpness", "gan") / middle("sharpness", "vae"),
                bound=1.5,
            )
        ],
        figures=[("Held-out data, samples of the GAN, samples of the VAE.", figure)],
        notes=(
            f"Medians of {each[0]['n']} images: sharpness is the variance of the Laplacian. Both were trained on "
            f"{LENGTH[scale]:,} batches of the same size. The squared error that the VAE minimises is near to the "
            "distance, which forgives blur: read both columns.",
        ),
    )


STUDY = Study(
    name="autoencoder",
    title="GAN against variational autoencoder",
    source="Foster, Generative Deep Learning, 2nd edition, chapters 3 and 4; Kingma & Welling 2014, arXiv 1312.6114",
    shows="With one network as generator and as decoder the GAN's samples are sharp and the autoencoder's blurred.",
    cost="small: 2 minutes of 2 cores; paper: an hour of a GPU",
    cases=cases,
    findings=findings,
)
