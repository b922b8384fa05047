"""The models that are explored, in memory; latents by reference; the latents of a picture."""

import base64
import io
import re
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import RLock
from typing import Literal, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from gradpen.data.image import UnreadableImageError, decode
from gradpen.data.shown import as_image
from gradpen.data.source import Source
from gradpen.errors import UsageError
from gradpen.evaluation import load_with_data
from gradpen.page.listing import State
from gradpen.runs.checkpoint import checkpoint_folders
from gradpen.runs.folder import RunFolder, unheard
from gradpen.runs.trained import Run, load
from gradpen.text import printable

MOST_PIXELS = 50_000_000
POINTS = 1_000
"""samples of a seed that can be referred to"""
KEPT = 3
"""models, and data, in memory"""
REFERENCE = re.compile(r"s(\d{1,9})\.(\d{1,6})|f(\d{1,6})")
"""of latents: sample 7 of seed 3 is ``s3.7``, those found for the second picture ``f1``"""
Thing = TypeVar("Thing")
Checkpoint = Literal["best", "last"] | int


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


def newest_checkpoints(path: Path) -> list[tuple[str, int]]:
    """Return the best and the last checkpoint of a run, as far as there are any, with the times they were written."""
    folder = RunFolder(path=path)
    newest = [place for kind in (folder.best, folder.checkpoints) for place in checkpoint_folders(kind)[:1]]
    return [(place.name, place.stat().st_mtime_ns) for place in newest]


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


def as_url(pixels: NDArray[np.uint8]) -> str:
    """Return a picture, uint8 ``[C, H, W]``, as an address that holds it."""
    return url_of(as_image(pixels))


def url_of(picture: Image.Image) -> str:
    """Return a picture as an address that holds it."""
    buffer = io.BytesIO()
    picture.save(buffer, format="png")
    return f"data:image/png;base64,{base64.b64encode(buffer.getvalue()).decode()}"
