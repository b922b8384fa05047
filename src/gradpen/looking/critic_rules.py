"""Rules about the critic: too steep, too flat, too strong, too weak, overfitting."""

from collections.abc import Iterator
from statistics import median

from gradpen.language import Worded, marked, worded
from gradpen.looking.symptoms import Symptoms
from gradpen.looking.verdict import LAST, WASSERSTEIN, Remedy, Verdict, far, improving, kind_of, of_last, since, slower
from gradpen.runs.folder import Row

STEEP, FLAT = 10.0, 0.02
"""slopes of a Wasserstein critic above and below which it is sick"""
SURE, UNSURE = 0.97, 0.55
"""accuracies of a discriminator that is too strong and too weak"""
OUTWEIGHED = 1.0
"""times the critic gap, above which a penalty of at least HEAVY is too heavy"""
HEAVY = 50.0
UNFOUND = 0.03
"""parts of slope times distance, below which the gap of a critic that is far from the data is too small"""
OVERFIT, ERRORS = 0.2, 4.0
"""parts of the gap, and standard errors, by which training and held-out gaps are apart where a critic overfits"""


def unconstrained(s: Symptoms) -> Iterator[Verdict]:
    """Slopes far above what the constraint allows."""
    objective, constraint = kind_of(s)
    slope = of_last(s.rows, "slope_mean")
    zero_centred = constraint["name"] == "gradient-penalty" and constraint.get("target") == 0
    if objective != "wasserstein" or zero_centred or slope is None or slope < STEEP:
        return
    clipped = constraint["name"] == "weight-clipping"
    yield Verdict(
        name=marked("exploding gradients") if clipped else marked("critic unconstrained"),
        meaning=marked("The critic is far steeper than 1: its gap is no distance, and its gradient too large."),
        evidence=worded("mean slope {slope:.3g} between data and samples (above {most:g})", slope=slope, most=STEEP),
        since=since(s.rows, lambda row: row.get("slope_mean", 0) > STEEP),
        remedies=(
            Remedy(
                words=marked("clip at 0.01, or take the gradient penalty"), settings=("constraint=gradient-penalty",)
            )
            if clipped
            else Remedy(
                words=marked("take a gradient penalty of weight 10"),
                settings=("constraint=gradient-penalty", "constraint.weight=10"),
            ),
        ),
    )


def vanishing(s: Symptoms) -> Iterator[Verdict]:
    """A critic so flat that nothing reaches the generator."""
    objective, constraint = kind_of(s)
    slope = of_last(s.rows, "slope_mean")
    if objective == "wasserstein" and constraint["name"] == "weight-clipping" and slope is not None and slope < FLAT:
        yield Verdict(
            name=marked("vanishing gradients"),
            meaning=marked("Clipping holds the critic so flat that hardly anything reaches the generator."),
            evidence=worded(
                "mean slope {slope:.3g} (below {least:g}), clip threshold {threshold:g}",
                slope=slope,
                least=FLAT,
                threshold=constraint["threshold"],
            ),
            since=since(s.rows, lambda row: row.get("slope_mean", 1) < FLAT),
            remedies=(
                Remedy(
                    words=marked("clip less tightly"),
                    settings=(f"constraint.threshold={10 * constraint['threshold']:g}",),
                ),
                Remedy(words=marked("take the gradient penalty"), settings=("constraint=gradient-penalty",)),
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
    if not far(s):
        return
    accuracy = of_last(s.rows, "accuracy")
    rows = [row for row in s.rows if row["iteration"] > 0][-LAST:]
    blind = [row["critic_gap_held_out"] < 2 * row["critic_gap_held_out_error"] for row in rows]
    slope = of_last(s.rows, "slope_mean")
    if accuracy is not None:
        if accuracy < UNSURE:
            yield too_weak(s, worded("accuracy {accuracy:.1%} (below {least:.0%})", accuracy=accuracy, least=UNSURE))
    elif (found := share_found(s)) is not None and found < UNFOUND:
        yield too_weak(
            s,
            worded(
                "critic gap {found:.1%} of what its slopes make possible over the distance of samples and data (below "
                "{least:.0%}, median of the last {marks} marks)",
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


def share_found(s: Symptoms) -> float | None:
    """Return the critic gap in parts of slope times distance, which a critic of that slope all the way would have."""
    rows = [row for row in s.rows if row["iteration"] > 0 and "distance" in row][-LAST:]
    parts = [(row["critic_gap_held_out"], row["slope_mean"] * row["distance"]) for row in rows]
    shares = [gap / most for gap, most in parts if most > 0]
    return median(shares) if len(shares) == LAST else None


def too_weak(s: Symptoms, evidence: Worded) -> Verdict:
    """Return that verdict."""
    steps = s.config["critic_steps"]
    return Verdict(
        name=marked("critic too weak"),
        meaning=marked("The critic cannot tell samples from data, so that the generator learns from noise."),
        evidence=evidence,
        remedies=(
            Remedy(words=marked("more critic steps"), settings=(f"critic_steps={max(5, 2 * steps)}",)),
            Remedy(words=marked("a slower generator"), settings=slower(s, 0.1)[:1]),
            *(
                (Remedy(words=marked("a weight of 10 of the penalty"), settings=("constraint.weight=10",)),)
                if s.config["constraint"]["name"] == "gradient-penalty" and s.config["constraint"]["weight"] != 10
                else ()
            ),
        ),
    )


def overfitting(s: Symptoms) -> Iterator[Verdict]:
    """A critic that knows the training images apart from others."""

    def parted(row: Row) -> bool:
        apart = row["critic_gap_train"] - row["critic_gap_held_out"]
        error = (row["critic_gap_train_error"] ** 2 + row["critic_gap_held_out_error"] ** 2) ** 0.5
        return bool(apart > ERRORS * error and apart > OVERFIT * abs(row["critic_gap_train"]))

    rows = [row for row in s.rows if row["iteration"] > 0]
    if rows and all(map(parted, rows[-LAST:])):
        last = rows[-1]
        yield Verdict(
            name=marked("overfitting critic"),
            meaning=marked(
                "The critic scores training images above unseen ones: it is learning them by heart. Samples may "
                "still be good; where they get worse from here on, this is why."
            ),
            evidence=worded(
                "critic gap {train:.3g} on training and {held_out:.3g} on held-out images (apart by more than "
                "{share:.0%} and {errors:g} standard errors)",
                train=last["critic_gap_train"],
                held_out=last["critic_gap_held_out"],
                share=OVERFIT,
                errors=ERRORS,
            ),
            since=since(rows, parted),
            remedies=(
                Remedy(words=marked("more data, or augmentation"), settings=("augmentation.strength=0.5",)),
                Remedy(words=marked("a narrower critic, or one with dropout")),
                Remedy(words=marked("stop earlier: the best checkpoint is kept")),
            ),
        )
