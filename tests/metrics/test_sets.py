"""Distances in features order damage to images, which those in pixels do not."""

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, pad

from gradpen.data.choice import DataChoice
from gradpen.data.recognise import open_source
from gradpen.data.source import gather
from gradpen.metrics.features import random_features
from gradpen.metrics.sets import frechet_distance, kernel_distance

CPU = torch.device("cpu")


def blurred(images: Tensor) -> Tensor:
    return avg_pool2d(pad(images, (1, 1, 1, 1), mode="replicate"), 3, 1)


def test_distances_in_features_order_a_ladder_of_damage() -> None:
    """Real < a tenth blurred < noise < one class missing < one class only < untrained, on the drawn bricks."""
    source = open_source(DataChoice(path="embedded:bricks", size=(32, 32)))
    assert source.labels is not None
    kinds, chance = source.labels.values[source.train], torch.Generator().manual_seed(0)
    of_kind = {
        name: source.train[mask] for name, mask in (("all", kinds >= 0), ("missing", kinds > 0), ("one", kinds == 0))
    }
    held_out = gather(source, source.held_out, CPU)
    n = len(held_out)

    def some(name: str) -> Tensor:
        return gather(source, of_kind[name][:n], CPU)

    real = some("all")
    rungs = [
        real,
        torch.cat([blurred(real[: n // 10]), real[n // 10 :]]),
        (real + 0.07 * torch.randn(real.shape, generator=chance)).clamp(-1, 1),
        some("missing"),
        some("one"),
        torch.tanh(0.1 * torch.randn(real.shape, generator=chance)),
    ]
    reference = random_features(held_out)
    features = [random_features(images) for images in rungs]
    for distance in (frechet_distance, kernel_distance):
        values = [distance(reference, found) for found in features]
        assert values == sorted(values), distance
