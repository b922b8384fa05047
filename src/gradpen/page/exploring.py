"""What there is to explore of a model: samples, walks between them, labels, nearest pictures."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gradpen.data.labels import LabelSpace
from gradpen.data.plane import SAMPLES, draw_plane, window_of
from gradpen.data.source import Source, shown
from gradpen.data.symbols import lines_of
from gradpen.errors import UsageError
from gradpen.looking.films import spherical
from gradpen.metrics.copies import Neighbours, find_neighbours, verdict
from gradpen.metrics.neighbours import Nearest
from gradpen.page.listing import State
from gradpen.page.models import POINTS, Models, as_url, first_label, url_of
from gradpen.page.surface import newest_critic, surface_of
from gradpen.runs.checkpoint import checkpoint_folders
from gradpen.runs.folder import RunFolder
from gradpen.runs.trained import Run
from gradpen.sampling import draw_numbers, draw_pixels, every_label
from gradpen.text import printable

MOST_SAMPLES, MOST_STEPS, MOST_STOPS = 64, 32, 4
LABELS = 40
"""labels where each has a row"""


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is asked of a model."""

    seed: int = 0
    count: int = 24
    label: str | None = None
    truncation: float | None = None
    every: bool = False
    """the same latents under every label"""


def about(run: Run) -> State:
    """Return what a page must know of a model to let somebody explore it."""
    folder = RunFolder(path=run.path)
    images = run.values.layout == "images" and run.values.are_pixels
    return {
        "iteration": run.iteration,
        "checkpoints": sorted(
            {int(place.name) for kind in (folder.best, folder.checkpoints) for place in checkpoint_folders(kind)}
        ),
        "latent_dim": run.config.generator.latent_dim,
        "kind": kind_of(run),
        "labels": None if run.labels is None else labels_of(run.labels),
        "takes_pictures": images,
    }


def kind_of(run: Run) -> str:
    """Return what a run's samples are: points, lines, or pictures of anything else."""
    if run.values.symbols is not None:
        return "lines"
    vectors = run.values.layout == "vectors"
    return "points" if vectors and run.values.are_points(run.sample(1).size) else "pictures"


def labels_of(space: LabelSpace) -> State:
    """Return which labels there are, as a page offers them."""
    return {
        "kind": space.kind,
        "names": list(space.names),
        "low": list(space.low),
        "high": list(space.high),
        "examples": space.example_names(),
        "parts": [labels_of(part) for part in space.parts],
    }


def samples(models: Models, run: Run, wish: Wish) -> State:
    """Return samples, each with its picture or line, its label, and a reference to its latents.

    Raises:
        UsageError: there is no such label.
    """
    with models.busy:
        if kind_of(run) == "points":
            return plane(run, run.sample(POINTS, seed=wish.seed, truncation=wish.truncation, label=wish.label))
        z = run.latents(wish.count, seed=wish.seed, truncation=wish.truncation)
        references = [f"s{wish.seed}.{index}" for index in range(wish.count)]
        return {"plane": None, "samples": drawn(run, z, references, wish), "iteration": run.iteration}


def plane(run: Run, points: NDArray[np.float32]) -> State:
    """Return points in the plane as one picture, over the surface of the newest critic where there is one."""
    critic = newest_critic(run)
    surface = None if critic is None else surface_of(critic[0], run.values)
    return {
        "plane": url_of(draw_plane(window_of(points), [(points, SAMPLES)], surface)),
        "critic": None if critic is None else critic[1],
        "samples": [],
        "iteration": run.iteration,
    }


def drawn(run: Run, z: torch.Tensor, references: Sequence[str], wish: Wish) -> list[State]:
    """Return what is made of latents, as :func:`samples` does."""
    names: list[str | None]
    if wish.every and run.labels is not None:
        each = run.labels.example_names()[:LABELS]
        names = [name for name in each for _ in references]
        references = [*references] * len(each)
        pictures, lines = pictures_of_every_label(run, z), None
    else:
        examples = run.labels.example_names() if run.labels is not None else []
        turns = [examples[place % len(examples)] if examples else None for place in range(len(z))]
        names = [wish.label or turn for turn in turns]
        pictures = run.pictures(latents=z, label=wish.label)
        lines = run.sample(latents=z, label=wish.label).tolist() if run.values.symbols is not None else None
    return [
        {
            "reference": reference,
            "label": name,
            "words": None if name is None else printable(name),
            "picture": as_url(picture),
            "line": None if lines is None else printable(lines[place]),
        }
        for place, (reference, name, picture) in enumerate(zip(references, names, pictures, strict=True))
    ]


