"""``gradpen.train``: one call from data to a trained run."""

from collections.abc import Callable, Collection
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from gradpen.config import RunConfig
from gradpen.data.choice import DataChoice, LabelledArray, at_absolute_path
from gradpen.data.held import Held, as_array, is_held
from gradpen.data.lines import SUFFIXES, TEXT
from gradpen.data.recognise import open_source
from gradpen.data.source import Source, gather
from gradpen.errors import UsageError
from gradpen.looking.report import publish
from gradpen.metrics.classes import class_measures, label_consistency
from gradpen.metrics.classifier import Classifier, can_classify, classifier_of, silently
from gradpen.metrics.copies import Neighbours, find_neighbours
from gradpen.metrics.generator import (
    SET_SIZE,
    Estimate,
    held_out_batch,
    measure_generator,
    measure_images,
    measures_for,
    sample_sets,
    set_size,
)
from gradpen.presets.quick import MINUTES
from gradpen.runs import training
from gradpen.runs.audience import Audience
from gradpen.runs.budget import LONGEST, Budget
from gradpen.runs.folder import RunFolder, existing_folder, is_run
from gradpen.runs.own import Own, taken_apart
from gradpen.runs.start import configuration_from
from gradpen.runs.trained import Run, load, warn
from gradpen.settings import DEFAULT, configure, from_dict, read_file, to_dict
from gradpen.text import printable

__all__ = ["evaluate", "nearest", "train"]


def train(
    data: str | Path | Held | None = None,
    *,
    labels: ArrayLike | None = None,
    preset: str | None = None,
    minutes: float | None = None,
    reduced: bool = False,
    conditional: bool = False,
    out: str | Path | None = None,
    config: str | Path | None = None,
    start: str | Path | None = None,
    resume: str | Path | None = None,
    audience: Audience | None = None,
    **settings: Any,
) -> Run:
    """Train, and return the trained run.

    Args:
        data: a folder of images, a folder of idx files, a ``.npy`` or ``.npz`` file; what a program holds: an array or
            tensor of images, vectors or signals, of any type and range (``[N, H, W]``, ``[N, H, W, C]``,
            ``[N, C, H, W]``, ``[N, D]``; others with ``data__axes``), a list of those, of Pillow's images or of
            files, a ``Dataset`` or ``DataLoader`` of PyTorch, read once; or None: the preset's embedded data, for most
            digits.
        labels: of an array of images, for conditional networks: classes as integers or texts ``[N]``, or attributes
            (0 or 1) or numbers ``[N, K]``.
        preset: the configuration to start from, ``quick`` by default.
        minutes: how long training may take: steps are timed on this machine, and the length is chosen to fit, with
            ``quick`` the networks too. What was chosen stands in the run's ``config.json``.
        reduced: the preset's small version, with an eighth of the channels and a short run, for a laptop.
        conditional: let a preset's networks take labels that they do not take as published: generators beside the
            latent, critics as planes. ``quick`` does so by itself where labels are named.
        out: the run's folder; None takes the next free number below ``runs/``.
        config: a JSON or TOML file laid over the preset.
        start: a run whose networks and optimisers this one begins with, as far as they fit; without a preset it has
            that run's configuration too. ``freeze_critic=N`` holds the critic's first N layers still.
        resume: a run to continue exactly; only ``iterations`` and the place of the same data may change.
        audience: whom to tell about the progress; nobody by default.
        settings: any setting of the configuration, dots written as double underscores
            (``critic__width=32``), or ``learning_rate``, ``penalty_weight``, ``size``. ``generator`` and ``critic`` may
            be networks of your own: a ``torch.nn.Module``, its class, or ``functools.partial`` of its class.

    Returns:
        The run, whose ``sample(count, seed=...)`` gives images.

    Raises:
        GradpenError: with a sentence that says what to do.

    >>> import tempfile
    >>> run = train(iterations=2, batch_size=16, critic_steps=1, out=tempfile.mkdtemp())
    >>> run.sample(3, seed=1).shape
    (3, 8, 8, 1)
    """
    dotted, own = taken_apart({key.replace("__", "."): value for key, value in settings.items()})
    return train_with(
        dotted,
        data,
        own=own,
        labels=labels,
        preset=preset,
        minutes=minutes,
        reduced=reduced,
        conditional=conditional,
        out=out,
        config=config,
        start=start,
        resume=resume,
        audience=audience,
    )


