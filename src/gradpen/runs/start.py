"""A run that begins with the networks of another: what fits is taken, what does not begins afresh, and both are said.

Sources: fine-tuning of both players, Wang et al. 2018 (arXiv 1805.01677); with the critic's first layers held still,
FreezeD, Mo, Cho & Shin 2020 (arXiv 2002.10964).
"""

from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from gradpen.config import RunConfig
from gradpen.data.choice import DataChoice
from gradpen.errors import UsageError
from gradpen.optimizers import OptimizerChoice
from gradpen.runs.checkpoint import Checkpoint, newest_checkpoint, refuse_generator_alone, restore_optimizer
from gradpen.runs.folder import existing_folder, read_config
from gradpen.runs.state import State, Task
from gradpen.settings import from_dict
from gradpen.text import printable

LABELLED = "network."
"""where a network that takes labels keeps the layers that one without has too"""
MOST_COLOURS = 4
"""channels that a file of an image may have"""
NAMED = 4
"""tensors that a sentence names before it counts the rest"""


@dataclass(frozen=True, kw_only=True)
class Taken:
    """What one network took from another run."""

    fitted: int
    """tensors taken"""
    total: int
    """tensors that the network has"""
    weights: int
    """weights of layers among those taken"""
    fresh: list[str]
    """those that begin as every new run's do, with the shapes found there and here"""
    left: list[str]
    """those of the other run that have no place here"""
    optimizer: bool
    """whether the optimiser's state was taken too: if all weights fit and it is the same but for its learning rate"""


@dataclass(frozen=True, kw_only=True)
class Start:
    """Where a run began."""

    run: str
    run_id: str
    iteration: int
    generator: Taken
    critic: Taken

    def to_json(self) -> dict[str, Any]:
        """Return JSON-able values."""
        return asdict(self)

    def sentences(self) -> list[str]:
        """Return what was taken and what begins afresh, a sentence for each network."""
        lines = [f"starting from {printable(self.run)}, iteration {self.iteration:,}"]
        for name, taken in (("generator", self.generator), ("critic", self.critic)):
            whole = f"{name}: {taken.fitted} of {taken.total} tensors taken"
            fresh = f"; initialised afresh: {listed(taken.fresh)}" if taken.fresh else ""
            left = f"; without a place here: {listed(taken.left)}" if taken.left else ""
            optimizer = "; its optimiser goes on" if taken.optimizer else "; its optimiser begins afresh"
            lines.append(whole + fresh + left + optimizer)
        return lines


def listed(names: list[str]) -> str:
    """Return the first few names and how many more there are."""
    more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
    return ", ".join(printable(name) for name in names[:NAMED]) + more


def configuration_from(run: Path, *, data: str | None, in_memory: bool) -> RunConfig:
    """Return the configuration that a run begins with which starts from another: that one's, for these data.

    Args:
        run: the other run's folder.
        data: where the new data lie; None: where the other run's do.
        in_memory: whether the data are an array of the program.

    Raises:
        RunError: there is no run.
    """
    folder = existing_folder(run)
    config = read_config(folder)
    choice = config.data
    if data is not None or in_memory:
        # Images of another size or other colours would fit other networks, so they come to those the networks have.
        shape = newest_checkpoint(folder.checkpoints, lambda _: None).facts["shape"]
        alike = not in_memory and shape[1] > 1 and shape[0] <= MOST_COLOURS
        choice = DataChoice(
            path=choice.path if data is None else data,
            size=(shape[1], shape[2]) if alike else None,
            fit=choice.fit,
            channels=shape[0] if alike else None,
            background=choice.background,
            flip=choice.flip,
        )
    return replace(config, data=choice, start=str(run.absolute()), freeze_critic=0)


