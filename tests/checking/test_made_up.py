"""What public code leans on and does not define: objects as they are made, losses, loaders, whose turn it is."""

# mypy: ignore-errors

from pathlib import Path

import pytest
import torch
from torch import nn

import gradpen
from checking.right_forms import of_x_and_y
from gradpen.cli import main

SMALL = (3, 4, 2)
"""images that are quickly checked"""


class Module(nn.Module):
    """In place of a package's class of training."""


class MadeOfTensors:
    """Tensors, distributions and sizes that the making of the object gives its attributes."""

    def __init__(self, critic, batch_size=64):
        self.critic = critic
        self.uniform = torch.distributions.Uniform(0, 1)
        self.size = torch.Size([batch_size, 1, 1, 1])
        self.ones = torch.ones(batch_size).cuda()
        self.weight = 10.0
        self.weight = torch.tensor(self.weight)
        self.network = Module()

    def penalty(self, real, fake):
        points = torch.lerp(fake, real, self.uniform.sample(self.size)).requires_grad_(True)
        (gradient,) = torch.autograd.grad(self.critic(points), points, self.ones, create_graph=True)
        return self.weight * ((gradient.flatten(1).norm(dim=1) - 1) ** 2).mean()


class KeepsOnesPenaltyLoss(nn.Module):
    """A loss that moves a buffer of its own where it is made, and makes it larger where it is called."""

    def __init__(self, device=torch.device("cpu")):  # noqa: B008
        super().__init__()
        self.register_buffer("ones", torch.Tensor())
        self.ones = self.ones.to(device)

    def forward(self, interp, interp_crit):
        if self.ones.size() != interp_crit.size():
            self.ones.resize_(interp_crit.size()).fill_(1.0)
        (gradient,) = torch.autograd.grad(interp_crit, interp, self.ones, create_graph=True)
        return ((gradient.flatten(1).norm(2, dim=1) - 1) ** 2).mean()


class DrawsAnew:
    """Shares that a tensor of its object is filled with."""

    def penalty(self, critic, real, fake):
        self.eps.uniform_(0, 1)
        points = torch.lerp(fake, real, self.eps).requires_grad_(True)
        (gradient,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
        return self.gradient_penalty_weight * ((gradient.flatten(1).norm(dim=1) - 1) ** 2).mean()


class OfMotions(nn.Module):
    """R1 at demonstrations, of scores that are handed over, beside what of the network nothing defines."""

    def loss(self, disc_agent_logit, disc_demo_logit, obs_demo):
        loss = 0.5 * (self._loss_neg(disc_agent_logit) + self._loss_pos(disc_demo_logit))
        loss += self._logit_reg * torch.sum(torch.square(self.model.network.logit_weights()))
        (gradient,) = torch.autograd.grad(disc_demo_logit.sum(), obs_demo, create_graph=True)
        return {"loss": loss + 10 * gradient.flatten(1).square().sum(-1).mean()}


class AfterANormalizer(Module):
    """A critic in two parts, of which the second is asked."""

    def discriminator_penalty(self, expert_x):
        points = self.normalizer(self._prep(expert_x)).detach().requires_grad_(True)
        (gradient,) = torch.autograd.grad(self.head(self.trunk(points)).sum(), points, create_graph=True)
        return 5 * gradient.flatten(1).norm(dim=1).square().mean()


AfterANormalizer.__qualname__ = AfterANormalizer.__name__ = "DiscriminatorInParts"
DiscriminatorInParts = AfterANormalizer
AfterANormalizer.discriminator_penalty.__qualname__ = "DiscriminatorInParts.discriminator_penalty"


class InTurns:
    """The generator's turn and the critic's, as PyTorch Lightning had it, and a batch of more than two parts."""

    def training_step(self, batch, batch_idx, optimizer_idx):
        images, masks, attributes = batch
        fake = self(self.noise_of(attributes))
        if optimizer_idx == 0:
            return {"loss": -self.discriminator(fake).mean()}
        if optimizer_idx == 1:
            fake = fake.detach() * masks
            self.log("step", batch_idx)
            scores = self.discriminator(fake).mean() - self.discriminator(images).mean()
            return {"loss": scores + 10 * of_x_and_y(images, fake, self.discriminator)}
        return None

    def forward(self, noise):
        return self.generator(noise)


class OfTheLoader:
    """Batches that are asked for by name, a loss that is not there, methods of the object in its loop."""

    def penalty(self, real, fake):
        return of_x_and_y(real, fake, self.netD)

    def train(self):
        batches = self.infinite_batches()
        for _ in self.epochs:
            real = next(batches).to(self.device)
            fake = self.netG(torch.randn(len(real), self.latent_dim)).detach()
            loss = self.adversarial_loss(output_real=self.netD(real), output_fake=self.netD(fake))
            loss = loss + 10 * self.penalty(real, fake)
            loss.backward()
            self.optimizer.step()


class OfPairs:
    """Two penalties, of samples and of reconstructions, and an object that holds scores and images."""

    def d_loss(self, outcome, pictures, critic):
        real, fake = pictures.input_image, pictures.reconstruction.detach()
        penalties = of_x_and_y(real, fake, critic) + of_x_and_y(real, fake, critic)
        return outcome.D_fake.mean() - outcome.D_real.mean() + 10 * penalties


def of_many_scores(real_images, real_logits: list[torch.Tensor]):
    """R1 of each scale of a critic of several, averaged."""
    penalty = 0.0
    for logits in real_logits:
        (gradient,) = torch.autograd.grad(logits.sum(), real_images, create_graph=True)
        penalty = penalty + gradient.flatten(1).square().sum(1).mean()
    return penalty / len(real_logits)


def of_both(real, fake, real_scores, fake_scores):
    """WGAN-div of scores that are handed over with what they are of."""
    each = [
        torch.autograd.grad(scores, ends, torch.ones_like(scores), create_graph=True)[0].flatten(1).norm(dim=1) ** 6
        for ends, scores in ((real, real_scores), (fake, fake_scores))
    ]
    return (each[0] + each[1]).mean()


def second_of_a_pair(fake, real, critic):
    """A zero-centred penalty at interpolates, of the second of what the critic returns."""
    points = torch.lerp(fake, real, torch.rand(len(real), *[1] * (real.dim() - 1))).requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(points)[1].sum(), points, create_graph=True)
    return 10 * gradient.flatten(1).norm(dim=1).square().mean()


