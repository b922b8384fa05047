"""What training changes: networks, optimisers and the iteration; how they begin, and how a checkpoint holds them."""

from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from gradpen.config import RunConfig
from gradpen.data.source import Source, label_space
from gradpen.errors import RunError
from gradpen.gan import Gan
from gradpen.machine.device import choose_precision
from gradpen.machine.seeds import seed_everything
from gradpen.machine.sharing import average_before_steps
from gradpen.machine.versions import versions
from gradpen.networks.frozen import freeze_first
from gradpen.networks.layers import use_stock_derivatives
from gradpen.optimizers import averaged_copy
from gradpen.runs.checkpoint import Checkpoint, optimizer_tensors, restore_optimizer
from gradpen.runs.checks import refuse_wrong_labels
from gradpen.runs.own import Own, refuse_other_weights
from gradpen.settings import to_dict


@dataclass(frozen=True, kw_only=True)
class Task:
    """What is trained, on what, and where; the same from a run's first iteration to its last."""

    config: RunConfig
    source: Source
    device: torch.device
    own: Own = field(default_factory=Own)
    """networks that the user's program holds"""


@dataclass(kw_only=True)
class State:
    """Everything that training changes."""

    gan: Gan
    average: nn.Module | None
    """the generator's moving average, if one is kept"""
    finite: Tensor
    """a boolean on the device: whether every loss so far was finite"""
    iteration: int = 0
    """generator updates so far"""

    @property
    def shown(self) -> nn.Module:
        """The generator that samples and measures are taken from."""
        return self.gan.generator if self.average is None else self.average


def build_gan(task: Task) -> Gan:
    """Return the configured networks, initialised from the seed, and their optimisers.

    Raises:
        UsageError: the constraint refuses the critic.
        DataError: the data lack the labels that the networks take.
    """
    config, source = task.config.during(1), task.source
    refuse_wrong_labels(config, source)
    seed_everything(config.seed, "initialise", 0)
    labels = label_space(source.labels).size if config.conditional and source.labels is not None else 0
    generator = task.own.built(config, "generator", source.shape, labels).to(task.device)
    seen_as_one = (config.pack * source.shape[0], *source.shape[1:])
    critic = task.own.built(config, "critic", seen_as_one, labels).to(task.device)
    if config.engine == "reference":
        use_stock_derivatives(generator)
        use_stock_derivatives(critic)
    config.constraint.prepare(critic)
    if config.freeze_critic:
        freeze_first(critic, config.freeze_critic)
    generator_optimizer = config.generator_optimizer.build(generator.parameters())
    critic_optimizer = config.critic_optimizer.build(p for p in critic.parameters() if p.requires_grad)
    for optimizer in (generator_optimizer, critic_optimizer):
        average_before_steps(optimizer)
    precision, penalty_precision = choose_precision(config.precision, task.device)
    adaptive = None if config.augmentation is None else config.augmentation.adaptive
    return Gan(
        precision=precision,
        penalty_precision=penalty_precision,
        generator=generator,
        critic=critic,
        generator_optimizer=generator_optimizer,
        critic_optimizer=critic_optimizer,
        latent_dim=config.generator.latent_dim,
        pack=config.pack,
        one_pass=config.engine == "lean",
        augmentation=config.augmentation,
        strength=None if adaptive is None else torch.zeros((), device=task.device),
    )


SLOW = 5e8
"""floating-point operations of convolutions for one sample from which networks are slow: tens in a second of a core"""


def slow(state: State, task: Task) -> bool:
    """Return whether measuring hundreds of samples takes far longer than a first training step, on any machine."""
    labels = None
    if task.config.conditional and task.source.labels is not None:
        labels = torch.zeros(1, label_space(task.source.labels).size, device=task.device)
    z = torch.zeros(1, state.gan.latent_dim, device=task.device)
    training = state.shown.training
    operations = convolutions_cost(state.shown.eval(), *((z,) if labels is None else (z, labels)))
    state.shown.train(training)
    return operations > SLOW


@torch.no_grad()
def convolutions_cost(network: nn.Module, *arguments: Tensor) -> int:
    """Return the floating-point operations of the convolutions of a network in one call.

    PyTorch's ``FlopCounterMode`` counts them too, but its first use takes a second or two of every command.
    """
    operations = 0

    def count(layer: _ConvNd, given: tuple[Tensor, ...], made: Tensor) -> None:
        nonlocal operations
        # A weight meets every position of what a convolution makes, or of what a transposed one is given.
        transposed = isinstance(layer, _ConvTransposeNd)
        positions = given[0].numel() // layer.in_channels if transposed else made.numel() // layer.out_channels
        operations += 2 * layer.weight.numel() * positions

    handles = [layer.register_forward_hook(count) for layer in network.modules() if isinstance(layer, _ConvNd)]
    network(*arguments)
    for handle in handles:
        handle.remove()
    return operations