def train_with(
    dotted: dict[str, Any],
    data: str | Path | Held | None,
    *,
    own: Own | None = None,
    labels: ArrayLike | None = None,
    preset: str | None = None,
    minutes: float | None = None,
    reduced: bool = False,
    conditional: bool = False,
    out: str | Path | None = None,
    config: str | Path | None = None,
    start: str | Path | None = None,
    resume: str | Path | None = None,
    audience: Audience | None = None,
) -> Run:
    """Do what :func:`train` does, with settings by their dotted keys, whatever those are called."""
    audience = audience or Audience()
    if audience.publish is None:
        audience.publish = publish
    array = in_memory(data, labels, audience.say)
    path = None if data is None or array is not None else str(data)
    if array is None and labels is not None:
        raise UsageError("labels go with an array of images; name those of files with data__labels")
    if resume is not None:
        given: dict[str, Any] = {"preset": preset, "minutes": minutes, "reduced": reduced or None}
        given |= {"conditional": conditional or None, "config": config, "out": out, "start": start}
        dotted |= {name: value for name, value in given.items() if value is not None}
        folder = continue_run(Path(resume), path, array, dotted, own, audience)
    else:
        if path is not None:
            dotted["data.path"] = path
        if array is not None:
            dotted.setdefault("data.columns", ())
        file = None if config is None else Path(config)
        base = None if start is None else configuration_from(Path(start), data=path, in_memory=array is not None)
        usual = "text" if holds_text(path, array) else DEFAULT
        chosen = configure(preset, reduced=reduced, file=file, settings=dotted, base=base, usual=usual)
        if start is not None:
            chosen = replace(chosen, start=str(Path(start).absolute()))
        budget = budget_for(
            chosen,
            minutes,
            set(dotted),
            set() if file is None else set(read_file(file)),
            reduced=reduced,
            labelled=labels is not None or conditional,
        )
        if conditional and not chosen.conditional and (budget is None or not budget.networks):
            chosen = made_conditional(chosen)
        folder = training.train(
            chosen, out=None if out is None else Path(out), array=array, budget=budget, own=own, audience=audience
        )
    return load(folder.path, generator=None if own is None else own.generator)


def holds_text(path: str | None, array: LabelledArray | None) -> bool:
    """Return whether data are lines of text, as far as that can be told before they are read."""
    if array is not None:
        return array.images.dtype.kind == "U"
    return path is not None and (path == TEXT or Path(path).suffix.lower() in SUFFIXES)


def made_conditional(config: RunConfig) -> RunConfig:
    """Return the configuration with networks that take labels: beside the latent, and as planes beside the image."""
    values = to_dict(config)
    for role, usual in (("generator", "concatenate"), ("critic", "planes")):
        values[role]["labels"] = "argument" if values[role]["name"] == "own" else usual
    return from_dict(values)


def budget_for(
    config: RunConfig,
    minutes: float | None,
    given: Collection[str],
    in_file: Collection[str] = (),
    *,
    reduced: bool = False,
    labelled: bool = False,
) -> Budget | None:
    """Return what is chosen for a run: with ``quick`` what the user did not set, else a length if minutes are given.

    Args:
        config: the run's.
        minutes: those asked for, if any.
        given: dotted keys of the settings that the user gave one by one.
        in_file: keys of those that a file holds; minutes go before a length in there.
        reduced: whether the preset's reduced version was asked for, which has a length of its own.
        labelled: whether labels were given beside an array.

    Raises:
        UsageError: minutes and iterations are both given, or the minutes are none.
    """
    parts = {key.split(".")[0] for key in (*given, *in_file)}
    if minutes is not None and "iterations" in given:
        raise UsageError("`minutes` and `iterations` are two lengths; choose one of them")
    if minutes is not None and not 0 < minutes <= LONGEST:
        raise UsageError(f"`minutes={minutes:g}`: expected more than 0 and at most {LONGEST:,}")
    ours = config.preset in ("quick", "text") and not reduced and config.start is None
    sized = ours and config.preset == "quick"
    if ours and minutes is None and "iterations" not in parts:
        minutes = MINUTES
    networks = sized and not parts & {"generator", "critic"}
    if minutes is None and not networks:
        return None
    return Budget(
        minutes=minutes,
        networks=networks,
        labelled=labelled or bool(config.data.labels or config.data.columns),
        batch=networks and "batch_size" not in parts,
        marks="cadence" not in parts,
    )


def in_memory(
    data: str | Path | Held | None, labels: ArrayLike | None, say: Callable[[str], None] = silently
) -> LabelledArray | None:
    """Return examples that the program holds, with their labels; None if the data lie elsewhere.

    Raises:
        UsageError: they are neither.
        DataError: they cannot be read.
    """
    if not is_held(data):
        return None
    array, own = as_array(data, say)
    return LabelledArray(images=array, labels=own if labels is None else np.asarray(labels), asked=labels is not None)


def continue_run(
    path: Path,
    data: str | None,
    array: LabelledArray | None,
    settings: dict[str, Any],
    own: Own | None,
    audience: Audience,
) -> RunFolder:
    """Resume a run, refusing every setting that would make it another one."""
    iterations = settings.pop("iterations", None)
    for role in ("generator", "critic"):
        if own is not None and getattr(own, role) is not None:
            settings.pop(role, None)
    if settings:
        raise UsageError(
            f"a resumed run is the same run, so {', '.join(sorted(settings))} cannot be given with resume; "
            f"only the iterations and the place of the data may change; `start` begins a new run with its networks"
        )
    return training.resume(path, iterations=iterations, data=data, array=array, own=own, audience=audience)


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
        measures = (*measures_for(source), *(class_measures(classifier) if classifier else ()))
        return measure_images(images, source, seed=seed, limit=count, sets=sets, measures=measures)
    trained, source = load_with_data(str(run), data, say, labels, checkpoint, device, generator)
    classifier = classifier_of(source, progress) if classes and can_classify(source) else None
    return measures_of(trained, source, count=count, sets=sets, seed=seed, classifier=classifier)


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
        measures=(*measures_for(source), *(class_measures(classifier) if classifier else ())),
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
