"""A critic's or a generator's whole loss: its signs, whether the penalty is in it, and what it trains."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch

from gradpen.checking.finding import Finding
from gradpen.checking.forms import EXACT
from gradpen.checking.recognition import near, recognised
from gradpen.checking.trials import SCALES, Subject, Trial

SIGNS = ((-1.0, 1.0), (1.0, -1.0), (-1.0, 0.0), (0.0, 1.0), (-1.0, -1.0), (1.0, 1.0), (0.0, 0.0), (-0.5, 0.5))
"""of the mean score of data and of samples in the loss, the right ones first"""
DRIFTS = (0.0, 1e-3, 1e-2)
"""weights of squared scores of data that public losses add, so that scores stay about 0"""
NAME = "signs"


def is_nothing(trials: Sequence[Trial], beside: Sequence[Trial]) -> bool:
    """Return whether nothing is left of the loss."""
    left = max(abs(float(trial.value.detach())) for trial in trials)
    return left <= 1e-4 * max(abs(float(trial.value.detach())) for trial in beside)


def critic_loss_findings(trials: Sequence[Trial], subject: Subject) -> tuple[Subject | None, list[Finding]]:
    """Return a critic's loss with its Wasserstein part left out, which is the penalty, and what is found of it.

    None in place of the penalty where there is none, or where the loss is not recognised.
    """
    # The usual form first with all its slips, then the others with Euclidean norms alone, which is quicker.
    for real, fake in SIGNS:
        drift, known = best_drift(trials, real, fake)
        rest = [trial.without_ends(real, fake, drift) for trial in trials]
        nothing = is_nothing(rest, trials)
        if not nothing and not known:
            continue
        found = [of_signs(real, fake)]
        if drift:
            found.append(
                Finding(name="drift", verdict="note", found=f"{drift:g} times the squared scores of data, as in ProGAN")
            )
        if nothing:
            asked = any(trial.elsewhere for trial in trials)
            found.append(
                Finding(
                    name="penalty",
                    verdict="wrong",
                    found="computed, but not in the loss" if asked else "there is none in the loss",
                    expected="weight * mean of (slope - 1) ** 2, added to the loss",
                    meaning="The critic is not constrained: the gap between its scores grows without bound.",
                    remedy="Add the penalty to the loss that is returned.",
                )
            )
        return (None if nothing else replace(subject, ends=(real, fake, drift))), found
    return None, [
        Finding(
            name="form",
            verdict="not judged",
            found="the loss is none of a Wasserstein critic: mean of fake scores - mean of real scores + penalty",
        )
    ]


def best_drift(trials: Sequence[Trial], real: float, fake: float) -> tuple[float, bool]:
    """Return how much of the squared scores of data is in a loss, and whether what is left without them is known."""
    usual = (real, fake) == SIGNS[0]
    known = False
    for drift in DRIFTS if usual else DRIFTS[:1]:
        found = recognised([trial.without_ends(real, fake, drift) for trial in trials], norms_alone=not usual)
        if found is not None and found.form.misses < EXACT:
            return drift, True
        known |= found is not None and drift == 0
    return 0.0, known


def of_signs(real: float, fake: float) -> Finding:
    """Return whether the scores have their signs."""
    if (real, fake) == (-1.0, 1.0):
        return Finding(name=NAME, verdict="holds", found="mean of fake scores - mean of real scores")
    if (real, fake) == (-0.5, 0.5):
        return Finding(name=NAME, verdict="note", found="half of fake scores - real scores: twice the weight")
    words = {
        (1.0, -1.0): "real scores are pushed down, and fake ones up",
        (-1.0, -1.0): "real and fake scores are both pushed up",
        (1.0, 1.0): "real and fake scores are both pushed down",
        (-1.0, 0.0): "samples are not in it",
        (0.0, 1.0): "data are not in it",
        (0.0, 0.0): "neither data nor samples are in it",
    }
    return Finding(
        name=NAME,
        verdict="wrong",
        found=words[real, fake],
        expected="mean of fake scores - mean of real scores",
        meaning="The critic learns another thing than to tell data from samples; upside down, the generator runs away "
        "from the data.",
        remedy="Return fake_scores.mean() - real_scores.mean() + penalty.",
    )


def generator_loss_findings(subject: Subject) -> Iterator[Finding]:
    """Yield whether a generator's loss raises the scores of samples, and reaches the generator."""
    seen = [subject.tried(scale=scale, seed=40 + number, attached=True) for number, scale in enumerate(SCALES)]
    values = torch.tensor([float(trial.value.detach()) for trial in seen], dtype=torch.float64)
    scores = torch.tensor([float(trial.ends()[1].detach()) for trial in seen], dtype=torch.float64)
    correlation = float(torch.corrcoef(torch.stack([values, scores]))[0, 1]) if values.std() > 0 else 0.0
    if values.std() > 0 and near(float((values + scores).abs().max() / scores.abs().max()) + 1, 1.0):
        yield Finding(name=NAME, verdict="holds", found="minus the mean of fake scores")
    elif values.std() > 0 and near(float((values - scores).abs().max() / scores.abs().max()) + 1, 1.0):
        yield Finding(
            name=NAME,
            verdict="wrong",
            found="plus the mean of fake scores",
            expected="minus it",
            meaning="The generator learns to be told from the data.",
            remedy="Return -critic(fake).mean().",
        )
    else:
        words = "falls" if correlation < 0 else "grows"
        yield Finding(name=NAME, verdict="note", found=f"no Wasserstein loss; it {words} where scores grow")
    trial = seen[-3]
    if trial.value.requires_grad:
        trial.value.backward()
    reached = trial.given.generator.shift.grad
    if reached is not None and bool(reached.any()):
        yield Finding(name="generator", verdict="holds", found="the loss reaches it")
    else:
        yield Finding(
            name="generator",
            verdict="wrong",
            found="no gradient reaches it",
            expected="a gradient through the critic",
            meaning="The generator does not learn.",
            remedy="Score samples that are not detached, and detach no score.",
        )
