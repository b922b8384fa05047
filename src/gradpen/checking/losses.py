"""A critic's or a generator's whole loss: its signs, whether the penalty is in it, and what it trains."""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import replace

import torch

from gradpen.checking.finding import Finding
from gradpen.checking.forms import EXACT
from gradpen.checking.known_objectives import OTHERS, RELATIVISTIC, Ends, Objective
from gradpen.checking.recognition import near, recognised
from gradpen.checking.slopes_by_scores import bent_in_scores, may_be_made_of, multiples_of_scores
from gradpen.checking.stand_ins import WEIGHT
from gradpen.checking.trials import SCALES, Subject, Trial

SIGNS = ((-1.0, 1.0), (1.0, -1.0), (-1.0, 0.0), (0.0, 1.0), (-1.0, -1.0), (1.0, 1.0), (0.0, 0.0), (-0.5, 0.5))
"""of the mean score of data and of samples in the loss, the right ones first"""
DRIFTS = (0.0, 1e-3, 1e-2, -1e-3, -1e-2)
"""weights of squared scores of data that public losses add, so that scores stay about 0"""
NAME = "signs"
SHIFTS = (0.0, -3.0, -1.0, 1.0, 3.0)
"""of all scores of a critic: they move every objective but Wasserstein's, and no penalty"""
RISING = sorted(SHIFTS)


def linear(real: float, fake: float, drift: float = 0.0) -> Ends | None:
    """Return so much of the mean scores of data and of samples, and of the squared scores of data."""
    if not real and not fake:
        return None
    return lambda data, samples: real * data.mean() + fake * samples.mean() + drift * data.square().mean()


def other_objective(trials: Sequence[Trial], subject: Subject) -> Objective | None:
    """Return another objective than Wasserstein's that a loss is made of.

    It is one without which a loss stays the same when all scores of the critic are shifted. Upside down many do too: so
    is a loss of which nothing, or a known penalty, is left only then.
    """
    moved = [[subject.tried(scale=scale, shift=shift, seed=70) for shift in SHIFTS] for scale in (0.5, 2.0)]
    for known in (*OTHERS, *(one.half() for one in OTHERS)):
        both = (known, known.upside_down())
        fitting = [one for one in both if all(stays(shifted, one.ends) for shifted in moved)]
        found = next((one for one in fitting if explains(one.ends, trials)), None)
        if found is not None:
            return found
    return None


def explains(ends: Ends, trials: Sequence[Trial], *, norms_alone: bool = False) -> bool:
    """Return whether nothing or a known penalty is left of a loss without a part that is made of scores."""
    rest = [trial.without(ends) for trial in trials]
    return is_nothing(rest, trials) or recognised(rest, norms_alone=norms_alone) is not None


def stays(shifted: Sequence[Trial], ends: Ends) -> bool:
    """Return whether what is left of a loss is the same in trials that differ in the shift of all scores."""
    left = [float(trial.without(ends).value.detach()) for trial in shifted]
    return max(left) - min(left) <= 1e-4 * (1 + max(map(abs, left)))


def is_nothing(trials: Sequence[Trial], beside: Sequence[Trial]) -> bool:
    """Return whether nothing is left of the loss."""
    left = max(abs(float(trial.value.detach())) for trial in trials)
    return left <= 1e-4 * max(abs(float(trial.value.detach())) for trial in beside)


def critic_loss_findings(trials: Sequence[Trial], subject: Subject) -> tuple[Subject | None, list[Finding]]:
    """Return a critic's loss with its Wasserstein part left out, which is the penalty, and what is found of it.

    None in place of the penalty where there is none, or where the loss is not recognised.
    """
    other = other_objective(trials, subject)
    if other is not None:
        return of_other(other, trials, subject)
    bent = bent_in_scores(trials)
    pairs = relativistic(trials) if bent else None
    if pairs is not None:
        return of_other(pairs, trials, subject)
    # The usual form first with all its slips, then the others with Euclidean norms alone, which is quicker.
    for real, fake in SIGNS:
        drift, clear = best_drift(trials, real, fake)
        ends = linear(real, fake, drift)
        rest = [trial.without(ends) for trial in trials]
        nothing = is_nothing(rest, trials)
        if not nothing and not clear:
            continue
        missing = trials[0].given.notes.losses
        found = [of_missing(missing) if missing and not (real and fake) else of_signs(real, fake)]
        if drift:
            found.append(of_drift(drift))
        if nothing:
            found.append(without_penalty(trials, subject))
        return (None if nothing else replace(subject, ends=ends)), found
    multiples = multiples_of_scores(trials)
    if multiples is not None and recognised([trial.without(linear(*multiples)) for trial in trials]) is not None:
        return replace(subject, ends=linear(*multiples)), [of_multiples(*multiples)]
    pairs = None if bent else relativistic(trials)
    if pairs is not None:
        return of_other(pairs, trials, subject)
    return None, [
        Finding(
            name="form",
            verdict="not judged",
            found="the loss is none that is known: mean of fake scores - mean of real scores + penalty, hinge, "
            "cross-entropy or least squares, relativistic or not",
        )
    ]


def relativistic(trials: Sequence[Trial]) -> Objective | None:
    """Return the objective about pairs of scores that a loss is made of beside a known penalty."""
    each = (*RELATIVISTIC, *(one.half() for one in RELATIVISTIC))
    both = (*each, *(one.upside_down() for one in each))
    fitting = (known for known in both if may_be_made_of(known.ends, trials))
    return next((known for known in fitting if explains(known.ends, trials, norms_alone=True)), None)


