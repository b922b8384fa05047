"""The measures and the verdict of gradpen in anybody's own training loop."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, is_dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from gradpen.config import RunConfig
from gradpen.data.arrays import Numbers
from gradpen.data.choice import DataChoice
from gradpen.data.labels import Labels, class_labels
from gradpen.data.recognise import from_memory
from gradpen.data.source import Source, label_space, split, spread_out
from gradpen.data.values import Layout, Values
from gradpen.errors import UsageError
from gradpen.gan import Gan
from gradpen.lipschitz import CONSTRAINT_FORMS, Constraint
from gradpen.looking.diagnosis import diagnose
from gradpen.looking.symptoms import symptoms
from gradpen.looking.verdict import LAST, Verdict
from gradpen.looking.verdict_pages import page
from gradpen.machine.seeds import separate_randomness
from gradpen.networks.own import CriticAround, GeneratorAround, OwnCritic, OwnGenerator
from gradpen.runs import marks
from gradpen.runs.folder import Row
from gradpen.runs.state import State, Task
from gradpen.runs.trained import Run
from gradpen.settings import configure

__all__ = ["Seen", "Watch"]

MOST = 5_000
"""examples that measures are taken on; more of them tell little more"""
LAYOUTS: dict[int, Layout] = {2: "vectors", 3: "signals", 4: "images"}


@dataclass(frozen=True)
class Seen:
    """What :class:`Watch` found at a mark; as text, the verdict in plain words.

    >>> print(Seen({"iteration": 9}, (Verdict(name="healthy", meaning="Nothing is wrong.", evidence="all checks"),)))
    healthy: Nothing is wrong.
      all checks
    """

    measures: Row
    """as in a run's ``measures.jsonl``"""
    verdicts: tuple[Verdict, ...]
    """the gravest first"""

    def __str__(self) -> str:
        return page(self.verdicts, None)


class Watch:
    """Looks at the networks of a training loop of your own: measures and a verdict, whenever it is asked.

    It changes neither weights nor gradients nor random numbers, and leaves networks in the mode they were in.

    >>> generator, critic = nn.Linear(4, 2), nn.Linear(2, 1)
    >>> watch = Watch(generator, critic, torch.rand(200, 2) * 2 - 1, latent_dim=4)
    >>> seen = watch.look(0)  # and again in your loop, every few hundred iterations
    >>> seen.verdicts[0].name
    'too early to say'
    """

    def __init__(
        self,
        generator: nn.Module,
        critic: nn.Module,
        data: ArrayLike,
        *,
        latent_dim: int,
        latents: Literal["vectors", "maps"] = "vectors",
        held_out: ArrayLike | None = None,
        labels: ArrayLike | None = None,
        objective: str = "wasserstein",
        constraint: str | Constraint = "gradient-penalty",
        critic_steps: int = 5,
        patches: bool = False,
        seed: int = 0,
    ) -> None:
        """Remember networks and data.

        Args:
            generator: maps latents, and label vectors if there are labels, to examples in the data's range.
            critic: maps examples, and label vectors if there are labels, to scores: a number each.
            data: what it is trained on, as the critic sees it: images ``[N, C, H, W]``, vectors ``[N, D]`` or signals
                ``[N, C, L]``, floats, usually in [-1, 1]. Of more than 5,000 a part is looked at, evenly spread.
            latent_dim: size of the latents, which are drawn from N(0, I).
            latents: whether the generator takes them as ``[B, latent_dim]`` or as maps ``[B, latent_dim, 1, 1]``.
            held_out: examples never trained on; without any, a tenth of the data stands in for them, and neither an
                overfitting critic nor memorising is noticed.
            labels: class of each example, integers ``[N]``, where the networks take vectors ``[B, K]`` of them.
            objective: what is trained: wasserstein, non-saturating, minimax, hinge, least-squares, relativistic, …
            constraint: of the critic: gradient-penalty, weight-clipping, none, …, or one of gradpen's.
            critic_steps: critic updates for each of the generator's.
            patches: the critic scores patches, whose mean is meant.
            seed: of the latents that measures are taken on.

        Raises:
            UsageError: the data are no such array, or there is no such objective or constraint.
        """
        self.source = source_of(data, held_out, labels)
        self.config = config_of(objective, constraint, critic_steps, latent_dim, latents, labels is not None, seed)
        device = next(critic.parameters()).device
        self.task = Task(config=self.config, source=self.source, device=device)
        around = GeneratorAround(generator, self.source.shape, maps=latents == "maps")
        judge = CriticAround(critic, np.shape(data)[1:], mean=patches)
        self.gan = Gan(
            generator=around,
            critic=judge,
            generator_optimizer=torch.optim.SGD(around.parameters(), lr=0.0),
            critic_optimizer=torch.optim.SGD(judge.parameters(), lr=0.0),
            latent_dim=latent_dim,
        )
        self.held_out = marks.held_out(self.task)
        self.rows: list[Row] = []
        """the measures of every look"""

    def look(self, iteration: int, losses: Mapping[str, float] | None = None) -> Seen:
        """Measure the networks as they are now, and judge the run by this and all looks before.

        Args:
            iteration: generator updates so far; 0 for untrained networks, which are a baseline.
            losses: of your own, under the names ``critic_loss``, ``penalty`` and ``generator_loss``.
        """
        networks = (self.gan.generator, self.gan.critic)
        modes = [(module, module.training) for network in networks for module in network.modules()]
        state = State(gan=self.gan, average=None, finite=torch.ones(()), iteration=iteration)
        try:
            with separate_randomness():
                measured, _ = marks.measure(state, self.task)
                row = {"iteration": iteration, **(losses or {}), **measured}
                row |= marks.distances(state, self.task, self.held_out)
                self.rows.append(row)
                verdicts = self.judged(iteration)
        finally:
            for module, training in modes:
                module.training = training
        return Seen(row, verdicts)

    def judged(self, iteration: int) -> tuple[Verdict, ...]:
        """Return what the run shows."""
        conditional = self.config.conditional and self.source.labels is not None
        run = Run(
            path=Path(),
            config=self.config,
            iteration=iteration,
            generator=self.gan.generator,
            labels=label_space(self.source.labels) if conditional and self.source.labels is not None else None,
            measures=self.rows,
            data_fingerprint=self.source.fingerprint,
            values=self.source.values,
        )
        closely = sum(row["iteration"] > 0 for row in self.rows) >= LAST
        return diagnose(symptoms(run, self.source, state="running", closely=closely))


