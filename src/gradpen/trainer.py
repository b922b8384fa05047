"""The outer loop: iterate, measure, sample, save, stop, resume."""

import math
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from gradpen.algorithm import Gan, Measures, train_iteration
from gradpen.checkpoint import (
    Checkpoint,
    checkpoint_folders,
    newest_checkpoint,
    optimizer_tensors,
    remove_newer,
    restore_optimizer,
    write_checkpoint,
)
from gradpen.config import RunConfig, differences, from_dict, to_dict
from gradpen.data.folder import Progress
from gradpen.data.open import no_progress, open_source
from gradpen.data.source import Source, batches, gather, report_to_json
from gradpen.errors import DataError, DivergedError, RunError
from gradpen.evaluation import (
    Distance,
    generator_distance,
    held_out_images,
    real_distance,
    sample_distance,
    set_size,
    spread_out,
)
from gradpen.metrics.critic import critic_gap, interpolate_slopes, scoring, total_gradient_norm
from gradpen.names import safe_name
from gradpen.runs import (
    Row,
    RunFolder,
    append_row,
    existing_folder,
    locked,
    new_folder,
    read_config,
    rewind_measures,
    write_config,
    write_json,
)
from gradpen.runtime import (
    Interrupt,
    choose_device,
    derived_seed,
    seed_everything,
    separate_randomness,
    versions,
)
from gradpen.sampling import draw, draw_pixels, grid

MEASURED = 512
SCORED_AT_ONCE = 128
SLOPES_TAKEN = 64
PUBLISH_SECONDS = 60


@dataclass(kw_only=True)
class Audience:
    """Whom a run talks to. Nothing here changes a bit of the result."""

    say: Callable[[str], None] = lambda _: None
    """a sentence worth reading"""
    show: Callable[[int, RunConfig, Row], None] = lambda _iteration, _config, _row: None
    """after every iteration, with the newest measures"""
    decoding: Progress = no_progress
    """while a folder is decoded"""
    publish: Callable[[RunFolder], None] = lambda _: None
    """at sample marks now and then, and at the end: figures and report"""
    interrupt: Interrupt = field(default_factory=Interrupt)
    """whether to stop"""


@dataclass(kw_only=True)
class Session:
    """A run in progress."""

    config: RunConfig
    folder: RunFolder
    source: Source
    device: torch.device
    gan: Gan
    audience: Audience
    run_id: str
    iteration: int = 0
    saved: int | None = None
    seconds: float = 0.0
    row: Row = field(default_factory=dict)
    """the newest measures"""
    finite: Tensor = field(default_factory=lambda: torch.ones((), dtype=torch.bool))
    """whether every loss so far was finite, kept on the device"""
    clock: float = 0.0
    """when the newest measures were taken"""
    measured: int = 0
    """the iteration of the newest measures in this process"""
    published: float = field(default_factory=time.monotonic)
    """when figures and report were last written"""


def build_gan(config: RunConfig, source: Source, device: torch.device) -> Gan:
    """Return the configured networks, initialised from the seed, and their optimisers.

    Raises:
        UsageError: the constraint refuses the critic.
    """
    seed_everything(config.seed, "initialise", 0)
    generator = config.generator.build(source.shape).to(device)
    critic = config.critic.build(source.shape).to(device)
    config.constraint.check(critic)
    return Gan(
        generator=generator,
        critic=critic,
        generator_optimizer=config.generator_optimizer.build(generator.parameters()),
        critic_optimizer=config.critic_optimizer.build(critic.parameters()),
        latent_dim=config.generator.latent_dim,
    )


