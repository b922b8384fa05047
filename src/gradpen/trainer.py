"""The outer loop: start or resume a run, iterate, mark, save, stop."""

import signal
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice, repeat
from pathlib import Path

import torch

from gradpen import auxiliary, processes
from gradpen.algorithm import Measures, train_iteration
from gradpen.averaging import averaged_copy, update_average
from gradpen.batch import Batch
from gradpen.checkpoint import Checkpoint, checkpoint_folders, newest_checkpoint, remove_newer
from gradpen.config import RunConfig, differences, from_dict
from gradpen.data.choice import LabelledArray, at_absolute_path
from gradpen.data.open import open_source
from gradpen.data.source import Source, batches, report_to_json
from gradpen.errors import RunError
from gradpen.evaluation import spread_out
from gradpen.gan import Gan
from gradpen.measuring import finish, mark
from gradpen.names import safe_name
from gradpen.preconditions import (
    lengthened,
    refuse_changes,
    refuse_other_data,
    refuse_small,
    refuse_uneven,
    say_embedded,
    say_left_out,
    say_machine_changes,
    say_slow_precision,
)
from gradpen.runs import (
    Row,
    RunFolder,
    existing_folder,
    locked,
    new_folder,
    read_config,
    rewind_measures,
    write_config,
    write_json,
)
from gradpen.runtime import choose_device, derived_seed, keep_freed_memory, seed_everything
from gradpen.sampling import grid
from gradpen.session import Audience, Session, build_gan, restore, save, write_record

EARLY = (10, 50)
"""iterations after which samples are shown too, so that slow networks show something soon"""
SAVE_SECONDS = 300
"""a run is also saved when so much time has passed; that changes nothing in it"""


def train(
    config: RunConfig,
    *,
    out: Path | None = None,
    array: LabelledArray | None = None,
    audience: Audience | None = None,
) -> RunFolder:
    """Train a new run and return its folder.

    Args:
        config: the run.
        out: the run's folder, new or empty; None takes the next free number below ``runs/``.
        array: images in memory, used instead of ``config.data.path``.
        audience: whom to tell.

    Raises:
        GradpenError: with a sentence for the user; a folder of a run is never left half-made by bad input.
    """
    audience = audience or Audience()
    config = replace(config, data=at_absolute_path(config.data, config.data.path))
    if processes.restarted() and began(out):
        return resume(folder_to_continue(out, config), array=array, audience=audience)
    with processes.joined(config.device):
        return start(config, choose_device(config.device), out=out, array=array, audience=audience)


def start(
    config: RunConfig, device: torch.device, *, out: Path | None, array: LabelledArray | None, audience: Audience
) -> RunFolder:
    """Train a new run, the processes having met."""
    refuse_uneven(config)
    with processes.leader_first():
        source = open_source(config.data, array=array, progress=audience.decoding)
    refuse_small(config, source)
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    gan = build_gan(config, source, device)
    say_slow_precision(config, device, audience)
    say_left_out(source, audience)
    say_embedded(config, source, audience)

    folder = RunFolder(
        path=Path(processes.leaders(lambda: str(new_folder(out, f"{label(source)}-{config.preset}").path)))
    )
    with audience.listen(), locked(folder), readable_failures(folder):
        if processes.leads():
            write_config(folder, config)
            write_json(folder.data, report_to_json(source.report))
            grid(source.images[spread_out(source.train, config.cadence.grid)]).save(folder.real)
        session = Session(
            config=config,
            folder=folder,
            source=source,
            device=device,
            gan=gan,
            average=None if config.average is None else averaged_copy(gan.generator),
            finite=torch.ones((), dtype=torch.bool, device=device),
            audience=audience,
            run_id=uuid.uuid4().hex,
        )
        audience.say(f"training in {safe_name(folder.path)}")
        begin(session)
        loop(session)
    return folder


