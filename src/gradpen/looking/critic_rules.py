"""Rules about the critic: too strong, too weak, upside down, overfitting."""

from collections.abc import Callable, Iterator
from statistics import fmean, median

from gradpen.language import Worded, marked, worded
from gradpen.looking.slope_rules import BELOW, DEAD
from gradpen.looking.symptoms import Symptoms
from gradpen.looking.verdict import (
    LAST,
    WASSERSTEIN,
    Remedy,
    Verdict,
    far,
    improving,
    kind_of,
    learned,
    more_steps,
    of_last,
    rate_of,
    since,
    slower,
)
from gradpen.runs.folder import Row

SURE, UNSURE = 0.97, 0.55
"""accuracies of a discriminator that is too strong and too weak"""
OUTWEIGHED, HEAVY = 1.0, 50.0
"""times the critic gap, above which a penalty is too heavy; the coefficient from which it may be"""
REVERSED, WRONG = -0.03, 0.2
"""gap in parts of slope times distance, and accuracy, below which a critic is upside down"""
TOLD_APART = 0.25
"""mean distance of the targets of data and samples, below which noise hides which is which"""
UNFOUND = 0.03
"""parts of slope times distance, below which the gap of a critic that is far from the data is too small"""
LEARNED = 0.2
"""parts of the distance of untrained samples, below which a critic has taught the generator much, whatever its gap"""
OVERFIT, ERRORS = 0.2, 4.0
"""parts of the gap, and standard errors, by which training and held-out gaps are apart where a critic overfits"""
STEADY, STEADY_OVERFIT, STEADY_ERRORS = 6, 0.12, 2.5
"""marks at which less is enough, and what is"""


def upside_down(s: Symptoms) -> Iterator[Verdict]:
    """A trained critic that scores samples above data."""
    accuracy, share = of_last(s.rows, "accuracy"), share_found(s)
    # A critic that has hardly been trained comes out on this side by chance, and is too weak.
    flat = kind_of(s)[1]["name"] == "gradient-penalty" and (of_last(s.rows, "slope_mean") or 0) < BELOW
    reversed_ = accuracy < WRONG if accuracy is not None else share is not None and share < REVERSED and not flat
    if reversed_ and far(s):
        last = [row for row in s.rows if row["iteration"] > 0][-LAST:]
        yield Verdict(
            name=marked("critic upside down"),
            meaning=marked(
                "The critic scores samples above data: the signs of its loss are reversed, the generator has run away "
                "from it, or what is watched is other data than it learns from."
            ),
            evidence=worded(
                "critic gap {gap:.3g} ± {error:.2g}, and it should be above 0 (median of the last {marks} marks)",
                gap=median(row["critic_gap_train"] for row in last),
                error=median(row["critic_gap_train_error"] for row in last),
                marks=len(last),
            ),
            since=since(s.rows, lambda row: row["critic_gap_train"] < 0),
            remedies=(
                Remedy(words=marked("in a loop of your own, the critic's loss is mean(samples) - mean(data)")),
                Remedy(words=marked("more critic steps"), settings=more_steps(s)),
                Remedy(words=marked("a slower generator"), settings=slower(s, 0.1)[:1]),
            ),
        )


def critic_too_strong(s: Symptoms) -> Iterator[Verdict]:
    """A discriminator that is always right, whose gradient fades."""
    accuracy = of_last(s.rows, "accuracy")
    # A penalty keeps the gradient of a discriminator alive that is always right.
    free = kind_of(s)[1]["name"] == "none"
    if free and accuracy is not None and accuracy > SURE and far(s) and not improving(s):
        yield Verdict(
            name=marked("critic too strong"),
            meaning=marked("The discriminator is right about nearly every image, so that its gradient fades."),
            evidence=worded(
                "accuracy {accuracy:.1%} (above {most:.0%}) while samples are far from the data",
                accuracy=accuracy,
                most=SURE,
            ),
            since=since(s.rows, lambda row: row.get("accuracy", 0) > SURE),
            remedies=(
                Remedy(words=marked("a slower discriminator"), settings=slower(s, 0.3)[1:]),
                Remedy(words=marked("a Wasserstein critic, which cannot be too strong"), settings=WASSERSTEIN),
                *(
                    (Remedy(words=marked("smooth the targets"), settings=("objective.real_targets=[0.8,1.0]",)),)
                    if kind_of(s)[0] == "non-saturating"
                    else ()
                ),
            ),
        )


def outweighed(s: Symptoms) -> Iterator[Verdict]:
    """A heavy penalty that counts for more than what the critic is for."""
    objective, constraint = kind_of(s)
    if objective != "wasserstein" or constraint.get("weight", 0) < HEAVY:
        return
    rows = [row for row in s.rows if row["iteration"] > 0 and "penalty" in row][-LAST:]
    shares = [row["penalty"] / abs(row["critic_gap_train"]) for row in rows if row["critic_gap_train"]]
    if shares and median(shares) > OUTWEIGHED:
        yield too_weak(
            s,
            worded(
                "the penalty, of weight {weight:g}, is {share:.2g} times the critic gap (above {most:g})",
                weight=constraint["weight"],
                share=median(shares),
                most=OUTWEIGHED,
            ),
        )