def train(
    config: RunConfig,
    *,
    out: Path | None = None,
    array: NDArray[np.generic] | None = None,
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
    if config.data.path is not None:
        path = str(Path(config.data.path).expanduser().absolute())
        config = replace(config, data=replace(config.data, path=path))
    source = open_source(config.data, array=array, progress=audience.decoding)
    refuse_small(config, source)
    device = choose_device(config.device)
    if config.threads is not None:
        torch.set_num_threads(config.threads)
    gan = build_gan(config, source, device)
    say_left_out(source, audience)

    folder = new_folder(out, f"{label(source)}-{config.preset}")
    with locked(folder), readable_failures(folder):
        write_config(folder, config)
        write_json(folder.data, report_to_json(source.report))
        grid(source.images[spread_out(source.train, config.cadence.grid)]).save(folder.real)
        session = Session(
            config=config,
            folder=folder,
            source=source,
            device=device,
            gan=gan,
            finite=torch.ones((), dtype=torch.bool, device=device),
            audience=audience,
            run_id=uuid.uuid4().hex,
        )
        audience.say(f"training in {safe_name(folder.path)}")
        begin(session)
        loop(session)
    return folder


def begin(session: Session) -> None:
    """Measure and sample the untrained generator, so that every later figure has its baseline."""
    write_record(session, "running")
    session.clock = time.monotonic()
    mark(session, {}, sampling=True)


def resume(
    path: Path,
    *,
    iterations: int | None = None,
    data: str | None = None,
    array: NDArray[np.generic] | None = None,
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
        if iterations is not None:
            config = replace(config, iterations=iterations)
        if config.iterations < checkpoint.iteration:
            raise RunError(
                f"{safe_name(path)} is at iteration {checkpoint.iteration:,} already, beyond {config.iterations:,}"
            )
        choice = config.data if data is None else replace(config.data, path=str(Path(data).absolute()))
        source = open_source(choice, array=array, progress=audience.decoding)
        if source.fingerprint != checkpoint.facts["data_fingerprint"]:
            raise RunError(
                f"{safe_name(source.report.path)} does not hold the data {safe_name(path)} was trained on "
                f"({source.report.used:,} images, fingerprint {source.fingerprint[:12]}; the run's has "
                f"{checkpoint.facts['data_fingerprint'][:12]}); name the folder, file or array that holds "
                f"them, or start a new run"
            )
        config = replace(config, data=choice)
        device = choose_device(config.device)
        say_machine_changes(checkpoint, device, audience)
        torch.set_num_threads(checkpoint.facts["versions"]["threads"])
        gan = build_gan(config, source, device)
        restore(gan, checkpoint)
        with readable_failures(folder):
            remove_newer(folder.checkpoints, checkpoint.iteration)
            rows = rewind_measures(folder, checkpoint.iteration)
            write_config(folder, config)
            session = Session(
                config=config,
                folder=folder,
                source=source,
                device=device,
                gan=gan,
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


def loop(session: Session) -> None:
    """Train from ``session.iteration`` to the end, or to the end of the iteration a signal arrives in."""
    config, audience = session.config, session.audience
    stream = batches(
        session.source,
        config.batch_size,
        seed=derived_seed(config.seed, "order", 0),
        start=session.iteration * config.critic_steps,
        device=session.device,
    )
    write_record(session, "running")
    session.clock = time.monotonic()
    session.measured = session.iteration
    while session.iteration < config.iterations and audience.interrupt.signal is None:
        session.iteration += 1
        seed_everything(config.seed, "iterate", session.iteration)
        measures = train_iteration(
            session.gan, config.objective, config.constraint, stream, critic_steps=config.critic_steps
        )
        session.finite = session.finite & torch.isfinite(torch.stack(list(measures.values()))).all()
        sampling = due(session, config.cadence.sample_every)
        if sampling or due(session, config.cadence.log_every):
            mark(session, measures, sampling=sampling)
        if due(session, config.cadence.save_every):
            save(session)
        audience.show(session.iteration, config, session.row)
    if session.saved != session.iteration:
        save(session)
    finish(session)


def due(session: Session, every: int) -> bool:
    """Return whether something done every so many iterations, and at the end, is due."""
    return session.iteration % every == 0 or session.iteration == session.config.iterations


def mark(session: Session, measures: Measures, *, sampling: bool) -> None:
    """Read measures back, the only place that does, and write them down; sample if it is time."""
    refuse_non_finite(session)
    row = {name: value.item() for name, value in measures.items()} | measure(session)
    if sampling:
        row["distance"] = sample_distance(
            session.gan.generator,
            session.gan.latent_dim,
            held_out_images(session.source, set_size(session.source)),
            derived_seed(session.config.seed, "distance", 0),
        )
    now = time.monotonic()
    elapsed = now - session.clock
    session.seconds += elapsed
    seen = session.config.critic_steps * session.config.batch_size
    speed = (session.iteration - session.measured) * seen / elapsed if elapsed else 0.0
    session.clock, session.measured = now, session.iteration
    session.row = {
        "iteration": session.iteration,
        "images": session.iteration * seen,
        **row,
        "images_per_second": round(speed, 1),
        "seconds": round(session.seconds, 3),
    }
    bad = [name for name, value in session.row.items() if not math.isfinite(value)]
    if bad:
        session.finite = torch.zeros_like(session.finite)
        refuse_non_finite(session)
    append_row(session.folder, session.row)
    if sampling:
        pixels = draw_pixels(
            session.gan.generator, session.gan.latent_dim, session.config.cadence.grid, session.config.seed
        )
        grid(pixels).save(session.folder.sample_grid(session.iteration))
        if now - session.published > PUBLISH_SECONDS:
            session.audience.publish(session.folder)
            session.published = time.monotonic()


@torch.no_grad()
def measure(session: Session) -> Row:
    """Return critic gaps on training and held-out data, slopes and gradient norms.

    The images and latents measured are the same at every mark, and training's randomness is left alone.
    """
    source, gan = session.source, session.gan
    train_part, held_out_part = (
        gather(source, spread_out(rows, min(MEASURED, len(rows))), session.device)
        for rows in (source.train, source.held_out)
    )
    count = max(len(train_part), len(held_out_part))
    fake = draw(gan.generator, gan.latent_dim, count, derived_seed(session.config.seed, "measure", 0))
    row: Row = {}
    with separate_randomness(), scoring(gan.critic):
        seed_everything(session.config.seed, "measure", session.iteration)
        fake_scores = score_all(gan.critic, fake)
        for name, real in (("train", train_part), ("held_out", held_out_part)):
            gap = critic_gap(score_all(gan.critic, real), fake_scores)
            row[f"critic_gap_{name}"] = gap.value
            row[f"critic_gap_{name}_error"] = gap.standard_error
        pairs = min(SLOPES_TAKEN, len(train_part))
        slopes = interpolate_slopes(gan.critic, train_part[:pairs], fake[:pairs])
    row["slope_mean"], row["slope_max"] = slopes.mean, slopes.maximum
    row["critic_gradient_norm"] = total_gradient_norm(gan.critic.parameters())
    row["generator_gradient_norm"] = total_gradient_norm(gan.generator.parameters())
    return row


def score_all(critic: nn.Module, images: Tensor) -> Tensor:
    """Return the scores of many images, a part at a time."""
    return torch.cat([critic(part) for part in torch.split(images, SCORED_AT_ONCE)])


def save(session: Session) -> None:
    """Write a checkpoint of finite weights."""
    refuse_non_finite(session)
    gan = session.gan
    tensors = {
        "generator": dict(gan.generator.state_dict()),
        "critic": dict(gan.critic.state_dict()),
        "generator_optimizer": optimizer_tensors(gan.generator_optimizer),
        "critic_optimizer": optimizer_tensors(gan.critic_optimizer),
    }
    if not all(bool(torch.isfinite(tensor).all()) for part in tensors.values() for tensor in part.values()):
        session.finite = torch.zeros_like(session.finite)
        refuse_non_finite(session)
    checkpoint = Checkpoint(
        iteration=session.iteration,
        tensors=tensors,
        facts={
            "run_id": session.run_id,
            "config": to_dict(session.config),
            "shape": list(session.source.shape),
            "data_fingerprint": session.source.fingerprint,
            "versions": versions(session.device),
        },
    )
    write_checkpoint(session.folder.checkpoints, checkpoint, keep=session.config.cadence.keep)
    session.saved = session.iteration


def restore(gan: Gan, checkpoint: Checkpoint) -> None:
    """Put networks and optimisers back to a checkpoint's state."""
    try:
        gan.generator.load_state_dict(checkpoint.tensors["generator"])
        gan.critic.load_state_dict(checkpoint.tensors["critic"])
        restore_optimizer(gan.generator_optimizer, checkpoint.tensors["generator_optimizer"])
        restore_optimizer(gan.critic_optimizer, checkpoint.tensors["critic_optimizer"])
    except (RuntimeError, KeyError) as error:
        raise RunError(
            f"the checkpoint of iteration {checkpoint.iteration:,} does not fit the networks this version builds "
            f"({str(error).splitlines()[0]}); continue with the version that began the run "
            f"({checkpoint.facts['versions']['gradpen']})"
        ) from None


def finish(session: Session) -> None:
    """Write the final facts of the run and publish it."""
    interrupted = session.audience.interrupt.signal is not None
    done = session.iteration >= session.config.iterations
    if done and not interrupted:
        source, gan = session.source, session.gan
        seed = session.config.seed
        write_record(
            session,
            "finished",
            distance=generator_distance(gan.generator, gan.latent_dim, source, seed=seed),
            floor=real_distance(source),
        )
    else:
        write_record(session, "interrupted")
    session.audience.publish(session.folder)


def write_record(session: Session, state: str, **distances: Distance) -> None:
    """Write what a reader of the run needs beside configuration and measures."""
    parameters = {
        name: sum(p.numel() for p in network.parameters())
        for name, network in (("generator", session.gan.generator), ("critic", session.gan.critic))
    }
    record = {
        "run_id": session.run_id,
        "state": state,
        "iteration": session.iteration,
        "iterations": session.config.iterations,
        "shape": list(session.source.shape),
        "train_images": len(session.source.train),
        "held_out_images": len(session.source.held_out),
        "data_fingerprint": session.source.fingerprint,
        "parameters": parameters,
        "versions": versions(session.device),
        "distance_to_held_out": {name: asdict(distance) for name, distance in distances.items()},
    }
    write_json(session.folder.record, record)


def refuse_non_finite(session: Session) -> None:
    """Stop the run if a loss, a measure or a weight is no longer finite; the last checkpoint stays.

    Raises:
        DivergedError: saying what was seen and what to try.
    """
    if bool(session.finite):
        return
    before = session.row
    write_record(session, "diverged")
    session.audience.publish(session.folder)
    kept = f"the checkpoint of iteration {session.saved:,} is whole" if session.saved else "no checkpoint yet"
    raise DivergedError(
        f"a loss or weight became infinite or NaN between iterations {before['iteration'] + 1:,} and "
        f"{session.iteration:,}; at iteration {before['iteration']:,} the critic gap was "
        f"{before['critic_gap_train']:.4g}, the mean slope {before['slope_mean']:.4g} and the critic's gradient "
        f"norm {before['critic_gradient_norm']:.4g}; {kept} ({safe_name(session.folder.path)}). Try a lower "
        f"--learning-rate, or the preset wgan-gp if the critic was not penalised"
    )


def refuse_small(config: RunConfig, source: Source) -> None:
    """Raise if the data do not fill a batch."""
    if len(source.train) < config.batch_size:
        raise DataError(
            f"{safe_name(source.report.path)} has {len(source.train)} images to train on (and "
            f"{len(source.held_out)} held out), fewer than a batch of {config.batch_size}; pass --batch-size "
            f"{len(source.train)} or less, or add images"
        )


def refuse_changes(before: RunConfig, now: RunConfig, folder: RunFolder) -> None:
    """Raise if the run's configuration is not the one its checkpoint was made with."""
    same = replace(now, iterations=before.iterations, data=replace(now.data, path=before.data.path))
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
        return "digits"
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