def begin(session: Session) -> None:
    """Measure, sample and save the untrained networks: the baseline of every later figure, and where to resume from."""
    write_record(session, "running")
    session.clock = time.monotonic()
    mark(session, {}, sampling=True)
    save(session)


def resume(
    path: Path,
    *,
    iterations: int | None = None,
    data: str | None = None,
    array: LabelledArray | None = None,
    audience: Audience | None = None,
) -> RunFolder:
    """Continue a run exactly where its newest whole checkpoint stands.

    Args:
        path: the run's folder.
        iterations: a new total, to train longer.
        data: where the same data lie now, if they moved.
        array: the same images in memory, for a run trained on an array.
        audience: whom to tell.

    Raises:
        RunError: there is nothing to continue, or configuration or data are not those of the run.
    """
    audience = audience or Audience()
    folder = existing_folder(path)
    with processes.joined(read_config(folder).device), locked(folder):
        config = read_config(folder)
        device = choose_device(config.device)
        checkpoint = newest_checkpoint(folder.checkpoints, audience.say)
        refuse_changes(from_dict(checkpoint.facts["config"]), config, folder)
        config = lengthened(config, iterations, checkpoint, path)
        choice = config.data if data is None else at_absolute_path(config.data, data)
        refuse_uneven(config, resuming=True)
        with processes.leader_first():
            source = open_source(choice, array=array, progress=audience.decoding)
        refuse_other_data(source, checkpoint, path)
        config = replace(config, data=choice)
        take_threads(checkpoint, config)
        gan = build_gan(config, source, device)
        say_machine_changes(checkpoint, device, gan, audience)
        average = None if config.average is None else averaged_copy(gan.generator)
        restore(gan, average, checkpoint)
        processes.meet()
        with audience.listen(), readable_failures(folder):
            rows = rewind(folder, config, checkpoint.iteration) if processes.leads() else []
            session = Session(
                config=config,
                folder=folder,
                source=source,
                device=device,
                gan=gan,
                average=average,
                finite=torch.ones((), dtype=torch.bool, device=device),
                audience=audience,
                run_id=checkpoint.facts["run_id"],
                iteration=checkpoint.iteration,
                saved=checkpoint.iteration,
                seconds=rows[-1]["seconds"] if rows else 0.0,
                row=rows[-1] if rows else {},
            )
            audience.say(f"continuing {safe_name(folder.path)} at iteration {checkpoint.iteration:,}")
            loop(session)
    return folder


def rewind(folder: RunFolder, config: RunConfig, iteration: int) -> list[Row]:
    """Let the folder stand as it stood after an iteration, and return the measures until then."""
    remove_newer(folder.checkpoints, iteration)
    write_config(folder, config)
    return rewind_measures(folder, iteration)


def take_threads(checkpoint: Checkpoint, config: RunConfig) -> None:
    """Take as many threads as before, since the last bits depend on it, unless more or fewer processes share them."""
    before = checkpoint.facts["versions"]
    threads = before["threads"] if before.get("processes", 1) == processes.count() else config.threads
    if threads is not None:
        torch.set_num_threads(threads)


def began(out: Path | None) -> bool:
    """Return whether a job that is restarted had begun its run; without --out it is for the user to say."""
    return out is None or RunFolder(path=out).config.is_file()


def folder_to_continue(out: Path | None, config: RunConfig) -> Path:
    """Return the folder that a job began before ``torchrun`` restarted it.

    Raises:
        RunError: no --out names it, or it holds another run.
    """
    if out is None:
        raise RunError("torchrun restarted this job, but its run can only be found where --out or --resume names it")
    before = read_config(existing_folder(out))
    changed = differences(before, config)
    if changed:
        raise RunError(
            f"torchrun restarted this job, but {safe_name(out)} holds another run ({'; '.join(changed)}); continue it "
            f"with --resume {safe_name(out)}, or choose a new --out"
        )
    return out


