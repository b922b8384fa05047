"""What the arguments of a penalty function may be, by their names and their places."""

import inspect
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from torch import nn

from gradpen.checking.loop_steps import taken_apart
from gradpen.checking.roles import SAMPLED, Role, penalised, roles_of
from gradpen.checking.surroundings import inner

BESIDE: tuple[Role, ...] = ("device", "weight", "target", "switch", "batch")
"""arguments that stand beside points and scores"""
EXAMPLES: dict[Role, Role] = {"real_scores": "real", "fake_scores": "fake"}
"""what sides of a loss are the scores of"""
Penalty = Callable[..., Any]


def signature_of(function: Penalty) -> inspect.Signature:
    """Return the signature of a function, or of what a module does when it is called."""
    return inspect.signature(function.forward if isinstance(function, nn.Module) else function)


def needed(function: Penalty) -> list[inspect.Parameter]:
    """Return the arguments that a function must be given: those with defaults are left alone.

    But for a critic, what turns the penalty on, and a device by its name.
    """
    return [
        parameter
        for parameter in signature_of(function).parameters.values()
        if (
            parameter.default is parameter.empty
            or is_a_critic(parameter)
            or turns_on(parameter)
            or is_a_device(parameter)
        )
        and parameter.kind not in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD)
    ]


def conventions(function: Penalty) -> Iterator[tuple[tuple[str, Role], ...]]:
    """Yield what the arguments that a function needs may be, the likeliest first.

    >>> next(conventions(lambda D, real_samples, fake_samples: 0))
    (('D', 'critic'), ('real_samples', 'real'), ('fake_samples', 'fake'))
    """
    names = [parameter.name for parameter in needed(function)]
    seen = set()
    named = list(by_names(names))
    clear = [roles for roles in named if is_clear(names, roles)]
    by_place = list(by_position(names))
    agreeing = [roles for roles in by_place if not contradicts(names, roles)]
    apart = taken_apart(inner(function)) & set(names)
    batches = [tuple("unknown" if n in apart else r for n, r in zip(names, roles, strict=True)) for roles in named]
    labelled = [as_labels(names, roles) for roles in clear or named]
    for roles in (*(batches if apart else ()), *by_shape(names), *clear, *agreeing, *named, *labelled, *by_place):
        if roles not in seen:
            seen.add(roles)
            yield tuple(zip(names, roles, strict=True))


def is_clear(names: list[str], roles: Sequence[Role]) -> bool:
    """Return whether names tell at least what data and samples are, or points, or that all lie elsewhere."""
    open_ones = [name for name, role in zip(names, roles, strict=True) if role == "unknown" and name != "self"]
    return not open_ones or {"real", "fake"} <= set(roles) or bool({"points", "scores", "gradient"} & set(roles))


def as_labels(names: list[str], roles: Sequence[Role]) -> tuple[Role, ...]:
    """Return roles in which what no name tells is the labels."""
    return tuple(
        "labels" if role == "unknown" and name != "self" else role for name, role in zip(names, roles, strict=True)
    )


def contradicts(names: list[str], roles: Sequence[Role]) -> bool:
    """Return whether an argument named as data or samples, a device or a weight would be given another thing."""
    return any(
        (roles_of(name)[0] in SAMPLED and role not in (*roles_of(name), "points"))
        or (roles_of(name)[0] in ("device", "weight") and role != roles_of(name)[0])
        for name, role in zip(names, roles, strict=True)
    )


def is_a_critic(parameter: inspect.Parameter) -> bool:
    """Return whether an argument with a default is the critic, for which the probe must stand."""
    return isinstance(parameter.default, nn.Module) and roles_of(parameter.name)[0] == "critic"


def is_a_device(parameter: inspect.Parameter) -> bool:
    """Return whether an argument is a device by a name, which may be one that is not there."""
    return isinstance(parameter.default, str) and roles_of(parameter.name)[0] == "device"


def turns_on(parameter: inspect.Parameter) -> bool:
    """Return whether an argument turns the penalty on, which is off by default."""
    return parameter.default is False and penalised(parameter.name)


