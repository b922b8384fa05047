"""``gradpen check``: right forms pass and wrong ones are named, whatever way they are called."""

import functools
import json
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import gradpen
from checking.right_forms import RIGHT, with_device
from checking.wrong_forms import WRONG, channel_norm, every_pair, mixed, of_features, shares, slopes_of
from gradpen.checking.forms import axes_in_words
from gradpen.cli import main
from gradpen.errors import UsageError

IMAGES = (3, 5, 4)
HERE = Path(__file__).parent
Function = Callable[..., Any]


def name_of(form: Any) -> str:
    return getattr(form, "__name__", type(form).__name__)


@pytest.mark.parametrize("form", RIGHT, ids=name_of)
def test_right_forms_are_right(form: Function) -> None:
    report = gradpen.check(form)
    assert report.right, report.page()
    assert report.exit_code == 0
    report.assert_right()


@pytest.mark.parametrize(("form", "name", "words"), WRONG, ids=[name_of(form) for form, *_ in WRONG])
def test_wrong_forms_are_wrong_in_their_one_way(form: Function, name: str, words: str) -> None:
    report = gradpen.check(form, shape=IMAGES)
    assert [finding.name for finding in report.wrong] == [name], report.page()
    finding = report.wrong[0]
    assert words in finding.found
    assert finding.meaning
    assert finding.remedy
    assert report.exit_code == 1
    with pytest.raises(AssertionError, match="WRONG"):
        report.assert_right()


def test_every_shape_that_a_function_takes_is_checked() -> None:
    """The norm over the channels is right for vectors alone."""
    assert gradpen.check(channel_norm, shape=(7,)).right
    report = gradpen.check(channel_norm)
    assert "(of images, signals, volumes)" in report.wrong[0].found
    examples = next(finding for finding in gradpen.check(with_device).findings if finding.name == "shapes")
    assert examples.found == "images"


@pytest.mark.parametrize(
    ("axes", "words"),
    [
        ((1,), "the channel axis alone"),
        ((2, 3), "the row and column axes"),
        ((0,), "the batch axis alone"),
        ((0, 1, 2, 3), "the whole batch"),
    ],
)
def test_axes_have_names(axes: tuple[int, ...], words: str) -> None:
    assert axes_in_words(axes, 4) == words


def penalty_of(critic: Any, real: Tensor, fake: Tensor) -> Any:
    slopes = slopes_of(critic, mixed(real, fake, shares(real))).flatten(1).norm(dim=1)
    return 10 * (slopes - 1).square().mean()


def critic_loss(critic: Any, real: Tensor, fake: Tensor) -> Any:
    return critic(fake).mean() - critic(real).mean() + penalty_of(critic, real, fake)


def with_drift(critic: Any, real: Tensor, fake: Tensor) -> Any:
    return critic_loss(critic, real, fake) + 0.001 * critic(real).square().mean()


def upside_down(critic: Any, real: Tensor, fake: Tensor) -> Any:
    return critic(real).mean() - critic(fake).mean() + penalty_of(critic, real, fake)


def left_out(critic: Any, real: Tensor, fake: Tensor) -> Any:
    penalty_of(critic, real, fake)
    return critic(fake).mean() - critic(real).mean()


def without(critic: Any, real: Tensor, fake: Tensor) -> Any:
    return critic(fake).mean() - critic(real).mean()


def subtracted(critic: Any, real: Tensor, fake: Tensor) -> Any:
    return critic(fake).mean() - critic(real).mean() - penalty_of(critic, real, fake)


def twice_in_the_loss(critic: Any, real: Tensor, fake: Tensor) -> Any:
    return critic(fake).mean() - critic(real).mean() + 10 * penalty_of(critic, real, fake)


@pytest.mark.parametrize(
    ("loss", "name", "words"),
    [
        (critic_loss, "", ""),
        (with_drift, "", ""),
        (upside_down, "signs", "pushed down"),
        (left_out, "penalty", "not in the loss"),
        (without, "penalty", "there is none"),
        (subtracted, "sign", "negative"),
        (twice_in_the_loss, "weight", "the square of 10"),
    ],
    ids=name_of,
)
def test_critic_losses(loss: Function, name: str, words: str) -> None:
    report = gradpen.check(loss, what="critic-loss", shape=IMAGES)
    assert [finding.name for finding in report.wrong] == ([name] if name else []), report.page()
    assert not report.reason
    assert not name or words in report.wrong[0].found