class BesideAPicture:
    """The picture that samples are made of stands before both ends, as in pix2pix."""

    def backward_critic(self):
        real = torch.cat((self.real_A, self.real_B), 1)
        fake = torch.cat((self.real_A, self.fake_B.detach()), 1)
        penalty = of_x_and_y(real, fake, self.netD)
        (self.netD(fake).mean() - self.netD(real).mean() + 10 * penalty).backward()


@pytest.mark.parametrize(
    ("function", "words"),
    [
        (MadeOfTensors.penalty, ""),
        (KeepsOnesPenaltyLoss.forward, "chosen by the caller"),
        (DrawsAnew.penalty, "gradient_penalty_weight = 10"),
        (OfMotions.loss, "this is R1"),
        (DiscriminatorInParts.discriminator_penalty, "this is R1"),
        (InTurns.training_step, ""),
        (OfTheLoader.train, "adversarial_loss() = mean of fake scores - mean of real scores"),
        (OfPairs.d_loss, "2, each at points of its own, added up"),
        (of_many_scores, "in a list"),
        (of_both, "R1 and R2"),
        (second_of_a_pair, "zero-centred"),
        (BesideAPicture.backward_critic, "the picture beside them, as pix2pix has it"),
    ],
    ids=lambda one: getattr(one, "__qualname__", ""),
)
def test_right_ones_that_lean_on_what_is_not_there(function, words: str) -> None:
    report = gradpen.check(function, shape=SMALL)
    assert report.exit_code == 0, report.page()
    assert words in report.page()


def slopes_at(critic, real, fake, share):
    """Slopes at points of these shares."""
    points = torch.lerp(fake, real, share).requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
    return gradient.flatten(1).norm(dim=1)


class WithLocals:
    """Numbers and tensors of the object beside functions that are called."""

    def penalty(self, critic, real, fake):
        square = torch.square
        slopes = slopes_at(critic, real, fake, torch.rand(self.batch_size, 1, 1, 1))
        return self.lambda_gp * square(slopes - 1).mean()


class SamplesPictures:
    """A method that is not there, whose name ends as that of data."""

    def penalty(self, critic, real):
        fake = self.sample_images(len(real)).detach()
        return of_x_and_y(real, fake, critic)


class ByItsTarget:
    """A loss that is not there, with another switch before the one that tells."""

    def d_step(self, real, fake):
        loss = self.criterion_gan(self.D(fake), for_discriminator=True, target_is_real=False)
        loss = loss + self.criterion_gan(self.D(real), for_discriminator=True, target_is_real=True)
        (loss + 10 * of_x_and_y(real, fake, self.D)).backward()