def by_shape(names: list[str]) -> Iterator[tuple[Role, ...]]:
    """Yield the roles of two arguments that are points and the critic's scores of them: (y, x), (images, output)."""
    plain = [name for name in names if name != "self" and roles_of(name)[0] not in BESIDE]
    if len(plain) != 2:
        return
    head: tuple[Role, ...] = ("unknown",) if names[0] == "self" else ()
    tail = [name for name in names if name not in plain and name != "self"]
    if names[len(names) - len(tail) :] != tail:
        return
    beside = tuple(roles_of(name)[0] for name in tail)
    first, second = (roles_of(name) for name in plain)
    points, made = {"points", "real", "latents"}, {"scores", "real_scores"}
    if first[0] in points and (set(second) & made or plain[1] in ("f", "d")):
        yield (*head, "points", "scores", *beside)
    if second[0] in points and (set(first) & made or plain[0] in ("f", "d")):
        yield (*head, "scores", "points", *beside)


def by_names(names: list[str]) -> Iterator[tuple[Role, ...]]:
    """Yield each choice of what the names may stand for."""
    for roles in itertools.islice(itertools.product(*beside_each_other(list(map(roles_of, names)))), 64):
        if are_parts(names, roles):
            yield roles
        if "fake" in roles and "real" not in roles:
            yield from beside_samples(names, roles)
        if roles.count("real") == 2 and roles.count("fake") == 1:
            yield tuple("labels" if place == condition_of(names, roles) else role for place, role in enumerate(roles))
        yield tuple("fake" if clashes(roles, place) else role for place, role in enumerate(roles))


def beside_each_other(each: list[list[Role]]) -> list[list[Role]]:
    """Return what names may stand for, with what they mean beside the others first.

    Beside a critic, ``y`` is rather samples than scores where nothing else is, and then labels; what is named as scores
    of data or samples is these themselves where nothing else is.
    """
    first = {roles[0] for roles in each}
    if "critic" not in first:
        return each
    result: list[list[Role]] = []
    for roles in each:
        more = list(roles)
        if "scores" in roles and "labels" in roles:
            more.sort(key=("labels", "scores").index)
            more = more if "fake" in first or "real" not in first else ["fake", *more]
        if roles[0] == "target" and "real" not in first:
            more.append("real")
        if roles[0] == "scores" and "fake" not in first:
            more.append("fake")
        for scores, examples in EXAMPLES.items():
            if roles[0] == scores and examples not in first:
                more = [examples, *(role for role in more if role != examples)]
        result.append(more)
    return result


def beside_samples(names: list[str], roles: Sequence[Role]) -> Iterator[tuple[Role, ...]]:
    """Yield roles in which the first argument of no telling name is the data: (critic, log_returns, fake)."""
    first = next((n for n, role in enumerate(roles) if role == "unknown" and names[n] != "self"), None)
    if first is not None:
        yield tuple("real" if place == first else role for place, role in enumerate(roles))


def are_parts(names: list[str], roles: Sequence[Role]) -> bool:
    """Return whether several arguments are parts of data that begin alike: (expert_state, expert_action)."""
    beginnings = {name.lower().split("_")[0] for name, role in zip(names, roles, strict=True) if role == "real"}
    return roles.count("real") > 1 and len(beginnings) == 1 and roles.count("fake") in (0, roles.count("real"))


def condition_of(names: list[str], roles: Sequence[Role]) -> int:
    """Return which of two images that are no samples is the condition: (real_A, real_B, fake_B) the first.

    It is the one that ends otherwise than the samples, and where that does not tell, the first.
    """
    end = names[roles.index("fake")].lower()[-1]
    places = [place for place, role in enumerate(roles) if role == "real"]
    return min(places, key=lambda place: names[place].lower().endswith(end))


def clashes(roles: Sequence[Role], place: int) -> bool:
    """Return whether an argument is a second one named as data, and none is named as samples: (critic, x, y)."""
    return "fake" not in roles and roles[place] == "real" and "real" in roles[:place]


def by_position(names: list[str]) -> Iterator[tuple[Role, ...]]:
    """Yield the usual orders for names that say nothing."""
    head: tuple[Role, ...] = ("unknown",) if names[:1] == ["self"] else ()
    orders: tuple[tuple[Role, ...], ...] = (
        ("critic", "real", "fake"),
        ("critic", "fake", "real"),
        ("real", "fake", "critic"),
        ("real", "fake"),
        ("critic", "real"),
        ("critic", "points"),
        ("points", "scores"),
        ("scores", "points"),
        ("gradient",),
        ("critic", "real", "fake", "weight"),
        ("critic", "real", "fake", "labels"),
        ("critic", "real", "fake", "device"),
        ("critic", "real", "fake", "epsilon"),
        ("critic", "real", "labels", "fake", "labels"),
        ("critic", "real", "fake", "labels", "labels"),
    )
    for order in orders:
        if len(head) + len(order) == len(names):
            yield (*head, *order)
