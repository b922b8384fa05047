"""Rules about the course of a run: samples that move away, and a loop that trains something else than is watched."""

from collections.abc import Iterator
from statistics import median, stdev

from gradpen.language import marked, worded
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


def other_than_watched(s: Symptoms) -> Iterator[Verdict]:
    """A loop whose own loss speaks of a gap that is not there on the data and the samples that are watched."""
    if s.wiring is None or kind_of(s)[0] != "wasserstein":
        return
    rows = [row for row in s.rows if row["iteration"] > 0 and {"critic_loss", "distance"} <= set(row)]
    later = rows[-LAST:]
    if len(rows) < LOOKS or not far(s, NOT_NEAR):
        return
    noise = stdev(float(row["critic_loss"]) for row in rows[-LOOKS:])
    own = median(-float(row["critic_loss"]) for row in later)  # less the penalty, where a loop's loss has it in it
    measured = median(float(row["critic_gap_train"]) for row in later)
    error = median(float(row["critic_gap_train_error"]) for row in later)
    most = median(float(row["slope_mean"] * row["distance"]) for row in later)
    turned = own < LARGER * -measured  # of the other sign, and about as large: upside down
    if own > LARGER * max(measured, error) and own > measured + SPREADS * noise and own > TELLING * most and not turned:
        yield Verdict(
            name=marked("other than watched"),
            meaning=marked(
                "The critic tells apart what it is trained on, and not what is watched: it is trained on other data, "
                "on one batch again and again, or against another generator."
            ),
            evidence=worded(
                "critic gap {own:.3g} by the loop's losses, and {measured:.3g} ± {error:.2g} on what is watched "
                "(medians of the last {looks} looks)",
                own=own,
                measured=measured,
                error=error,
                looks=LAST,
            ),
            remedies=(
                Remedy(words=marked("look whether batches are drawn anew, from all of the data, in the same range")),
                Remedy(
                    words=marked(
                        "hand over the networks that are trained, or an average of them after enough iterations"
                    )
                ),
            ),
        )
