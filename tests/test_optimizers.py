"""Adam, RMSProp in both forms, a generator's average, and the schedules of a run."""

import copy

import pytest
import torch
from torch import nn

from gradpen.config import CriticWarmUp
from gradpen.optimizers import Adam, OptimizerChoice, RMSProp, averaged_copy, update_average
from gradpen.presets.papers import wgan_lsun


def test_tensorflows_form_is_the_recurrence() -> None:
    """v starts at 1; w moves by -lr g / sqrt(v + eps). Against the recurrence in Python's own arithmetic."""
    weight = nn.Parameter(torch.tensor([0.5, -1.0], dtype=torch.float64))
    idle = nn.Parameter(torch.ones(1, dtype=torch.float64))
    optimizer = RMSProp(learning_rate=0.1, alpha=0.9, eps=1e-3, form="tensorflow").build([weight, idle])
    expected, v = [0.5, -1.0], [1.0, 1.0]
    for step in range(5):
        gradient = [0.3 * step - 1, 2.0]
        weight.grad = torch.tensor(gradient, dtype=torch.float64)
        optimizer.step()
        for i in range(2):
            v[i] = 0.9 * v[i] + 0.1 * gradient[i] ** 2
            expected[i] -= 0.1 * gradient[i] / (v[i] + 1e-3) ** 0.5
    assert weight.tolist() == pytest.approx(expected, rel=1e-12)
    assert idle.item() == 1


@pytest.mark.parametrize("choice", [Adam(beta1=0.5, beta2=0.99), RMSProp()], ids=["adam", "rmsprop"])
def test_steps_are_those_of_pytorch(choice: OptimizerChoice) -> None:
    """Without the hooks of ``torch.compile``, bit for bit, also after their state was taken over."""
    torch.manual_seed(0)
    ours = nn.Linear(3, 2)
    theirs = copy.deepcopy(ours)
    optimizer = choice.build(ours.parameters())
    kind = torch.optim.Adam if isinstance(choice, Adam) else torch.optim.RMSprop
    options = {name: value for name, value in optimizer.defaults.items() if value is not None}
    reference = kind(theirs.parameters(), **options)
    for _ in range(3):
        x = torch.randn(4, 3)
        for network, stepping in ((ours, optimizer), (theirs, reference)):
            stepping.zero_grad()
            network(x).square().sum().backward()
            stepping.step()
        optimizer.load_state_dict(copy.deepcopy(reference.state_dict()))
    assert all(torch.equal(one, other) for one, other in zip(ours.parameters(), theirs.parameters(), strict=True))


def test_an_average_follows_the_weights_and_copies_statistics() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    average = averaged_copy(network)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    network(torch.randn(8, 2))
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(1)
    update_average(average, network, 0.9)
    found, now = average.state_dict(), network.state_dict()
    assert torch.allclose(found["0.weight"], before["0.weight"] + 0.1)
    assert torch.equal(found["1.running_mean"], now["1.running_mean"])
    assert not torch.equal(now["1.running_mean"], before["1.running_mean"])
    assert not any(parameter.requires_grad for parameter in average.parameters())


def test_warm_up_counts_as_the_release_does() -> None:
    """``gen_iterations < 25 or gen_iterations % 500 == 0``, counted from 0."""
    config = wgan_lsun()
    counted = 0
    for iteration in range(1, 1200):
        usual = not (iteration - 1 < 25 or (iteration - 1) % 500 == 0)
        counted += 5 if usual else 100
        assert config.critic_updates(iteration) == counted, iteration
    assert CriticWarmUp(first=0, every=10).iterations(1) == 1
