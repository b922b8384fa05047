"""What is measured and drawn at a run's marks. Everything here returns values; nothing is written or changed."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from gradpen.batch import Batch
from gradpen.data.plane import DATA, SAMPLES, draw_plane, window_of
from gradpen.data.shown import grid
from gradpen.data.source import Indices, gather, label_space, label_vectors, shown, spread_out
from gradpen.gan import Gan
from gradpen.machine.seeds import derived_seed, seed_everything, separate_randomness
from gradpen.metrics.critic import accuracies, critic_gap, scoring, slopes_of, total_gradient_norm
from gradpen.metrics.generator import (
    DISTANCE,
    DIVERSITY,
    FRECHET,
    NGRAMS,
    Estimate,
    Views,
    held_out_batch,
    measure_generator,
    samples_beside,
)
from gradpen.metrics.generator import set_size as largest_set
from gradpen.objectives import Minimax, NonSaturating, Wasserstein
from gradpen.runs.folder import NEAR, Row
from gradpen.runs.instruments import critic_row
from gradpen.runs.state import State, Task
from gradpen.sampling import draw, draw_from, draw_numbers, draw_pixels, every_label, first_latents

CPU = torch.device("cpu")
POINTS = 512
"""of the data, and as many samples, in a picture of the plane"""
MEASURED = 512
SCORED_AT_ONCE = 128
SLOPES_TAKEN = 64
LABELS_SHOWN = 16
Points = NDArray[np.float32]
WIDEST_GRID = 16


@torch.no_grad()
def measure(state: State, task: Task) -> tuple[Row, dict[str, Tensor]]:
    """Return critic gaps on training and held-out data, slopes and gradient norms; and the slopes one by one.

    The images and latents measured are the same at every mark, and training's randomness is left alone.
    """
    source, config, gan = task.source, task.config, state.gan.exact()
    train_part, held_out_part = (measured_batch(task, rows) for rows in (source.train, source.held_out))
    # One set of samples serves both parts; a smaller part is compared with all of it, its error from its own number.
    larger = max(train_part, held_out_part, key=len)
    images = draw(state.shown, gan.latent_dim, len(larger), derived_seed(config.seed, "measure", 0), larger.labels)
    fake = Batch(images=images, labels=larger.labels)
    row: Row = {"measured_images": len(larger)}
    train_part, held_out_part, fake = (part.packed(gan.pack) for part in (train_part, held_out_part, fake))
    with separate_randomness(), scoring(gan.critic):
        seed_everything(config.seed, "measure", state.iteration)
        fake_scores = score_all(gan, fake)
        for name, real in (("train", train_part), ("held_out", held_out_part)):
            gap = critic_gap(score_all(gan, real), fake_scores)
            row[f"critic_gap_{name}"] = gap.value
            row[f"critic_gap_{name}_error"] = gap.standard_error
        pairs = np.linspace(0, len(train_part), min(SLOPES_TAKEN, len(train_part)), endpoint=False).astype(int)
        paired = train_part[pairs]
        slopes = slopes_of(gan.score(paired), paired.images, fake.images[pairs])
        row |= critic_row(gan, paired, fake.images[pairs], slopes, config.constraint)
        if isinstance(config.objective, Minimax | NonSaturating):
            real_scores = score_all(gan, train_part)
            row |= accuracies(real_scores, fake_scores[: len(real_scores)])
    if state.gan.strength is not None:
        row["augmentation_strength"] = state.gan.strength.item()
    row["critic_gradient_norm"] = total_gradient_norm(gan.critic.parameters())
    row["generator_gradient_norm"] = total_gradient_norm(gan.generator.parameters())
    return row, slopes


def measured_batch(task: Task, rows: Indices) -> Batch:
    """Return the images that measures are taken on, the same at every mark."""
    chosen = spread_out(rows, min(MEASURED, len(rows)))
    labels = label_vectors(task.source, chosen).to(task.device) if task.config.conditional else None
    return Batch(images=gather(task.source, chosen, task.device), labels=labels)


def score_all(gan: Gan, batch: Batch) -> Tensor:
    """Return the scores of many images, a part at a time."""
    scores = []
    for start in range(0, len(batch), SCORED_AT_ONCE):
        part = batch[start : start + SCORED_AT_ONCE]
        scores.append(gan.score(part)(part.images))
    return torch.cat(scores)


def nearness(row: Row) -> float | None:
    """Return what the samples of marks are ranked by, smaller being nearer; None at a mark without any."""
    return next((float(row[name]) for name in ("frechet_distance", "jsd_4") if name in row), None)


def near_enough(row: Row, to: Row) -> bool:
    """Return whether samples of a mark are about as near to held-out images as the nearest ones."""
    return (nearness(row) or 0.0) <= NEAR * (nearness(to) or 0.0)


def since_nearest(rows: list[Row]) -> int:
    """Return how many sample marks came after the nearest one."""
    best = nearest(rows)
    return sum(nearness(row) is not None and row["iteration"] > best["iteration"] for row in rows) if best else 0


@dataclass(frozen=True)
class HeldOut:
    """Held-out images that samples are compared with at every mark, with their features, computed once."""

    batch: Batch
    views: Views


def held_out(task: Task) -> HeldOut:
    """Return the held-out images of a task's marks."""
    batch = held_out_batch(task.source, largest_set(task.source), conditional=task.config.conditional)
    return HeldOut(batch, Views(batch.images))