def of_scores(real_pred: Tensor, fake_pred: Tensor) -> Any:
    return fake_pred.mean() - real_pred.mean()


def of_scores_upside_down(d_real: Tensor, d_fake: Tensor) -> Any:
    return d_real.mean() - d_fake.mean()


def of_scores_and_penalty(crit_fake_pred: Tensor, crit_real_pred: Tensor, gp: Tensor, c_lambda: float) -> Any:
    return crit_fake_pred.mean() - crit_real_pred.mean() + c_lambda * gp


def two_losses(dis_fake: Tensor, dis_real: Tensor) -> Any:
    return (1 - dis_real).relu().mean(), (1 + dis_fake).relu().mean()


def negative_drift(critic: Any, real: Tensor, fake: Tensor) -> Any:
    scores = critic(real)
    return critic(fake).mean() - scores.mean() - 1e-3 * scores.square().mean() + penalty_of(critic, real, fake)


def hinge_with_a_slip(critic: Any, real: Tensor, fake: Tensor) -> Any:
    return (critic(real) - 1).relu().mean() + (-1 - critic(fake)).relu().mean() + penalty_of(critic, real, fake)


@pytest.mark.parametrize(
    ("loss", "wrong", "notes"),
    [
        (of_scores, [], "check the penalty on its own"),
        (of_scores_upside_down, ["signs"], "check the penalty on its own"),
        (of_scores_and_penalty, [], ""),
        (two_losses, [], "hinge loss"),
        (negative_drift, ["drift"], ""),
    ],
    ids=name_of,
)
def test_losses_of_scores(loss: Function, wrong: list[str], notes: str) -> None:
    report = gradpen.check(loss, what="critic-loss", shape=IMAGES)
    assert [finding.name for finding in report.wrong] == wrong, report.page()
    assert not report.reason
    assert notes in report.page()


def ones_for_both(critic: Any, real: Tensor, fake: Tensor) -> Any:
    of, scores = nn.functional.binary_cross_entropy_with_logits, (critic(real), critic(fake))
    return sum(of(one, torch.ones_like(one)) for one in scores)


@pytest.mark.parametrize(
    ("loss", "words"),
    [(hinge_with_a_slip, "margins on the wrong side"), (ones_for_both, "takes samples for data too")],
)
def test_slips_in_other_objectives_are_named(loss: Function, words: str) -> None:
    report = gradpen.check(loss, what="critic-loss", shape=IMAGES)
    assert [finding.name for finding in report.wrong] == ["signs"], report.page()
    assert words in report.wrong[0].found


def unknown(critic: Any, real: Tensor, fake: Tensor) -> Any:
    return (critic(fake) - critic(real)).tanh().mean() + penalty_of(critic, real, fake)


def test_what_is_not_explained_does_not_hold() -> None:
    report = gradpen.check(unknown, what="critic-loss", shape=IMAGES)
    assert report.exit_code == 2
    assert not [finding for finding in report.findings if finding.name == "signs"]


def test_a_critic_of_patches_is_no_fault_of_it() -> None:
    """gradpen's own penalty wants one score for each example; others take the sum."""
    patches = functools.partial(nn.Conv2d, 3, 1, 3)
    report = gradpen.check(gradpen.gradient_penalty, critic=patches, shape=IMAGES)
    assert not report.wrong, report.page()
    assert "gives one score per example" in report.page()


