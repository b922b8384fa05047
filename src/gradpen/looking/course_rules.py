"""Rules about the course of a run: samples that move away, and a loop that trains something else than is watched."""

from collections.abc import Iterator
from itertools import pairwise
from statistics import median, stdev

from gradpen.language import Worded, marked, worded
from gradpen.looking.symptoms import Symptoms
from gradpen.looking.verdict import (
    LAST,
    NEARNESS,
    Remedy,
    Verdict,
    far,
    kind_of,
    left_of_first,
    nearness_at_marks,
    slower,
)
from gradpen.runs.folder import Row

AWAY = 1.5
"""times the distance of untrained samples, above which samples have moved away from the data"""
TOLD = 0.6
"""accuracy of a discriminator that tells samples from data"""
LARGER = 4.0
"""times the measured gap that the loss of a loop speaks of, where it is not of the data that are watched"""
NOT_NEAR = 1.5
"""times the distance of real images, below which a small gap is right"""
TELLING = 0.05
"""parts of slope times distance, from which a gap says something"""
LOGISTIC, GUESSED, CERTAIN = ("non-saturating", "minimax"), 0.6, 0.3
"""objectives whose loss is near 0 where the critic is sure; accuracy of one that guesses; loss of one that is sure"""
GROWING = {"generator": 1.3, "critic": 3.0}
"""times by which gradients have grown at least"""
LOOKS, SPREADS = 6, 3.0
"""looks that it takes, of which the last ones count; standard deviations of their losses"""


IN_A_LOOP = (
    Remedy(words=marked("look whether the generator's loss is -mean(scores) of samples")),
    Remedy(words=marked("detach samples in the critic's step")),
)


def moving_away(s: Symptoms) -> Iterator[Verdict]:
    """Samples farther from the data than untrained ones, though the critic tells them apart."""
    left = left_of_first(s)
    name, values = nearness_at_marks(s)
    rows = [row for row in s.rows if row["iteration"] > 0][-LAST:]
    if left is None or left < AWAY or not far(s) or len(values) < LAST or not all(map(tells, rows)):
        return
    yield Verdict(
        name=marked("generator moving away"),
        meaning=marked(
            "Samples are farther from the data than before training, though the critic tells them apart: the generator "
            "goes against the critic, or the critic's step moves it too."
        ),
        evidence=worded(
            "{measure} {now:.3g} at the last {marks} marks, {before:.3g} untrained",
            measure=NEARNESS[name],
            now=min(values[-LAST:]),
            marks=LAST,
            before=min(values[-LAST:]) / left,
        ),
        remedies=(
            *(IN_A_LOOP if s.wiring is not None else ()),
            Remedy(words=marked("lower both learning rates tenfold"), settings=slower(s, 0.1)),
        ),
    )


def tells(row: Row) -> bool:
    """Return whether the critic scores data above samples at a mark."""
    if "accuracy" in row:
        return float(row["accuracy"]) > TOLD
    return float(row["critic_gap_train"]) > 2 * float(row["critic_gap_train_error"])


def piling_up(s: Symptoms) -> Iterator[Verdict]:
    """Gradients of a loop that grow from mark to mark, since they are not set to 0."""
    if s.wiring is None:
        return
    for role, times in GROWING.items():
        name = f"{role}_gradient_norm"
        norms = [float(row[name]) for row in s.rows if row["iteration"] > 0 and name in row][-LOOKS:]
        rising = len(norms) == LOOKS and all(before < after for before, after in pairwise(norms))
        if rising and norms[-1] > times * norms[0] and far(s, NOT_NEAR):
            yield Verdict(
                name=marked("gradients piling up"),
                meaning=marked("A network's gradients have grown at every look: perhaps they are never set to 0."),
                evidence=worded(
                    "norm of the gradients of the {network} from {first:.3g} to {last:.3g} over {looks} looks, never "
                    "falling",
                    network=role,
                    first=norms[0],
                    last=norms[-1],
                    looks=LOOKS,
                ),
                remedies=(Remedy(words=marked("look whether gradients are set to 0 before each backward()")),),
            )


def other_than_watched(s: Symptoms) -> Iterator[Verdict]:
    """A loop whose own loss speaks of a gap that is not there on the data and the samples that are watched."""
    rows = [row for row in s.rows if row["iteration"] > 0 and {"critic_loss", "distance"} <= set(row)]
    if s.wiring is None or len(rows) < LOOKS or not far(s, NOT_NEAR):
        return
    objective = kind_of(s)[0]
    if objective == "wasserstein":
        yield from gap_elsewhere(rows)
    elif objective in LOGISTIC:
        yield from sure_elsewhere(rows)


def gap_elsewhere(rows: list[Row]) -> Iterator[Verdict]:
    """A Wasserstein critic whose gap is far larger in the loop than on what is watched."""
    later, noise = rows[-LAST:], stdev(float(row["critic_loss"]) for row in rows[-LOOKS:])
    own = median(-float(row["critic_loss"]) for row in later)  # less the penalty, where a loop's loss has it in it
    measured = median(float(row["critic_gap_train"]) for row in later)
    error = median(float(row["critic_gap_train_error"]) for row in later)
    most = median(float(row["slope_mean"] * row["distance"]) for row in later)
    turned = own < LARGER * -measured  # of the other sign, and about as large: upside down
    if own > LARGER * max(measured, error) and own > measured + SPREADS * noise and own > TELLING * most and not turned:
        yield not_watched(
            worded(
                "critic gap {own:.3g} by the loop's losses, and {measured:.3g} ± {error:.2g} on what is watched "
                "(medians of the last {looks} looks)",
                own=own,
                measured=measured,
                error=error,
                looks=LAST,
            )
        )


def sure_elsewhere(rows: list[Row]) -> Iterator[Verdict]:
    """A discriminator that is sure in the loop, and guesses on what is watched."""
    loss, accuracy = (median(float(row.get(name, 1.0)) for row in rows[-LAST:]) for name in ("critic_loss", "accuracy"))
    if 0 < loss < CERTAIN and accuracy < GUESSED:
        yield not_watched(
            worded(
                "critic loss {loss:.2g} in the loop (0.7 or 1.4 where it guesses), and accuracy {accuracy:.0%} on what "
                "is watched",
                loss=loss,
                accuracy=accuracy,
            )
        )


def not_watched(evidence: Worded) -> Verdict:
    """Return that verdict."""
    return Verdict(
        name=marked("other than watched"),
        meaning=marked(
            "The critic tells apart what it is trained on, and not what is watched: it is trained on other data, "
            "on one batch again and again, or against another generator."
        ),
        evidence=evidence,
        remedies=(
            Remedy(words=marked("look whether batches are drawn anew, from all of the data, in the same range")),
            Remedy(
                words=marked("look whether data and samples reach the critic the same way, without noise on one side")
            ),
            Remedy(
                words=marked("hand over the networks that are trained, or an average of them after enough iterations")
            ),
        ),
    )
