"""Whole training steps: what they send backward in place of returning it, and what they unpack and call."""

# mypy: ignore-errors

from pathlib import Path

import pytest
import torch
from torch import nn

import gradpen
from checking.right_forms import of_x_and_y
from gradpen.checking.finding import PenaltyReport
from gradpen.cli import main

SMALL = (3, 4, 2)
"""images that are quickly checked"""


class Module(nn.Module):
    """In place of a package's class of training."""


class Lightning(Module):
    """A batch of data and labels, networks and optimizers of its object, and the generator's step after it."""

    def penalty(self, real, fake):
        return of_x_and_y(real, fake, self.critic)

    def training_step(self, batch, batch_idx):
        generator_optimizer, critic_optimizer = self.optimizers()
        images, _ = batch
        fake = self.generator(torch.randn(len(images), self.generator.dim_z)).detach()
        loss = (
            self.critic(fake).mean() - self.critic(images).mean() + self.weight_of_penalty * self.penalty(images, fake)
        )
        self.log("loss", loss)
        critic_optimizer.zero_grad()
        self.manual_backward(loss, retain_graph=True)
        critic_optimizer.step()
        if batch_idx % self.critic_steps == 0:
            self.manual_backward(-self.critic(self.generator(self.sample_latents(len(images)))).mean())
            generator_optimizer.step()


class InParts:
    """Scores sent backward with 1 and -1, the penalty on its own; data of the object, and records under short names."""

    def backward_critic(self):
        data = torch.autograd.Variable(self.left)
        real = self.D(data).mean()
        real.backward(self.mone)
        fake = self.D(self.fake_left.detach()).mean()
        fake.backward(self.one)
        penalty = 10 * of_x_and_y(data.data, self.fake_left.data, self.D)
        penalty.backward()
        self.losses["critic"]["D"] += (fake - real + penalty).item() / self.critic_iters


class UpsideDown(InParts):
    """The same with the signs exchanged."""

    def backward_critic(self):
        self.D(self.real).mean().backward(self.one)
        self.D(self.fake.detach()).mean().backward(self.mone)
        (10 * of_x_and_y(self.real, self.fake.detach(), self.D)).backward()


class Accumulating:
    """Returns what is to be shown, one for each example, and sends the mean backward."""

    @staticmethod
    def zero_centred(points, scores):
        (gradient,) = torch.autograd.grad(scores.sum(), points, create_graph=True)
        return gradient.flatten(1).square().sum(1)

    def accumulate(self, noise, real_samples, gamma):
        real = real_samples.detach().requires_grad_(True)
        fake = self.generator(noise).detach().requires_grad_(True)
        real_logits, fake_logits = self.discriminator(real), self.discriminator(fake)
        r1, r2 = self.zero_centred(real, real_logits), self.zero_centred(fake, fake_logits)
        adversarial = nn.functional.softplus(fake_logits - real_logits)
        (adversarial + gamma / 2 * (r1 + r2)).mean().backward()
        return [one.detach() for one in (adversarial, r1, r2)]


class Forgetful:
    """Computes the penalty, and sends the loss backward without it."""

    def d_step(self, g_input, real_input):
        fake = self.generator(g_input).detach()
        penalty = of_x_and_y(real_input, fake, self.discriminator)
        loss = self.discriminator(fake).mean() - self.discriminator(real_input).mean()
        loss.backward()
        self.d_optimizer.step()
        return {"loss": loss.item(), "penalty": penalty.item()}


class Normal:
    """Two losses, of which the critic's is the first, with a penalty that is off by default."""

    def forward(self, x, with_gp=False):
        fake = self.generator(torch.randn(len(x), self.generator.dim_z))
        real_logits, fake_logits = self.discriminator(x), self.discriminator(fake)
        ones = torch.ones_like(real_logits)
        loss = nn.functional.binary_cross_entropy_with_logits(real_logits, ones)
        loss = loss + nn.functional.binary_cross_entropy_with_logits(fake_logits, 0 * ones)
        if with_gp:
            share = torch.randn(len(x), *[1] * (x.dim() - 1))
            points = share * x + (1 - share) * fake
            (gradient,) = torch.autograd.grad(self.discriminator(points).sum(), points, create_graph=True)
            loss = loss + 10 * ((gradient.flatten(1).norm(dim=1) - 1) ** 2).mean()
        return loss, -nn.functional.logsigmoid(fake_logits).mean()


class OfNamedParts:
    """A batch by names, scores of pictures beside their condition, and noise out of a function."""

    def train_step(self, sample):
        condition, real = sample["label"].mean(), sample["image"]
        beside = torch.full_like(real, float(condition))
        fake = self.G(get_noise(len(real))).detach()  # noqa: F821
        on_real = self.netD(torch.cat([beside, real], 1)).mean()
        on_fake = self.netD(torch.cat([beside, fake], 1)).mean()
        loss: torch.Tensor = on_fake - on_real + self.lamda * of_x_and_y(real, fake, self.netD)
        loss.backward()
        self.netD_optimizer.step()