class Restless(nn.Module):
    """A critic with dropout as a function."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(60, 1)

    def forward(self, x: Tensor) -> Tensor:
        score: Tensor = self.layer(nn.functional.dropout(x.flatten(1)))
        return score


def test_dropout_as_a_function_is_noted() -> None:
    report = gradpen.check(with_device, critic=Restless, shape=IMAGES)
    assert "a function, not a layer" in report.page()
    steady = gradpen.check(with_device, critic=lambda: nn.Sequential(nn.Flatten(), nn.Linear(60, 1)), shape=IMAGES)
    assert "a function, not a layer" not in steady.page()


def test_a_weight_left_out_of_a_whole_loss_is_missed() -> None:
    def unweighted(critic: Any, real: Tensor, fake: Tensor) -> Any:
        return critic(fake).mean() - critic(real).mean() + penalty_of(critic, real, fake) / 10

    report = gradpen.check(unweighted, what="critic-loss", shape=IMAGES, weight=10)
    assert [finding.name for finding in report.wrong] == ["weight"], report.page()
    assert gradpen.check(critic_loss, what="critic-loss", shape=IMAGES, weight=10).right


def test_a_generator_s_loss_must_fall_where_scores_grow() -> None:
    def rising(critic: Any, fake: Tensor) -> Any:
        return nn.functional.softplus(critic(fake)).mean()

    def falling(fake_pred: Tensor) -> Any:
        return nn.functional.softplus(-fake_pred).mean()

    assert [one.name for one in gradpen.check(rising, what="generator-loss", shape=IMAGES).wrong] == ["signs"]
    assert gradpen.check(falling, what="generator-loss", shape=IMAGES).right


def test_a_class_whose_base_is_missing_is_read(tmp_path: Path) -> None:
    """A method, private too, of a class that is derived from one of a package that is not there."""
    (tmp_path / "mine.py").write_text(
        "import torch\nimport a_package_that_is_missing as pl\n\n\nclass Gan(pl.LightningModule):\n"
        "    def __penalty(self, real, fake):\n"
        "        t = torch.rand(len(real), *[1] * (real.dim() - 1))\n"
        "        x = (t * real + (1 - t) * fake).detach().requires_grad_(True)\n"
        "        g = torch.autograd.grad(self.critic(x).sum(), x, create_graph=True)[0]\n"
        "        return ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()\n"
    )
    assert main(["check", f"{tmp_path / 'mine.py'}:Gan.__penalty"]) == 0


def hinge(real: Tensor, fake: Tensor) -> Tensor:
    return nn.functional.relu(1 - real).mean() + nn.functional.relu(1 + fake).mean()


def entropy(real: Tensor, fake: Tensor) -> Tensor:
    of = nn.functional.binary_cross_entropy_with_logits
    return (of(real, torch.ones_like(real)) + of(fake, torch.zeros_like(fake))) / 2


def squares(real: Tensor, fake: Tensor) -> Tensor:
    of = nn.functional.mse_loss
    return 0.5 * (of(real, torch.ones_like(real)) + of(fake, torch.zeros_like(fake)))


def of_pairs(real: Tensor, fake: Tensor) -> Tensor:
    return -nn.functional.logsigmoid(real - fake).mean()


def of_averages(real: Tensor, fake: Tensor) -> Tensor:
    return entropy(real - fake.mean(), fake - real.mean())


@pytest.mark.parametrize(
    ("objective", "words"),
    [
        (hinge, "hinge loss"),
        (entropy, "half of the cross-entropy of a GAN"),
        (squares, "half of the least squares"),
        (of_pairs, "relativistic loss of pairs"),
        (of_averages, "half of the relativistic average cross-entropy"),
    ],
)
def test_losses_with_other_objectives(objective: Function, words: str) -> None:
    """Their penalty is judged as that of a Wasserstein loss is; without one they are whole."""

    def penalised(critic: Any, real: Tensor, fake: Tensor) -> Any:
        return objective(critic(real), critic(fake)) + penalty_of(critic, real, fake)

    def wrongly(critic: Any, real: Tensor, fake: Tensor) -> Any:
        return objective(critic(real), critic(fake)) + channel_norm(critic, real, fake)

    def alone(critic: Any, real: Tensor, fake: Tensor) -> Any:
        return objective(critic(real), critic(fake))

    def swapped(critic: Any, real: Tensor, fake: Tensor) -> Any:
        return objective(critic(fake), critic(real)) + penalty_of(critic, real, fake)

    def unused(critic: Any, real: Tensor, fake: Tensor) -> Any:
        penalty_of(critic, real, fake)
        return objective(critic(real), critic(fake))

    right = gradpen.check(penalised, what="critic-loss", shape=IMAGES)
    assert right.right, right.page()
    assert words in next(one.found for one in right.findings if one.name == "signs")
    for loss, wrong in ((wrongly, "norm"), (swapped, "signs"), (unused, "penalty")):
        report = gradpen.check(loss, what="critic-loss", shape=IMAGES)
        assert [one.name for one in report.wrong] == [wrong], report.page()
    whole = gradpen.check(alone, what="critic-loss", shape=IMAGES)
    assert whole.right, whole.page()
    assert ("penalty", "note") in [(one.name, one.verdict) for one in whole.findings]


@pytest.mark.parametrize(
    ("loss", "wrong"),
    [
        (lambda critic, fake: -critic(fake).mean(), []),
        (lambda critic, fake: critic(fake).mean(), ["signs"]),
        (lambda critic, fake: -critic(fake.detach()).mean(), ["generator"]),
        (lambda critic, fake: -critic(fake).detach().mean(), ["generator"]),
        (lambda critic, g, z: -critic(g(z)).mean(), []),
        (lambda disc, fake: nn.functional.softplus(-disc(fake)).mean(), []),
    ],
)
def test_generator_losses(loss: Function, wrong: list[str]) -> None:
    report = gradpen.check(loss, what="generator-loss", shape=IMAGES)
    assert [finding.name for finding in report.wrong] == wrong, report.page()


def test_what_cannot_be_judged_says_why() -> None:
    report = gradpen.check(lambda a, b, c, d, e, f, g: 0, shape=IMAGES)
    assert report.exit_code == 2
    assert "no way of calling it was found" in report.page()

    def other(critic: Any, real: Tensor, fake: Tensor) -> Any:
        return critic(mixed(real, fake, shares(real))).exp().mean()

    report = gradpen.check(other, shape=IMAGES)
    assert (report.exit_code, report.right) == (2, False)
    assert "no known penalty" in report.page()


def with_norm() -> nn.Module:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.LeakyReLU(), nn.Dropout(0.3), nn.Flatten(), nn.LazyLinear(1)
    )


def test_a_critic_is_looked_at_too() -> None:
    report = gradpen.check(penalty_of, critic=with_norm, shape=(3, 8, 8))
    assert [finding.name for finding in report.wrong] == ["independent examples"]
    assert "layer '1' is BatchNorm2d" in report.wrong[0].found
    assert "'3'" in next(finding for finding in report.findings if finding.name == "dropout").found
    recurrent = gradpen.check(penalty_of, critic=Recurrent(), shape=(7, 3))
    assert recurrent.right, recurrent.page()
    sigmoid = gradpen.check(penalty_of, critic=nn.Sequential(nn.Linear(7, 1), nn.Sigmoid()), shape=(7,))
    assert "range of scores" in [finding.name for finding in sigmoid.findings]
    flat = gradpen.check(penalty_of, critic=nn.Linear(5, 1), shape=(7,))
    assert [finding.name for finding in flat.wrong] == ["critic"]
    with pytest.raises(UsageError, match="shape=3,64,64"):
        gradpen.check(penalty_of, critic=with_norm)


class Recurrent(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body, self.head = nn.LSTM(3, 5, batch_first=True), nn.Linear(5, 1)

    def forward(self, x: Tensor) -> Tensor:
        scores: Tensor = self.head(self.body(x)[0][:, -1])
        return scores


def test_randomness_is_left_alone() -> None:
    torch.manual_seed(3)
    before = torch.rand(1)
    torch.manual_seed(3)
    gradpen.check(penalty_of, shape=(7,))
    assert torch.rand(1) == before


def test_features_are_told_from_scores_in_either_order() -> None:
    def other_way(critic: Any, real: Tensor, fake: Tensor) -> Any:
        points = mixed(real, fake, shares(real))
        features, _ = critic(points)
        (gradient,) = torch.autograd.grad(features.sum(), points, create_graph=True)
        return 10 * (gradient.flatten(1).norm(dim=1) - 1).square().mean()

    assert gradpen.check(other_way, shape=IMAGES).right  # a pair whose first part is the score
    assert not gradpen.check(of_features, shape=IMAGES).right


SCRIPT = """
import argparse
import torch
from torch import autograd
import a_package_that_is_not_there

