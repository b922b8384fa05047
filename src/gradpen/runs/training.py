"""Begin a run, or continue one exactly where it stopped."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch

from gradpen.config import RunConfig
from gradpen.data.choice import LabelledArray, at_absolute_path
from gradpen.data.recognise import open_source
from gradpen.data.shown import save_drawn
from gradpen.data.source import Source, report_to_json
from gradpen.errors import RunError, cannot_be_written
from gradpen.machine import sharing
from gradpen.machine.borrowed import borrowed
from gradpen.machine.device import choose_device
from gradpen.machine.job import join, leader_first, restarted
from gradpen.runs import checks, marks, notices
from gradpen.runs.audience import Audience
from gradpen.runs.budget import Budget, fitted
from gradpen.runs.checkpoint import (
    Checkpoint,
    checkpoint_folders,
    newest_checkpoint,
    refuse_generator_alone,
    remove_newer,
)
from gradpen.runs.folder import (
    Row,
    RunFolder,
    existing_folder,
    locked,
    new_folder,
    read_config,
    refuse_used,
    restore_damaged,
    rewind_measures,
    write_config,
    write_json,
)
from gradpen.runs.own import Own
from gradpen.runs.start import Start, begun_elsewhere
from gradpen.runs.state import Task, initial_state, restored_state
from gradpen.runs.trainer import Trainer
from gradpen.runs.trial import tried
from gradpen.runs.volumes import with_depth
from gradpen.settings import differences, from_dict
from gradpen.text import printable


def train(
    config: RunConfig,
    *,
    out: Path | None = None,
    array: LabelledArray | None = None,
    budget: Budget | None = None,
    own: Own | None = None,
    audience: Audience | None = None,
) -> RunFolder:
    """Train a new run and return its folder.

    Args:
        config: the run.
        out: the run's folder, new or empty; None takes the next free number below ``runs/``.
        array: images in memory, used instead of ``config.data.path``.
        budget: what is to be chosen for these data and this machine; None trains the configuration as it is.
        own: networks that the user's program holds.
        audience: whom to tell.

    Raises:
        GradpenError: with a sentence for the user; a folder of a run is never left half-made by bad input.
    """
    audience = audience or Audience()
    config = replace(config, data=at_absolute_path(config.data, config.data.path))
    if restarted() and began(out):
        return resume(folder_to_continue(out, config, budget), array=array, own=own, audience=audience)
    with borrowed(), join(config.device):
        device = choose_device(config.device)
        checks.refuse_uneven(config)
        if budget is None or not budget.networks:
            checks.refuse_unused_labels(config, array is not None and array.asked)
        source = open_together(config, array, audience)
        checks.refuse_without_levels(config, source)
        checks.refuse_unlike_text(config, source)
        if budget is None or not budget.networks:
            config = tried(with_depth(config, source), source, own or Own())
            checks.refuse_bounded(config, source)
        if budget is None or not budget.batch:
            checks.refuse_small(config, source)
        if config.threads is not None:
            torch.set_num_threads(config.threads)
        task = Task(config=config, source=source, device=device, own=own or Own())
        if budget is not None:
            if out is not None and sharing.leads():
                refuse_used(out)
            config, chosen = fitted(task, budget)
            checks.refuse_uneven(config)
            task = replace(task, config=config)
            audience.say(chosen)
        state = initial_state(task)
        for notice in notices.before_the_start(task):
            audience.say(notice)
        begun = begun_elsewhere(state, task, audience.say)
        folder = new_folder_for(task, out)
        with audience.listen(), locked(folder, audience.say), readable_failures(folder):
            if sharing.leads():
                describe(folder, task, begun)
            trainer = Trainer(task=task, state=state, folder=folder, audience=audience, run_id=uuid.uuid4().hex)
            audience.say(f"training in {printable(folder.path)}")
            trainer.begin()
            trainer.run()
    return folder


def resume(
    path: Path,
    *,
    iterations: int | None = None,
    data: str | None = None,
    array: LabelledArray | None = None,
    own: Own | None = None,
    audience: Audience | None = None,
) -> RunFolder:
    """Continue a run exactly where its newest whole checkpoint stands.

    Args:
        path: the run's folder.
        iterations: a new total, to train longer.
        data: where the same data lie now, if they moved.
        array: the same images in memory, for a run trained on an array.
        own: networks that the user's program holds, of the run's classes.
        audience: whom to tell.

    Raises:
        RunError: there is nothing to continue, or configuration or data are not those of the run.
    """
    audience = audience or Audience()
    folder = existing_folder(path)
    with borrowed(), join(read_config(folder).device), locked(folder, audience.say):
        config = read_config(folder)
        device = choose_device(config.device)
        checkpoint = newest_checkpoint(folder.checkpoints, audience.say)
        refuse_generator_alone(folder.path, checkpoint)
        checks.refuse_changes(from_dict(checkpoint.facts["config"]), config, folder)
        config = checks.with_iterations(config, iterations, checkpoint, path)
        if data is not None:
            config = replace(config, data=at_absolute_path(config.data, data))
        checks.refuse_uneven(config, resuming=True)
        source = open_together(config, array, audience)
        checks.refuse_other_data(source, checkpoint, folder)
        take_threads(checkpoint, config)
        task = Task(config=config, source=source, device=device, own=own or Own())
        state = restored_state(task, checkpoint)
        for notice in notices.of_another_machine(checkpoint, device, state.gan):
            audience.say(notice)
        sharing.wait_for_all()
        with audience.listen(), readable_failures(folder):
            if sharing.leads():
                restore_damaged(folder.data, report_to_json(source), audience.say)
            rows = rewind(folder, config, checkpoint.iteration, audience.say) if sharing.leads() else []
            trainer = Trainer(
                task=task,
                state=state,
                folder=folder,
                audience=audience,
                run_id=checkpoint.facts["run_id"],
                row=rows[-1] if rows else {},
                nearest=marks.nearest(rows),
                waited=marks.since_nearest(rows),
                seconds=rows[-1]["seconds"] if rows else 0.0,
                saved=checkpoint.iteration,
            )
            audience.say(f"continuing {printable(folder.path)} at iteration {checkpoint.iteration:,}")
            trainer.run()
    return folder


def open_together(config: RunConfig, array: LabelledArray | None, audience: Audience) -> Source:
    """Open the data; of many processes the leader first, so that images are decoded once."""
    with leader_first():
        return open_source(config.data, array=array, progress=audience.decoding)


def new_folder_for(task: Task, out: Path | None) -> RunFolder:
    """Make the folder of a new run, the same for all processes."""
    label = f"{name_of(task.source)}-{task.config.preset}"
    return RunFolder(path=Path(sharing.text_of_leader(lambda: str(new_folder(out, label).path))))


def name_of(source: Source) -> str:
    """Return a short name of the data for the run's folder."""
    if source.report.kind == "embedded":
        return source.report.path.split()[0]
    return Path(source.report.path).name if source.report.kind != "array" else "array"


