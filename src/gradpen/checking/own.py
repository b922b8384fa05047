"""A critic of somebody's own under a penalty of theirs: batch norm, dropout, scores, and what the penalty reaches."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from gradpen.checking.calling import LABELS, Convention, call, unpacked
from gradpen.checking.conventions import Penalty
from gradpen.checking.finding import Finding
from gradpen.checking.material import material
from gradpen.checking.trials import same_randomness
from gradpen.coupling import refuse_batch_norm, try_coupling
from gradpen.errors import UsageError
from gradpen.text import printable

FAR = 100.0
"""times farther from 0 than data, where scores of a sigmoid are still between 0 and 1"""


def critic_findings(
    penalty: Penalty,
    convention: Convention,
    critic: nn.Module | Callable[[], nn.Module],
    shape: Sequence[int],
    batch: int,
) -> Iterator[Finding]:
    """Yield what is found of a critic."""
    module = critic if isinstance(critic, nn.Module) else made(critic)
    try:
        given = material(module, shape, batch, 0, labels_for(module, convention, shape, batch))
        with same_randomness(0):
            real = unpacked(given.real, convention.pack)
            scores = asked(module, real, given.labels)
            wide = asked(module, FAR * real, given.labels)
    except Exception as error:
        yield Finding(
            name="critic",
            verdict="wrong",
            found=f"on examples [{batch}, {', '.join(map(str, shape))}] it raises {type(error).__name__}: "
            f"{printable(error)}",
            expected="a score for each example",
            meaning="The penalty cannot be looked at on this critic.",
            remedy="Name the shape of one example that it takes (`shape`), or mend the critic.",
        )
        return
    packed = len(real) if isinstance(scores, Tensor) and len(scores) == len(real) else batch
    yield from scores_findings(scores, packed)
    yield from range_finding([scores, wide])
    yield from random_scores(module, real, given.labels)
    if convention.pack == 1:
        yield from coupling_findings(module, real, given.labels)
    dropout = [name for name, part in module.named_modules() if isinstance(part, nn.modules.dropout._DropoutNd)]
    if dropout:
        yield Finding(
            name="dropout",
            verdict="note",
            found=f"in layer {', '.join(map(repr, dropout))}",
            meaning="Slopes are those of a random part of the network, which is allowed.",
        )
    own = labels_for(module, convention, shape, batch)
    yield reached(penalty, replace(convention, labels=own), module, shape, batch)


def labels_for(module: nn.Module, convention: Convention, shape: Sequence[int], batch: int) -> str:
    """Return the form of labels that a critic takes, which may be another than the penalty's."""
    for labels in dict.fromkeys([convention.labels, *LABELS]):
        given = material(module, shape, batch, 0, labels)
        try:
            with same_randomness(0):
                asked(module, unpacked(given.real, convention.pack), given.labels)
        except Exception:
            continue
        return labels
    return convention.labels


def asked(module: nn.Module, points: Tensor, labels: Tensor) -> Any:
    """Return what a critic makes of points, with labels if it takes them."""
    try:
        return module(points)
    except TypeError:
        return module(points, labels)


def scores_findings(scores: Any, batch: int) -> Iterator[Finding]:
    """Yield what the critic returns."""
    parts = scores if isinstance(scores, tuple | list) else [scores]
    shapes = [list(part.shape) for part in parts if isinstance(part, Tensor)]
    words = " and ".join(map(str, shapes))
    first = parts[0]
    if not isinstance(first, Tensor) or first.dim() == 0 or first.shape[0] != batch:
        yield Finding(
            name="scores of the critic",
            verdict="wrong",
            found=words or "no tensor",
            expected=f"[{batch}, …]",
            meaning="What is averaged are no scores of single examples.",
            remedy="Return one number, or a map of them, for each example.",
        )
    elif first.numel() == batch:
        yield Finding(name="scores of the critic", verdict="holds", found=f"{words}: one for each example")
    else:
        yield Finding(
            name="scores of the critic",
            verdict="note",
            found=f"{words}: {first.numel() // batch} for each example",
            meaning="The slope is that of their sum: as many times larger than that of their mean.",
        )


