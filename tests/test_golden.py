"""The first 20 iterations of each family of presets, reduced, against recorded numbers.

A change of behaviour shows here.
Losses are computed in float64 on one thread, from the same initial weights, order of data and draws as a run. The
numbers under ``golden/`` are gradpen's own; ``pytest tests/test_golden.py --regenerate-golden`` writes them anew, which
is right only when a change of behaviour is meant.
"""

import json
from collections.abc import Iterator
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gradpen.batch import Batch
from gradpen.data.choice import DataChoice
from gradpen.data.recognise import open_source
from gradpen.data.source import Source
from gradpen.runs.iteration import batches_from, iterate
from gradpen.runs.state import Task, initial_state
from gradpen.sampling import latents
from gradpen.settings import configure

GOLDEN = Path(__file__).parent / "golden"
ITERATIONS = 20
SETTINGS: dict[str, Any] = {"batch_size": 6, "critic_steps": 2, "threads": 1, "iterations": ITERATIONS}
VARIANTS: dict[str, tuple[str, dict[str, Any]]] = {
    **{name: (name, {}) for name in ("wgan-gp", "wgan", "gan", "wgan-gp-digits")},
    **{name: (name, {}) for name in ("wgan-gp-mnist", "wgan-mnist", "wgan-div-mnist", "dcgan-mnist")},
    **{name: (name, {}) for name in ("cgan-mnist", "acgan-mnist", "mnist-64-wgan-gp", "mnist-64-wgan")},
    **{name: (name, {}) for name in ("dcgan-bricks", "cgan-faces", "gan-camel", "wgan-gp-fashion")},
    "wgan-lsun": ("wgan-lsun", {"critic_warm_up": {"steps": 3, "first": 2, "every": 15}}),
    "wgan-gp-faces-2019": ("wgan-gp-faces-2019", {"critic_steps": 1}),
    "accumulated, averaged, decaying": (
        "wgan-gp-digits",
        {
            "accumulate": 3,
            "average": 0.9,
            "generator_optimizer.learning_rate": {"start": 1e-3, "end": 0.0, "shape": "linear"},
            "critic_optimizer.learning_rate": {"start": 1e-3, "end": 0.0, "shape": "linear"},
        },
    ),
    "residual": (
        "wgan-gp",
        {
            "generator": {"name": "residual", "width": 8},
            "critic": {"name": "residual", "width": 8},
            "data.size": [16, 16],
        },
    ),
    "relativistic, noise": (
        "wgan-gp-digits",
        {"objective": "relativistic-average", "constraint.where": "noise", "reuse_batch": True},
    ),
    "noisy targets, spectral norm": (
        "gan",
        {"objective.real_targets": [0.7, 1.0], "objective.flip": 0.1, "constraint": "spectral-norm"},
    ),
}


@lru_cache(maxsize=4)
def source_of(choice: DataChoice) -> Source:
    return open_source(choice)


def checksum(values: torch.Tensor) -> list[float]:
    """Size, place-weighted sum and first number: any change of values or of their order shows."""
    flat = values.detach().double().flatten()
    return [float(len(flat)), float((flat * torch.arange(1, len(flat) + 1)).sum() / len(flat)), float(flat[0])]


def in_float64(stream: Iterator[Batch]) -> Iterator[Batch]:
    for batch in stream:
        labels = None if batch.labels is None else batch.labels.double()
        yield Batch(images=batch.images.double(), labels=labels)


def beginning(preset: str, settings: dict[str, Any]) -> dict[str, Any]:
    """What a run begins with, and the losses of its first iterations."""
    config = configure(preset, reduced=True, settings=SETTINGS | settings)
    task = Task(config=config, source=source_of(config.data), device=torch.device("cpu"))
    state = initial_state(task)
    gan = state.gan
    order = [batch.images.sum((1, 2, 3)).tolist() for batch in islice(batches_from(task, 0), 3)]
    weights = {
        name: {key: checksum(value) for key, value in network.named_parameters()}
        for name, network in (("generator", gan.generator), ("critic", gan.critic))
    }
    for network in (gan.generator, gan.critic, state.shown):
        network.double()
    stream = in_float64(batches_from(task, 0))
    losses = [{name: value.item() for name, value in iterate(state, config, stream).items()} for _ in range(ITERATIONS)]
    return {
        "weights": weights,
        "latents": latents(config.generator.latent_dim, config.seed, 0)[0, :3].tolist(),
        "order": order,
        "losses": losses,
        "trained": {
            name: checksum(torch.cat([p.flatten() for p in network.parameters()]))
            for name, network in (("generator", state.shown), ("critic", gan.critic))
        },
    }


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_run_begins_as_recorded(variant: str, request: pytest.FixtureRequest) -> None:
    found = beginning(*VARIANTS[variant])
    file = GOLDEN / f"{variant.replace(', ', '-').replace(' ', '-')}.json"
    if request.config.getoption("--regenerate-golden"):
        file.write_text(readable(found))
    recorded = json.loads(file.read_text())
    for part in recorded:
        compare(part, found[part], recorded[part], 1e-5 if part in ("weights", "latents", "order") else 1e-4)


def readable(found: dict[str, Any]) -> str:
    """One line for each part, and for each iteration's losses."""
    return json.dumps(found).replace(', "', ',\n"').replace("}, {", "},\n{") + "\n"


def compare(place: str, found: Any, recorded: Any, tolerance: float) -> None:
    """Compare numbers in nested values; last bits of float32 draws may differ between CPUs."""
    if isinstance(recorded, dict):
        assert list(found) == list(recorded), place
        for key, value in recorded.items():
            compare(f"{place}, {key}", found[key], value, tolerance)
    elif isinstance(recorded, list) and isinstance(recorded[0], dict):
        for number, (one, other) in enumerate(zip(found, recorded, strict=True)):
            compare(f"{place} {number}", one, other, tolerance)
    else:
        assert np.allclose(found, recorded, rtol=tolerance, atol=tolerance), (place, found, recorded)