parser = argparse.ArgumentParser()
parser.add_argument("--lambda_gp", type=float, default=10)
opt = parser.parse_args()
cuda = True if torch.cuda.is_available() else False
Tensor = torch.cuda.FloatTensor if cuda else torch.FloatTensor
raise RuntimeError("this trains for hours")

def helper(gradients):
    return gradients.view(gradients.size(0), -1).norm(2, dim=AXIS)

AXIS = 1

def penalty(D, real_samples, fake_samples):
    alpha = Tensor(torch.rand(real_samples.size(0), *[1] * (real_samples.dim() - 1)))
    x = (alpha * real_samples + (1 - alpha) * fake_samples).requires_grad_(True)
    scores = D(x)
    gradients = autograd.grad(scores, x, torch.ones_like(scores), create_graph=True, retain_graph=True)[0]
    return opt.lambda_gp * ((helper(gradients) - 1) ** 2).mean()

class Solver:
    def __init__(self, config):
        raise RuntimeError("needs data")

    def gp(self, real, fake):
        alpha = torch.rand(real.size(0), *[1] * (real.dim() - 1)).to(self.device)
        x = (alpha * real + (1 - alpha) * fake).requires_grad_(True)
        scores = self.netD(x)
        gradients = autograd.grad(scores, x, torch.ones_like(scores), create_graph=True)[0]
        return self.lambda_gp * ((gradients.flatten(1).norm(2, dim=0) - 1) ** 2).mean()
