"""``gradpen.train``: one call from data to a trained run."""

from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from numpy.typing import ArrayLike

from gradpen.config import RunConfig
from gradpen.data.choice import LabelledArray
from gradpen.data.held import Held, in_memory
from gradpen.data.lines import SUFFIXES, TEXT
from gradpen.errors import UsageError
from gradpen.looking.judging import Judge
from gradpen.looking.report import publish
from gradpen.looking.trackers import named_trackers
from gradpen.presets.quick import MINUTES
from gradpen.runs import training
from gradpen.runs.audience import Audience, Tracker
from gradpen.runs.budget import LONGEST, Budget
from gradpen.runs.folder import RunFolder
from gradpen.runs.own import Own, taken_apart
from gradpen.runs.start import configuration_from
from gradpen.runs.trained import Run, load
from gradpen.settings import DEFAULT, configure, from_dict, read_file, to_dict

__all__ = ["train"]


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
    track: Sequence[str | Tracker] = (),
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
        track: who keeps measures and pictures too: ``tensorboard``, ``wandb``, ``csv``, or a :class:`Tracker`.
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
    audience = audience or Audience()
    audience.trackers += [tracker for each in track for tracker in trackers_of(each)]
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
    if audience.judge is None:
        audience.judge = Judge(audience.say)
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


def trackers_of(named: str | Tracker) -> list[Tracker]:
    """Return a tracker by its name, or as it is."""
    return named_trackers([named]) if isinstance(named, str) else [named]


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
