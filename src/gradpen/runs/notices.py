"""What a user should know before a run starts or goes on, a sentence each; nothing is done in silence."""

from collections.abc import Iterator

import torch
import torch.distributed as distributed

from gradpen.config import RunConfig
from gradpen.data.source import Source
from gradpen.data.values import shape_in_words
from gradpen.gan import Gan
from gradpen.machine import sharing
from gradpen.machine.device import computes_in_bf16
from gradpen.machine.versions import versions
from gradpen.networks.own import OwnGenerator
from gradpen.runs.checkpoint import Checkpoint
from gradpen.runs.own import cannot_return
from gradpen.runs.state import Task, precision_fact
from gradpen.text import printable


def before_the_start(task: Task) -> Iterator[str]:
    """Yield what is worth saying before a new run."""
    yield from of_a_foreign_group()
    yield from of_slow_precision(task.config, task.device)
    yield of_data(task.source)
    yield from of_labels(task)
    yield from of_left_out(task.source)
    if isinstance(task.config.generator, OwnGenerator):
        own = task.config.generator
        yield f"the generator {printable(own.source)} takes {own.latent_dim} latents, as {own.latents}"
    if needed := cannot_return(task.config, task.own):
        yield needed
    if task.source.report.kind == "embedded":
        yield (
            f"training on {task.config.data.path} ({task.source.report.path}); name a folder, idx files or an array to "
            f"train on your own images"
        )


def of_slow_precision(config: RunConfig, device: torch.device) -> Iterator[str]:
    """Yield a sentence if the precision asked for is slower than fp32 here."""
    if config.precision.startswith("bf16") and not computes_in_bf16(device):
        yield (
            f"this {device.type} has no bf16 arithmetic, so precision={config.precision} is emulated and slower than "
            f"fp32; leave `precision` out, or choose `precision=auto`"
        )


def of_data(source: Source) -> str:
    """Return in a line what was read, and what was done to it or left out."""
    report = source.report
    channels = source.shape[0]
    kinds = ", ".join(f"{count:,} {mode}" for mode, count in report.modes.items())
    notes = [f"{count:,} × {note}" for note, count in report.notes.items()]
    others = [f"{count:,} {kind}" for kind, count in report.other_files.items()]
    left_out = [f"left out as no images: {', '.join(others)}"] if others else []
    layout = source.values.layout
    form = f"{channels} channel{'s' * (channels > 1)} of {source.sides}"
    if layout in ("vectors", "signals", "lines"):
        form = shape_in_words(source.shape, source.values.to_json())
    return (
        f"read {report.used:,} {layout} ({kinds}) as {form}; "
        f"{len(source.train):,} to train on, {len(source.held_out):,} held out"
        + "".join(f"; {printable(note)}" for note in (*notes, *left_out))
    )


def of_labels(task: Task) -> Iterator[str]:
    """Yield what the label of an image holds, if the networks see it, and what it may have been meant to hold."""
    labels = task.source.labels
    if labels is None or not task.config.conditional:
        return
    yield f"labels ({printable(task.source.report.labels)}): {labels.about()}"
    if labels.kind == "classes" and len(labels.names) > MANY_NUMBERS and all(map(is_number, labels.names)):
        yield (
            f"{len(labels.names)} different numbers are as many classes, none nearer to another; where they are a "
            f"quantity, write `data.columns=NAME:number`"
        )


def is_number(text: str) -> bool:
    """Return whether a text is a number."""
    try:
        float(text)
    except ValueError:
        return False
    return True


MANY_NUMBERS = 12
"""classes that are numbers, above which they may be a quantity"""


def of_left_out(source: Source) -> Iterator[str]:
    """Yield how many files were left out, so that nothing is skipped in silence."""
    unreadable = source.report.unreadable
    if unreadable:
        file, reason = unreadable[0]
        yield (
            f"{len(unreadable)} of {source.report.found} image files are unreadable and left out, the first "
            f"{printable(file)} ({printable(reason)}); data.json in the run folder names all"
        )


def of_a_foreign_group() -> Iterator[str]:
    """Yield a sentence if the program has a process group of its own, which gradpen does not train over."""
    if sharing.count() == 1 and distributed.is_available() and distributed.is_initialized():
        yield (
            f"this process trains alone: the open process group of {distributed.get_world_size()} is the program's "
            f"own; to share each batch, start gradpen with torchrun and open none"
        )


def of_another_machine(checkpoint: Checkpoint, device: torch.device, gan: Gan) -> Iterator[str]:
    """Yield what differs from the machine the run began on, since the last bits may then differ too."""
    now = versions(device) | {"precision": precision_fact(gan)}
    before = {"processes": 1} | checkpoint.facts["versions"]
    before["precision"] = checkpoint.facts.get("precision", now["precision"])
    changed = [
        f"{key} {before[key]} -> {now[key]}"
        for key in ("gradpen", "torch", "device", "cpu_capability", "processes", "precision")
        if before[key] != now[key]
    ]
    if changed:
        yield f"this run will not be bit-exact from here on: {', '.join(changed)}"
