"""Checking anybody's gradient penalty: each property of the published one, on critics whose answers are known."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from types import CodeType
from typing import Literal

from torch import nn

from gradpen.checking.conventions import Penalty
from gradpen.checking.critic_nearby import critic_near
from gradpen.checking.factories import as_one_call
from gradpen.checking.finding import ORDER, Finding, PenaltyReport
from gradpen.checking.form_findings import form_findings
from gradpen.checking.loop_steps import step_in
from gradpen.checking.losses import critic_loss_findings, generator_loss_findings
from gradpen.checking.objects import made, of_an_object
from gradpen.checking.own import critic_findings
from gradpen.checking.place_findings import along_others, examples_along, place_findings
from gradpen.checking.run_findings import run_findings
from gradpen.checking.shapes import GUESS, IMAGES, callable_shapes, fitting_shapes, likeliest, together
from gradpen.checking.surroundings import inner
from gradpen.checking.training_steps import SENDS
from gradpen.checking.trials import Subject, Trial, same_randomness
from gradpen.errors import UsageError
from gradpen.text import printable

__all__ = ["check"]

What = Literal["penalty", "critic-loss", "generator-loss"]
UNTOLD = ("form", "penalty")
"""findings after which another value is tried, where a function returns several"""
DECISIVE = ("form", "points", GUESS)
"""findings without which a function is not judged"""
WHEREVER = {"norm", "root", "sign", "second derivative"}
"""findings that hold wherever the points lie"""
OF_NORMS = ("norm", "root", "mean", "square")
"""findings about what is done with the gradient"""
AS_A_LOSS = Finding(
    name="what", verdict="note", found="a critic's whole loss, not a penalty alone", meaning="Say so by `what`."
)
MOST_SETS = 4
"""of points whose penalties are added up"""
DRAWS = 80
"""more calls, for the distribution of the shares"""


def check(
    penalty: Penalty,
    *,
    critic: nn.Module | Callable[[], nn.Module] | None = None,
    shape: Sequence[int] | None = None,
    batch: int | None = None,
    weight: float | None = None,
    what: What | None = None,
) -> PenaltyReport:
    """Check a gradient penalty of anybody's, or a whole loss, against what is published.

    The function is called with critics whose gradients are known, and what it returns is compared with what every
    known form, right or wrong, would return. How it wants to be called is found by the names of its arguments:
    ``(critic, real, fake)`` in any order, with labels, a device, a weight or the shares; ``(scores, points)``; the
    gradient alone; a method of an object that holds the critic. For any other, hand over a lambda of
    ``(critic, real, fake)``.

    Args:
        penalty: the function.
        critic: a critic of one's own, or its class, to be looked at too; needs ``shape``.
        shape: of one example, as (3, 64, 64); none: every rank that the function takes is checked.
        batch: examples in a batch, where the function is written for one size.
        weight: the penalty coefficient that is meant; none: whatever is found.
        what: what the function is: a ``penalty``, a ``critic-loss`` with the penalty in it, returned or sent backward,
            or a ``generator-loss``; none: a penalty, and where it cannot be judged as one, a critic's loss.

    Returns:
        What holds and what does not, each with what was found, what it means and how it is mended.

    Raises:
        UsageError: a critic was given without a shape, or no function.

    >>> from gradpen import gradient_penalty
    >>> check(gradient_penalty).right
    True
    >>> def of_the_whole_batch(critic, real, fake):
    ...     points = torch.lerp(fake, real, torch.rand(len(real), *[1] * (real.dim() - 1))).requires_grad_(True)
    ...     (gradient,) = torch.autograd.grad(critic(points).sum(), points, create_graph=True)
    ...     return 10 * (gradient.norm() - 1) ** 2
    >>> [finding.name for finding in check(of_the_whole_batch).wrong]
    ['norm']
    """
    if not callable(penalty):
        raise UsageError(f"a penalty is a function, found {type(penalty).__name__}")
    if critic is not None and shape is None:
        raise UsageError("to look at a critic too, say the shape of one example, as in `shape=3,64,64`")
    if isinstance(penalty, type):
        penalty = made(penalty)
    penalty = as_one_call(of_an_object(penalty))
    with same_randomness(0):
        step = what is None and is_a_step(penalty)
        report = None if step else checked(penalty, critic, shape, batch, weight, what or "penalty")
        if report is not None and (what is not None or not report.reason):
            return report
        for whole in filter(None, (penalty, step_in(penalty))):
            loss = checked(whole, critic, shape, batch, weight, "critic-loss")
            if not loss.reason and has_penalty(loss):
                return replace(loss, findings=(*loss.findings, AS_A_LOSS))
        return report or checked(penalty, critic, shape, batch, weight, "penalty")


def is_a_step(function: Penalty) -> bool:
    """Return whether a function sends a loss backward and steps, so that what it returns is for show."""
    code = getattr(inner(function), "__code__", None)
    names = code.co_names if isinstance(code, CodeType) else ()
    return "step" in names and any(name in SENDS for name in names)


def has_penalty(report: PenaltyReport) -> bool:
    """Return whether a penalty was found in a critic's loss, or computed beside it."""
    return any(one.name == "weight" or (one.name == "penalty" and "computed" in one.found) for one in report.findings)