"""


def test_a_function_of_a_script_is_checked_without_running_the_script(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    script = tmp_path / "train_wgan.py"
    script.write_text(SCRIPT)
    assert main(["check", f"{script}:penalty"]) == 0
    assert "weight             10" in capsys.readouterr().out
    assert main(["check", f"{script}:Solver.gp", "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert [one["found"] for one in report["findings"] if one["verdict"] == "wrong"] == ["over the batch axis alone"]
    assert main(["check", f"{script}:penality"]) == 2
    assert "did you mean 'penalty'?" in capsys.readouterr().err
    assert main(["check", str(tmp_path / "nothing.py") + ":f"]) == 2
    assert "cannot be read" in capsys.readouterr().err
    assert main(["check", "penalty"]) == 2
    assert "expected package.module:function" in capsys.readouterr().err
    assert main(["check", "no_such_module:f"]) == 2
    assert "cannot be imported" in capsys.readouterr().err
    script.write_text("def f(:\n")
    assert main(["check", f"{script}:f"]) == 2
    assert "is no Python" in capsys.readouterr().err
    assert main(["check", "gradpen:gradient_penalty", "--shape", "3,a"]) == 2
    assert "as in 3,64,64" in capsys.readouterr().err


def test_what_packages_lack_is_done_without(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Packages of options and of trainers, annotations and decorators that name what they define, and data classes."""
    script = tmp_path / "train.py"
    script.write_text(OF_MISSING_PACKAGES)
    for name in ("penalty", "Trainer.wgan_gp"):
        assert main(["check", f"{script}:{name}"]) == 0, capsys.readouterr()
    assert "weight             7" in capsys.readouterr().out


OF_MISSING_PACKAGES = """
import no_such_package, torch
from dataclasses import dataclass
from easydict_of_nobody import EasyDict as edict
from options_of_nobody import DictConfig, compiled

cfg = edict()
cfg.TRAIN = edict()
cfg.TRAIN.GP = 7.0
cfg.TRAIN.BATCH_SIZE = 24


@dataclass
class Options:
    weight: float = 10.0


@compiled(mode="fast")
def penalty(cfg: DictConfig, critic, real: "no_such_package.Tensor", fake, options=Options()) -> DictConfig:
    share = torch.rand(len(real), *[1] * (real.dim() - 1))
    x = (share * real + (1 - share) * fake).detach().requires_grad_(True)
    g = torch.autograd.grad(critic(x).sum(), x, create_graph=True)[0]
    return options.weight * ((g.flatten(1).norm(dim=1) - 1) ** 2).mean(), {"gp": 1.0}


class Trainer(no_such_package.Base):
    def wgan_gp(self, real_imgs, fake_imgs, sentence):
        share = torch.rand(len(real_imgs), *[1] * (real_imgs.dim() - 1))
        x = (share * real_imgs + (1 - share) * fake_imgs).detach().requires_grad_(True)
        g = torch.autograd.grad(self.netD(x, sentence).sum(), x, create_graph=True)[0]
        return cfg.TRAIN.GP * ((g.flatten(1).norm(dim=1) - 1) ** 2).mean()
"""


