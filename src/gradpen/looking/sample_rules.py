"""Rules about samples: collapse, missing modes, copies, labels that change nothing."""

from collections.abc import Iterator

from gradpen.language import Worded, marked, worded
from gradpen.looking.data_rules import listed
from gradpen.looking.left_out import LeftOut
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
    left_of_first,
    nearness_at_marks,
    ratio,
    since,
    slower,
)

VARIED, CONSTANT = 0.5, 0.02
"""parts of the data's diversity below which samples have collapsed, and below which they are all the same"""
MODES, RECALLED = 0.4, 0.1
"""parts of the coverage and the recall of real images below which modes are missing"""
UNREACHED, TAUGHT = 0.1, 0.25
"""parts of that coverage below which the generator does not learn; parts of the distance of untrained samples, below
which it has learned"""
FEW_LATENTS = 3
"""latents that a generator of examples of many numbers needs at least"""
AS_FAR, AS_ALIKE = 0.8, 1.5
"""parts of that distance, and of that variety, within which samples are as untrained ones"""
COPIED = 0.75
"""parts of the distance of held-out images to training ones, below which samples are copies"""
TOLD, FOLLOWED = 0.2, 0.25
"""how far above chance the nearest image tells a held-out image's class, where it tells anything; parts of that which
samples reach where they follow their label"""
HEEDED = 0.15
"""how far a label moves a sample, in parts of how far other latents do, where labels are heeded"""


def few_latents(s: Symptoms) -> Iterator[Verdict]:
    """A generator with so few latents that its samples lie on a curve."""
    latents = s.config["generator"].get("latent_dim", FEW_LATENTS)
    if latents < FEW_LATENTS <= s.numbers // 2 and s.measures and far(s):
        yield Verdict(
            name=marked("too few latents"),
            meaning=marked("With so few latents all samples lie on a curve or a sheet, and data do not."),
            evidence=worded("{latents} latents (at least {least})", latents=latents, least=FEW_LATENTS),
            remedies=(Remedy(words=marked("more latents"), settings=("generator.latent_dim=64",)),),
        )


def collapsed(s: Symptoms) -> Iterator[Verdict]:
    """Samples that hardly differ, or leave out much of the data."""
    variety = ratio(s, "diversity", "real_diversity")
    reached, recall = ratio(s, "coverage", "real_coverage"), ratio(s, "recall", "real_recall")
    if variety is not None and variety < VARIED and not untrained(s):
        enough = VARIED * s.measures["real_diversity"]
        yield Verdict(
            name=marked("collapsed"),
            meaning=marked("Samples differ much less than data do: the generator makes one thing, or a few."),
            evidence=varied_little(s, variety),
            since=since(s.rows, lambda row: row.get("diversity", enough) < enough),
            remedies=more_variety(s, variety),
        )
    elif s.left_out is not None and s.left_out.names and not far(s):
        yield modes_missing(s, worded("hardly a sample shows {found} of {all} {what}: {names}", **of_kinds(s.left_out)))
    elif far(s) or improving(s) or reached is None:
        return
    elif reached < MODES:
        yield modes_missing(s, covered(reached, MODES))
    elif recall is not None and recall < RECALLED:
        yield modes_missing(
            s,
            worded("recall {share:.0%} of that of real data (below {least:.0%})", share=recall, least=RECALLED),
        )


def untrained(s: Symptoms) -> bool:
    """Return whether samples of a loop's networks are as far from the data, and as alike, as untrained ones were."""
    first = next((row for row in s.rows if row["iteration"] == 0 and "diversity" in row), None)
    left = left_of_first(s)
    if s.wiring is None or first is None or left is None or not first["diversity"]:
        return False
    return left > AS_FAR and 1 / AS_ALIKE < s.measures["diversity"] / first["diversity"] < AS_ALIKE


def varied_little(s: Symptoms, variety: float) -> Worded:
    """Return how little samples differ, and what of the data they leave out, as evidence."""
    kinds = s.left_out
    if kinds is None or not kinds.names:
        return worded(
            "mean distance of two samples {share:.0%} of that of two of the data (below {least:.0%})",
            share=variety,
            least=VARIED,
        )
    return worded(
        "mean distance of two samples {share:.0%} of that of two of the data (below {least:.0%}), and hardly one shows "
        "{found} of {all} {what}: {names}",
        share=variety,
        least=VARIED,
        **of_kinds(kinds),
    )


def of_kinds(kinds: LeftOut) -> dict[str, str | int]:
    """Return what sentences say of kinds that samples leave out."""
    return {"found": len(kinds.names), "all": kinds.of, "what": kinds.what, "names": listed(kinds.names)}


def covered(share: float, least: float) -> Worded:
    """Return that coverage is too low, as evidence."""
    return worded("coverage {share:.0%} of that of real data (below {least:.0%})", share=share, least=least)


