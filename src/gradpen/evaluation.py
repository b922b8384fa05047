"""``gradpen.evaluate`` and ``gradpen.nearest``: a trained run, or images from anywhere, beside real images."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from gradpen.data.choice import DataChoice, at_absolute_path
from gradpen.data.held import Held, in_memory, is_held
from gradpen.data.recognise import open_source
from gradpen.data.source import Source, gather
from gradpen.errors import UsageError
from gradpen.metrics.classes import class_measures, label_consistency
from gradpen.metrics.classifier import Classifier, can_classify, classifier_of, silently
from gradpen.metrics.copies import Neighbours, find_neighbours
from gradpen.metrics.generator import (
    SET_SIZE,
    Estimate,
    Measure,
    held_out_batch,
    measure_generator,
    measure_images,
    measures_for,
    sample_sets,
    set_size,
)
from gradpen.metrics.modes import mode_measures
from gradpen.runs.folder import existing_folder, is_run
from gradpen.runs.trained import Run, load, warn
from gradpen.text import printable

__all__ = ["evaluate", "nearest"]


def evaluate(
    run: str | Path | Held,
    data: str | Path | Held | None = None,
    *,
    labels: ArrayLike | None = None,
    count: int = SET_SIZE,
    sets: int = 5,
    seed: int = 0,
    checkpoint: Literal["best", "last"] | int = "last",
    device: str = "auto",
    generator: nn.Module | None = None,
    classes: bool = True,
    say: Callable[[str], None] = warn,
    progress: Callable[[str], None] = silently,
) -> dict[str, Estimate]:
    """Measure samples beside real images: distances to held-out images, precision, recall, diversity, sharpness.

    Args:
        run: a run's folder; or images from anywhere, a folder, a file or an array.
        data: what is measured against. Of a run: where its data lie now, or the array it was trained on; None: where
            they were. Of images from anywhere: the data, brought to the images' size.
        labels: of the array.
        count: images in each set, at most as many as are held out.
        sets: independent sets of samples, at least 2.
        seed: seed of the latents, or of the choice of images.
        checkpoint: which state of the run, as for :func:`load`.
        device: where samples are drawn: auto, cpu, cuda or cuda:N.
        generator: of a run whose own generator its import path alone does not bring back, as for :func:`load`.
        classes: also measure with a small classifier, where the data have classes: it is trained on the data's training
            part at first, which takes up to two minutes, and kept in the cache.
        say: called if a damaged checkpoint is passed over; a warning by default.
        progress: told when a classifier is trained; nobody by default.

    Returns:
        By its name, each of :func:`gradpen.metrics.generator.measures_for` that images are large and many enough for,
        those of :data:`gradpen.metrics.classes.WORDS` that the data's labels allow, and the same of training images
        (``floor`` beside ``samples``, ``real_…`` beside the others). Each has its mean and standard deviation over the
        sets, and n, the images in each; ``real_label_consistency`` is the classifier's accuracy on held-out images.

    Raises:
        GradpenError: there is no run, its data or the device are not there, or a count is too small.
    """
    if count < 2 or sets < 2:
        raise UsageError(f"an evaluation needs at least 2 images and 2 sets, found {count} and {sets}")
    if is_held(run) or not is_run(Path(str(run))):
        if data is None and not is_held(run) and not Path(str(run)).exists():
            existing_folder(Path(str(run)))
        images, source = images_beside(run, data)
        classifier = classifier_of(source, progress) if classes and can_classify(source) else None
        measures = all_measures(source, classifier)
        return measure_images(images, source, seed=seed, limit=count, sets=sets, measures=measures)
    trained, source = load_with_data(str(run), data, say, labels, checkpoint, device, generator)
    classifier = classifier_of(source, progress) if classes and can_classify(source) else None
    return measures_of(trained, source, count=count, sets=sets, seed=seed, classifier=classifier)


def all_measures(source: Source, classifier: Classifier | None) -> tuple[Measure, ...]:
    """Return everything that is measured of samples of such data."""
    by_class = class_measures(classifier) if classifier is not None else ()
    return (*measures_for(source), *mode_measures(source), *by_class)


def images_beside(images: str | Path | Held, data: str | Path | Held | None) -> tuple[Tensor, Source]:
    """Return images ``[N, C, H, W]`` in [-1, 1], and the data they are measured against at their size.

    Raises:
        UsageError: no data are named.
        DataError: either cannot be read.
    """
    if data is None:
        raise UsageError(
            f"{'the array' if is_held(images) else printable(images)} is no run, so what its images are "
            f"measured against must be named: `against=DATA` (in Python data=…)"
        )
    own = DataChoice() if is_held(images) else DataChoice(path=str(images))
    made = open_source(own, array=in_memory(images, None))
    channels, height, width = made.shape
    choice = DataChoice() if is_held(data) else DataChoice(path=str(data))
    if made.values.layout == "images":
        colours: Any = channels if channels <= MOST_CHANNELS else None
        choice = replace(choice, size=(height, width), channels=colours)
    source = open_source(choice, array=in_memory(data, None))
    pixels = gather(made, np.arange(len(made.images)), torch.device("cpu"))
    if not source.values.are_pixels and source.values.dtype == made.values.dtype:
        # Numbers of one type are in one unit: those of the images are mapped as those of the data.
        pixels = torch.from_numpy(source.values.taken(made.values.restore(pixels.numpy())))
    return pixels, source


MOST_CHANNELS = 4


def measures_of(
    run: Run, source: Source, *, count: int, sets: int, seed: int, classifier: Classifier | None = None
) -> dict[str, Estimate]:
    """Return what :func:`evaluate` does, of a loaded run and its data."""
    latent_dim, conditional = run.config.generator.latent_dim, run.config.conditional
    found = measure_generator(
        run.generator,
        latent_dim,
        source,
        conditional=conditional,
        seed=seed,
        limit=count,
        sets=sets,
        measures=all_measures(source, classifier),
    )
    if classifier is not None and conditional:
        held_out = held_out_batch(source, set_size(source, count), conditional=True)
        assert held_out.labels is not None
        found |= label_consistency(
            classifier, sample_sets(run.generator, latent_dim, held_out, seed, sets), held_out.labels
        )
    return found


def nearest(
    run: str | Path,
    data: str | Path | Held | None = None,
    *,
    labels: ArrayLike | None = None,
    count: int = 15,
    seed: int = 0,
    checkpoint: Literal["best", "last"] | int = "last",
    device: str = "auto",
    generator: nn.Module | None = None,
    say: Callable[[str], None] = warn,
) -> Neighbours:
    """Find the nearest training and held-out image of each of a run's samples, to see whether it copied any.

    Args:
        run: the run's folder.
        data: where the run's data lie now, or the array it was trained on; None: where they were.
        labels: of the array.
        count: how many samples.
        seed: seed of the latents.
        checkpoint: which state of the run, as for :func:`load`.
        device: where samples are drawn: auto, cpu, cuda or cuda:N.
        generator: of a run whose own generator its import path alone does not bring back, as for :func:`load`.
        say: called if a damaged checkpoint is passed over; a warning by default.

    Raises:
        GradpenError: there is no run, its data or the device are not there, or there are no samples to look at.
    """
    trained, source = load_with_data(run, data, say, labels, checkpoint, device, generator)
    return neighbours_of(trained, source, count, seed)


def neighbours_of(run: Run, source: Source, count: int, seed: int) -> Neighbours:
    """Return what :func:`nearest` does, of a loaded run and its data."""
    lines = run.sample(count, seed=seed) if source.values.symbols is not None else None
    return find_neighbours(run.pictures(count, seed=seed), source, lines)


def load_with_data(
    run: str | Path,
    data: str | Path | Held | None,
    say: Callable[[str], None],
    labels: ArrayLike | None = None,
    checkpoint: Literal["best", "last"] | int = "last",
    device: str = "auto",
    generator: nn.Module | None = None,
) -> tuple[Run, Source]:
    """Return a run and the data it was trained on.

    Raises:
        GradpenError: there is no run, or its data or the device are not there.
    """
    trained = load(run, checkpoint=checkpoint, device=device, generator=generator, say=say)
    choice = trained.config.data
    array = in_memory(data, labels)
    if data is not None and array is None:
        choice = at_absolute_path(choice, str(data))
    source = open_source(choice, array=array)
    if source.fingerprint != trained.data_fingerprint:
        raise UsageError(
            f"{printable(source.report.path)} does not hold the data {printable(run)} was trained on; name the "
            f"folder, file or array that does"
        )
    return trained, source
