"""``gradpen.train``: one call from data to a trained run."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gradpen.data.choice import LabelledArray, at_absolute_path
from gradpen.data.recognise import open_source
from gradpen.data.source import Source
from gradpen.errors import UsageError
from gradpen.looking.report import publish
from gradpen.metrics.copies import Neighbours, find_neighbours
from gradpen.metrics.generator import SET_SIZE, Estimate, measure_generator
from gradpen.runs import training
from gradpen.runs.audience import Audience
from gradpen.runs.folder import RunFolder
from gradpen.runs.trained import Run, load, warn
from gradpen.settings import configure
from gradpen.text import printable

__all__ = ["evaluate", "nearest", "train"]


def train(
    data: str | Path | NDArray[np.generic] | None = None,
    *,
    labels: ArrayLike | None = None,
    preset: str | None = None,
    reduced: bool = False,
    out: str | Path | None = None,
    config: str | Path | None = None,
    resume: str | Path | None = None,
    audience: Audience | None = None,
    **settings: Any,
) -> Run:
    """Train, and return the trained run.

    Args:
        data: a folder of images, a folder of idx files, a ``.npy`` or ``.npz`` file, an array of images
            (uint8, or floats in [0, 1] or [-1, 1]; ``[N, H, W]``, ``[N, H, W, C]`` or ``[N, C, H, W]``), or
            None for the preset's embedded data, scikit-learn's digits for most.
        labels: of an array of images, for conditional networks: classes as integers or texts ``[N]``, or attributes
            (0 or 1) or numbers ``[N, K]``.
        preset: the configuration to start from, ``wgan-gp`` by default.
        reduced: the preset's small version, with an eighth of the channels and a short run, for a laptop.
        out: the run's folder; None takes the next free number below ``runs/``.
        config: a JSON or TOML file laid over the preset.
        resume: a run to continue exactly; only ``iterations`` and the place of the same data may change.
        audience: whom to tell about the progress; nobody by default.
        settings: any setting of the configuration, dots written as double underscores
            (``critic__width=32``), or ``learning_rate``, ``penalty_weight``, ``size``.

    Returns:
        The run, whose ``sample(count, seed=...)`` gives images.

    Raises:
        GradpenError: with a sentence that says what to do.

    >>> import tempfile
    >>> run = train(iterations=2, batch_size=16, critic_steps=1, out=tempfile.mkdtemp())
    >>> run.sample(3, seed=1).shape
    (3, 8, 8, 1)
    """
    audience = audience or Audience()
    if audience.publish is None:
        audience.publish = publish
    array = in_memory(data, labels)
    path = None if data is None or isinstance(data, np.ndarray) else str(data)
    if array is None and labels is not None:
        raise UsageError("labels go with an array of images; name those of files with data__labels")
    dotted = {key.replace("__", "."): value for key, value in settings.items()}
    if resume is not None:
        given = {"preset": preset, "reduced": reduced or None, "config": config, "out": out}
        dotted |= {name: value for name, value in given.items() if value is not None}
        folder = continue_run(Path(resume), path, array, dotted, audience)
    else:
        if path is not None:
            dotted["data.path"] = path
        if array is not None:
            dotted.setdefault("data.columns", ())
        file = None if config is None else Path(config)
        chosen = configure(preset, reduced=reduced, file=file, settings=dotted)
        folder = training.train(chosen, out=None if out is None else Path(out), array=array, audience=audience)
    return load(folder.path)


def in_memory(data: str | Path | NDArray[np.generic] | None, labels: ArrayLike | None) -> LabelledArray | None:
    """Return an array of images with its labels; None if the data are something else."""
    if not isinstance(data, np.ndarray):
        return None
    return LabelledArray(images=data, labels=None if labels is None else np.asarray(labels))


def continue_run(
    path: Path,
    data: str | None,
    array: LabelledArray | None,
    settings: dict[str, Any],
    audience: Audience,
) -> RunFolder:
    """Resume a run, refusing every setting that would make it another one."""
    iterations = settings.pop("iterations", None)
    if settings:
        raise UsageError(
            f"a resumed run is the same run, so {', '.join(sorted(settings))} cannot be given with resume; "
            f"only the iterations and the place of the data may change"
        )
    return training.resume(path, iterations=iterations, data=data, array=array, audience=audience)


def evaluate(
    run: str | Path,
    data: str | Path | NDArray[np.generic] | None = None,
    *,
    labels: ArrayLike | None = None,
    count: int = SET_SIZE,
    sets: int = 5,
    seed: int = 0,
    device: str = "auto",
    say: Callable[[str], None] = warn,
) -> dict[str, Estimate]:
    """Measure a run's samples beside real images: distance to held-out data, diversity, sharpness.

    Args:
        run: the run's folder.
        data: where the run's data lie now, or the array it was trained on; None: where they were.
        labels: of the array.
        count: images in each set, at most as many as are held out.
        sets: independent sets of samples, at least 2.
        seed: seed of the latents.
        device: where samples are drawn: auto, cpu, cuda or cuda:N.
        say: called if a damaged checkpoint is passed over; a warning by default.

    Returns:
        ``samples``, the exact Wasserstein-1 distance of samples to held-out images; ``diversity``, the mean distance
        between two samples; ``sharpness``, the median variance of their Laplacian (images of at least 3x3 pixels).
        ``floor``, ``real_diversity`` and ``real_sharpness`` are the same of training images. Each has its mean and
        standard deviation over the sets, and n, the images in each.

    Raises:
        GradpenError: there is no run, its data or the device are not there, or a count is too small.
    """
    return measures_of(*load_with_data(run, data, say, labels, device), count=count, sets=sets, seed=seed)


def measures_of(run: Run, source: Source, *, count: int, sets: int, seed: int) -> dict[str, Estimate]:
    """Return what :func:`evaluate` does, of a loaded run and its data."""
    if count < 2 or sets < 2:
        raise UsageError(f"an evaluation needs at least 2 images and 2 sets, found {count} and {sets}")
    return measure_generator(
        run.generator,
        run.config.generator.latent_dim,
        source,
        conditional=run.config.conditional,
        seed=seed,
        limit=count,
        sets=sets,
    )


def nearest(
    run: str | Path,
    data: str | Path | NDArray[np.generic] | None = None,
    *,
    labels: ArrayLike | None = None,
    count: int = 15,
    seed: int = 0,
    device: str = "auto",
    say: Callable[[str], None] = warn,
) -> Neighbours:
    """Find the nearest training and held-out image of each of a run's samples, to see whether it copied any.

    Args:
        run: the run's folder.
        data: where the run's data lie now, or the array it was trained on; None: where they were.
        labels: of the array.
        count: how many samples.
        seed: seed of the latents.
        device: where samples are drawn: auto, cpu, cuda or cuda:N.
        say: called if a damaged checkpoint is passed over; a warning by default.

    Raises:
        GradpenError: there is no run, its data or the device are not there, or there are no samples to look at.
    """
    trained, source = load_with_data(run, data, say, labels, device)
    return find_neighbours(trained.sample(count, seed=seed).transpose(0, 3, 1, 2), source)


def load_with_data(
    run: str | Path,
    data: str | Path | NDArray[np.generic] | None,
    say: Callable[[str], None],
    labels: ArrayLike | None = None,
    device: str = "auto",
) -> tuple[Run, Source]:
    """Return a run and the data it was trained on.

    Raises:
        GradpenError: there is no run, or its data or the device are not there.
    """
    trained = load(run, device=device, say=say)
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
