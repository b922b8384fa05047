"""One iteration of a run: its batches, its randomness, its schedules, and the generator's average."""

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice, repeat

from gradpen import auxiliary
from gradpen.algorithm import Measures, train_iteration
from gradpen.batch import Batch
from gradpen.config import RunConfig
from gradpen.data.source import batches
from gradpen.lipschitz import Constraint, GradientPenalty
from gradpen.machine.seeds import derived_seed, seed_everything
from gradpen.optimizers import Average, move_to, update_average
from gradpen.runs.state import State, Task


def batches_from(task: Task, iteration: int) -> Iterator[Batch]:
    """Return the endless batches of a run after so many iterations."""
    config = task.config
    stream = batches(
        task.source,
        config.batch_size,
        seed=derived_seed(config.seed, "order", 0),
        start=iteration if config.reuse_batch else config.critic_updates(iteration),
        device=task.device,
        conditional=config.conditional,
        flip=config.data.flip,
        dequantise=config.data.dequantise,
        parts=config.accumulate,
    )
    return (batch.packed(config.pack) for batch in stream)


def iterate(state: State, config: RunConfig, stream: Iterator[Batch]) -> Measures:
    """Do the next iteration on the next batches of the stream, from the iteration's own seed; return its losses."""
    state.iteration += 1
    now = config.during(state.iteration)
    gan = state.gan if now.augmentation is None else replace(state.gan, augmentation=now.augmentation)
    seed_everything(config.seed, "iterate", state.iteration)
    move_to(gan.generator_optimizer, now.generator_optimizer)
    move_to(gan.critic_optimizer, now.critic_optimizer)
    before = config.critic_updates(state.iteration - 1)
    updates = config.critic_updates(state.iteration) - before
    batches = repeat(next(stream), updates) if config.reuse_batch else islice(stream, updates)
    common = {
        "parts": config.accumulate,
        "steps_before": before,
        "generator_batches": config.generator_batches,
    }
    if config.critic.labels == "classify":
        losses = auxiliary.train_iteration(gan, now.objective, now.constraint, now.class_loss, batches, **common)
    else:
        losses = train_iteration(
            gan, now.objective, now.constraint, batches, share_samples=config.share_samples, **common
        )
    if state.average is not None:
        update_average(state.average, gan.generator, decay_in(now, state.iteration))
    return with_whole_penalty(losses, now.constraint, before + updates)


def with_whole_penalty(losses: Measures, constraint: Constraint, step: int) -> Measures:
    """Return the losses of an iteration with a lazy penalty as it would be in every step, or without where it rests."""
    every = constraint.every if isinstance(constraint, GradientPenalty) else 1
    whole = losses | {"penalty": losses["penalty"] / every}
    return {name: loss for name, loss in whole.items() if name != "penalty" or step % every == 0}


def decay_in(now: RunConfig, iteration: int) -> float:
    """Return the share of the generator's average that the update of an iteration keeps."""
    if not isinstance(now.average, Average):
        return now.average or 0.0
    seen = now.images(iteration - 1)
    return now.average.decay(now.images(iteration) - seen, seen)
