"""What must hold before a run starts or goes on, and what is said first."""

from dataclasses import replace
from pathlib import Path

import torch

from gradpen import processes
from gradpen.checkpoint import Checkpoint
from gradpen.config import RunConfig, differences, from_dict, to_dict
from gradpen.data.choice import WITHOUT_TABLE
from gradpen.data.source import Source
from gradpen.errors import DataError, RunError, UsageError
from gradpen.gan import Gan
from gradpen.names import safe_name
from gradpen.runs import RunFolder
from gradpen.runtime import computes_in_bf16, versions
from gradpen.session import Audience, precision_fact


def lengthened(config: RunConfig, iterations: int | None, checkpoint: Checkpoint, path: Path) -> RunConfig:
    """Return the configuration with a new total of iterations, if one is given.

    Raises:
        RunError: the run is beyond it already, or its learning rates depend on the total.
    """
    if iterations not in (None, config.iterations):
        if config.learning_rate_decay != "none":
            raise RunError(
                f"{safe_name(path)} lets its learning rates fall to 0 over {config.iterations:,} iterations, so "
                f"another number would make it another run; leave out --iterations, or start a new run"
            )
        config = from_dict({**to_dict(config), "iterations": iterations}, origin="--iterations")
    if config.iterations < checkpoint.iteration:
        raise RunError(
            f"{safe_name(path)} is at iteration {checkpoint.iteration:,} already, beyond {config.iterations:,}"
        )
    return config


def refuse_small(config: RunConfig, source: Source) -> None:
    """Raise if the data do not fill a batch."""
    if len(source.train) < config.batch_size:
        raise DataError(
            f"{safe_name(source.report.path)} has {len(source.train)} images to train on (and "
            f"{len(source.held_out)} held out), fewer than a batch of {config.batch_size}; pass --batch-size "
            f"{len(source.train)} or less (comparisons: --set batch_size={len(source.train)}), or add images"
        )


def refuse_uneven(config: RunConfig, *, resuming: bool = False) -> None:
    """Raise if the processes cannot have equal parts of a batch."""
    count, parts = processes.count(), config.accumulate
    if config.batch_size % (count * parts) == 0:
        return
    shared = f"a batch of {config.batch_size}" + (f", accumulated from {parts} parts," if parts > 1 else "")
    allowed = [str(n) for n in range(1, 65) if config.batch_size % (n * parts) == 0]
    advice = (
        f"start one of {', '.join(allowed)} processes"
        if resuming
        else f"choose a --batch-size that is a multiple of {count * parts} (it is the total of all processes)"
    )
    raise UsageError(f"{shared} cannot be shared by {count} processes equally; {advice}")


def refuse_other_data(source: Source, checkpoint: Checkpoint, path: Path) -> None:
    """Raise if these are not the data that the run was trained on."""
    before = checkpoint.facts["data_fingerprint"]
    if source.fingerprint != before:
        raise RunError(
            f"{safe_name(source.report.path)} does not hold the data {safe_name(path)} was trained on "
            f"({source.report.used:,} images, fingerprint {source.fingerprint[:12]}; the run's has {before[:12]}); "
            f"name the folder, file or array that holds them, or start a new run"
        )


def refuse_changes(before: RunConfig, now: RunConfig, folder: RunFolder) -> None:
    """Raise if the run's configuration is not the one its checkpoint was made with."""
    tables = before.data.labels not in WITHOUT_TABLE and now.data.labels not in WITHOUT_TABLE
    labels = before.data.labels if tables else now.data.labels
    iterations = before.iterations if now.learning_rate_decay == "none" else now.iterations
    same = replace(now, iterations=iterations, data=replace(now.data, path=before.data.path, labels=labels))
    changed = differences(before, same)
    if changed:
        raise RunError(
            f"{safe_name(folder.config)} was changed since the checkpoint was written "
            f"({'; '.join(changed)}); a resumed run is the same run: put it back, or start a new run with "
            f"--config {safe_name(folder.config)}"
        )


def say_machine_changes(checkpoint: Checkpoint, device: torch.device, gan: Gan, audience: Audience) -> None:
    """Say what differs from the machine the run began on, since the last bits may then differ too."""
    now = versions(device) | {"precision": precision_fact(gan)}
    before = {"processes": 1} | checkpoint.facts["versions"]
    before["precision"] = checkpoint.facts.get("precision", now["precision"])
    changed = [
        f"{key} {before[key]} -> {now[key]}"
        for key in ("gradpen", "torch", "device", "cpu_capability", "processes", "precision")
        if before[key] != now[key]
    ]
    if changed:
        audience.say(f"this run will not be bit-exact from here on: {', '.join(changed)}")


def say_embedded(config: RunConfig, source: Source, audience: Audience) -> None:
    """Say so if the run is on data that need no file."""
    if source.report.kind == "embedded":
        audience.say(
            f"training on {config.data.path} ({source.report.path}); name a folder, idx files or an array to train on "
            f"your own images"
        )


def say_slow_precision(config: RunConfig, device: torch.device, audience: Audience) -> None:
    """Say so if the precision asked for is slower than fp32 here."""
    if config.precision.startswith("bf16") and not computes_in_bf16(device):
        audience.say(
            f"this {device.type} has no bf16 arithmetic, so precision={config.precision} is emulated and slower than "
            f"fp32; leave --precision out, or choose auto"
        )


def say_left_out(source: Source, audience: Audience) -> None:
    """Say how many files were left out, so that nothing is skipped in silence."""
    unreadable = source.report.unreadable
    if unreadable:
        file, reason = unreadable[0]
        audience.say(
            f"{len(unreadable)} of {source.report.found} image files are unreadable and left out, the first "
            f"{safe_name(file)} ({safe_name(reason)}); data.json in the run folder names all"
        )
