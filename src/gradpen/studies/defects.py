"""Wrong forms of the gradient penalty, as public code has them, and what each does to a critic."""

from dataclasses import dataclass
from pathlib import Path
from statistics import median

import torch
from matplotlib.figure import Figure
from torch import Tensor, nn

from gradpen.augmentation import Score
from gradpen.data.choice import DataChoice
from gradpen.data.embedded import digits
from gradpen.data.source import Source, gather
from gradpen.lipschitz import Constraint, GradientPenalty, Unconstrained
from gradpen.looking.figures import GREY, HELD_OUT, TRAIN
from gradpen.objectives import Objective, Wasserstein
from gradpen.optimizers import Adam
from gradpen.penalties import interpolate
from gradpen.studies.critics import Random, begun, judged, numbers, perceptron, train_critic
from gradpen.studies.runs import NAN, of_all, panels
from gradpen.studies.study import Case, Criterion, Findings, Found, Results, Scale, Study, case_name

WEIGHT, WIDTH, BATCH, MEASURED = 10.0, 128, 64, 400
STEPS = {"small": 1_000, "paper": 10_000}
SEEDS = (0, 1, 2)
RIGHT = "as published"
SHAPE = (1, 8, 8)


@dataclass(frozen=True, kw_only=True)
class Wrong:
    """A penalty as one reads it in public code; a constraint like gradpen's own."""

    name: str

    def prepare(self, critic: nn.Module) -> None:
        """Leave the critic as it is."""

    def project(self, critic: nn.Module) -> None:
        """Leave the critic as it is."""

    def penalty(self, score: Score, real: Tensor, fake: Tensor) -> Tensor:
        """Return the penalty of this wrong form."""
        if self.name == "never added to the loss":
            return real.new_zeros(())
        points = points_of(self.name, real, fake).detach().requires_grad_()
        scores = score(points)
        (gradient,) = torch.autograd.grad(scores.sum(), points, create_graph=self.name != "not differentiated again")
        norms = norms_of(self.name, gradient.reshape(len(points), *SHAPE))
        weight = WEIGHT**2 if self.name == "weight squared" else WEIGHT
        target = 0.0 if self.name == "target 0 in place of 1" else 1.0
        penalty = weight * (norms - target).square().mean()
        return penalty.detach() if self.name == "not differentiated again" else penalty


def points_of(name: str, real: Tensor, fake: Tensor) -> Tensor:
    """Return where a form takes its slopes."""
    if name == "share drawn from a normal distribution":
        share = torch.randn(len(real), *[1] * (real.dim() - 1))
        return share * real + (1 - share) * fake
    if name == "a share for every pixel":
        share = torch.rand_like(real)
        return share * real + (1 - share) * fake
    if name == "one share for the batch":
        share = torch.rand(())
        return share * real + (1 - share) * fake
    if name == "at the data alone":
        return real
    return interpolate(real, fake)


def norms_of(name: str, gradient: Tensor) -> Tensor:
    """Return what a form takes for the slopes of images ``[N, C, H, W]``."""
    if name == "one norm for the batch":
        one: Tensor = gradient.norm()
        return one
    axes = {"norm over the channels alone": [1], "norm over the rows alone": [2]}.get(name, [1, 2, 3])
    norms: Tensor = (gradient.square().sum(axes) + 1e-12).sqrt()
    return norms


FORMS = {
    RIGHT: "",
    "share drawn from a normal distribution": "slopes are held at points beyond data and samples too",
    "a share for every pixel": "the points lie off the lines between data and samples",
    "one share for the batch": "few places a step: the penalty is noisy",
    "norm over the channels alone": "each pixel's slope is drawn to 1, so that all of them together are 8 or more",
    "norm over the rows alone": "each column's slope is drawn to 1, together 2.8 or more",
    "one norm for the batch": "the slopes of 64 images together are 1: each is 1/8",
    "at the data alone": "slopes between data and samples are free",
    "target 0 in place of 1": "another penalty: small slopes, and a small gap",
    "weight squared": "100 in place of 10",
    "not differentiated again": "a number without a gradient: as if it were never added",
    "never added to the loss": "nothing holds the critic",
    "batch norm in the critic": "the slope of one image depends on the others",
}
"""wrong forms, and what to expect of each"""
TARGETS: dict[str, tuple[tuple[float, float], str]] = {
    "GAN, targets of 1": ((1.0, 1.0), "another loss, for the next row"),
    "GAN, targets from 1 to 1.1": ((1.0, 1.1), "the loss has no least value: scores of data grow without end"),
}
"""targets of a discriminator without a penalty, and what to expect of them"""


@dataclass(frozen=True, kw_only=True)
class CrossEntropy:
    """A discriminator's loss with targets for data from a range, as ``BCEWithLogitsLoss`` takes them."""

    targets: tuple[float, float]

    def critic_loss(self, real_scores: Tensor, fake_scores: Tensor) -> Tensor:
        """Return half the sum of both cross-entropies."""
        low, high = self.targets
        aims = low + (high - low) * torch.rand_like(real_scores)
        of_data = nn.functional.binary_cross_entropy_with_logits(real_scores, aims)
        return 0.5 * (of_data + nn.functional.softplus(fake_scores).mean())

    def generator_loss(self, fake_scores: Tensor) -> Tensor:
        """Return the loss of the non-saturating objective."""
        return nn.functional.softplus(-fake_scores).mean()