class FilledLater:
    """Tensors that are filled with data and samples before they are used, and one share for the batch."""

    def __init__(self, critic, batch_size, channels, height, width):
        self.critic = critic
        self.real = self.fake = torch.zeros(batch_size, channels, height, width)

    def penalty(self):
        return ((slopes_at(self.critic, self.real, self.fake, torch.rand(1)) - 1) ** 2).mean()


class DrawnOnce:
    """Shares that are drawn where the object is made."""

    def __init__(self, critic, batch_size):
        self.critic = critic
        self.alpha = torch.rand(batch_size, 1, 1, 1)

    def penalty(self, real, fake):
        return ((slopes_at(self.critic, real, fake, self.alpha) - 1) ** 2).mean()


def of_two_sets(critic, real, fake):
    """Two penalties, the first of one share for the batch."""
    first = ((slopes_at(critic, real, fake, torch.rand(1)) - 1) ** 2).mean()
    return first + of_x_and_y(real, fake, critic)


def with_missing_norms(critic, real, fake):
    """Norms by a function that is not there."""
    points = torch.lerp(fake, real, torch.rand(len(real), 1, 1, 1)).requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
    return ((norms_of(gradient) - 1) ** 2).mean()  # noqa: F821


@pytest.mark.parametrize("function", [WithLocals.penalty, SamplesPictures.penalty, ByItsTarget.d_step])
def test_right_ones_whose_names_mislead(function) -> None:
    report = gradpen.check(function, shape=SMALL)
    assert report.exit_code == 0, report.page()


@pytest.mark.parametrize(
    ("function", "name"),
    [(FilledLater.penalty, "share"), (DrawnOnce.penalty, "distribution"), (of_two_sets, "share")],
    ids=["filled later", "drawn once", "two sets"],
)
def test_wrong_shares_of_objects_and_of_several_sets(function, name: str) -> None:
    report = gradpen.check(function, shape=SMALL)
    assert [one.name for one in report.wrong] == [name], report.page()


def test_a_norm_that_is_not_there_is_not_judged() -> None:
    report = gradpen.check(with_missing_norms, shape=SMALL)
    assert report.exit_code == 2
    assert "if norms_of hands back what it is given" in report.reason


SCRIPT = """
from missing import *
from scipy.stats import norm as normal
import helpers


class Trainer:
    batches = on_the_gpu()

    def penalty(self, critic, real, fake):
        points = torch.lerp(fake, real, torch.rand(len(real), 1, 1, 1)).requires_grad_(True)
        scores = helpers.cuda(critic(points))
        (gradient,) = grad(outputs=scores, inputs=points, grad_outputs=torch.ones_like(scores), create_graph=True)
        return ((gradient.{slopes} - 1) ** 2).mean()
"""


@pytest.mark.parametrize(("slopes", "code"), [("flatten(1).norm(2, dim=1)", 0), ("norm(2, dim=1)", 1)])
def test_a_file_whose_packages_are_missing(slopes: str, code: int, tmp_path: Path) -> None:
    script = tmp_path / "train.py"
    script.write_text(SCRIPT.format(slopes=slopes))
    assert main(["check", f"{script}:Trainer.penalty"]) == code


RECORDS = """
import torch
from pathlib import Path


class LossRecorder:
    def __init__(self, name):
        Path(name).write_text("written")


class Trainer:
    def __init__(self, critic):
        self.critic = critic
        self.losses = LossRecorder("{place}")

    def penalty(self, real, fake):
        points = torch.lerp(fake, real, torch.rand(len(real), 1, 1, 1)).requires_grad_(True)
        (gradient,) = torch.autograd.grad(self.critic(points).sum(), points, create_graph=True)
        penalty = ((gradient.flatten(1).norm(dim=1) - 1) ** 2).mean()
        self.losses.add(penalty.item())
        return penalty
"""


def test_nothing_is_written_by_objects_that_are_not_needed(tmp_path: Path) -> None:
    script, place = tmp_path / "train.py", tmp_path / "written"
    script.write_text(RECORDS.format(place=place))
    assert main(["check", f"{script}:Trainer.penalty"]) == 0
    assert not place.exists()


def test_modules_of_one_folder_do_not_serve_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for folder, weight in (("one", 10), ("two", 20)):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "numbers_of_mine.py").write_text(f"WEIGHT = {weight}\n")
        text = SCRIPT.replace("import helpers", "from numbers_of_mine import WEIGHT").replace("helpers.cuda(", "(")
        text = text.replace("return (", "return WEIGHT * (").format(slopes="flatten(1).norm(2, dim=1)")
        (tmp_path / folder / "train.py").write_text(text)
        assert main(["check", f"{tmp_path / folder / 'train.py'}:Trainer.penalty"]) == 0
        assert f"weight             {weight}\n" in capsys.readouterr().out