def of_multiples(real: float, fake: float) -> Finding:
    """Return what it is that scores stand so many times in a loss."""
    times = abs(real)
    if real < 0 < fake and near(fake / times, 1.0) and not near(times, WEIGHT):
        words = f"{times:g} times fake scores - real scores: the penalty weighs {1 / times:.2g} of what it says"
        return Finding(name=NAME, verdict="note", found=words)
    return Finding(
        name=NAME,
        verdict="wrong",
        found=f"{real:+g} times the mean of real scores, {fake:+g} times that of fake ones",
        expected="mean of fake scores - mean of real scores",
        meaning="The weight multiplies the scores, not the penalty."
        if real < 0 < fake
        else "The critic learns another thing than to tell data from samples.",
        remedy="Return fake_scores.mean() - real_scores.mean() + weight * penalty.",
    )


def of_drift(drift: float) -> Finding:
    """Return what it is to add so much of the squared scores of data."""
    words = f"{drift:g} times the squared scores of data"
    if drift > 0:
        return Finding(name="drift", verdict="note", found=f"{words}, as in ProGAN")
    return Finding(
        name="drift",
        verdict="wrong",
        found=words,
        expected="a positive weight, as in ProGAN (0.001)",
        meaning="The critic is paid for scores far from 0.",
        remedy="Add it in place of subtracting it.",
    )


def without_penalty(trials: Sequence[Trial], subject: Subject) -> Finding:
    """Return that a loss has no penalty in it, which one of scores alone cannot have."""
    if subject.convention.takes("real_scores") and not subject.convention.takes("penalty"):
        return Finding(
            name="penalty", verdict="note", found="of scores alone, a loss has none: check the penalty on its own"
        )
    asked = any(trial.elsewhere for trial in trials)
    if asked and trials[0].given.values > 1:
        words = "the penalty is not in this one of its values, and may be another one: check it on its own"
        return Finding(name="form", verdict="not judged", found=words)
    return Finding(
        name="penalty",
        verdict="wrong",
        found="computed, but not in the loss" if asked else "there is none in the loss",
        expected="weight * mean of (slope - 1) ** 2, added to the loss",
        meaning="The critic is not constrained: the gap between its scores grows without bound.",
        remedy="Add the penalty to the loss that is returned.",
    )


def of_other(objective: Objective, trials: Sequence[Trial], subject: Subject) -> tuple[Subject | None, list[Finding]]:
    """Return what :func:`critic_loss_findings` does, of a loss with another objective, which may have no penalty."""
    found = [told(objective)]
    if not is_nothing([trial.without(objective.ends) for trial in trials], trials):
        return replace(subject, ends=objective.ends), found
    if any(trial.elsewhere for trial in trials):
        return None, [*found, without_penalty(trials, subject)]
    return None, [*found, Finding(name="penalty", verdict="note", found="there is none in the loss")]


def told(objective: Objective) -> Finding:
    """Return whether an objective is a published one, the right way round."""
    words = objective.words
    if objective.mistaken:
        return Finding(
            name=NAME,
            verdict="wrong",
            found=words,
            expected="a loss that falls as scores of data grow and as those of samples fall",
            meaning="The critic learns another thing than to tell data from samples.",
            remedy="Take ones for data and zeros for samples; of the hinge loss, relu(1 - real) and relu(1 + fake).",
        )
    if objective.swapped:
        return Finding(
            name=NAME,
            verdict="wrong",
            found=f"{words}, with data and samples in each other's place",
            expected=words,
            meaning="The critic learns to take samples for data.",
            remedy="Swap the scores of data and of samples.",
        )
    return Finding(
        name=NAME, verdict="holds", found=words, expected=words, meaning="Nothing of it estimates a distance."
    )


def best_drift(trials: Sequence[Trial], real: float, fake: float) -> tuple[float, bool]:
    """Return how much of the squared scores of data is in a loss, and whether what is left without them is known."""
    usual = (real, fake) == SIGNS[0]
    known = False
    for drift in DRIFTS if usual else DRIFTS[:1]:
        found = recognised([trial.without(linear(real, fake, drift)) for trial in trials], norms_alone=not usual)
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


def of_missing(losses: set[str]) -> Finding:
    """Return that the scores' part of a loss is not looked at, since what makes it is not there."""
    words = f"not looked at: nothing defines {', '.join(sorted(losses))}"
    return Finding(name=NAME, verdict="note", found=words)


def generator_loss_findings(subject: Subject) -> Iterator[Finding]:
    """Yield whether a generator's loss raises the scores of samples, and reaches the generator."""
    seen = [subject.tried(scale=scale, seed=40 + number, attached=True) for number, scale in enumerate(SCALES)]
    values = torch.tensor([float(trial.value.detach()) for trial in seen], dtype=torch.float64)
    scores = torch.tensor([float(trial.ends()[1].detach().mean()) for trial in seen], dtype=torch.float64)
    moved = [float(subject.tried(scale=0.5, shift=shift, seed=70, attached=True).value.detach()) for shift in RISING]
    steps = [after - before for before, after in itertools.pairwise(moved)]
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
    elif min(steps) >= 0 < max(steps):
        yield Finding(
            name=NAME,
            verdict="wrong",
            found="no Wasserstein loss; it grows where scores grow",
            expected="one that falls where scores of samples grow",
            meaning="The generator learns to be told from the data.",
            remedy="Swap the target: samples are to be taken for data.",
        )
    else:
        falls = max(steps) <= 0 > min(steps)
        words = "it falls where scores grow" if falls else "it neither falls nor grows with all scores"
        yield Finding(name=NAME, verdict="note", found=f"no Wasserstein loss; {words}")
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