def critic_for(form: str, seed: int) -> nn.Module:
    """Return the critic of a form: with batch norm where that is what is wrong."""
    critic = begun(seed, lambda: perceptron(64, WIDTH, 3))
    if form != "batch norm in the critic":
        return critic
    layers = []
    for layer in critic:
        layers.append(layer)
        if isinstance(layer, nn.Linear) and layer.out_features > 1:
            layers.append(nn.BatchNorm1d(layer.out_features))
    return nn.Sequential(*layers)


def fixed_samples(source: Source, random: Random, count: int) -> tuple[Tensor, Tensor]:
    """Return so many digits, and as many blurred ones with noise, which stand for a generator's samples."""
    rows = random.choice(source.train, (2, count))
    real, other = (gather(source, part, torch.device("cpu")) for part in rows)
    smooth = nn.functional.avg_pool2d(nn.functional.pad(other, (1, 1, 1, 1), mode="replicate"), 3, stride=1)
    noise = torch.from_numpy(random.standard_normal(smooth.shape).astype("float32"))
    return real, (smooth + 0.1 * noise).contiguous()


def train(place: Path, form: str, seed: int, steps: int) -> Found:
    """Train one critic of fixed samples, and return its slopes and its gap beside the exact distance."""
    del place
    source, critic = digits(DataChoice()), critic_for(form, seed)

    def draw(random: Random, count: int) -> tuple[Tensor, Tensor]:
        return fixed_samples(source, random, count)

    # gradpen's own penalty refuses a critic with batch norm.
    constraint: Constraint = GradientPenalty(weight=WEIGHT) if form == RIGHT else Wrong(name=form)
    objective: Objective = Wasserstein()
    if form in TARGETS:
        constraint, objective = Unconstrained(), CrossEntropy(targets=TARGETS[form][0])
    adam = Adam(learning_rate=1e-3, beta1=0.5, beta2=0.9)
    train_critic(critic, objective, constraint, adam, draw, steps=steps, batch=BATCH, seed=seed)
    real, fake = draw(numbers(seed, "measured", 0), MEASURED)
    critic.eval()
    return judged(critic, real, fake, seed)


def cases(scale: Scale) -> list[Case]:
    """Return a case for each form and seed."""
    return [
        Case(name=case_name(form, seed), work=train, arguments={"form": form, "seed": seed, "steps": STEPS[scale]})
        for form in (*FORMS, *TARGETS)
        for seed in SEEDS
    ]


def findings(results: Results, scale: Scale) -> Findings:
    """Return slopes and gaps of each form."""
    del scale
    rows: list[tuple[str | float | int | None, ...]] = []
    middle: dict[str, tuple[float, float]] = {}
    for form, expected in (FORMS | {form: words for form, (_, words) in TARGETS.items()}).items():
        each = of_all(results, *(case_name(form, seed) for seed in SEEDS))
        if each:
            slope, spread = (median(one[name] for one in each) for name in ("slope", "spread"))
            share = median(one["share"] for one in each)
            if form in FORMS:
                middle[form] = slope, share
            rows.append((form, slope, spread, share, expected or "slopes near 1, the gap near the distance"))
    slope, share = middle.get(RIGHT, (NAN, NAN))
    wrong = [
        form
        for form, (other, part) in middle.items()
        if form != RIGHT and (abs(other - slope) > 0.15 or abs(part - share) > 0.15)
    ]
    return Findings(
        columns=("form", "mean slope between data and samples", "its spread", "gap over exact W1", "why"),
        rows=rows,
        criteria=[
            Criterion(words="mean slope of the published form, at least", value=slope, bound=0.8),
            Criterion(words="mean slope of the published form, at most", value=slope, bound=1.3, at_least=False),
            Criterion(words="wrong forms that differ from it by more than 0.15", value=len(wrong), bound=6),
        ],
        figures=[("Mean slope between data and samples; it should be 1.", drawn(middle))],
        notes=(
            "A critic of three layers alone against fixed samples: digits, and blurred digits with noise. Forms "
            "that do not show here can show elsewhere: they are wrong by their mathematics, and whoever uses them does "
            "not train what the paper says.",
        ),
    )


def drawn(middle: dict[str, tuple[float, float]]) -> Figure:
    """Return the mean slope of each form as a dot."""
    figure, axes = panels(1, 1, width=8, height=4)
    panel = axes[0][0]
    names = list(middle)[::-1]
    for name in names:
        panel.plot(middle[name][0], name, "o", color=TRAIN if name == RIGHT else HELD_OUT)
    panel.axvline(1, color=GREY, lw=0.8, ls="--")
    panel.grid(axis="y", lw=0.3)
    panel.set_xscale("log")
    panel.tick_params(labelsize=8)
    return figure


STUDY = Study(
    name="defects",
    title="Wrong gradient penalties",
    source="forms read in public implementations, beside Gulrajani et al. 2017, arXiv 1704.00028, Algorithm 1",
    shows="What a small mistake in the penalty does: slopes far from 1, and a gap that is no estimate of the distance.",
    cost="small: a minute and a half of 2 cores; paper: half an hour",
    cases=cases,
    findings=findings,
)
