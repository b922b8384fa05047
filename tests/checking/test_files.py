"""A file without a function: all that takes a gradient in it, and the steps of its loops."""

import json
from pathlib import Path

import pytest

from gradpen.cli import main

HEAD = """
import torch
from missing import Critic, Generator, Images

WEIGHT, LATENTS = 10, 100
torch.manual_seed(0)


def gradient_penalty(critic, real, fake):
    share = torch.rand(len(real), 1, 1, 1)
    points = share * real + (1 - share) * fake
    (gradient,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
    return ((gradient.flatten(1).norm(2, dim=1) - 1) ** 2).mean()


def show(images):
    raise RuntimeError("it is not to be run")

"""
IN_A_FUNCTION = """
def train(loader, epochs=5):
    critic, generator = Critic(), Generator()
    critic_optimizer = torch.optim.Adam(critic.parameters())
    step = 0
    for epoch in range(epochs):
        for number, (real, _) in enumerate(loader):
            real = real.cuda()
            for _ in range(ITERATIONS):
                fake = generator(torch.randn(len(real), LATENTS, 1, 1))
                penalty = gradient_penalty(critic, real, fake)
                loss = {signs}(critic(real).mean() - critic(fake).mean()) + WEIGHT * penalty
                critic.zero_grad()
                loss.backward(retain_graph=True)
                critic_optimizer.step()
            loss = -critic(fake).mean()
            loss.backward()
            step += 1
            show(fake)

"""
AT_THE_TOP = """
raise RuntimeError("it trains")
netD, images = Critic(), Images("/data", download=True)
for epoch in range(5):
    for i, data in enumerate(images):
        iteration += 1
        if len(data[0]) != batch_size:
            continue
        real = data[0]
        fake = netG(torch.randn(batch_size, nz, 1, 1)).detach()
        eps = torch.rand({shares}, 1, 1, 1)
        x_hat = (eps * real + (1 - eps) * fake).requires_grad_(True)
        d_hat = netD(x_hat)
        gradient = torch.autograd.grad(d_hat, x_hat, torch.ones_like(d_hat), create_graph=True)[0]
        penalty = ((gradient.view(len(gradient), -1).norm(2, dim=1) - 1) ** 2).mean()
        loss_D = netD(fake).mean() - netD(real).mean() + WEIGHT * penalty
        loss_D.backward()
        optimizerD.step()
        losses.append(loss_D.item())
"""


def file_of(place: Path, *parts: str) -> str:
    """Write a script."""
    script = place / "train.py"
    script.write_text(HEAD + "".join(parts))
    return str(script)


def test_all_of_a_file_is_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    right = file_of(tmp_path, IN_A_FUNCTION.format(signs="-"), AT_THE_TOP.format(shares="batch_size"))
    assert main(["check", right]) == 0
    shown = capsys.readouterr().out
    assert shown.startswith("gradient_penalty, called as (critic: critic, real: real, fake: fake)")
    line = Path(right).read_text().splitlines().index("            for _ in range(ITERATIONS):") + 1
    assert f"\n\nthe loop of train in line {line}\n" in shown
    assert "\n\n__main__\n" in shown
    assert shown.count("all holds") == 3
    assert main(["check", f"{right}:__main__", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["right"]


@pytest.mark.parametrize(
    ("signs", "shares", "name"), [("", "batch_size", "signs"), ("-", "1", "share")], ids=["in a function", "at the top"]
)
def test_what_is_wrong_in_a_loop_is_found(
    signs: str, shares: str, name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    wrong = file_of(tmp_path, IN_A_FUNCTION.format(signs=signs), AT_THE_TOP.format(shares=shares))
    assert main(["check", wrong, "--json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert [one["name"] for report in found for one in report["findings"] if one["verdict"] == "wrong"] == [name]


def test_a_file_without_a_gradient_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = tmp_path / "train.py"
    script.write_text("def f():\n    return 1\n")
    assert main(["check", str(script)]) == 2
    assert "has no function that takes a gradient, and no loop that trains with a penalty" in capsys.readouterr().err
    assert main(["check", str(tmp_path / "nothing.py")]) == 2
    assert "cannot be read" in capsys.readouterr().err
    assert main(["check", f"{script}:__main__"]) == 2
    assert "defines no '__main__'" in capsys.readouterr().err
