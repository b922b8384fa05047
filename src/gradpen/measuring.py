"""What a run measures and shows at its marks; nothing here changes a bit of the training."""

import math
import time

import numpy as np
import torch
from torch import Tensor, nn

from gradpen.algorithm import Measures
from gradpen.data.source import gather
from gradpen.evaluation import generator_distance, held_out_images, real_distance, sample_distance, set_size, spread_out
from gradpen.metrics.critic import critic_gap, interpolate_slopes, scoring, total_gradient_norm
from gradpen.objectives import Minimax, NonSaturating
from gradpen.runs import Row, append_row
from gradpen.runtime import derived_seed, seed_everything, separate_randomness
from gradpen.sampling import draw, draw_pixels, grid
from gradpen.session import Session, refuse_non_finite, write_record

MEASURED = 512
SCORED_AT_ONCE = 128
SLOPES_TAKEN = 64
PUBLISH_SECONDS = 60


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
    row = {
        "iteration": session.iteration,
        "images": session.iteration * seen,
        **row,
        "images_per_second": round(speed, 1),
        "seconds": round(session.seconds, 3),
    }
    if not all(math.isfinite(value) for value in row.values()):
        session.finite = torch.zeros_like(session.finite)
        refuse_non_finite(session)
    session.row = row
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
        pairs = np.linspace(0, len(train_part), min(SLOPES_TAKEN, len(train_part)), endpoint=False).astype(int)
        slopes = interpolate_slopes(gan.critic, train_part[pairs], fake[pairs])
        if isinstance(session.config.objective, Minimax | NonSaturating):
            real_scores = score_all(gan.critic, train_part)
            row |= accuracies(real_scores, fake_scores[: len(real_scores)])
    row["slope_mean"], row["slope_max"] = slopes.mean, slopes.maximum
    row["critic_gradient_norm"] = total_gradient_norm(gan.critic.parameters())
    row["generator_gradient_norm"] = total_gradient_norm(gan.generator.parameters())
    return row


def accuracies(real_scores: Tensor, fake_scores: Tensor) -> Row:
    """Return how often a discriminator's logit has the right sign: on data, on as many samples, on both."""
    real, fake = (real_scores > 0).float().mean().item(), (fake_scores < 0).float().mean().item()
    return {"accuracy_real": real, "accuracy_fake": fake, "accuracy": (real + fake) / 2}


def score_all(critic: nn.Module, images: Tensor) -> Tensor:
    """Return the scores of many images, a part at a time."""
    return torch.cat([critic(part) for part in torch.split(images, SCORED_AT_ONCE)])


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