def initial_state(task: Task) -> State:
    """Return the state before the first iteration; raises what :func:`build_gan` does."""
    gan = build_gan(task)
    return State(
        gan=gan,
        average=None if task.config.average is None else averaged_copy(gan.generator),
        finite=torch.ones((), dtype=torch.bool, device=task.device),
    )


def restored_state(task: Task, checkpoint: Checkpoint) -> State:
    """Return the state that a checkpoint holds.

    Raises:
        RunError: it does not fit the networks that this version builds.
    """
    refuse_other_weights(task.config, task.own, checkpoint.tensors)
    state = initial_state(task)
    gan = state.gan
    try:
        if state.average is not None:
            state.average.load_state_dict(checkpoint.tensors["average"])
        gan.generator.load_state_dict(checkpoint.tensors["generator"])
        gan.critic.load_state_dict(checkpoint.tensors["critic"])
        restore_optimizer(gan.generator_optimizer, checkpoint.tensors["generator_optimizer"])
        restore_optimizer(gan.critic_optimizer, checkpoint.tensors["critic_optimizer"])
        if gan.strength is not None:
            gan.strength.copy_(checkpoint.tensors["augmentation"]["strength"])
    except (RuntimeError, KeyError) as error:
        raise RunError(
            f"the checkpoint of iteration {checkpoint.iteration:,} does not fit the networks this version builds "
            f"({str(error).splitlines()[0]}); continue with the version that began the run "
            f"({checkpoint.facts['versions']['gradpen']})"
        ) from None
    state.iteration = checkpoint.iteration
    return state


def checkpoint_of(state: State, task: Task, run_id: str) -> Checkpoint:
    """Return the state as a checkpoint, with all that is needed to sample from it or to continue."""
    gan, source = state.gan, task.source
    tensors = {
        "generator": dict(gan.generator.state_dict()),
        "critic": dict(gan.critic.state_dict()),
        "generator_optimizer": optimizer_tensors(gan.generator_optimizer),
        "critic_optimizer": optimizer_tensors(gan.critic_optimizer),
    }
    if state.average is not None:
        tensors["average"] = dict(state.average.state_dict())
    if gan.strength is not None:
        tensors["augmentation"] = {"strength": gan.strength}
    labelled = task.config.conditional and source.labels is not None
    facts = {
        "run_id": run_id,
        "config": to_dict(task.config),
        "shape": list(source.shape),
        "labels": label_space(source.labels).to_json() if labelled and source.labels is not None else None,
        "data_fingerprint": source.fingerprint,
        "values": None if source.values.are_pixels else source.values.to_json(),
        "precision": precision_fact(gan),
        "versions": versions(task.device),
    }
    return Checkpoint(iteration=state.iteration, tensors=tensors, facts=facts)


def precision_fact(gan: Gan) -> dict[str, str]:
    """Return what the networks compute in, as a record of the run names it."""
    return {"networks": str(gan.precision), "penalty": str(gan.penalty_precision)}


def record_of(state: State, task: Task, run_id: str, stage: str, distances: dict[str, Any]) -> dict[str, Any]:
    """Return what a reader of the run needs beside configuration and measures, as ``run.json`` holds it.

    Args:
        state: networks and iteration.
        task: what is trained.
        run_id: the run's.
        stage: running, finished, interrupted or diverged.
        distances: final distances to held-out data, JSON-able; empty before the end.
    """
    parameters = {
        name: sum(p.numel() for p in network.parameters())
        for name, network in (("generator", state.gan.generator), ("critic", state.gan.critic))
    }
    return {
        "run_id": run_id,
        "state": stage,
        "iteration": state.iteration,
        "iterations": task.config.iterations,
        "shape": list(task.source.shape),
        "train_images": len(task.source.train),
        "held_out_images": len(task.source.held_out),
        "data_fingerprint": task.source.fingerprint,
        "parameters": parameters,
        "precision": precision_fact(state.gan),
        "versions": versions(task.device),
        "distance_to_held_out": distances,
    }