def of_four(p_real, p_fake, p_interp, interp_x):
    """Scores of data, of samples and of points, and the points."""
    (gradient,) = torch.autograd.grad(p_interp.sum(), interp_x, create_graph=True)
    penalty = ((gradient.flatten(1).norm(dim=1) - 1) ** 2).mean()
    return p_fake.mean() - p_real.mean() + 10 * penalty, penalty


@pytest.mark.parametrize(
    "step",
    [Lightning.training_step, InParts.backward_critic, Accumulating.accumulate, OfNamedParts.train_step, of_four],
    ids=["unpacks a batch", "in parts", "returns vectors", "by names", "of scores"],
)
def test_right_steps_are_right_without_a_word_about_what_they_are(step) -> None:
    report = gradpen.check(step, shape=SMALL)
    assert report.exit_code == 0, report.page()
    assert any(one.name == "what" for one in report.findings), "it says that it took it for a loss"
    assert gradpen.check(step, shape=SMALL, what="critic-loss").exit_code == 0


@pytest.mark.parametrize(
    ("step", "name", "words"),
    [
        (UpsideDown.backward_critic, "signs", "real scores are pushed down, and fake ones up"),
        (Forgetful.d_step, "penalty", "computed, but not in the loss"),
        (Normal.forward, "distribution", "normal distribution"),
    ],
    ids=["signs", "penalty left out", "normal shares"],
)
def test_wrong_steps_are_wrong_in_their_one_way(step, name: str, words: str) -> None:
    report = gradpen.check(step, shape=SMALL)
    assert [one.name for one in report.wrong] == [name], report.page()
    assert words in report.wrong[0].found


@pytest.mark.parametrize(
    ("real", "fake", "wrong", "words"),
    [
        (-2.0, 2.0, [], "2 times fake scores - real scores: the penalty weighs 0.5"),
        (-10.0, 10.0, ["signs"], "-10 times the mean of real scores, +10 times"),
        (2.0, -2.0, ["signs"], "+2 times the mean of real scores, -2 times"),
        (-1.0, 0.5, ["signs"], "-1 times the mean of real scores, +0.5 times"),
    ],
)
def test_scores_that_count_another_time_than_once(real: float, fake: float, wrong: list[str], words: str) -> None:
    def loss(critic, images, samples):
        scores = real * critic(images).mean() + fake * critic(samples).mean()
        return scores + 10 * of_x_and_y(images, samples, critic)

    report = gradpen.check(loss, shape=SMALL, what="critic-loss")
    assert [one.name for one in report.wrong] == wrong, report.page()
    assert words in next(one.found for one in report.findings if one.name == "signs")


def test_a_penalty_beside_the_loss_is_not_missed_in_it() -> None:
    def both(critic, real, fake):
        return critic(fake).mean() - critic(real).mean(), 10 * of_x_and_y(real, fake, critic)

    report = gradpen.check(both)
    assert report.exit_code == 0, report.page()


SCRIPT = """
import settings
import torch
from torch import nn


class Critic(nn.Module):
    def __init__(self, in_channels, hidden, img_shape):
        super().__init__()
        self.layers = nn.Sequential(nn.Conv2d(in_channels, hidden, 3), {layer}, nn.Flatten(), nn.LazyLinear(1){last})

    def forward(self, x):
        return self.layers(x)


class DiscriminatorLoss(nn.Module):
    def forward(self, x):
        return x


def penalty(net, real, fake, device=settings.DEVICE):
    share = torch.rand(len(real), 1, 1, 1, device=device)
    points = (share * real + (1 - share) * fake).requires_grad_(True)
    (gradient,) = torch.autograd.grad(net(points).sum(), points, create_graph=True)
    return {penalty}
"""
PENALTY = "10 * ((gradient.flatten(1).norm(dim=1) - 1) ** 2).mean()"
ZERO_CENTRED = "gradient.flatten(1).square().sum(1).mean()"


