"""What must hold before a run starts, goes on, or is saved: each check raises or does nothing."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gradpen.config import RunConfig
from gradpen.data.choice import WITHOUT_TABLE
from gradpen.data.folder import list_folder
from gradpen.data.source import Source, how_to_label
from gradpen.errors import DataError, DivergedError, RunError, UsageError
from gradpen.gan import Gan
from gradpen.machine import sharing
from gradpen.runs.checkpoint import Checkpoint
from gradpen.runs.folder import Row, RunFolder
from gradpen.settings import differences, from_dict, to_dict
from gradpen.text import printable


def with_iterations(config: RunConfig, iterations: int | None, checkpoint: Checkpoint, path: Path) -> RunConfig:
    """Return the configuration with a new total of iterations, if one is given.

    Raises:
        RunError: the run is beyond it already, or its schedules end with it.
    """
    if iterations not in (None, config.iterations):
        if config.follows_its_length:
            raise RunError(
                f"{printable(path)} has schedules that end with its {config.iterations:,} iterations, so another "
                f"number would make it another run; leave out `iterations`, or start a new run"
            )
        config = from_dict({**to_dict(config), "iterations": iterations}, origin="`iterations`")
    if config.iterations < checkpoint.iteration:
        raise RunError(
            f"{printable(path)} is at iteration {checkpoint.iteration:,} already, beyond {config.iterations:,}"
        )
    return config


def refuse_without_levels(config: RunConfig, source: Source) -> None:
    """Raise if the data have no grey levels where those are to be spread."""
    if config.data.dequantise and source.images.dtype != np.uint8:
        raise UsageError(
            f"`data.dequantise` spreads the grey levels of 8-bit images, but {printable(source.report.path)} holds "
            f"other numbers; leave it out"
        )


def refuse_bounded(config: RunConfig, source: Source) -> None:
    """Raise if the generator ends in tanh where the data are not scaled to its range."""
    network: Any = config.generator
    if source.values.unscaled and network.name != "own" and getattr(network, "tanh", True):
        raise UsageError(
            f"{printable(source.report.path)} is taken as it is, without a range, and the generator {network.name} of "
            f"{config.preset} makes numbers from -1 to 1 alone; choose `generator=mlp` with `generator.tanh=false`, or "
            f"a preset for points (toy-wgan-gp, quick)"
        )


def refuse_unlike_text(config: RunConfig, source: Source) -> None:
    """Raise if text meets networks or changes that are for images, or the other way round."""
    networks = [getattr(network, "name", "") for network in (config.generator, config.critic)]
    if source.values.symbols is None:
        if "language" in networks:
            raise UsageError(
                f"{config.preset} makes lines of text, but {printable(source.report.path)} holds "
                f"{source.values.layout}; choose another `preset`, or give a .txt file"
            )
        return
    if any(name not in ("language", "own") for name in networks):
        raise UsageError(
            f"{printable(source.report.path)} holds lines of text, and the networks of {config.preset} "
            f"({', '.join(networks)}) make images; choose `preset=text` or `preset=language-model`"
        )
    for option, wanted in (("data.flip", config.data.flip), ("augmentation", config.augmentation is not None)):
        if wanted:
            raise UsageError(f"`{option}` is for images, and {printable(source.report.path)} holds lines of text")


def refuse_small(config: RunConfig, source: Source) -> None:
    """Raise if the data do not fill a batch."""
    if len(source.train) < config.batch_size:
        raise DataError(
            f"{printable(source.report.path)} has {len(source.train)} images to train on (and "
            f"{len(source.held_out)} held out), fewer than a batch of {config.batch_size}; choose "
            f"`batch_size={len(source.train)}` or less, or add images"
        )
    if len(source.held_out) < 2 * config.pack:
        raise DataError(
            f"{printable(source.report.path)} has {len(source.held_out)} held-out images, fewer than two packs of "
            f"{config.pack}; choose a smaller `pack`, or hold out more with `data.held_out`"
        )


def refuse_uneven(config: RunConfig, *, resuming: bool = False) -> None:
    """Raise if the processes cannot have equal parts of a batch."""
    count, parts = sharing.count(), config.accumulate * config.pack
    if config.batch_size % (count * parts) == 0:
        return
    shared = f"a batch of {config.batch_size}"
    shared += f", accumulated from {config.accumulate} parts," if config.accumulate > 1 else ""
    shared += f", packed {config.pack} together," if config.pack > 1 else ""
    allowed = [str(n) for n in range(1, 65) if config.batch_size % (n * parts) == 0]
    advice = (
        f"start one of {', '.join(allowed)} processes"
        if resuming
        else f"choose a `batch_size` that is a multiple of {count * parts} (it is the total of all processes)"
    )
    raise UsageError(f"{shared} cannot be shared by {count} processes equally; {advice}")


def refuse_wrong_labels(config: RunConfig, source: Source) -> None:
    """Raise if the networks take labels and the data have none, or not the kind they take."""
    if not config.conditional:
        return
    if source.labels is None:
        raise DataError(
            f"{config.preset} trains conditional networks, but {printable(source.report.path)} has no labels; "
            f"{how_to_label(source.report)}"
        )
    if config.critic.labels == "classify" and source.labels.kind != "classes":
        raise DataError(
            f"a critic that classifies needs one class for each image, but {printable(source.report.path)} has "
            f"{source.labels.kind} ({', '.join(printable(name) for name in source.labels.names[:5])}); choose one "
            f"attribute, or `critic.labels=planes`"
        )


def refuse_unused_labels(config: RunConfig, given: bool) -> None:
    """Raise if labels were named, or given beside an array, that the networks would never see.

    Labels that classes are chosen by have done their work.
    """
    named = [name for name in ("labels", "columns") if getattr(config.data, name)]
    if config.conditional or config.data.only or not (named or given):
        return
    option = f"`data.{named[0]}` names" if named else "labels= gives"
    way_out = f"leave out `data.{named[0]}`" if named else "leave them out"
    raise UsageError(
        f"{option} labels, but the networks of {config.preset} look at none; make them conditional with `conditional`, "
        f"or {way_out}"
    )


def refuse_other_data(source: Source, checkpoint: Checkpoint, folder: RunFolder) -> None:
    """Raise if these are not the data that the run was trained on."""
    before = checkpoint.facts["data_fingerprint"]
    if source.fingerprint != before:
        raise RunError(
            f"{printable(source.report.path)} does not hold the data {printable(folder.path)} was trained on "
            f"({source.report.used:,} images, fingerprint {source.fingerprint[:12]}; the run's has {before[:12]})"
            f"{how_it_reads(checkpoint)}{what_is_new(source, folder)}; name the folder, file or array that holds them, "
            f"or start a new run"
        )


def how_it_reads(checkpoint: Checkpoint) -> str:
    """Return in words that data may be read otherwise than when the run began, if an earlier version began it."""
    if "values" in checkpoint.facts:
        return ""
    return (
        f"; gradpen {checkpoint.facts['versions']['gradpen']} as it was then read deep pictures, masks, floats, hidden "
        f"files and train/ beside val/ otherwise: if these are such data, go on with that version"
    )


NAMED_NEW = 3


def what_is_new(source: Source, folder: RunFolder) -> str:
    """Return in words which image files of a folder are newer than the run; nothing where none is known to be."""
    if source.report.kind != "folder" or not folder.data.is_file():
        return ""
    began = folder.data.stat().st_mtime_ns
    listing = list_folder(Path(source.report.path))
    no_data = {file for file, _ in source.report.unreadable}
    files = zip(listing.files, listing.stats, strict=True)
    new = [file for file, (_, changed) in files if changed > began and file not in no_data]
    if not new:
        return "; no image file is newer than the run, so some are gone, or it is another folder"
    names = ", ".join(printable(file) for file in new[:NAMED_NEW])
    return f"; newer than the run: {names}{f' and {len(new) - NAMED_NEW:,} more' if len(new) > NAMED_NEW else ''}"


def refuse_changes(before: RunConfig, now: RunConfig, folder: RunFolder) -> None:
    """Raise if the run's configuration is not the one its checkpoint was made with."""
    tables = before.data.labels not in WITHOUT_TABLE and now.data.labels not in WITHOUT_TABLE
    labels = before.data.labels if tables else now.data.labels
    iterations = now.iterations if now.follows_its_length else before.iterations
    same = replace(now, iterations=iterations, data=replace(now.data, path=before.data.path, labels=labels))
    changed = differences(before, same)
    if changed:
        raise RunError(
            f"{printable(folder.config)} was changed since the checkpoint was written "
            f"({'; '.join(changed)}); a resumed run is the same run: put it back, or start a new run with "
            f"`config={printable(folder.config)}`"
        )