def checked(
    penalty: Penalty,
    critic: nn.Module | Callable[[], nn.Module] | None,
    shape: Sequence[int] | None,
    batch: int | None,
    weight: float | None,
    what: What,
) -> PenaltyReport:
    """Return what :func:`check` does; draws random numbers."""
    found = list(callable_shapes(penalty, shape, batch, whole=what != "penalty"))
    called = likeliest([(name, size, one, how) for name, size, one, how, _ in found if how is not None], penalty)
    subject = printable(getattr(penalty, "__qualname__", type(penalty).__name__))
    if not called:
        reason = next((reason for *_, reason in found if reason), "")
        return PenaltyReport(
            subject=subject,
            convention="",
            findings=(),
            reason=f"no way of calling it was found ({printable(reason)}); hand over a function of (critic, real, "
            f"fake), or name `shape` and `batch` if it is written for one size",
        )
    each = {
        name: of_shape(Subject(function=penalty, convention=convention, shape=size, batch=one), weight, what)
        for name, size, one, convention in called
    }
    near = None if critic is not None or shape is not None else critic_near(penalty)
    of_critic = {name: found for name, found in each.items() if near is not None and name in near.shapes()}
    fitting = fitting_shapes(of_critic) if of_critic else fitting_shapes(each, IMAGES)
    refused = next((reason for name, *_, how, reason in found if name == IMAGES and how is None), "")
    findings = [
        *together(fitting),
        Finding(
            name="shapes",
            verdict="note",
            found=", ".join(fitting),
            meaning=f"On images it raises {printable(refused)}." if refused else "",
        ),
    ]
    _, size, one, convention = called[0]
    if critic is not None:
        findings += critic_findings(penalty, convention, critic, size, one)
    elif near is not None and any(finding.name == "target" and finding.verdict == "holds" for finding in findings):
        findings += near.findings()
    return PenaltyReport(
        subject=subject,
        convention=convention.words,
        findings=tuple(sorted(findings, key=lambda finding: ORDER[finding.verdict])),
        reason=why_not_judged(findings),
    )


def why_not_judged(findings: Sequence[Finding]) -> str:
    """Return why a function is not judged; empty where it is, as one is whose norm is wrong wherever its points lie."""
    open_ones = [one for one in findings if one.verdict == "not judged" and one.name in DECISIVE]
    wrong = {one.name for one in findings if one.verdict == "wrong"}
    if wrong & WHEREVER and all(one.name == "points" for one in open_ones):
        return ""
    return next((one.found for one in open_ones), "")


def of_shape(subject: Subject, weight: float | None, what: What) -> list[Finding]:
    """Return what is found on examples of one shape, of the first way to look at it in which it can be judged."""
    found = list(of_value(subject, weight, what))
    if all(one.name not in UNTOLD or one.verdict == "holds" for one in found):
        return found
    for other in other_ways(subject):
        another = list(of_value(other, weight, what))
        if not any(one.name in UNTOLD and one.verdict != "holds" for one in another):
            return another
    return found


def other_ways(subject: Subject) -> Iterator[Subject]:
    """Yield other ways to look at a function: another of its values, of the critic's outputs, several penalties."""
    try:
        first = subject.tried()
    except Exception:
        return
    for which in range(1, first.given.values):
        yield replace(subject, convention=replace(subject.convention, which=which))
    if subject.convention.output in ("flat", "pair"):
        yield replace(subject, convention=replace(subject.convention, output="reversed pair"))
    if 1 < first.sets_asked <= MOST_SETS:
        yield replace(subject, sets=first.sets_asked)


