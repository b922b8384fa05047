"""How the weights of a loop's networks move from look to look."""

# mypy: ignore-errors

import pytest
import torch
from torch import nn

from gradpen.looking.weights import Course, weights_of


def seen(course: Course, generator: nn.Module, critic: nn.Module, *iterations: int) -> None:
    for iteration in iterations:
        course.see(weights_of(generator, critic, iteration))


@pytest.fixture
def networks() -> tuple[nn.Sequential, nn.Sequential]:
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(3, 70), nn.Linear(70, 70)), nn.Sequential(nn.Linear(70, 1))


def test_weights_that_never_move_and_weights_that_stop(networks) -> None:
    generator, critic = networks
    course = Course()
    seen(course, generator, critic, 0, 0)
    assert not course.resting
    with torch.no_grad():
        generator[0].weight.add_(1.0)
        generator[1].bias.add_(1.0)
    seen(course, generator, critic, 100)
    assert course.resting == ("generator: 1.weight", "critic: 0.weight")
    assert not course.stopped
    with torch.no_grad():
        generator[1].weight[-1, -1] += 1e-6
    seen(course, generator, critic, 200, 300)
    assert course.resting == ("critic: 0.weight",)
    assert course.stopped == ("generator: 0.weight",)
    seen(course, generator, critic, 400)
    assert course.stopped == ("generator: 0.weight", "generator: 1.weight")


def test_how_far_weights_move_and_how_large_they_are(networks) -> None:
    generator, critic = networks
    course = Course()
    assert course.moved("generator") is None
    seen(course, generator, critic, 0)
    with torch.no_grad():
        for parameter in generator.parameters():
            parameter.mul_(0.1)
    seen(course, generator, critic, 100)
    assert course.size("generator") == pytest.approx(0.1, rel=1e-5)
    assert course.moved("generator") == pytest.approx(0.9, rel=1e-5)
    assert course.size("critic") == 1.0
    assert course.moved("critic") == 0.0


def test_weights_that_are_made_anew_have_nothing_of_what_they_were(networks) -> None:
    generator, critic = networks
    course = Course()
    for iteration in range(3):
        seen(course, generator, critic, iteration)
        critic[0].reset_parameters()
        with torch.no_grad():
            generator[0].weight.mul_(1.2)
    assert course.likeness("generator") > 0.99
    assert abs(course.likeness("critic")) < 0.4