def range_finding(several: Sequence[Any]) -> Iterator[Finding]:
    """Yield that scores are bounded, as a sigmoid's are."""
    firsts = [scores[0] if isinstance(scores, tuple | list) else scores for scores in several]
    if all(isinstance(one, Tensor) and one.numel() and bool(((one >= 0) & (one <= 1)).all()) for one in firsts):
        yield Finding(
            name="range of scores",
            verdict="note",
            found="all between 0 and 1",
            meaning="A Wasserstein critic ends without a sigmoid: bounded scores cannot measure a distance.",
        )


def random_scores(module: nn.Module, points: Tensor, labels: Tensor) -> Iterator[Finding]:
    """Yield whether a critic without layers of dropout scores the same points otherwise when it is asked again."""
    if any(isinstance(part, nn.modules.dropout._DropoutNd) for part in module.modules()):
        return

    def scored(seed: int) -> Tensor:
        with same_randomness(seed), torch.no_grad():
            return flat(asked(module, points, labels))

    if not torch.allclose(scored(0), scored(1)):
        yield Finding(
            name="dropout",
            verdict="note",
            found="scores differ from one call to the next: dropout or noise in a function, not a layer",
            meaning="Slopes are those of a random part of the network, which is allowed. F.dropout drops in evaluation "
            "mode too, unless it is told training=self.training.",
        )


def coupling_findings(module: nn.Module, points: Tensor, labels: Tensor) -> Iterator[Finding]:
    """Yield whether the score of an example depends on the others, naming the layer where it is batch norm."""
    try:
        refuse_batch_norm(module)
        with same_randomness(0):
            try_coupling(lambda x: flat(asked(module, x, labels)), points)
    except UsageError as error:
        yield Finding(
            name="independent examples",
            verdict="wrong",
            found=str(error).split(", which")[0].split("; use")[0],
            expected="a score that depends on its own example alone",
            meaning="The penalty is on the gradient of each score with respect to its own example.",
            remedy="Take layer norm, torch.nn.GroupNorm(1, channels), or no norm.",
        )
    else:
        yield Finding(name="independent examples", verdict="holds", found="each score depends on its example alone")


def flat(scores: Any) -> Tensor:
    """Return one number for each example."""
    first: Tensor = scores[0] if isinstance(scores, tuple | list) else scores
    return first.flatten(1).sum(1) if first.dim() > 1 else first


def reached(penalty: Penalty, convention: Convention, module: nn.Module, shape: Sequence[int], batch: int) -> Finding:
    """Return whether the penalty's gradient reaches the critic's weights, and is finite."""
    module.zero_grad()
    try:
        with same_randomness(2):
            value = call(penalty, convention, material(module, shape, batch, 2, convention.labels))
        value.backward()
    except UsageError as error:
        return Finding(
            name="penalty of the critic", verdict="not judged", found=f"gradpen's own penalty: {printable(error)}"
        )
    except Exception as error:
        return Finding(
            name="penalty of the critic",
            verdict="wrong",
            found=f"it raises {type(error).__name__}: {printable(error)}",
            expected="a gradient in the critic's weights",
        )
    gradients = {name: weight.grad for name, weight in module.named_parameters()}
    module.zero_grad()
    found = {name: gradient for name, gradient in gradients.items() if gradient is not None and gradient.any()}
    finite = all(bool(torch.isfinite(gradient).all()) for gradient in found.values())
    verdict = bool(found) and finite and bool(torch.isfinite(value))
    return Finding(
        name="penalty of the critic",
        verdict="holds" if verdict else "wrong",
        found=f"{float(value.detach()):.4g}; its gradient reaches {len(found)} of {len(gradients)} tensors"
        + ("" if finite else ", and is not finite"),
        expected="a finite gradient in the critic's weights",
        meaning="" if verdict else "The critic does not feel the penalty.",
    )


def made(kind: Callable[[], nn.Module]) -> nn.Module:
    """Return a critic made by its class or a function.

    Raises:
        UsageError: it cannot be made without arguments, or is no module.
    """
    try:
        module = kind()
    except TypeError as error:
        raise UsageError(f"the critic cannot be made without arguments ({error}); hand over a module") from error
    if not isinstance(module, nn.Module):
        raise UsageError(f"a critic is a torch.nn.Module, found {type(module).__name__}")
    return module