def begun_elsewhere(state: State, task: Task, say: Callable[[str], None]) -> Start | None:
    """Let networks and optimisers begin with what another run's hold, if the configuration names one.

    Raises:
        RunError: there is no such run, or none of its checkpoints is whole.
        UsageError: nothing of it fits.
    """
    if task.config.start is None:
        return None
    folder = existing_folder(Path(task.config.start))
    checkpoint = newest_checkpoint(folder.checkpoints, say)
    refuse_generator_alone(folder.path, checkpoint)
    gan = state.gan
    before = from_dict(checkpoint.facts["config"])
    start = Start(
        run=task.config.start,
        run_id=checkpoint.facts["run_id"],
        iteration=checkpoint.iteration,
        generator=take(
            gan.generator,
            gan.generator_optimizer if alike(before.generator_optimizer, task.config.generator_optimizer) else None,
            checkpoint,
            "generator",
        ),
        critic=take(
            gan.critic,
            gan.critic_optimizer if alike(before.critic_optimizer, task.config.critic_optimizer) else None,
            checkpoint,
            "critic",
        ),
    )
    if not start.generator.weights + start.critic.weights:
        raise UsageError(
            f"nothing of {printable(task.config.start)} fits the networks of this run, those of "
            f"{task.config.preset} for {'x'.join(map(str, task.source.shape))}; leave out `preset` to take that run's "
            f"own, or leave out `start`"
        )
    if state.average is not None:
        fit(state.average, checkpoint.tensors.get("average", checkpoint.tensors["generator"]))
    if gan.strength is not None and "augmentation" in checkpoint.tensors:
        gan.strength.copy_(checkpoint.tensors["augmentation"]["strength"])
    for sentence in start.sentences():
        say(sentence)
    return start


def alike(before: OptimizerChoice, now: OptimizerChoice) -> bool:
    """Return whether two optimisers are the same but for their learning rates."""
    return type(before) is type(now) and vars(before) | {"learning_rate": 0} == vars(now) | {"learning_rate": 0}


def take(network: nn.Module, optimizer: Any | None, checkpoint: Checkpoint, name: str) -> Taken:
    """Let a network take what fits, and its optimiser the state if all of it does; None: it is of another kind."""
    taken = fit(network, checkpoint.tensors[name])
    state = checkpoint.tensors[f"{name}_optimizer"]
    parameters = list(network.parameters())
    all_learn = len({int(key.partition(".")[0]) for key in state}) == sum(p.requires_grad for p in parameters)
    if optimizer is None or taken.fresh or taken.left or not all_learn:
        return taken
    restore_optimizer(optimizer, state)
    return replace(taken, optimizer=True)


def fit(network: nn.Module, tensors: dict[str, Tensor]) -> Taken:
    """Load the layers whose tensors all have the names and shapes of a network's.

    Of the first layer the columns are taken that both have: labels join latents and images behind them.
    """
    there = {name.removeprefix(LABELLED): tensor for name, tensor in tensors.items()}
    own = {name.removeprefix(LABELLED): tensor for name, tensor in network.state_dict().items()}
    columns = columns_of_first(own, there)
    fits = {name for name, value in own.items() if name in there and there[name].shape == value.shape} | columns.keys()
    broken = {layer_of(name) for name in own if name not in fits}
    fitted = [name for name in own if layer_of(name) not in broken]
    for name in fitted:
        if name in columns:
            own[name][:, : columns[name]] = there[name][:, : columns[name]]
        else:
            own[name].copy_(there[name])
    fresh = [
        f"{name} ({shape(there[name])} there, {shape(value)} here)" if name in there else name
        for name, value in own.items()
        if name not in fitted
    ]
    fresh += [f"{own[name].shape[1] - count} columns of {name}" for name, count in columns.items() if name in fitted]
    left = [name for name in there if name not in own]
    weighted = sum(own[name].dim() > 1 for name in fitted)
    return Taken(fitted=len(fitted), total=len(own), weights=weighted, fresh=fresh, left=left, optimizer=False)


def columns_of_first(own: dict[str, Tensor], there: dict[str, Tensor]) -> dict[str, int]:
    """Return the first weight and how many columns of it both networks have, if they differ in those alone."""
    first = next((name for name, value in own.items() if value.dim() > 1), None)
    if first is None or first not in there:
        return {}
    here, before = own[first].shape, there[first].shape
    alike = len(here) == len(before) and here[0] == before[0] and here[2:] == before[2:] and here != before
    return {first: min(here[1], before[1])} if alike else {}


def layer_of(name: str) -> str:
    """Return the layer that a tensor belongs to."""
    return name.rpartition(".")[0]


def shape(tensor: Tensor) -> str:
    """Return a shape in words."""
    return "x".join(map(str, tensor.shape)) or "one number"
