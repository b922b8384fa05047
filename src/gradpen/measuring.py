"""What a run measures and shows at its marks; nothing here changes a bit of the training."""

import math
import time

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from gradpen.algorithm import Measures
from gradpen.batch import Batch
from gradpen.data.source import Indices, gather, label_space, label_vectors
from gradpen.evaluation import generator_distance, held_out_batch, real_distance, sample_distance, set_size, spread_out
from gradpen.gan import Gan
from gradpen.metrics.critic import critic_gap, interpolate_slopes, scoring, total_gradient_norm
from gradpen.objectives import Minimax, NonSaturating
from gradpen.processes import leads, mean_of_each, meet
from gradpen.runs import Row, append_row
from gradpen.runtime import derived_seed, seed_everything, separate_randomness
from gradpen.sampling import draw, draw_every_label, draw_pixels, grid
from gradpen.session import Session, agree_on_finite, refuse_non_finite, shown_generator, write_record

MEASURED = 512
SCORED_AT_ONCE = 128
SLOPES_TAKEN = 64
LABELS_SHOWN = 16
WIDEST_GRID = 16
PUBLISH_SECONDS = 60


def mark(session: Session, measures: Measures, *, sampling: bool) -> None:
    """Read measures back, the only place that does, and write them down; sample if it is time."""
    agree_on_finite(session)
    measures = mean_of_each(measures)
    refuse_non_finite(session)
    if not leads():
        return
    row = {name: value.item() for name, value in measures.items()} | measure(session)
    if sampling:
        row["distance"] = sample_distance(
            shown_generator(session),
            session.gan.latent_dim,
            held_out_batch(session.source, set_size(session.source), conditional=session.config.conditional),
            derived_seed(session.config.seed, "distance", 0),
        )
    now = time.monotonic()
    elapsed = now - session.clock
    session.seconds += elapsed
    before, seen = (
        session.config.critic_updates(iteration) * session.config.batch_size
        for iteration in (session.measured, session.iteration)
    )
    speed = (seen - before) / elapsed if elapsed else 0.0
    session.clock, session.measured = now, session.iteration
    row = {
        "iteration": session.iteration,
        "images": seen,
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
        sample_grid(session).save(session.folder.sample_grid(session.iteration))
        if now - session.published > PUBLISH_SECONDS:
            session.audience.publish(session.folder)
            session.published = time.monotonic()


def sample_grid(session: Session) -> Image.Image:
    """Return samples from the same latents as at every mark; a conditional run's with rows for each label."""
    config, generator, latent_dim = session.config, shown_generator(session), session.gan.latent_dim
    count = config.cadence.grid
    if session.source.labels is None or not config.conditional:
        return grid(draw_pixels(generator, latent_dim, count, config.seed))
    examples = torch.from_numpy(label_space(session.source.labels).example_vectors()[:LABELS_SHOWN])
    each = max(1, count // len(examples))
    columns = min(each, WIDEST_GRID)
    pixels = draw_every_label(generator, latent_dim, each // columns * columns, config.seed, examples)
    return grid(pixels, columns)


@torch.no_grad()
def measure(session: Session) -> Row:
    """Return critic gaps on training and held-out data, slopes and gradient norms.

    The images and latents measured are the same at every mark, and training's randomness is left alone.
    """
    source, gan = session.source, session.gan.exact()
    train_part, held_out_part = (measured_batch(session, rows) for rows in (source.train, source.held_out))
    larger = max(train_part, held_out_part, key=len)
    images = draw(shown_generator(session), gan.latent_dim, len(larger), measured_seed(session), larger.labels)
    fake = Batch(images=images, labels=larger.labels)
    row: Row = {}
    with separate_randomness(), scoring(gan.critic):
        seed_everything(session.config.seed, "measure", session.iteration)
        fake_scores = score_all(gan, fake)
        for name, real in (("train", train_part), ("held_out", held_out_part)):
            gap = critic_gap(score_all(gan, real), fake_scores)
            row[f"critic_gap_{name}"] = gap.value
            row[f"critic_gap_{name}_error"] = gap.standard_error
        pairs = np.linspace(0, len(train_part), min(SLOPES_TAKEN, len(train_part)), endpoint=False).astype(int)
        paired = train_part[pairs]
        slopes = interpolate_slopes(gan.score(paired), paired.images, fake.images[pairs])
        if isinstance(session.config.objective, Minimax | NonSaturating):
            real_scores = score_all(gan, train_part)
            row |= accuracies(real_scores, fake_scores[: len(real_scores)])
    row["slope_mean"], row["slope_max"] = slopes.mean, slopes.maximum
    row["critic_gradient_norm"] = total_gradient_norm(gan.critic.parameters())
    row["generator_gradient_norm"] = total_gradient_norm(gan.generator.parameters())
    return row


def accuracies(real_scores: Tensor, fake_scores: Tensor) -> Row:
    """Return how often a discriminator's logit has the right sign: on data, on as many samples, on both."""
    real, fake = (real_scores > 0).float().mean().item(), (fake_scores < 0).float().mean().item()
    return {"accuracy_real": real, "accuracy_fake": fake, "accuracy": (real + fake) / 2}


def measured_batch(session: Session, rows: Indices) -> Batch:
    """Return the images that measures are taken on, the same at every mark."""
    chosen = spread_out(rows, min(MEASURED, len(rows)))
    labels = label_vectors(session.source, chosen).to(session.device) if session.config.conditional else None
    return Batch(images=gather(session.source, chosen, session.device), labels=labels)


def measured_seed(session: Session) -> int:
    """Return the seed of the samples that measures are taken on."""
    return derived_seed(session.config.seed, "measure", 0)


def score_all(gan: Gan, batch: Batch) -> Tensor:
    """Return the scores of many images, a part at a time."""
    scores = []
    for start in range(0, len(batch), SCORED_AT_ONCE):
        part = batch[start : start + SCORED_AT_ONCE]
        scores.append(gan.score(part)(part.images))
    return torch.cat(scores)


def finish(session: Session) -> None:
    """Let the leader write the final facts of the run and publish it, and the others wait for that."""
    if leads():
        conclude(session)
    meet()


def conclude(session: Session) -> None:
    """Write the final facts of the run and publish it."""
    interrupted = session.audience.interrupt.signal is not None
    done = session.iteration >= session.config.iterations
    if done and not interrupted:
        source, gan = session.source, session.gan
        seed = session.config.seed
        write_record(
            session,
            "finished",
            distance=generator_distance(
                shown_generator(session), gan.latent_dim, source, conditional=session.config.conditional, seed=seed
            ),
            floor=real_distance(source),
        )
    else:
        write_record(session, "interrupted")
    session.audience.publish(session.folder)