def modes_missing(s: Symptoms, evidence: Worded) -> Verdict:
    """Return that verdict."""
    return Verdict(
        name=marked("modes missing"),
        meaning=marked("Samples are like the data, but leave out part of them."),
        evidence=evidence,
        remedies=more_variety(s),
    )


def more_variety(s: Symptoms, variety: float = 1.0) -> tuple[Remedy, ...]:
    """Return what helps against collapse: to samples that do not differ at all, latents may not matter."""
    remedies = [Remedy(words=marked("let the critic see several samples at once"), settings=("pack=2",))]
    if kind_of(s)[0] != "wasserstein":
        remedies.insert(0, Remedy(words=marked("a Wasserstein critic with the penalty"), settings=WASSERSTEIN))
    elif s.wiring is not None:
        remedies.append(Remedy(words=marked("several critic steps for each of the generator's, as 5")))
    if s.config["generator"].get("latent_dim", 64) < 8:
        remedies.insert(0, Remedy(words=marked("more latents"), settings=("generator.latent_dim=64",)))
    if variety < CONSTANT:
        remedies.insert(0, Remedy(words=marked("look whether the generator's output depends on its latents at all")))
    return tuple(remedies)


def generator_not_learning(s: Symptoms) -> Iterator[Verdict]:
    """Samples that stay far from the data, though the critic sees it."""
    reached = ratio(s, "coverage", "real_coverage")
    enough = len(nearness_at_marks(s)[1]) >= 2 * LAST
    stands = far(s) and enough and not improving(s) and not learned(s, TAUGHT)
    if reached is not None and reached < UNREACHED and stands:
        yield Verdict(
            name=marked("generator not learning"),
            meaning=marked("Samples stay far from the data, and do not come nearer."),
            evidence=covered(reached, UNREACHED),
            remedies=(
                *(
                    (Remedy(words=marked("look whether its optimiser steps, and whether its loss is -mean(scores)")),)
                    if s.wiring is not None
                    else ()
                ),
                Remedy(words=marked("a faster generator"), settings=slower(s, 10)[:1]),
                Remedy(words=marked("a Wasserstein critic with the penalty"), settings=WASSERSTEIN),
            ),
        )


def memorising(s: Symptoms) -> Iterator[Verdict]:
    """Samples nearer to training images than unseen ones would be."""
    if not s.copies or not s.copies["held_out"]:
        return
    nearer, copied = s.copies["samples"] / s.copies["held_out"], s.copies["copied"]
    if nearer < COPIED or copied > 1 - COPIED:
        yield Verdict(
            name=marked("memorising"),
            meaning=marked("Samples are nearer to training images than to images that were held out: they are copies."),
            evidence=worded(
                "distance to the nearest training image {nearer:.0%} of that to the nearest of as many held-out "
                "images (below {least:.0%}); {copied:.0%} of samples are copies",
                nearer=nearer,
                least=COPIED,
                copied=copied,
            ),
            remedies=(
                Remedy(words=marked("more data, or augmentation"), settings=("augmentation.strength=0.5",)),
                Remedy(words=marked("fewer iterations"), settings=(f"iterations={s.iteration // 2}",)),
            ),
        )


def condition_ignored(s: Symptoms) -> Iterator[Verdict]:
    """Labels that change nothing."""
    if s.label_change is not None and s.label_change < HEEDED:
        yield Verdict(
            name=marked("condition ignored"),
            meaning=marked("Another label hardly changes a sample."),
            evidence=worded(
                "a label moves a sample {share:.0%} as far as other latents do (below {least:.0%})",
                share=s.label_change,
                least=HEEDED,
            ),
            remedies=(
                Remedy(words=marked("look whether labels reach both networks, and belong to the images beside them")),
                Remedy(
                    words=marked("a larger class loss of the generator"), settings=("class_loss.generator_weight=10",)
                )
                if s.config["critic"].get("labels") == "classify"
                else Remedy(words=marked("let the critic classify (AC-GAN)"), settings=("critic.labels=classify",)),
            ),
        )


def condition_not_followed(s: Symptoms) -> Iterator[Verdict]:
    """Samples that differ with their label, and show something else than the label says."""
    if not s.agreement or (s.label_change is not None and s.label_change < HEEDED):
        return
    told = s.agreement["held_out"] - s.agreement["chance"]
    followed = s.agreement["samples"] - s.agreement["chance"]
    settled = len(nearness_at_marks(s)[1]) >= 2 * LAST and not improving(s)
    if told > TOLD and followed < FOLLOWED * told and (settled or not far(s)):
        yield Verdict(
            name=marked("labels not followed"),
            meaning=marked("Samples change with their label, but do not show what it says."),
            evidence=worded(
                "the training image nearest to a sample is of the class that was asked for in {samples:.0%} of samples "
                "and {held_out:.0%} of held-out images, by chance in {chance:.0%}",
                **s.agreement,
            ),
            remedies=(
                Remedy(words=marked("look whether critic and generator get the same labels, in the same order")),
                Remedy(words=marked("let the critic classify (AC-GAN)"), settings=("critic.labels=classify",)),
            ),
        )
