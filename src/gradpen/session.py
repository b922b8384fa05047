"""A run in progress: its parts, whom it talks to, and how its state is written down."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from gradpen.checkpoint import Checkpoint, optimizer_tensors, restore_optimizer, write_checkpoint
from gradpen.config import RunConfig, to_dict
from gradpen.data.folder import Progress
from gradpen.data.open import no_progress
from gradpen.data.source import Source, how_to_label, label_space
from gradpen.errors import DataError, DivergedError, GradpenError, RunError
from gradpen.evaluation import Distance
from gradpen.gan import Gan
from gradpen.names import safe_name
from gradpen.networks.layers import use_stock_derivatives
from gradpen.processes import anyone, average_before_steps, count, differs, leads, meet
from gradpen.runs import Row, RunFolder, write_json
from gradpen.runtime import Interrupt, choose_precision, seed_everything, versions


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
    listen: Callable[[], AbstractContextManager[None]] = nullcontext
    """what to enter while the run can be interrupted: :meth:`Interrupt.listen` of a command line"""


@dataclass(kw_only=True)
class Session:
    """A run in progress."""

    config: RunConfig
    folder: RunFolder
    source: Source
    device: torch.device
    gan: Gan
    average: nn.Module | None
    """the generator's moving average, if one is kept"""
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
    saved_at: float = field(default_factory=time.monotonic)
    """when the newest checkpoint was written"""
    published: float = field(default_factory=time.monotonic)
    """when figures and report were last written"""


def shown_generator(session: Session) -> nn.Module:
    """Return the generator that samples and measures are taken from."""
    return session.gan.generator if session.average is None else session.average


def label_size(config: RunConfig, source: Source) -> int:
    """Return the numbers in a label's vector, 0 for unconditional networks.

    Raises:
        DataError: the networks take labels and the data have none, or not the kind they take.
    """
    if not config.conditional:
        return 0
    if source.labels is None:
        raise DataError(
            f"{config.preset} trains conditional networks, but {safe_name(source.report.path)} has no labels; "
            f"{how_to_label(source.report)}"
        )
    if config.critic.labels == "classify" and source.labels.kind != "classes":
        raise DataError(
            f"a critic that classifies needs one class for each image, but {safe_name(source.report.path)} has "
            f"{source.labels.kind} ({', '.join(safe_name(name) for name in source.labels.names[:5])}); choose one "
            f"attribute, or critic.labels=planes"
        )
    return label_space(source.labels).size


def build_gan(config: RunConfig, source: Source, device: torch.device) -> Gan:
    """Return the configured networks, initialised from the seed, and their optimisers.

    Raises:
        UsageError: the constraint refuses the critic.
        DataError: the data lack the labels that the networks take.
    """
    seed_everything(config.seed, "initialise", 0)
    labels = label_size(config, source)
    generator = config.generator.build(source.shape, labels).to(device)
    critic = config.critic.build(source.shape, labels).to(device)
    if config.engine == "reference":
        use_stock_derivatives(generator)
        use_stock_derivatives(critic)
    config.constraint.prepare(critic)
    generator_optimizer = config.generator_optimizer.build(generator.parameters())
    critic_optimizer = config.critic_optimizer.build(critic.parameters())
    for optimizer in (generator_optimizer, critic_optimizer):
        average_before_steps(optimizer)
    precision, penalty_precision = choose_precision(config.precision, device)
    return Gan(
        precision=precision,
        penalty_precision=penalty_precision,
        generator=generator,
        critic=critic,
        generator_optimizer=generator_optimizer,
        critic_optimizer=critic_optimizer,
        latent_dim=config.generator.latent_dim,
        one_pass=config.engine == "lean",
    )


def restore(gan: Gan, average: nn.Module | None, checkpoint: Checkpoint) -> None:
    """Put networks and optimisers back to a checkpoint's state."""
    try:
        if average is not None:
            average.load_state_dict(checkpoint.tensors["average"])
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


