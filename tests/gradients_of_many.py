"""Take one critic and one generator step of each configuration and write the gradients to a file.

Run alone or by ``torchrun``, once for each number of processes to compare.
"""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gradpen.algorithm import train_iteration
from gradpen.config import RunConfig
from gradpen.data.recognise import open_source
from gradpen.machine.job import join
from gradpen.machine.seeds import seed_everything
from gradpen.machine.sharing import leads
from gradpen.runs.iteration import batches_from
from gradpen.runs.state import Task, build_gan
from gradpen.settings import configure

STILL = {"learning_rate": 1e-12, "batch_size": 32, "critic_steps": 1}
NOISY = {"objective": "non-saturating", "objective.real_targets": [0.7, 1.0], "objective.flip": 0.1}
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "penalty, MLP": ("wgan-gp-digits", {}),
    "penalty, batch norm in the generator": ("wgan-gp", {"generator.width": 8, "critic.width": 8}),
    "batch norm in both": ("gan", {"generator.width": 8, "critic.width": 8, "critic.norm": "batch"}),
    "mean of the batch in the objective": ("wgan-gp-digits", {"objective": "relativistic-average"}),
    "deviation of the batch in the penalty": ("wgan-gp-digits", {"constraint.where": "noise"}),
    "noisy targets": ("wgan-gp-digits", NOISY),
    "accumulation": ("wgan-gp-digits", {"accumulate": 2}),
    "divergence": ("wgan-gp-digits", {"constraint": "wasserstein-divergence"}),
    "bf16": ("wgan-gp", {"generator.width": 8, "critic.width": 8, "precision": "bf16"}),
    "labels": ("cgan-mnist", {"critic.dropout": 0.0}),
    "points": ("toy-wgan-gp", {}),
    "text": ("text", {"precision": "fp32"}),
    "bf16, text": ("text", {"precision": "bf16"}),
}


def gradients(config: RunConfig) -> dict[str, np.ndarray]:
    """Return the gradient of each network, flat, after one iteration."""
    task = Task(config=config, source=open_source(config.data), device=torch.device("cpu"))
    gan = build_gan(task)
    stream = batches_from(task, 0)
    seed_everything(config.seed, "iterate", 1)
    train_iteration(gan, config.objective, config.constraint, [next(stream)], parts=config.accumulate)
    return {
        name: torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None]).numpy()
        for name, network in (("generator", gan.generator), ("critic", gan.critic))
    }


def main() -> None:
    """Write the gradients of every case."""
    found = {}
    with join("cpu"):
        for case, (preset, settings) in CASES.items():
            torch.manual_seed(0)
            for network, gradient in gradients(configure(preset, settings=STILL | settings)).items():
                found[f"{case}: {network}"] = gradient
        if leads():
            np.savez(Path(sys.argv[1]), allow_pickle=False, **found)


if __name__ == "__main__":
    main()
