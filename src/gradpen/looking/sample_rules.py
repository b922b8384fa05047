"""Rules about samples and data: unfit data, collapse, missing modes, copies, labels that change nothing."""

from collections.abc import Iterator

from gradpen.looking.symptoms import Symptoms
from gradpen.looking.verdict import (
    LAST,
    WASSERSTEIN,
    Remedy,
    Verdict,
    far,
    improving,
    kind_of,
    nearness_at_marks,
    ratio,
    slower,
)

FEW_IMAGES = 50
DISTINCT = 0.5
"""share of images that are not equal to another, below which data are unfit"""
ALIKE = 0.02
"""mean distance of two images, pixels in [-1, 1], below which all are alike"""
VARIED = 0.5
"""parts of the data's diversity below which samples have collapsed"""
MODES, RECALLED = 0.4, 0.1
"""parts of the coverage and the recall of real images below which modes are missing"""
UNREACHED = 0.1
"""parts of that coverage below which the generator does not learn"""
COPIED = 0.75
"""parts of the distance of held-out images to training ones, below which samples are copies"""
HEEDED = 0.15
"""how far a label moves a sample, in parts of how far other latents do, where labels are heeded"""


def data_unfit(s: Symptoms) -> Iterator[Verdict]:
    """A handful of images, images that are all alike, the same few many times."""
    more = Remedy(words="gather more data, or flip and augment what there is", settings=("augmentation.strength=0.5",))
    if s.spread < ALIKE:
        yield Verdict(
            name="data unfit",
            meaning="The training images are all alike: there is nothing to learn but one of them.",
            evidence=f"mean distance of two training images {s.spread:.3g} (below {ALIKE:g})",
            remedies=(Remedy(words="look at the data: gradpen data"),),
        )
    elif s.distinct < FEW_IMAGES:
        yield Verdict(
            name="data unfit",
            meaning="There are too few different images: the critic learns each by heart.",
            evidence=f"{s.distinct:,} different training images (below {FEW_IMAGES})",
            remedies=(more,),
        )
    elif s.distinct < DISTINCT * s.train_images:
        yield Verdict(
            name="data unfit",
            meaning="Most images are there several times.",
            evidence=f"{s.distinct:,} of {s.train_images:,} training images differ (below {DISTINCT:.0%})",
            remedies=(Remedy(words="leave duplicates out"),),
        )


def collapsed(s: Symptoms) -> Iterator[Verdict]:
    """Samples that hardly differ, or leave out much of the data."""
    variety = ratio(s, "diversity", "real_diversity")
    reached, recall = ratio(s, "coverage", "real_coverage"), ratio(s, "recall", "real_recall")
    if variety is not None and variety < VARIED:
        yield Verdict(
            name="collapsed",
            meaning="Samples differ much less than images do: the generator makes one thing, or a few.",
            evidence=f"mean distance of two samples {variety:.0%} of that of two images (below {VARIED:.0%})",
            remedies=more_variety(s),
        )
    elif reached is not None and reached < MODES and not far(s):
        yield modes_missing(s, f"coverage {reached:.0%} of that of real images (below {MODES:.0%})")
    elif recall is not None and recall < RECALLED and reached is not None and reached > MODES:
        yield modes_missing(s, f"recall {recall:.0%} of that of real images (below {RECALLED:.0%})")


def modes_missing(s: Symptoms, evidence: str) -> Verdict:
    """Return that verdict."""
    return Verdict(
        name="modes missing",
        meaning="Samples are like the data, but leave out much of them.",
        evidence=evidence,
        remedies=more_variety(s),
    )


def more_variety(s: Symptoms) -> tuple[Remedy, ...]:
    """Return what helps against collapse."""
    remedies = [Remedy(words="let the critic see several samples at once", settings=("pack=2",))]
    if kind_of(s)[0] != "wasserstein":
        remedies.insert(0, Remedy(words="a Wasserstein critic with the penalty", settings=WASSERSTEIN))
    if s.config["generator"].get("latent_dim", 64) < 8:
        remedies.insert(0, Remedy(words="more latents", settings=("generator.latent_dim=64",)))
    return tuple(remedies)


def generator_not_learning(s: Symptoms) -> Iterator[Verdict]:
    """Samples that stay far from the data, though the critic sees it."""
    reached = ratio(s, "coverage", "real_coverage")
    enough = len(nearness_at_marks(s)[1]) >= 2 * LAST
    if reached is not None and reached < UNREACHED and far(s) and enough and not improving(s):
        yield Verdict(
            name="generator not learning",
            meaning="Samples stay far from the data, and do not come nearer.",
            evidence=f"coverage {reached:.0%} of that of real images (below {UNREACHED:.0%})",
            remedies=(
                Remedy(words="a faster generator", settings=slower(s, 10)[:1]),
                Remedy(words="the default preset", settings=WASSERSTEIN),
            ),
        )


def memorising(s: Symptoms) -> Iterator[Verdict]:
    """Samples nearer to training images than unseen ones would be."""
    if not s.copies or not s.copies["held_out"]:
        return
    nearer, copied = s.copies["samples"] / s.copies["held_out"], s.copies["copied"]
    if nearer < COPIED or copied > 1 - COPIED:
        yield Verdict(
            name="memorising",
            meaning="Samples are nearer to training images than to images that were held out: they are copies.",
            evidence=f"distance to the nearest training image {nearer:.0%} of that to the nearest of as many held-out "
            f"images (below {COPIED:.0%}); {copied:.0%} of samples are copies",
            remedies=(
                Remedy(words="more data, or augmentation", settings=("augmentation.strength=0.5",)),
                Remedy(words="fewer iterations", settings=(f"iterations={s.iteration // 2}",)),
            ),
        )


def condition_ignored(s: Symptoms) -> Iterator[Verdict]:
    """Labels that change nothing."""
    if s.label_change is not None and s.label_change < HEEDED:
        yield Verdict(
            name="condition ignored",
            meaning="Another label hardly changes a sample.",
            evidence=f"a label moves a sample {s.label_change:.0%} as far as other latents do (below {HEEDED:.0%})",
            remedies=(
                Remedy(words="a larger class loss of the generator", settings=("class_loss.generator_weight=10",))
                if s.config["critic"].get("labels") == "classify"
                else Remedy(words="let the critic classify (AC-GAN)", settings=("critic.labels=classify",)),
            ),
        )