def critic_too_weak(s: Symptoms) -> Iterator[Verdict]:
    """A critic that cannot tell samples from data, though they are far apart."""
    if not far(s) or any(upside_down(s)) or learned(s, LEARNED):
        return
    accuracy = of_last(s.rows, "accuracy")
    rows = [row for row in s.rows if row["iteration"] > 0][-LAST:]
    blind = [row["critic_gap_held_out"] <= 2 * row["critic_gap_held_out_error"] for row in rows]
    slope = of_last(s.rows, "slope_mean")
    if accuracy is not None:
        if accuracy < UNSURE:
            yield too_weak(s, worded("accuracy {accuracy:.1%} (below {least:.0%})", accuracy=accuracy, least=UNSURE))
    elif (found := share_found(s, max)) is not None and found < UNFOUND:
        yield too_weak(
            s,
            worded(
                "the critic's scores of data and samples are {found:.1%} as far apart as a critic this steep could set "
                "them (below {least:.0%} at each of the last {marks} marks)",
                found=found,
                least=UNFOUND,
                marks=LAST,
            ),
        )
    elif blind and sum(blind) * 2 > len(blind):
        gap, error = rows[-1]["critic_gap_held_out"], rows[-1]["critic_gap_held_out_error"]
        yield too_weak(
            s,
            worded(
                "critic gap {gap:.3g} ± {error:.2g}, which is not above two standard errors, while samples are far "
                "from the data",
                gap=gap,
                error=error,
            )
            if slope is None
            else worded(
                "critic gap {gap:.3g} ± {error:.2g}, which is not above two standard errors, while samples are far "
                "from the data; mean slope {slope:.2g}",
                gap=gap,
                error=error,
                slope=slope,
            ),
        )


def noisy_targets(s: Symptoms) -> Iterator[Verdict]:
    """Noise on a discriminator's labels that leaves little of them."""
    name, objective = kind_of(s)[0], s.config["objective"]
    if name != "non-saturating":
        return
    apart = (fmean(objective["real_targets"]) - fmean(objective["fake_targets"])) * (1 - 2 * objective["flip"])
    if apart < TOLD_APART:
        yield too_weak(
            s,
            worded(
                "targets of data and samples are {apart:.2g} apart on average, of 1 without noise (below {least:g}); "
                "{flip:.0%} of them are flipped",
                apart=apart,
                least=TOLD_APART,
                flip=objective["flip"],
            ),
            Remedy(words=marked("less noise on the labels"), settings=("objective.flip=0.05",)),
        )


def share_found(s: Symptoms, of: Callable[[list[float]], float] = median) -> float | None:
    """Return the critic gap in parts of slope times distance, which a critic of that slope all the way would have.

    Args:
        s: the symptoms.
        of: what is made of the shares of the last marks.
    """
    rows = [row for row in s.rows if row["iteration"] > 0 and "distance" in row][-LAST:]
    parts = [(row["critic_gap_held_out"], row["slope_mean"] * row["distance"]) for row in rows]
    shares = [gap / most for gap, most in parts if most > 0]
    return of(shares) if len(shares) == LAST else None


def too_weak(s: Symptoms, evidence: Worded, *first: Remedy) -> Verdict:
    """Return that verdict."""
    constraint = s.config["constraint"]
    heavy = constraint["name"] == "gradient-penalty" and constraint["weight"] >= HEAVY
    return Verdict(
        name=marked("critic too weak"),
        meaning=marked("The critic cannot tell samples from data, so that the generator learns from noise."),
        evidence=evidence,
        remedies=(
            *first,
            *(
                (Remedy(words=marked("a weight of 10 of the penalty"), settings=("constraint.weight=10",)),)
                if heavy
                else ()
            ),
            Remedy(words=marked("more critic steps"), settings=more_steps(s)),
            Remedy(words=marked("a slower generator"), settings=slower(s, 0.1)[:1]),
            *((Remedy(words=marked("a faster critic"), settings=slower(s, 10)[1:]),) if critic_rests(s) else ()),
            Remedy(words=marked("a wider or deeper critic, where none of these helps")),
        ),
    )


def critic_rests(s: Symptoms) -> bool:
    """Return whether the critic's learning rate is a tenth of the generator's, or less."""
    return rate_of(s, "critic") <= 0.1 * rate_of(s, "generator")


def overfitting(s: Symptoms) -> Iterator[Verdict]:
    """A critic that knows the training images apart from others."""

    def parted(row: Row, share: float, errors: float) -> bool:
        apart = row["critic_gap_train"] - row["critic_gap_held_out"]
        error = (row["critic_gap_train_error"] ** 2 + row["critic_gap_held_out_error"] ** 2) ** 0.5
        return bool(apart > errors * error and apart > share * abs(row["critic_gap_train"]))

    rows = [row for row in s.rows if row["iteration"] > 0]
    if (of_last(s.rows, "slope_mean") or 0.0) < DEAD:
        return
    clearly = bool(rows) and all(parted(row, OVERFIT, ERRORS) for row in rows[-LAST:])
    steadily = len(rows) >= STEADY and all(parted(row, STEADY_OVERFIT, STEADY_ERRORS) for row in rows[-STEADY:])
    if clearly or steadily:
        last = rows[-1]
        yield Verdict(
            name=marked("overfitting critic"),
            meaning=marked(
                "The critic scores training images above unseen ones: it is learning them by heart. Samples may "
                "still be good; if they get worse, this is why."
            ),
            evidence=worded(
                "critic gap {train:.3g} on training and {held_out:.3g} on held-out data (apart by over {share:.0%} "
                "and {errors:g} standard errors, {marks} marks long)",
                train=last["critic_gap_train"],
                held_out=last["critic_gap_held_out"],
                share=OVERFIT if clearly else STEADY_OVERFIT,
                errors=ERRORS if clearly else STEADY_ERRORS,
                marks=LAST if clearly else STEADY,
            ),
            since=since(rows, lambda row: parted(row, STEADY_OVERFIT, STEADY_ERRORS)),
            remedies=(
                Remedy(words=marked("more data, or augmentation"), settings=("augmentation.strength=0.5",)),
                Remedy(words=marked("a narrower critic, or one with dropout")),
                Remedy(words=marked("stop earlier: the best checkpoint is kept")),
            ),
        )