def distances(state: State, task: Task, beside: HeldOut) -> Row:
    """Return distances of one set of samples to held-out images, the same latents at every mark."""
    seed = derived_seed(task.config.seed, "distance", 0)
    text = task.source.values.symbols is not None
    made = Views(samples_beside(beside.batch, state.shown, state.gan.latent_dim, seed, text=text))
    row: Row = {"distance": DISTANCE.of(made, beside.views), "compared_images": len(beside.batch)}
    if len(beside.batch) >= DIVERSITY.fewest:
        row["diversity"] = DIVERSITY.of(made, beside.views)
    gan, enough = state.gan.exact(), len(beside.batch) >= FRECHET.fewest
    comparable = isinstance(task.config.objective, Wasserstein) and gan.pack == 1 and not text
    if comparable and enough and row["distance"] > 0:
        with torch.no_grad(), separate_randomness(), scoring(gan.critic):
            labels = beside.batch.labels.to(task.device) if beside.batch.labels is not None else None
            real_scores, fake_scores = (
                score_all(gan, Batch(images=images.to(task.device), labels=labels))
                for images in (beside.batch.images, made.images)
            )
        row["dual_efficiency"] = critic_gap(real_scores, fake_scores).value / row["distance"]
    if text:
        row |= {measure.name: measure.of(made, beside.views) for measure in NGRAMS}
    elif len(beside.batch) >= FRECHET.fewest:
        row["frechet_distance"] = FRECHET.of(made, beside.views)
    return row


def nearest(rows: Iterable[Row]) -> Row:
    """Return the row of the trained generator nearest to held-out images, the first of equals; empty without any."""
    trained = [(value, row) for row in rows if row["iteration"] > 0 and (value := nearness(row)) is not None]
    return min(trained, key=lambda found: found[0], default=(0.0, {}))[1]


def final_distances(state: State, task: Task) -> dict[str, Estimate]:
    """Return the distance of several sets of samples to held-out images, and its floor."""
    config = task.config
    found = measure_generator(
        state.shown,
        state.gan.latent_dim,
        task.source,
        conditional=config.conditional,
        seed=config.seed,
        measures=[DISTANCE],
    )
    return {"distance": found[DISTANCE.name], "floor": found[DISTANCE.real_name]}


def real_grid(task: Task) -> Image.Image:
    """Return a picture of training data to compare with."""
    source = task.source
    if source.values.are_points(source.shape[2]):
        points = gather(source, spread_out(source.train, min(POINTS, len(source.train))), CPU).flatten(1).numpy()
        return draw_plane(window_of(points), [(points, DATA)])
    return grid(shown(source, spread_out(source.train, task.config.cadence.grid)))


def plane(state: State, task: Task) -> Image.Image:
    """Return points of the data and samples, over the critic's surface; the same latents as at every mark."""
    config, gan = task.config, state.gan.exact()
    rows = spread_out(task.source.train, min(POINTS, len(task.source.train)))
    real = gather(task.source, rows, CPU).flatten(1).numpy()
    z = first_latents(gan.latent_dim, config.seed, POINTS)
    made = torch.cat(list(draw_from(state.shown, z))).flatten(1).float().cpu().numpy()

    @torch.no_grad()
    def surface(points: Points) -> Points:
        images = torch.from_numpy(points)[:, None, None].to(task.device)
        scores: Points = score_all(gan, Batch(images=images)).cpu().numpy()
        return scores

    with scoring(gan.critic):
        of_one = surface if gan.pack == 1 else None  # a critic of several points has no surface over one
        return draw_plane(window_of(real), [(real, DATA), (made, SAMPLES)], of_one)


def sample_lines(state: State, task: Task) -> list[str]:
    """Return text as lines, from the same latents as at every mark."""
    z = first_latents(state.gan.latent_dim, task.config.seed, task.config.cadence.grid)
    lines: list[str] = draw_numbers(state.shown, z, None, task.source.values).tolist()
    return lines


def sample_grid(state: State, task: Task) -> Image.Image:
    """Return samples from the same latents as at every mark; a conditional run's with rows for each label."""
    config, latent_dim, count = task.config, state.gan.latent_dim, task.config.cadence.grid
    values = task.source.values
    if values.are_points(task.source.shape[2]) and not config.conditional:
        return plane(state, task)
    if task.source.labels is None or not config.conditional:
        return grid(draw_pixels(state.shown, first_latents(latent_dim, config.seed, count), None, values))
    examples = torch.from_numpy(label_space(task.source.labels).example_vectors()[:LABELS_SHOWN])
    each = max(1, count // len(examples))
    columns = min(each, WIDEST_GRID)
    each = each // columns * columns
    z = first_latents(latent_dim, config.seed, each)
    rows = every_label(lambda labels: draw_pixels(state.shown, z, labels, values), each, examples)
    return grid(np.concatenate(rows), columns)