def of_value(subject: Subject, weight: float | None, what: What) -> Iterator[Finding]:
    """Yield what is found of one value on examples of one shape."""
    if what == "generator-loss":
        yield from generator_loss_findings(subject)
        return
    try:
        seen = subject.trials()
        if what == "critic-loss":
            penalty, found = critic_loss_findings(seen, subject)
            yield from found
            if penalty is None:
                return
            subject, seen = penalty, penalty.trials()
        more = [subject.tried(seed=100 + number) for number in range(DRAWS)]
    except Exception as error:
        yield Finding(name="form", verdict="not judged", found=f"{type(error).__name__}: {printable(error)}")
        return
    try:
        findings = list(judged(seen, more, subject, weight))
        guessed = seen[0].given.notes.guessed
        if guessed and any(one.verdict == "wrong" for one in findings):
            findings = unless_guessed(findings, with_other_numbers(subject, weight), guessed)
        yield from unless_passed(findings, seen[0].given.notes.passed)
    except Exception as error:
        yield Finding(name="form", verdict="not judged", found=f"{type(error).__name__}: {printable(error)}")


def unless_passed(findings: list[Finding], passed: set[str]) -> list[Finding]:
    """Return findings, none of which calls a norm wrong that functions may take which are not there."""
    wrong = next((one for one in findings if one.verdict == "wrong" and one.name in OF_NORMS), None)
    if wrong is None or not passed:
        return findings
    names = ", ".join(sorted(map(printable, passed)))
    words = f"{wrong.name}: {wrong.found}, if {names} hands back what it is given, which nothing defines"
    return [Finding(name=GUESS, verdict="not judged", found=words)]


def with_other_numbers(subject: Subject, weight: float | None) -> list[Finding]:
    """Return what is found where numbers whose names say nothing double what they are added to or multiplied with."""
    other = replace(subject, times=2)
    return list(judged(other.trials(), [other.tried(seed=100 + one) for one in range(DRAWS)], other, weight))


def unless_guessed(findings: list[Finding], others: list[Finding], guessed: set[str]) -> list[Finding]:
    """Return findings, of those that call something wrong the ones that are so whatever unknown numbers are."""
    wrong = [one for one in findings if one.verdict == "wrong"]
    sure = [one for one in wrong if any((one.name, one.found) == (other.name, other.found) for other in others)]
    if sure:
        return [one for one in findings if one.verdict != "wrong" or one in sure]
    names = ", ".join(sorted(map(printable, guessed)))
    words = f"{wrong[0].name}: {wrong[0].found}, if {names} change nothing, which nothing defines"
    return [Finding(name=GUESS, verdict="not judged", found=words)]


def judged(seen: list[Trial], more: list[Trial], subject: Subject, weight: float | None) -> Iterator[Finding]:
    """Yield what is found of a function's values, its points and what it trains."""
    form, findings = form_findings(seen, subject, weight)
    if subject.sets > 1:
        yield Finding(name="penalties", verdict="note", found=f"{subject.sets}, each at points of its own, added up")
    sets = [[trial.one_set(number) for trial in (*seen, *more)] for number in range(subject.sets)]
    along = examples_along(form, sets[-1])
    others = along_others(along, len(subject.shape) + 1) if along != (0,) else None
    if others is not None:
        yield others
        findings = [one for one in findings if one.name != "norm"]
    yield from findings
    if assumed := seen[0].given.notes.assumed:
        yield Finding(
            name="made up",
            verdict="note",
            found=", ".join(sorted(map(printable, assumed))),
            meaning="It uses these names and does not define them: they got what the names say.",
        )
    if any(trial.given.overwritten for trial in seen):
        yield Finding(
            name="examples",
            verdict="wrong",
            found="the examples handed over are overwritten",
            expected="left as they are",
            meaning="What uses the batch afterwards, the loss for one, sees the points in its place.",
            remedy="Take real * share, not real.mul_(share).",
        )
    if any(finding.name == "value" for finding in findings):
        return
    places = {f"set {number}": list(place_findings(each, subject.convention, form)) for number, each in enumerate(sets)}
    yield from (one for one in together(places) if others is None or one.name != "share")
    if form is not None:
        yield from run_findings(seen, subject, form)