@pytest.mark.parametrize(
    ("layer", "last", "penalty", "code", "words"),
    [
        ("nn.LayerNorm(62)", "", PENALTY, 0, "all holds"),
        ("nn.BatchNorm2d(hidden)", "", PENALTY, 1, "its layer 'layers.1' is BatchNorm2d"),
        ("nn.BatchNorm2d(hidden)", "", ZERO_CENTRED, 0, "all holds"),
        ("nn.BatchNorm2d(*missing)", "", PENALTY, 0, "Critic in the same file may have batch norm"),
        ("nn.ReLU()", ", nn.Sigmoid()", PENALTY, 0, "Critic in the same file ends in a sigmoid"),
    ],
)
def test_the_critic_in_the_same_file_is_looked_at(
    layer: str, last: str, penalty: str, code: int, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "train.py"
    script.write_text(SCRIPT.format(layer=layer, last=last, penalty=penalty))
    assert main(["check", f"{script}:penalty"]) == code
    assert words in capsys.readouterr().out


def beside_batch_norm(place: Path, more: str) -> Path:
    """Write a script with a penalty, a critic that has batch norm, and more."""
    script = place / "train.py"
    script.write_text(SCRIPT.format(layer="nn.BatchNorm2d(hidden)", last="", penalty=PENALTY) + more)
    return script


def test_the_critic_that_the_object_makes_is_the_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = beside_batch_norm(
        tmp_path,
        """

class OtherCritic(nn.Module):
    def forward(self, x):
        return x


class Trainer:
    def __init__(self):
        self.critic = Critic(3, 8, (3, 64, 64)).to("cpu")

    def gradient_penalty(self, real, fake):
        return penalty(self.critic, real, fake, "cpu")
""",
    )
    assert main(["check", f"{script}:Trainer.gradient_penalty"]) == 1
    assert "BatchNorm2d" in capsys.readouterr().out
    assert main(["check", f"{script}:penalty"]) == 0, "of two critics it is not known which"


def test_a_class_of_penalties_is_no_critic(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    script = beside_batch_norm(
        tmp_path,
        """

class WassersteinGP(nn.Module):
    def gradient_penalty(self, model, real, fake):
        return penalty(model, real, fake, "cpu")

    def forward(self, real, fake, model):
        return model(fake).mean() - model(real).mean() + self.gradient_penalty(model, real, fake)
""",
    )
    assert main(["check", f"{script}:WassersteinGP.gradient_penalty"]) == 1
    assert "Critic in the same file has batch norm" in capsys.readouterr().out


NESTED = """
import torch


def train(weight):
    def penalty(net, real, fake):
        share = torch.rand({shares}, device=device)
        points = (share * real + (1 - share) * fake).requires_grad_(True)
        (gradient,) = torch.autograd.grad(net(points).sum(), points, create_graph=True)
        return weight * ((gradient.flatten(1).norm(dim=1) - 1) ** 2).mean()

    raise RuntimeError("it trains")
"""


@pytest.mark.parametrize(("shares", "code"), [("len(real), 1, 1, 1", 0), ("1, 1, 1, 1", 1)])
def test_a_function_inside_another_is_found(
    shares: str, code: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "train.py"
    script.write_text(NESTED.format(shares=shares))
    assert main(["check", f"{script}:train.penalty"]) == code
    assert capsys.readouterr().out.startswith("train.penalty, called as")
    assert main(["check", f"{script}:train.other"]) == 2


OF_ROWS = """
import torch
from torch import nn


class Critic(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.layers = nn.Sequential({layers})

    def forward(self, x):
        return self.layers(x)


def penalty(critic, real, fake):
    share = torch.rand_like(real[:, :1])
    points = (share * real + (1 - share) * fake).requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
    return ((gradient.norm(2, dim=1) - 1) ** 2).mean()
"""


@pytest.mark.parametrize(
    ("layers", "code"),
    [
        ("nn.Linear(features, 8), nn.ReLU(), nn.Linear(8, 1)", 0),
        ("nn.Conv1d(1, 8, 3), nn.ReLU()", 0),
        ("nn.Flatten(), nn.Linear(features, 1)", 1),
        ("nn.Conv1d(2, 8, 3), nn.ReLU()", 1),
        ("nn.Conv2d(3, 8, 3), nn.ReLU()", 1),
        ("nn.Conv3d(1, 8, 3), nn.ReLU()", 1),
    ],
)
def test_the_critic_in_the_same_file_tells_what_examples_are(layers: str, code: int, tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(OF_ROWS.format(layers=layers))
    assert main(["check", f"{script}:penalty"]) == code, "right of vectors alone"


class NotingDown:
    """Fails where it notes down what cannot be made up, after the loss was sent, or between two parts of it."""

    def after(self, real, fake):
        loss = self.critic(fake).mean() - self.critic(real).mean() + 10 * of_x_and_y(real, fake, self.critic)
        loss.backward()
        self.optimizer.step()
        return torch.load(self.place)

    def between(self, real, fake):
        (self.critic(fake).mean() - self.critic(real).mean()).backward()
        kept = torch.load(self.place)
        (10 * of_x_and_y(real, fake, self.critic)).backward()
        return kept


def test_what_fails_after_the_loss_was_sent_does_not_count() -> None:
    assert gradpen.check(NotingDown.after, shape=SMALL).exit_code == 0
    assert gradpen.check(NotingDown.between, shape=SMALL).exit_code == 2


def test_reports_say_nothing_of_critics_elsewhere() -> None:
    report: PenaltyReport = gradpen.check(of_x_and_y)
    assert not any(one.name == "critic" for one in report.findings)