def pictures_of_every_label(run: Run, z: torch.Tensor) -> NDArray[np.uint8]:
    """Return samples of the same latents under each of the first labels, as pictures ``[labels * N, C, H, W]``."""
    return np.concatenate(
        every_label(lambda one: draw_pixels(run.generator, z, one, run.values), len(z), run.examples()[:LABELS])
    )


def numbers_of_every_label(run: Run, z: torch.Tensor) -> tuple[NDArray[Any], torch.Tensor]:
    """Return the same in the data's units, with the latents of each."""
    rows = every_label(lambda one: draw_numbers(run.generator, z, one, run.values), len(z), run.examples()[:LABELS])
    return np.concatenate(rows), z.repeat(len(rows), 1)


def walk(models: Models, run: Run, references: Sequence[str], steps: int, wish: Wish) -> NDArray[np.uint8]:
    """Return the pictures ``[frames, C, H, W]`` on the way between latents, both ends included, under one label.

    Raises:
        UsageError: there are too few or too many latents or steps.
    """
    if not (2 <= len(references) <= MOST_STOPS and 2 <= steps <= MOST_STEPS):
        raise UsageError(f"A walk goes through 2 to {MOST_STOPS} samples in 2 to {MOST_STEPS} steps each.")
    with models.busy:
        z = models.latents(run, references, wish.truncation)
        fractions = torch.linspace(0, 1, steps)
        legs = spherical(z[:-1], z[1:], fractions)
        way = torch.cat([legs[:1].flatten(0, 1), legs[1:, 1:].flatten(0, 1)])
        return run.pictures(latents=way, label=wish.label or first_label(run))


def nearest(
    models: Models, run: Run, references: Sequence[str], labels: Sequence[str], truncation: float | None
) -> State:
    """Return for each of some samples its nearest training and held-out pictures, and whether any is a copy.

    Args:
        models: those in memory.
        run: one of them.
        references: to latents.
        labels: of a conditional run, that of each sample.
        truncation: of latents that a seed is drawn from.

    Raises:
        GradpenError: the data are not there, or there are too many samples.
    """
    if not 1 <= len(references) <= MOST_SAMPLES:
        raise UsageError(f"{len(references)} samples were asked about; the page compares 1 to {MOST_SAMPLES}.")
    with models.busy:
        source = models.source(run.path)
        z = models.latents(run, references, truncation)
        vectors = vectors_of(run, labels, len(z))
        lines = draw_numbers(run.generator, z, vectors, run.values) if run.values.symbols is not None else None
        found = find_neighbours(draw_pixels(run.generator, z, vectors, run.values), source, lines)
    return {
        "unit": found.unit,
        "verdict": verdict(found),
        "floor": found.real.median,
        "among": {"train": found.train.among, "held_out": found.held_out.among},
        "samples": [
            {"reference": reference, **neighbour(found, source, place)} for place, reference in enumerate(references)
        ],
    }


def vectors_of(run: Run, labels: Sequence[str], count: int) -> torch.Tensor | None:
    """Return the label vectors ``[count, K]`` of samples; None for a run without labels.

    Raises:
        UsageError: there is no such label, or not one for each sample.
    """
    if run.labels is None:
        return None
    if len(labels) != count:
        raise UsageError(f"This run has labels; {count} samples need one each, found {len(labels)}.")
    return torch.stack([torch.from_numpy(run.labels.parse(label)) for label in labels])


def neighbour(found: Neighbours, source: Source, place: int) -> State:
    """Return the nearest pictures or lines of one sample with their distances."""

    def of(one: Nearest) -> State:
        row, symbols = one.rows[[place]], source.values.symbols
        line = None if symbols is None else printable(lines_of(np.asarray(source.images[row]), symbols)[0])
        return {"picture": as_url(shown(source, row)[0]), "line": line, "distance": float(one.distances[place])}

    return {"train": of(found.train), "held_out": of(found.held_out)}