def source_of(data: ArrayLike, held_out: ArrayLike | None, labels: ArrayLike | None) -> Source:
    """Return the data as measures take them."""
    train = floats(data, "data")
    rows = spread_out(np.arange(len(train)), min(MOST, len(train)))
    kinds: Labels | None = None
    if labels is not None:
        classes = np.asarray(labels)
        if classes.shape != (len(train),) or classes.dtype.kind not in "iu":
            raise UsageError(
                f"labels: expected an integer for each of {len(train):,} examples, found {classes.dtype} "
                f"{list(classes.shape)}"
            )
        kinds = class_labels(classes[rows], tuple(str(n) for n in range(int(classes.max()) + 1)))
    images, layout = train[rows], LAYOUTS[train.ndim]
    parts = split(len(images), 0.1)
    if held_out is not None:
        others = floats(held_out, "held_out")
        if others.shape[1:] != train.shape[1:]:
            raise UsageError(
                f"held_out: expected examples of shape {list(train.shape[1:])}, as in data, found "
                f"{list(others.shape[1:])}"
            )
        if labels is not None:
            raise UsageError("held_out: with labels, leave it out: a tenth of the data stands in for it")
        others = others[spread_out(np.arange(len(others)), min(MOST, len(others)))]
        parts = np.arange(len(images)), np.arange(len(images), len(images) + len(others))
        images = np.concatenate([images, others])
    numbers = Numbers(images=in_rows(images), values=Values(low=-1, high=1, dtype="float32", layout=layout), notes={})
    return from_memory("array", "data of a loop", numbers.images, kinds, "float32", DataChoice(), parts, numbers)


def floats(data: ArrayLike, name: str) -> np.ndarray:
    """Return examples as float32; raise :class:`UsageError` unless they are finite numbers of a known shape."""
    array = data.detach().cpu().float().numpy() if isinstance(data, Tensor) else np.asarray(data)
    if array.dtype.kind != "f" or array.ndim not in LAYOUTS or len(array) < 4:
        raise UsageError(
            f"{name}: expected floats as the critic sees them, images [N, C, H, W], vectors [N, D] or signals "
            f"[N, C, L], at least 4, found {array.dtype} {list(array.shape)}; of bytes, give images / 127.5 - 1"
        )
    if not np.isfinite(array).all():
        raise UsageError(f"{name}: some values are NaN or infinite")
    return np.ascontiguousarray(array, dtype=np.float32)


def in_rows(images: np.ndarray) -> np.ndarray:
    """Return examples as ``[N, C, H, W]``."""
    if images.ndim == 2:
        return images[:, None, None, :]
    return images[:, :, None, :] if images.ndim == 3 else images


def config_of(
    objective: str,
    constraint: str | Constraint,
    critic_steps: int,
    latent_dim: int,
    latents: Literal["vectors", "maps"],
    labelled: bool,
    seed: int,
) -> RunConfig:
    """Return what rules look at of a loop that gradpen did not configure."""
    form: Any = CONSTRAINT_FORMS.get(constraint, constraint) if isinstance(constraint, str) else constraint
    settings = {
        "objective": objective,
        "constraint": asdict(form) if is_dataclass(form) and not isinstance(form, type) else form,
        "critic_steps": critic_steps,
        "seed": seed,
    }
    taken: Literal["none", "argument"] = "argument" if labelled else "none"
    return replace(
        configure("wgan-gp", settings=settings),
        generator=OwnGenerator(source="loop:generator", latent_dim=latent_dim, latents=latents, labels=taken),
        critic=OwnCritic(source="loop:critic", labels=taken),
    )