def describe(folder: RunFolder, task: Task, begun: Start | None) -> None:
    """Write what is known before training: configuration, data report, real images to compare with, a start."""
    write_config(folder, task.config)
    write_json(folder.data, report_to_json(task.source))
    if begun is not None:
        write_json(folder.start, begun.to_json())
    save_drawn(marks.real_grid(task), folder.real)


def rewind(folder: RunFolder, config: RunConfig, iteration: int, say: Callable[[str], None]) -> list[Row]:
    """Let the folder stand as it stood after an iteration, and return the measures until then."""
    for checkpoints in (folder.checkpoints, folder.best):
        remove_newer(checkpoints, iteration)
    write_config(folder, config)
    return rewind_measures(folder, iteration, say)


def take_threads(checkpoint: Checkpoint, config: RunConfig) -> None:
    """Take as many threads as before, since the last bits depend on it, unless more or fewer processes share them."""
    before = checkpoint.facts["versions"]
    threads = before["threads"] if before.get("processes", 1) == sharing.count() else config.threads
    if threads is not None:
        torch.set_num_threads(threads)


def began(out: Path | None) -> bool:
    """Return whether a job that is restarted had begun its run; without a folder it is for the user to say."""
    return out is None or RunFolder(path=out).config.is_file()


CHOSEN = ("iterations", "cadence", "threads", "generator", "critic", "batch_size", "average")
"""settings that a budget may choose"""


def folder_to_continue(out: Path | None, config: RunConfig, budget: Budget | None = None) -> Path:
    """Return the folder that a job began before ``torchrun`` restarted it; what a budget chose then stays.

    Raises:
        RunError: nothing names it, or it holds another run.
    """
    if out is None:
        raise RunError("torchrun restarted this job, but its run can only be found where `out` or `resume` names it")
    before = read_config(existing_folder(out))
    changed = differences(before, config)
    if budget is not None:
        changed = [change for change in changed if change.split(":")[0].split(".")[0] not in CHOSEN]
    if changed:
        raise RunError(
            f"torchrun restarted this job, but {printable(out)} holds another run ({'; '.join(changed)}); continue it "
            f"with `resume={printable(out)}`, or choose a new `out`"
        )
    return out


@contextmanager
def readable_failures(folder: RunFolder) -> Iterator[None]:
    """Turn a failed write into a sentence; checkpoints written before are untouched."""
    try:
        yield
    except OSError as error:
        whole = [int(place.name) for place in checkpoint_folders(folder.checkpoints)]
        kept = (
            f"the checkpoint of iteration {whole[0]:,} is whole: make room and continue with "
            f"`resume={printable(folder.path)}`"
            if whole
            else "no checkpoint had been written yet"
        )
        raise RunError(cannot_be_written(error.filename or folder.path, error, kept)) from None
