"""The critic of a run of points, as a surface that they are drawn over."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from gradpen.data.plane import Surface
from gradpen.data.values import Values
from gradpen.errors import GradpenError
from gradpen.machine.seeds import separate_randomness
from gradpen.metrics.critic import scoring
from gradpen.networks.own import OwnCritic
from gradpen.runs.checkpoint import newest_checkpoint
from gradpen.runs.folder import RunFolder, unheard
from gradpen.runs.trained import Run


def newest_critic(run: Run) -> tuple[nn.Module, int] | None:
    """Return the newest critic of a run and its iteration; None where a point alone has no score, or it is not there.

    A best checkpoint keeps the generator alone, so that the critic may be of a later iteration than the samples.
    """
    config = run.config
    if config.conditional or config.pack > 1 or isinstance(config.critic, OwnCritic):
        return None
    try:
        checkpoint = newest_checkpoint(RunFolder(path=run.path).checkpoints, unheard)
        with separate_randomness():
            critic = config.critic.build(tuple(checkpoint.facts["shape"]), 0)
        critic.load_state_dict(checkpoint.tensors["critic"])
    except (GradpenError, KeyError, RuntimeError):
        return None
    return critic, checkpoint.iteration


def surface_of(critic: nn.Module, values: Values) -> Surface:
    """Return the scores of points ``[n, 2]`` in the data's units by a critic."""

    @torch.no_grad()
    def surface(points: NDArray[np.float32]) -> NDArray[np.floating]:
        with scoring(critic):
            scores: NDArray[np.float32] = critic(torch.from_numpy(values.taken(points))).flatten().numpy()
        return scores

    return surface
