"""A verdict on a run in plain words: what is wrong, by which number, since when, and what to change.

The thresholds are those that told runs made sick on purpose from healthy ones: ``gradpen study verdicts``.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace

from gradpen.language import marked, worded
from gradpen.looking.course_rules import moving_away, other_than_watched, piling_up
from gradpen.looking.critic_rules import (
    critic_too_strong,
    critic_too_weak,
    noisy_targets,
    outweighed,
    overfitting,
    upside_down,
)
from gradpen.looking.data_rules import class_missing, data_unfit, labels_of_others, range_stretched, ranges_apart
from gradpen.looking.sample_rules import (
    collapsed,
    condition_ignored,
    condition_not_followed,
    few_latents,
    generator_not_learning,
    memorising,
)
from gradpen.looking.slope_rules import penalty_exceeded, penalty_unmet, unconstrained, unsteady, vanishing
from gradpen.looking.symptoms import Symptoms
from gradpen.looking.verdict import (
    HEALTHY,
    IMPROVING,
    LAST,
    NEARNESS,
    TOO_EARLY,
    WORSE,
    Remedy,
    Verdict,
    differs,
    far,
    improving,
    learned,
    nearness_at_marks,
    slower,
)
from gradpen.looking.wiring_rules import (
    batch_norm_under_penalty,
    blind_to_parts,
    dropped,
    hardly_moving,
    made_anew,
    out_of_reach,
    sigmoid_in_critic,
    weights_at_rest,
    weights_shrinking,
    weights_stopped,
)


def diagnose(s: Symptoms) -> tuple[Verdict, ...]:
    """Return what a run shows, the gravest first; one verdict at least."""
    found: dict[str, Verdict] = {}
    for rule in RULES:
        for verdict in rule(s):
            found.setdefault(verdict.name, verdict)
    if any(name in found for name in OF_THE_CRITIC):
        found.pop("generator not learning", None)
    if found:
        return tuple(replace(one, remedies=tuple(changes(s, one.remedies))) for one in found.values())
    if len([row for row in s.rows if row["iteration"] > 0]) < LAST:
        return (
            Verdict(
                name=TOO_EARLY,
                meaning=marked("There are too few marks yet."),
                evidence=worded("{rows} rows of measures", rows=len(s.rows)),
            ),
        )
    return (state_of(s),)


FORMS = ("objective=", "constraint=")
"""what remedies that name a form set beside other things"""


def changes(s: Symptoms, remedies: Iterable[Remedy]) -> Iterator[Remedy]:
    """Yield the remedies that change something, with the settings that do."""
    for remedy in remedies:
        settings = tuple(one for one in remedy.settings if differs(s, one))
        forms = [one for one in remedy.settings if one.startswith(FORMS)]
        if not remedy.settings or (settings and (not forms or any(one in settings for one in forms))):
            yield replace(remedy, settings=settings)


def diverged(s: Symptoms) -> Iterator[Verdict]:
    """A loss or weight that is no longer finite."""
    if s.state == "diverged":
        yield Verdict(
            name=marked("diverged"),
            meaning=marked("A loss or weight was no longer finite, so that nothing could be learned any more."),
            evidence=worded("seen at iteration {iteration:,}", iteration=s.iteration),
            remedies=(
                Remedy(words=marked("lower both learning rates tenfold"), settings=slower(s, 0.1)),
                Remedy(
                    words=marked("constrain the critic by the gradient penalty"),
                    settings=("constraint=gradient-penalty",),
                ),
            ),
        )


def state_of(s: Symptoms) -> Verdict:
    """Return whether a run with nothing wrong is still getting better."""
    name, values = nearness_at_marks(s)
    worse = (
        len(values) >= 2 * LAST
        and far(s)
        and min(values[-LAST:]) > WORSE * min(values[:-LAST])
        and not learned(s, SETTLED)  # marks differ by more than that where little is left of the distance
    )
    enough = (3 if worse else 2) * LAST
    if len(values) < enough:
        return Verdict(
            name=TOO_EARLY if far(s) else HEALTHY,
            meaning=marked(
                "Nothing is wrong; there are too few marks to say whether samples still come nearer to the data."
            ),
            evidence=worded(
                "every check passed; {marks} marks with a distance (at least {enough})",
                marks=len(values),
                enough=enough,
            ),
        )
    evidence = worded(
        "{measure} {now:.3g} at the last {marks} marks, {before:.3g} before",
        measure=NEARNESS[name],
        now=min(values[-LAST:]),
        marks=LAST,
        before=min(values[:-LAST]),
    )
    if worse:
        return Verdict(
            name=marked("getting worse"),
            meaning=marked("Samples are far from the data, and were nearer to it before."),
            evidence=evidence,
            remedies=(
                Remedy(words=marked("stop earlier: the best checkpoint is kept")),
                Remedy(words=marked("lower both learning rates, so that the run settles"), settings=slower(s, 0.3)),
                Remedy(words=marked("more data, or augmentation"), settings=("augmentation.strength=0.5",)),
            ),
        )
    if improving(s):
        return Verdict(
            name=IMPROVING,
            meaning=marked("Nothing is wrong, and samples are still coming nearer to the data: more time pays."),
            evidence=evidence,
            remedies=(Remedy(words=marked("train on"), settings=(f"iterations={2 * s.iterations}",)),),
        )
    return Verdict(
        name=HEALTHY, meaning=marked("Nothing is wrong, and samples come no nearer any more."), evidence=evidence
    )


SETTLED = 0.05
"""parts of the distance of untrained samples, below which samples do not get worse from mark to mark"""
RULES: tuple[Callable[[Symptoms], Iterator[Verdict]], ...] = (
    diverged,
    weights_at_rest,
    weights_shrinking,
    batch_norm_under_penalty,
    sigmoid_in_critic,
    out_of_reach,
    dropped,
    data_unfit,
    range_stretched,
    ranges_apart,
    labels_of_others,
    other_than_watched,
    condition_ignored,
    unconstrained,
    vanishing,
    outweighed,
    unsteady,
    penalty_exceeded,
    hardly_moving,
    upside_down,
    critic_too_weak,
    noisy_targets,
    made_anew,
    blind_to_parts,
    piling_up,
    penalty_unmet,
    moving_away,
    weights_stopped,
    few_latents,
    collapsed,
    critic_too_strong,
    condition_not_followed,
    generator_not_learning,
    memorising,
    overfitting,
    class_missing,
)
"""the gravest first, and what explains others before them"""
OF_THE_CRITIC = (
    "critic upside down",
    "critic too weak",
    "critic unconstrained",
    "critic unsteady",
    "penalty violated",
    "exploding gradients",
    "vanishing gradients",
)
"""verdicts that explain why a generator does not learn"""