def test_a_loss_on_one_batch_of_data_and_samples() -> None:
    """The critic is asked about both at once; the penalty is R1, and other losses have the weight 0."""

    class Trainer:
        def loss(self, critic: Any, x: Tensor, fake: Tensor, y: Tensor) -> Any:
            x = x.detach().requires_grad_(True)
            scores, classes = critic(torch.cat([fake.detach(), x]))
            of_samples, of_data = scores.chunk(2)
            penalty = torch.autograd.grad(of_data.sum(), x, create_graph=True)[0].square().flatten(1).sum(1).mean()
            known = nn.functional.cross_entropy(classes.chunk(2)[1], y)
            return hinge(of_data, of_samples) + 0.5 * penalty + self.lambda_cls * known  # type: ignore[attr-defined]

    Trainer.__qualname__ = "Trainer"
    report = gradpen.check(Trainer.loss, what="critic-loss")
    assert report.right, report.page()
    assert "this is R1" in report.page()


def of_signals(critic: Any, real: Tensor, fake: Tensor) -> Any:
    points = torch.lerp(fake, real, torch.rand(len(real), 1, 1)).detach().requires_grad_(True)
    (gradient,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
    return 10 * (gradient.flatten(1).norm(dim=1) - 1).square().mean()


def test_every_share_with_every_pair() -> None:
    wrong = gradpen.check(every_pair, shape=(12,)).wrong
    assert "pairs" in [one.name for one in wrong]
    assert gradpen.check(of_signals).right, "which vectors are not"


def test_a_critic_takes_labels_of_its_own_form() -> None:
    class Embedding(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table, self.layer = nn.Embedding(3, 4), nn.Linear(64, 4)

        def forward(self, points: Tensor, labels: Tensor) -> Any:
            return (self.layer(points.flatten(1)) * self.table(labels)).sum(1)

    report = gradpen.check(penalty_of, critic=Embedding, shape=(1, 8, 8))
    assert not [one for one in report.findings if one.name == "critic"], report.page()


class Mysterious:
    def penalty(self, critic: Any, real: Tensor, fake: Tensor) -> Any:
        points = torch.lerp(fake, real, torch.rand(len(real), *[1] * (real.dim() - 1))).requires_grad_(True)
        (gradient,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
        return ((gradient.flatten(1).norm(dim=1) - 2 * self.zeta) ** 2).mean()  # type: ignore[attr-defined]

    def wrong(self, critic: Any, real: Tensor, fake: Tensor) -> Any:
        return channel_norm(critic, real, fake) * self.zeta  # type: ignore[attr-defined]

    def right(self, critic: Any, real: Tensor, fake: Tensor) -> Any:
        return penalty_of(critic, real, fake) * self.zeta  # type: ignore[attr-defined]


def test_nothing_is_called_wrong_by_numbers_that_are_unknown() -> None:
    report = gradpen.check(Mysterious.penalty, shape=IMAGES)
    assert not report.wrong
    assert "zeta change nothing" in report.reason
    assert [one.name for one in gradpen.check(Mysterious.wrong, shape=IMAGES).wrong] == ["norm"]  # whatever zeta is
    assert gradpen.check(Mysterious.right, shape=IMAGES).right


def test_warnings_of_the_function_are_not_said_at_every_call(recwarn: pytest.WarningsRecorder) -> None:
    def warned(critic: Any, real: Tensor, fake: Tensor) -> Any:
        warnings.warn("said once too often", FutureWarning, stacklevel=1)
        return penalty_of(critic, real, fake)

    assert gradpen.check(warned).right
    assert not recwarn.list


def test_from_a_shell(tmp_path: Path) -> None:
    """A module of the current folder, with a critic, as the command is typed."""
    (tmp_path / "mine.py").write_text((HERE / "wrong_forms.py").read_text() + CRITIC)
    command = [sys.executable, "-m", "gradpen", "check", "mine:normal", "--critic", "mine:Critic", "--shape", "1,8,8"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 1, done.stderr
    assert "normal distribution" in done.stdout
    assert "penalty of the critic" in done.stdout


CRITIC = """

class Critic(torch.nn.Sequential):
    def __init__(self):
        super().__init__(torch.nn.Flatten(), torch.nn.Linear(64, 8), torch.nn.LeakyReLU(0.2), torch.nn.Linear(8, 1))
"""
