"""A program with a process group of its own, in which one process alone uses gradpen's pieces.

Started by ``torchrun``; ends at once where nothing of gradpen communicates, and hangs otherwise.
"""

import sys
from datetime import timedelta
from pathlib import Path

import torch
import torch.distributed as distributed

import gradpen
from gradpen.data.choice import DataChoice
from gradpen.data.recognise import open_source
from gradpen.data.source import batches
from gradpen.machine import sharing
from gradpen.networks.dropout import Dropout
from gradpen.networks.norms import BatchNorm2d


def use() -> None:
    """Use everything that shares its work within a job of gradpen's own."""
    real, fake = torch.randn(2, 8, 4)
    gradpen.RelativisticAverage().critic_loss(real[:, 0], fake[:, 0])
    gradpen.NonSaturating(flip=0.2).critic_loss(real[:, 0], fake[:, 0])
    critic = torch.nn.Linear(4, 1)
    for where in ("line", "noise"):
        gradpen.GradientPenalty(where=where).penalty(critic, real, fake)
    generator = torch.nn.Linear(2, 4)
    gan = gradpen.Gan(
        generator=generator,
        critic=critic,
        generator_optimizer=torch.optim.SGD(generator.parameters(), lr=0.1),
        critic_optimizer=torch.optim.SGD(critic.parameters(), lr=0.1),
        latent_dim=2,
    )
    batch = gradpen.Batch(images=real)
    gradpen.train_iteration(gan, gradpen.Wasserstein(), gradpen.GradientPenalty(), [batch])
    BatchNorm2d(4)(torch.randn(8, 4, 2, 2))
    Dropout(0.5)(real)
    stream = batches(open_source(DataChoice()), 16, seed=0, start=0, device=torch.device("cpu"))
    assert len(next(stream)) == 16, "the whole batch, not a half"


def main() -> None:
    """Let rank 0 use gradpen, and train a run alone; rank 1 does nothing."""
    distributed.init_process_group("gloo", timeout=timedelta(seconds=60))
    if distributed.get_rank() == 0:
        use()
        assert sharing.count() == 1
        heard: list[str] = []
        from gradpen.runs.audience import Audience

        settings = {"preset": "wgan-gp-digits", "iterations": 1, "critic_steps": 1}
        run = gradpen.train(out=Path(sys.argv[1]), audience=Audience(say=heard.append), **settings)  # type: ignore[arg-type]
        assert run.iteration == 1
        assert "this process trains alone: the open process group of 2 is the program's own" in heard[0]
    distributed.destroy_process_group()


if __name__ == "__main__":
    main()