def refuse_drift(gan: Gan) -> None:
    """Raise if processes that train as one hold different weights."""
    for name, network in (("generator", gan.generator), ("critic", gan.critic)):
        if sharing.weights_differ(network):
            raise RunError(
                f"the processes of this job hold different weights of the {name}, so they no longer train as one; "
                f"check that all run on machines of one kind, and `resume` the run from its last checkpoint"
            )


def all_finite(checkpoint: Checkpoint) -> bool:
    """Return whether every number of a checkpoint is finite."""
    return all(bool(torch.isfinite(tensor).all()) for part in checkpoint.tensors.values() for tensor in part.values())


def refuse_non_finite(
    finite: bool | Tensor, before: Row, *, iteration: int, saved: int | None, folder: RunFolder
) -> None:
    """Raise if a loss, a measure or a weight is no longer finite.

    Args:
        finite: whether all are.
        before: the newest measures that were finite; empty at the start.
        iteration: where the run is.
        saved: the iteration of the last checkpoint, which stays.
        folder: the run's.

    Raises:
        DivergedError: saying what was seen and what to try; the leader's, of many processes, is the one to be read.
    """
    if bool(finite):
        return
    if not sharing.leads():
        error = DivergedError("a loss or weight became infinite or NaN")
        error.said_elsewhere = True
        raise error
    raise DivergedError(story_of_divergence(before, iteration, saved, folder))


def story_of_divergence(before: Mapping[str, Any], iteration: int, saved: int | None, folder: RunFolder) -> str:
    """Return what was seen before losses became infinite, what is kept, and what to try."""
    if not before:
        return "a measure of the untrained networks is infinite or NaN; check the data and the settings"
    kept = f"the checkpoint of iteration {saved:,} is whole" if saved is not None else "no checkpoint yet"
    return (
        f"a loss or weight became infinite or NaN between iterations {before['iteration'] + 1:,} and {iteration:,}; "
        f"at iteration {before['iteration']:,} the critic gap was {before['critic_gap_train']:.4g}, the mean slope "
        f"{before['slope_mean']:.4g} and the critic's gradient norm {before['critic_gradient_norm']:.4g}; {kept} "
        f"({printable(folder.path)}). Try a lower `learning_rate`, or the preset wgan-gp if the critic had no penalty"
    )
