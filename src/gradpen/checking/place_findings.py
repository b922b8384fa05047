"""Where a function penalises slopes: on lines between data and samples, one share for each example."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import torch

from gradpen.checking.calling import Convention
from gradpen.checking.finding import Finding
from gradpen.checking.recognition import Recognised, conditions_before, image_part
from gradpen.checking.shares import CLOSE, ENOUGH, Place, Shares, is_one_of, matched, shares_of, varies_in_words
from gradpen.checking.trials import Trial

DRAW = "Draw torch.rand(len(real), 1, 1, 1), with as many ones as an example has axes."
NAME, PAIRS = "points", "pairs"
BOTH = ("data and the samples", "R1 and R2")


def place_findings(trials: Sequence[Trial], convention: Convention, form: Recognised | None) -> Iterator[Finding]:
    """Yield what is found of the points."""
    if convention.takes("points") or convention.takes("gradient"):
        yield Finding(name=NAME, verdict="note", found="chosen by the caller")
        return
    if any(between_alone(trial) is not trial for trial in trials):
        trials = [between_alone(trial) for trial in trials]
        words = "between data and samples, and at data and samples too (Shen et al. 2018)"
        yield Finding(name=NAME, verdict="note", found=words)
    first = trials[0]
    zero_centred = form is not None and form.target < 0.02
    if first.at_both_ends:
        of = form.of if form is not None else ""
        where, known = {"data alone": ("data", "R1"), "samples alone": ("samples", "R2")}.get(of, BOTH)
        yield at_ends(where, known, zero_centred)
        return
    if first.points.numel() == len(first.given.real) * first.given.real.numel():
        yield Finding(
            name=PAIRS,
            verdict="wrong",
            found=f"every share with every pair: {len(first.given.real)} points for each example",
            expected="one for each example",
            meaning="A share of the wrong shape is blown up beside the examples.",
            remedy=DRAW,
        )
        return
    if image_part(first, first.shaped(first.points)).shape != first.given.real.shape:
        yield Finding(
            name=NAME,
            verdict="not judged",
            found=f"the critic was asked about {list(first.points.shape)} where examples are "
            f"{list(first.given.real.shape)}",
        )
        return
    yield from of_conditions(trials, convention)
    shares = shares_of([place_of(trial) for trial in trials])
    rank = first.given.real.dim()
    uses_samples = convention.takes("fake") or any(trial.has_samples for trial in trials)
    if not uses_samples and shares.where != "data":
        yield Finding(name=NAME, verdict="note", found="around the data, as DRAGAN's (Kodali et al. 2017)")
    elif shares.where in ("data", "samples"):
        if form is None:
            yield Finding(name=NAME, verdict="note", found=f"the {shares.where} themselves")
        else:
            yield at_ends(shares.where, "R1" if shares.where == "data" else "R2", zero_centred)
    elif convention.takes("epsilon") and any(by_the_shares_given(trial) for trial in trials):
        yield given_shares(shares, rank)
    else:
        yield from on_lines(shares, rank)


def between_alone(trial: Trial) -> Trial:
    """Return a trial without the data and the samples that stand in one batch with the points; any other as it is."""
    given = trial.given
    count, left = divmod(trial.points.numel(), given.real.numel())
    if left or count < 2 or len(trial.points) != count * len(given.real) or trial.at_both_ends:
        return trial
    parts = trial.points.chunk(count)
    between = [part for part in parts if not is_one_of(part, (given.real, given.fake))]
    return replace(trial, points=between[0]) if len(between) == 1 else trial


def examples_along(form: Recognised | None, trials: Sequence[Trial]) -> tuple[int, ...]:
    """Return the axes along which a function takes examples to lie: others than the first if it does so throughout.

    It does where there is a share, and a norm over all that is left, for each index of them.
    """
    first = trials[0]
    if form is None or form.form.norm != "norm" or first.points.numel() != first.given.real.numel():
        return (0,)
    left = tuple(axis for axis in range(first.given.real.dim()) if axis not in form.form.axes)
    return left if left and shares_of([place_of(trial) for trial in trials]).varies == left else (0,)


def along_others(along: tuple[int, ...], rank: int) -> Finding | None:
    """Return what it is that examples lie along other axes than the first; None where that is a mistake."""
    if len(along) == 1:
        words = f"along axis {along[0]}, not the first: each has a share and a norm there"
        return Finding(name="examples", verdict="note", found=words)
    if along == (0, 1) and rank == 3:
        words = "each row of 3-D arrays has a share and a norm of its own, which is right if the rows are the examples"
        return Finding(name=NAME, verdict="not judged", found=words)
    return None


def place_of(trial: Trial) -> Place:
    """Return where a trial looked, as far as the points are the data's."""
    points = image_part(trial, trial.shaped(trial.points.detach()))
    return matched(Place(points, trial.given.real, trial.given.fake))[0]


def order_of(trial: Trial) -> torch.Tensor:
    """Return in which order the data are that a trial looked at, as far as the points are the data's."""
    points = image_part(trial, trial.shaped(trial.points.detach()))
    return matched(Place(points, trial.given.real, trial.given.fake))[1]


def by_the_shares_given(trial: Trial) -> bool:
    """Return whether what was handed over as shares has to do with where a trial looked.

    An argument of that name may be something else, as the share of a new layer in a network that grows.
    """
    found, given = place_of(trial).share, trial.given.epsilon.double()
    uses = [(found - share).abs() < CLOSE for share in (given, 1 - given, given.mean(), given[:1], 1 - given[:1])]
    return any(bool(one.all()) for one in uses)


