"""A trained model to explore: samples, walks between them, labels, nearest pictures, latents of a picture."""

import base64
import io
import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from typing import Any, Literal, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from gradpen.data.image import UnreadableImageError, decode
from gradpen.data.labels import LabelSpace
from gradpen.data.plane import SAMPLES, draw_plane, window_of
from gradpen.data.shown import as_image
from gradpen.data.source import Source, shown
from gradpen.data.symbols import lines_of
from gradpen.errors import UsageError
from gradpen.evaluation import load_with_data
from gradpen.looking.films import spherical
from gradpen.metrics.copies import Neighbours, find_neighbours, verdict
from gradpen.metrics.neighbours import Nearest
from gradpen.page.listing import State
from gradpen.page.surface import newest_critic, surface_of
from gradpen.runs.checkpoint import checkpoint_folders
from gradpen.runs.folder import RunFolder
from gradpen.runs.trained import Run, load
from gradpen.sampling import draw_numbers, draw_pixels, every_label
from gradpen.text import printable

MOST_SAMPLES, MOST_STEPS, MOST_PIXELS = 64, 32, 50_000_000
POINTS, LABELS = 1_000, 40
"""points shown, and labels where each has a row"""
KEPT = 3
"""models, and data, in memory"""
REFERENCE = re.compile(r"s(\d{1,9})\.(\d{1,6})|f(\d{1,6})")
"""of latents: sample 7 of seed 3 is ``s3.7``, those found for the second picture ``f1``"""
Thing = TypeVar("Thing")
Checkpoint = Literal["best", "last"] | int


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is asked of a model."""

    seed: int = 0
    count: int = 24
    label: str | None = None
    truncation: float | None = None
    every: bool = False
    """the same latents under every label"""


@dataclass
class Models:
    """The models that are being explored. One request at a time uses them."""

    data: str | None = None
    """where the data lie now, if they moved"""
    runs: "OrderedDict[object, Run]" = field(default_factory=OrderedDict)
    sources: "OrderedDict[object, Source]" = field(default_factory=OrderedDict)
    found: dict[Path, list[torch.Tensor]] = field(default_factory=dict)
    """latents found for pictures, by the run's folder"""
    busy: RLock = field(default_factory=RLock)

    def run(self, path: Path, checkpoint: Checkpoint = "best") -> Run:
        """Return a run at a checkpoint, loaded anew when it has been trained further.

        Raises:
            GradpenError: there is none.
        """
        with self.busy:
            key = (path, checkpoint, *newest_checkpoints(path))
            return kept(self.runs, key, lambda: load(path, checkpoint=checkpoint, device="cpu", say=unheard))

    def source(self, path: Path, checkpoint: Checkpoint = "best") -> Source:
        """Return the data of a run.

        Raises:
            GradpenError: they are not where they were, or not what they were.
        """
        with self.busy:
            return kept(
                self.sources,
                (path, *newest_checkpoints(path)),
                lambda: load_with_data(path, self.data, unheard, checkpoint=checkpoint, device="cpu")[1],
            )

    def latents(self, run: Run, references: Sequence[str], truncation: float | None) -> torch.Tensor:
        """Return the latents ``[N, latent_dim]`` of references.

        Raises:
            UsageError: there are none of that name.
        """
        return torch.cat([self.latent(run, reference, truncation) for reference in references])

    def latent(self, run: Run, reference: str, truncation: float | None) -> torch.Tensor:
        """Return the latents ``[1, latent_dim]`` of a reference."""
        match = REFERENCE.fullmatch(reference)
        if match is None:
            raise UsageError(f"There are no latents '{printable(reference)}'.")
        seed, index, number = (None if part is None else int(part) for part in match.groups())
        if number is not None:
            found = self.found.get(run.path, [])
            if number >= len(found):
                raise UsageError("The latents of that picture are gone; give the picture again.")
            return found[number]
        assert seed is not None
        assert index is not None
        if index >= POINTS:
            raise UsageError(f"Sample {index:,} was asked for; the page shows the first {POINTS:,} of a seed.")
        return run.latents(index + 1, seed=seed, truncation=truncation)[-1:]

    def find(self, run: Run, picture: bytes, label: str | None) -> State:
        """Return the sample that comes nearest to a picture, with a reference to its latents.

        Raises:
            UsageError: it is no picture, or the run makes no pictures.
        """
        height, width, channels = image_shape(run)
        try:
            pixels, _ = decode(picture, channels, (height, width), "crop", "white", MOST_PIXELS)
        except UnreadableImageError as error:
            raise UsageError(f"The file cannot be taken as a picture: {error}.") from None
        with self.busy:
            found = run.project(pixels.transpose(1, 2, 0)[None], label=label or first_label(run))
            known = self.found.setdefault(run.path, [])
            known.append(found.latents)
            drawn = run.pictures(latents=found.latents, label=label or first_label(run))[0]
        return {
            "given": as_url(pixels),
            "sample": {
                "reference": f"f{len(known) - 1}",
                "label": label or first_label(run),
                "words": printable(label or first_label(run) or ""),
                "picture": as_url(drawn),
                "line": None,
            },
            "distance": float(found.distances[0]),
        }


def kept(held: "OrderedDict[object, Thing]", key: object, make: Callable[[], Thing]) -> Thing:
    """Return what is held for a key, made now where it is not; the oldest of many are let go."""
    if key not in held:
        held[key] = make()
        while len(held) > KEPT:
            held.popitem(last=False)
    held.move_to_end(key)
    return held[key]


def unheard(_sentence: str) -> None:
    """Say nothing."""


def newest_checkpoints(path: Path) -> list[tuple[str, int]]:
    """Return the best and the last checkpoint of a run, as far as there are any, with the times they were written."""
    folder = RunFolder(path=path)
    newest = [place for kind in (folder.best, folder.checkpoints) for place in checkpoint_folders(kind)[:1]]
    return [(place.name, place.stat().st_mtime_ns) for place in newest]


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


def image_shape(run: Run) -> tuple[int, int, int]:
    """Return height, width and channels of a run's images.

    Raises:
        UsageError: it makes none.
    """
    if not (run.values.layout == "images" and run.values.are_pixels):
        raise UsageError("This run makes no pictures of 8 bits, so there is nothing to compare a picture with.")
    height, width, channels = run.sample(1).shape[1:]
    return height, width, channels


def first_label(run: Run) -> str | None:
    """Return the first label of a conditional run."""
    return None if run.labels is None else run.labels.example_names()[0]


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
    if not (2 <= len(references) <= KEPT + 1 and 2 <= steps <= MOST_STEPS):
        raise UsageError(f"A walk goes through 2 to {KEPT + 1} samples in 2 to {MOST_STEPS} steps each.")
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


def as_url(pixels: NDArray[np.uint8]) -> str:
    """Return a picture, uint8 ``[C, H, W]``, as an address that holds it."""
    return url_of(as_image(pixels))


def url_of(picture: Image.Image) -> str:
    """Return a picture as an address that holds it."""
    buffer = io.BytesIO()
    picture.save(buffer, format="png")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
