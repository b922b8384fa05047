"""Checking anybody's gradient penalty: each property of the published one, on critics whose answers are known."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from inspect import Parameter, signature
from types import CodeType
from typing import Any, Literal

from torch import nn

from gradpen.checking.calling import Convention, found_convention
from gradpen.checking.conventions import Penalty, conventions, signature_of
from gradpen.checking.factories import as_one_call
from gradpen.checking.finding import Finding, PenaltyReport
from gradpen.checking.form_findings import form_findings
from gradpen.checking.losses import critic_loss_findings, generator_loss_findings
from gradpen.checking.own import critic_findings
from gradpen.checking.place_findings import PAIRS, place_findings
from gradpen.checking.roles import role_of
from gradpen.checking.run_findings import run_findings
from gradpen.checking.stand_ins import WEIGHT, class_of, constants_of
from gradpen.checking.surroundings import code_of, globals_of, inner
from gradpen.checking.trials import Subject, Trial, same_randomness
from gradpen.errors import UsageError
from gradpen.text import printable

__all__ = ["check"]

What = Literal["penalty", "critic-loss", "generator-loss"]
Called = tuple[str, tuple[int, ...], int, Convention]
"""a shape by its name, an example's and the batch's size, and how the function is called on it"""
IMAGES = "images"
SHAPES: dict[str, tuple[int, ...]] = {
    IMAGES: (3, 5, 4),
    "vectors": (7,),
    "signals": (5, 9),
    "volumes": (2, 3, 4, 5),
}
"""examples of every rank; no side is as long as the batch, so that nothing fits by chance"""
FIXED: tuple[tuple[int, ...], ...] = ((3, 32, 32), (1, 28, 28), (3, 64, 64), (1, 32, 32), (784,), (2,))
"""sizes that public code is written for"""
BATCH = 6
PACK, PACKS = 4, range(2, 33)
"""examples that a critic sees together, where it is not said how many, and where it is"""
GUESS = "unknown numbers"
DECISIVE = ("form", "points", GUESS)
"""findings without which a function is not judged"""
DRAWS = 80
"""more calls, for the distribution of the shares"""
LARGEST = 1024
"""batch that is tried where it is written in the code"""


def check(
    penalty: Penalty,
    *,
    critic: nn.Module | Callable[[], nn.Module] | None = None,
    shape: Sequence[int] | None = None,
    batch: int | None = None,
    weight: float | None = None,
    what: What = "penalty",
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
        what: what the function is: a ``penalty``, a ``critic-loss`` with the penalty in it, or a ``generator-loss``.

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
    penalty = as_one_call(penalty)
    with same_randomness(0):
        return checked(penalty, critic, shape, batch, weight, what)


def checked(
    penalty: Penalty,
    critic: nn.Module | Callable[[], nn.Module] | None,
    shape: Sequence[int] | None,
    batch: int | None,
    weight: float | None,
    what: What,
) -> PenaltyReport:
    """Return what :func:`check` does; draws random numbers."""
    found = list(callable_shapes(penalty, shape, batch))
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
        name: list(of_shape(Subject(function=penalty, convention=convention, shape=size, batch=one), weight, what))
        for name, size, one, convention in called
    }
    fitting = fitting_shapes(each)
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
    return PenaltyReport(
        subject=subject,
        convention=convention.words,
        findings=tuple(sorted(findings, key=lambda finding: ORDER[finding.verdict])),
        reason=next((one.found for one in findings if one.verdict == "not judged" and one.name in DECISIVE), ""),
    )


def likeliest(called: list[Called], penalty: Penalty) -> list[Called]:
    """Return the shapes on which arguments are what they most likely stand for: another shape may run by a slip."""
    ranks = {roles: rank for rank, roles in reversed(list(enumerate(conventions(penalty))))}
    least = min((ranks[how.roles] for *_, how in called), default=0)
    return [one for one in called if ranks[one[-1].roles] == least]


def fitting_shapes(each: dict[str, list[Finding]]) -> dict[str, list[Finding]]:
    """Return what was found on the shapes that a function is for: those on which all could be judged, if there are any.

    A function of images may run on vectors or volumes too, and do there what nobody means: with the sum over axes 1, 2
    and 3 for one. So those of images count alone where they are right.
    """
    # A share of signals, [N, 1, 1], meets every pair of vectors.
    each = {name: found for name, found in each.items() if all(one.name != PAIRS for one in found)} or each
    whole = {
        name: found
        for name, found in each.items()
        if not any(one.verdict == "not judged" and one.name != GUESS for one in found)
    }
    right = {name: found for name, found in (whole or each).items() if not any(one.verdict == "wrong" for one in found)}
    return right if IMAGES in right else whole or each


def together(each: dict[str, list[Finding]]) -> list[Finding]:
    """Return what was found on examples of several shapes, once each: what is wrong anywhere, and with what."""
    names = list(dict.fromkeys(one.name for found in each.values() for one in found))
    result = []
    for name in names:
        here = {shape: one for shape, found in each.items() for one in found if one.name == name}
        first = min(here.values(), key=lambda one: ORDER[one.verdict])
        where = [shape for shape, one in here.items() if one.verdict == first.verdict]
        some = first.verdict == "wrong" and len(where) < len(here)
        result.append(replace(first, found=f"{first.found} (of {', '.join(where)})") if some else first)
    return result


ORDER = {"wrong": 0, "not judged": 1, "holds": 2, "note": 3}


def callable_shapes(
    penalty: Penalty, shape: Sequence[int] | None, batch: int | None
) -> Iterator[tuple[str, tuple[int, ...], int, Convention | None, str]]:
    """Yield examples of what shapes the function takes, with how it is called, or why not."""
    batches = [batch] if batch is not None else [BATCH, *sizes_written(penalty)]
    pack = pack_of(penalty)
    if shape is not None:
        name, size = "x".join(map(str, shape)), (pack * shape[0], *shape[1:])
        for one in batches:
            convention, reason = found_convention(penalty, size, one, pack)
            yield name, size, one, convention, reason
            if convention is not None:
                return
        return
    some = False
    for name, size in (
        {f"packs of {pack} vectors": (pack * SHAPES["vectors"][0],)}.items() if pack > 1 else SHAPES.items()
    ):
        for one in batches:
            convention, reason = found_convention(penalty, size, one, pack)
            some = some or convention is not None
            yield name, size, one, convention, reason
            if convention is not None:
                break
    if some:
        return
    for size in FIXED:
        for one in batches:
            convention, reason = found_convention(penalty, size, one)
            if convention is not None:
                yield "x".join(map(str, size)), size, one, convention, reason
                return


def pack_of(penalty: Penalty) -> int:
    """Return how many examples the critic sees together, where an argument or an attribute says so."""
    by_default = {name: one.default for name, one in signature_of(penalty).parameters.items()}
    sizes = {**constants_of(class_of(inner(penalty))), **by_default}
    found = [size for name, size in sizes.items() if role_of(name) == "pack"]
    return next(
        (PACK if size is Parameter.empty else size for size in found if size is Parameter.empty or size in PACKS), 1
    )


def sizes_written(penalty: Penalty) -> list[int]:
    """Return the sizes of batches that a function may be written for: what is named so, and numbers in its code."""
    place = getattr(inner(penalty), "__globals__", {})
    around = {name: place.get(name) for name in sorted(globals_of(penalty))}
    around |= getattr(getattr(penalty, "__self__", None), "__dict__", {})
    named = [found for name, found in around.items() if role_of(name) == "batch"]
    numbers = [number for code in code_of(penalty) for number in constants_in(code)]
    return [size for size in dict.fromkeys([*named, *numbers]) if type(size) is int and BATCH < size <= LARGEST]


def constants_in(code: CodeType) -> Iterator[object]:
    """Yield the constants of some code, in tuples too."""
    for constant in code.co_consts:
        yield from constant if isinstance(constant, tuple) else (constant,)


def of_shape(subject: Subject, weight: float | None, what: What) -> Iterator[Finding]:
    """Yield what is found on examples of one shape."""
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
        yield from unless_guessed(list(judged(seen, more, subject, weight)), seen[0].given.guessed)
    except Exception as error:
        yield Finding(name="form", verdict="not judged", found=f"{type(error).__name__}: {printable(error)}")


def unless_guessed(findings: list[Finding], guessed: set[str]) -> list[Finding]:
    """Return findings, none of which calls something wrong where that hangs on numbers whose names say nothing."""
    wrong = next((one for one in findings if one.verdict == "wrong"), None)
    if wrong is None or not guessed:
        return findings
    names = ", ".join(sorted(map(printable, guessed)))
    words = f"{wrong.name}: {wrong.found}, if {names} change nothing, which nothing defines"
    return [Finding(name=GUESS, verdict="not judged", found=words)]


def judged(seen: list[Trial], more: list[Trial], subject: Subject, weight: float | None) -> Iterator[Finding]:
    """Yield what is found of a function's values, its points and what it trains."""
    form, findings = form_findings(seen, subject, weight)
    yield from findings
    if assumed := seen[0].given.assumed:
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
    yield from place_findings([*seen, *more], subject.convention, form)
    if form is not None:
        yield from run_findings(seen, subject, form)


def likely_arguments(kind: type) -> dict[str, float]:
    """Return what a class of penalties needs to be made, as far as it is a weight or a target."""
    known = {"weight": WEIGHT, "target": 1.0}
    needed = [name for name, one in signature(kind).parameters.items() if one.default is one.empty]
    return {name: known[role_of(name)] for name in needed if role_of(name) in known}


def made(kind: type) -> Penalty:
    """Return an object of a class of penalties, made without arguments, or with a weight and a target.

    Raises:
        UsageError: it needs some.
    """
    try:
        thing: Any = kind(**likely_arguments(kind))
    except TypeError as error:
        raise UsageError(f"{kind.__name__} cannot be made without arguments ({error}); hand over an object") from error
    if not callable(thing):
        raise UsageError(f"objects of {kind.__name__} cannot be called; hand over a method")
    found: Penalty = thing
    return found