def at_ends(where: str, known: str, zero_centred: bool) -> Finding:
    """Return what it is to look at data or samples themselves, which is right for a penalty of another name."""
    if zero_centred:
        return Finding(
            name=NAME, verdict="holds", found=f"the {where} themselves: this is {known} (Mescheder et al. 2018)"
        )
    return Finding(
        name=NAME,
        verdict="wrong",
        found=f"the {where} themselves",
        expected="points on lines between data and samples",
        meaning="Between data and samples, where the generator's gradient comes from, slopes are free.",
        remedy=f"Penalise at torch.lerp(fake, real, share). {DRAW}",
    )


def given_shares(shares: Shares, rank: int) -> Finding:
    """Return how shares that the caller draws are used."""
    if shares.varies == (0,) and shares.where == "line":
        return Finding(name=NAME, verdict="holds", found="on lines between data and samples, by the shares given")
    return Finding(
        name=NAME,
        verdict="wrong",
        found=f"{shares.where}, with a share for {varies_in_words(shares.varies, rank)}",
        expected="on lines, by the share given for each example",
        meaning="The shares given are not used as they are.",
        remedy="Take share * real + (1 - share) * fake.",
    )


def on_lines(shares: Shares, rank: int) -> Iterator[Finding]:
    """Yield whether a share is drawn for each example, evenly."""
    if shares.where == "fixed":
        yield Finding(
            name=NAME,
            verdict="wrong",
            found=f"always {shares.values[0]:.3g} of the data",
            expected="a share drawn evenly from 0 to 1 for each example",
            meaning="Slopes are looked at in one place of each line.",
            remedy=DRAW,
        )
        return
    one_each = shares.varies == (0,)
    if not one_each and shares.where == "beyond the line" and not shares.normal:
        yield Finding(
            name=NAME,
            verdict="not judged",
            found="not between the examples that were handed over: perhaps it changes them first",
        )
        return
    if one_each:
        yield Finding(name="share", verdict="holds", found="one for each example")
    else:
        yield Finding(
            name="share",
            verdict="wrong",
            found=f"one for {varies_in_words(shares.varies, rank)}",
            expected="one for each example",
            meaning="All examples are looked at in the same place of their lines."
            if 0 not in shares.varies
            else "The points lie in a box about the line, not on it.",
            remedy=DRAW,
        )
    if (one_each and len(shares.values) >= ENOUGH) or shares.where == "beyond the line":
        yield of_distribution(shares)


def of_distribution(shares: Shares) -> Finding:
    """Return whether shares are evenly distributed from 0 to 1."""
    values = shares.values
    outside = float(np.mean((values < 0) | (values > 1)))
    if shares.where == "beyond the line":
        return Finding(
            name="distribution",
            verdict="wrong",
            found=f"{outside:.0%} of the shares lie outside 0 to 1"
            + (": they are drawn from a normal distribution" if shares.normal else ""),
            expected="evenly from 0 to 1",
            meaning="Slopes are penalised beyond data and samples, where no critic is asked anything.",
            remedy="Draw with torch.rand, not torch.randn.",
        )
    words = f"mean {values.mean():.3f}, standard deviation {values.std():.3f} of {len(values)}"
    if shares.even:
        return Finding(name="distribution", verdict="holds", found=f"even from 0 to 1 ({words})")
    return Finding(
        name="distribution",
        verdict="wrong",
        found=words,
        expected="even from 0 to 1: mean 0.5, standard deviation 0.289",
        meaning="Some parts of the lines are looked at more than others.",
        remedy="Draw with torch.rand.",
    )


def of_conditions(trials: Sequence[Trial], convention: Convention) -> Iterator[Finding]:
    """Yield whether labels reach the critic as they were given."""
    if not convention.takes("labels"):
        return
    blended, exchanged = [], False
    for trial in trials:
        labels, others = (part.detach().double() for part in (trial.given.labels, trial.given.labels_of_samples))
        labels = labels[order_of(trial)]
        beside = [part for part in trial.conditions if isinstance(part, torch.Tensor)]
        exchanged |= any(
            part.shape == labels.shape
            and not torch.equal(part.detach().double(), labels)
            and not torch.equal(part.detach().double(), others)
            for part in beside
        )
        points = trial.points.detach()
        if points.numel() > trial.given.real.numel() and points.dim() == trial.given.real.dim():
            first, size = conditions_before(trial), trial.given.real.shape[1]
            beside.append(points[:, :first] if first else points[:, size:])
        blended += [
            bool(((part.double() % 1) != 0).any()) for part in beside if labels.numel() and part.is_floating_point()
        ]
    if any(blended):
        yield Finding(
            name="labels",
            verdict="wrong",
            found="blended between examples",
            expected="those of the examples as they are",
            meaning="The critic is asked about labels that nothing has.",
            remedy="Interpolate the examples alone, and hand over their labels unchanged.",
        )
    elif exchanged:
        yield Finding(
            name="labels",
            verdict="wrong",
            found="not those of the examples",
            expected="those of the examples as they are",
            meaning="The critic is asked about pairs that do not belong together.",
            remedy="Hand over the labels of the same rows, in their order.",
        )
    else:
        yield Finding(name="labels", verdict="holds", found="handed over as they are")
