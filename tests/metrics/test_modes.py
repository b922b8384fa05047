"""Modes, quality and evenness of samples of a mixture, on points whose values are known."""

import math

import numpy as np
import pytest
import torch

from gradpen.data.choice import DataChoice
from gradpen.data.recognise import open_source
from gradpen.data.source import gather
from gradpen.data.toys import GRID, RING, TOYS, points_of
from gradpen.metrics.generator import Views
from gradpen.metrics.modes import mode_measures, modes_reached

CORNERS = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 1.0], [1.0, 1.0]])


def test_data_reach_every_mode() -> None:
    """Of a Gaussian in the plane 1 - exp(-9 / 2) = 98.9 % lie within three standard deviations."""
    for name, mixture in (("ring", RING), ("grid", GRID)):
        points = points_of(TOYS[name])
        found = modes_reached(points, mixture.centres, mixture.spread)
        assert found.captured == found.of == len(mixture.centres)
        assert found.high_quality == pytest.approx(1 - math.exp(-4.5), abs=0.002)
        assert found.reverse_kl < 0.001


def test_modes_are_measured_of_a_named_mixture_alone() -> None:
    """Of the data themselves all modes; of points at one centre that one."""
    source = open_source(DataChoice(path="embedded:ring"))
    held_out = gather(source, source.held_out[:300], torch.device("cpu"))
    measures = {measure.name: measure for measure in mode_measures(source)}
    of_data = {name: measure.of(Views(held_out), Views(held_out)) for name, measure in measures.items()}
    assert of_data["captured"] == 8
    assert of_data["high_quality"] > 0.95
    assert of_data["reverse_kl"] < 0.05
    at_one = Views(torch.tensor(RING.centres[:1], dtype=torch.float32).view(1, 1, 1, 2).expand(9, -1, -1, -1))
    assert [measures[name].of(at_one, at_one) for name in ("captured", "high_quality")] == [1, 1]
    assert measures["reverse_kl"].of(at_one, at_one) == pytest.approx(math.log(8))
    for other in ("embedded:swissroll", "embedded:digits"):
        assert mode_measures(open_source(DataChoice(path=other))) == ()


def test_known_shares() -> None:
    """Three quarters at one corner, a quarter at another: KL is 3/4 log 3 + 1/4 log 1."""
    points = np.repeat(CORNERS[:2], [75, 25], axis=0)
    found = modes_reached(points, CORNERS, 0.01)
    assert (found.captured, found.of, found.high_quality) == (2, 4, 1.0)
    assert found.reverse_kl == pytest.approx(0.75 * math.log(3))


def test_samples_between_modes_capture_none_but_count_in_the_shares() -> None:
    points = np.concatenate([CORNERS[:1], CORNERS[1:2] + 0.2])
    found = modes_reached(points, CORNERS, 0.01)
    assert (found.captured, found.high_quality) == (1, 0.5)
    assert found.reverse_kl == pytest.approx(math.log(2))
    assert modes_reached(points, CORNERS, 0.01, reach=0.3).captured == 2


def test_three_deviations_are_the_bound() -> None:
    assert modes_reached(np.array([[0.0299, 0.0]]), CORNERS, 0.01).high_quality == 1
    assert modes_reached(np.array([[0.0301, 0.0]]), CORNERS, 0.01).high_quality == 0
    assert modes_reached(np.array([[0.022, 0.022]]), CORNERS, 0.01).high_quality == 0


@pytest.mark.parametrize("shape", [(0, 2), (3, 3), (3,)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="go together"):
        modes_reached(np.zeros(shape), CORNERS, 0.01)