def interrupted(session: Session) -> bool:
    """Return whether a signal asked any process to stop."""
    interrupt = session.audience.interrupt
    stop = processes.anyone(interrupt.signal is not None)
    if stop and interrupt.signal is None:
        interrupt.signal = signal.SIGTERM
    return stop


def overdue(session: Session) -> bool:
    """Return whether the last checkpoint is so old that the leader wants another."""
    return processes.anyone(processes.leads() and time.monotonic() - session.saved_at > SAVE_SECONDS)


def loop(session: Session) -> None:
    """Train from ``session.iteration`` to the end, or to the end of the iteration a signal arrives in."""
    keep_freed_memory()
    config, audience = session.config, session.audience
    stream = batches(
        session.source,
        config.batch_size,
        seed=derived_seed(config.seed, "order", 0),
        start=session.iteration if config.reuse_batch else config.critic_updates(session.iteration),
        device=session.device,
        conditional=config.conditional,
        parts=config.accumulate,
    )
    write_record(session, "running")
    session.clock = time.monotonic()
    session.measured = session.iteration
    while session.iteration < config.iterations and not interrupted(session):
        session.iteration += 1
        seed_everything(config.seed, "iterate", session.iteration)
        measures = iterate(session, stream)
        session.finite = session.finite & torch.isfinite(torch.stack(list(measures.values()))).all()
        early = session.iteration in EARLY and session.iteration < config.cadence.sample_every
        sampling = early or due(session, config.cadence.sample_every)
        if sampling or due(session, config.cadence.log_every):
            mark(session, measures, sampling=sampling)
        if due(session, config.cadence.save_every) or overdue(session):
            save(session)
        audience.show(session.iteration, config, session.row)
    if session.saved != session.iteration:
        save(session)
    finish(session)


def iterate(session: Session, stream: Iterator[Batch]) -> Measures:
    """Do one iteration on the next batches of the stream."""
    config, gan = session.config, session.gan
    set_learning_rates(gan, config, session.iteration)
    updates = config.critic_updates(session.iteration) - config.critic_updates(session.iteration - 1)
    batches = repeat(next(stream), updates) if config.reuse_batch else islice(stream, updates)
    if config.critic.labels == "classify":
        measures = auxiliary.train_iteration(
            gan, config.objective, config.constraint, config.class_loss, batches, parts=config.accumulate
        )
    else:
        measures = train_iteration(gan, config.objective, config.constraint, batches, parts=config.accumulate)
    if session.average is not None and config.average is not None:
        update_average(session.average, gan.generator, config.average)
    return measures


def set_learning_rates(gan: Gan, config: RunConfig, iteration: int) -> None:
    """Set both learning rates to those of an iteration."""
    factor = config.learning_rate_factor(iteration)
    for optimizer, choice in (
        (gan.generator_optimizer, config.generator_optimizer),
        (gan.critic_optimizer, config.critic_optimizer),
    ):
        for group in optimizer.param_groups:
            group["lr"] = choice.learning_rate * factor


def due(session: Session, every: int) -> bool:
    """Return whether something done every so many iterations, and at the end, is due."""
    return session.iteration % every == 0 or session.iteration == session.config.iterations


def label(source: Source) -> str:
    """Return a short name of the data for the run's folder."""
    if source.report.kind == "embedded":
        return source.report.path.split()[0]
    return Path(source.report.path).name if source.report.kind != "array" else "array"


@contextmanager
def readable_failures(folder: RunFolder) -> Iterator[None]:
    """Turn a failed write into a sentence; checkpoints written before are untouched."""
    try:
        yield
    except OSError as error:
        whole = [int(place.name) for place in checkpoint_folders(folder.checkpoints)]
        kept = (
            f"the checkpoint of iteration {whole[0]:,} is whole: make room and continue with "
            f"gradpen train --resume {safe_name(folder.path)}"
            if whole
            else "no checkpoint had been written yet"
        )
        raise RunError(
            f"{safe_name(error.filename or folder.path)} cannot be written ({error.strerror or error}); {kept}"
        ) from None
