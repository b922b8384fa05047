"""The outer loop: start or resume a run, iterate, mark, save, stop."""

import os
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import islice, repeat
from pathlib import Path

import torch

from gradpen import auxiliary
from gradpen.algorithm import Measures, train_iteration
from gradpen.averaging import averaged_copy, update_average
from gradpen.batch import Batch
from gradpen.checkpoint import Checkpoint, checkpoint_folders, newest_checkpoint, remove_newer
from gradpen.config import RunConfig, differences, from_dict, to_dict
from gradpen.data.choice import EMBEDDED, WITHOUT_TABLE, DataChoice, LabelledArray
from gradpen.data.open import open_source
from gradpen.data.source import Source, batches, report_to_json
from gradpen.errors import DataError, RunError
from gradpen.evaluation import spread_out
from gradpen.gan import Gan
from gradpen.measuring import finish, mark
from gradpen.names import safe_name
from gradpen.runs import (
    RunFolder,
    existing_folder,
    locked,
    new_folder,
    read_config,
    rewind_measures,
    write_config,
    write_json,
)
from gradpen.runtime import choose_device, derived_seed, seed_everything, versions
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
    source = open_source(config.data, array=array, progress=audience.decoding)
    refuse_small(config, source)
    device = choose_device(config.device)
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    gan = build_gan(config, source, device)
    say_left_out(source, audience)
    say_embedded(config, source, audience)

    folder = new_folder(out, f"{label(source)}-{config.preset}")
    with audience.listen(), locked(folder), readable_failures(folder):
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
    with locked(folder):
        config = read_config(folder)
        checkpoint = newest_checkpoint(folder.checkpoints, audience.say)
        refuse_changes(from_dict(checkpoint.facts["config"]), config, folder)
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
        choice = config.data if data is None else at_absolute_path(config.data, data)
        source = open_source(choice, array=array, progress=audience.decoding)
        refuse_other_data(source, checkpoint, path)
        config = replace(config, data=choice)
        device = choose_device(config.device)
        say_machine_changes(checkpoint, device, audience)
        torch.set_num_threads(checkpoint.facts["versions"]["threads"])
        gan = build_gan(config, source, device)
        average = None if config.average is None else averaged_copy(gan.generator)
        restore(gan, average, checkpoint)
        with audience.listen(), readable_failures(folder):
            remove_newer(folder.checkpoints, checkpoint.iteration)
            rows = rewind_measures(folder, checkpoint.iteration)
            write_config(folder, config)
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


def at_absolute_path(choice: DataChoice, path: str) -> DataChoice:
    """Return the choice with this path and its table's made absolute, so that a run can be continued from any folder.

    A table that lay in or beside the data's old folder is looked for at the same place from the new one.
    """
    if not path.startswith(EMBEDDED):
        path = str(Path(path).expanduser().absolute())
    labels = choice.labels
    if labels not in WITHOUT_TABLE:
        table = Path(str(labels)).expanduser().absolute()
        before = Path(choice.path).expanduser().absolute()
        moved = Path(os.path.normpath(Path(path) / os.path.relpath(table, before)))
        labels = str(moved if table.is_relative_to(before) or not table.exists() else table)
    return replace(choice, path=path, labels=labels)


def loop(session: Session) -> None:
    """Train from ``session.iteration`` to the end, or to the end of the iteration a signal arrives in."""
    config, audience = session.config, session.audience
    stream = batches(
        session.source,
        config.batch_size,
        seed=derived_seed(config.seed, "order", 0),
        start=session.iteration if config.reuse_batch else config.critic_updates(session.iteration),
        device=session.device,
        conditional=config.conditional,
    )
    write_record(session, "running")
    session.clock = time.monotonic()
    session.measured = session.iteration
    while session.iteration < config.iterations and audience.interrupt.signal is None:
        session.iteration += 1
        seed_everything(config.seed, "iterate", session.iteration)
        measures = iterate(session, stream)
        session.finite = session.finite & torch.isfinite(torch.stack(list(measures.values()))).all()
        early = session.iteration in EARLY and session.iteration < config.cadence.sample_every
        sampling = early or due(session, config.cadence.sample_every)
        if sampling or due(session, config.cadence.log_every):
            mark(session, measures, sampling=sampling)
        if due(session, config.cadence.save_every) or time.monotonic() - session.saved_at > SAVE_SECONDS:
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


def refuse_small(config: RunConfig, source: Source) -> None:
    """Raise if the data do not fill a batch."""
    if len(source.train) < config.batch_size:
        raise DataError(
            f"{safe_name(source.report.path)} has {len(source.train)} images to train on (and "
            f"{len(source.held_out)} held out), fewer than a batch of {config.batch_size}; pass --batch-size "
            f"{len(source.train)} or less (comparisons: --set batch_size={len(source.train)}), or add images"
        )


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


def say_machine_changes(checkpoint: Checkpoint, device: torch.device, audience: Audience) -> None:
    """Say what differs from the machine the run began on, since the last bits may then differ too."""
    before, now = checkpoint.facts["versions"], versions(device)
    changed = [
        f"{key} {before[key]} -> {now[key]}"
        for key in ("gradpen", "torch", "device", "cpu_capability")
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


def say_left_out(source: Source, audience: Audience) -> None:
    """Say how many files were left out, so that nothing is skipped in silence."""
    unreadable = source.report.unreadable
    if unreadable:
        file, reason = unreadable[0]
        audience.say(
            f"{len(unreadable)} of {source.report.found} image files are unreadable and left out, the first "
            f"{safe_name(file)} ({safe_name(reason)}); data.json in the run folder names all"
        )


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