def save(session: Session) -> None:
    """Write a checkpoint of finite weights; of many processes, the leader does, when all hold the same."""
    agree_on_finite(session)
    refuse_non_finite(session)
    gan = session.gan
    refuse_drift(gan)
    if leads():
        write_state(session)
    meet()
    session.saved, session.saved_at = session.iteration, time.monotonic()


def agree_on_finite(session: Session) -> None:
    """Take note of losses that were not finite in another process."""
    session.finite = torch.tensor(not anyone(not session.finite)) if count() > 1 else session.finite


def refuse_drift(gan: Gan) -> None:
    """Raise if processes that train as one hold different weights."""
    for name, network in (("generator", gan.generator), ("critic", gan.critic)):
        if differs(network):
            raise RunError(
                f"the processes of this job hold different weights of the {name}, so they no longer train as one; "
                f"check that all run on machines of one kind, and continue from the last checkpoint with --resume"
            )


def write_state(session: Session) -> None:
    """Write networks, optimisers and what goes with them."""
    gan = session.gan
    tensors = {
        "generator": dict(gan.generator.state_dict()),
        "critic": dict(gan.critic.state_dict()),
        "generator_optimizer": optimizer_tensors(gan.generator_optimizer),
        "critic_optimizer": optimizer_tensors(gan.critic_optimizer),
    }
    if session.average is not None:
        tensors["average"] = dict(session.average.state_dict())
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
            "labels": labels_fact(session),
            "data_fingerprint": session.source.fingerprint,
            "precision": precision_fact(session.gan),
            "versions": versions(session.device),
        },
    )
    write_checkpoint(session.folder.checkpoints, checkpoint, keep=session.config.cadence.keep)


def precision_fact(gan: Gan) -> dict[str, str]:
    """Return what the networks compute in, as a record of the run names it."""
    return {"networks": str(gan.precision), "penalty": str(gan.penalty_precision)}


def labels_fact(session: Session) -> dict[str, Any] | None:
    """Return what a conditional generator needs to know about labels."""
    labels = session.source.labels
    return label_space(labels).to_json() if session.config.conditional and labels is not None else None


def write_record(session: Session, state: str, **distances: Distance) -> None:
    """Write what a reader of the run needs beside configuration and measures."""
    if not leads():
        return
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
        "precision": precision_fact(session.gan),
        "versions": versions(session.device),
        "distance_to_held_out": {name: asdict(distance) for name, distance in distances.items()},
    }
    write_json(session.folder.record, record)


def said_by_the_leader(error: GradpenError) -> GradpenError:
    """Return an error that the leader raises too, and explains."""
    error.said_elsewhere = True
    return error


def refuse_non_finite(session: Session) -> None:
    """Stop the run if a loss, a measure or a weight is no longer finite; the last checkpoint stays.

    Raises:
        DivergedError: saying what was seen and what to try.
    """
    if bool(session.finite):
        return
    if not leads():
        raise said_by_the_leader(DivergedError("a loss or weight became infinite or NaN"))
    before = session.row
    write_record(session, "diverged")
    if not before:
        raise DivergedError("a measure of the untrained networks is infinite or NaN; check the data and --set options")
    session.audience.publish(session.folder)
    kept = (
        f"the checkpoint of iteration {session.saved:,} is whole" if session.saved is not None else "no checkpoint yet"
    )
    raise DivergedError(
        f"a loss or weight became infinite or NaN between iterations {before['iteration'] + 1:,} and "
        f"{session.iteration:,}; at iteration {before['iteration']:,} the critic gap was "
        f"{before['critic_gap_train']:.4g}, the mean slope {before['slope_mean']:.4g} and the critic's gradient "
        f"norm {before['critic_gradient_norm']:.4g}; {kept} ({safe_name(session.folder.path)}). Try a lower "
        f"--learning-rate, or the preset wgan-gp if the critic was not penalised"
    )
