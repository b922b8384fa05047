"""What the arguments of somebody else's function are given, by their roles."""

from typing import Any

import torch
from torch import Tensor

from gradpen.checking.material import Material
from gradpen.checking.roles import Role
from gradpen.checking.scores import scores_of
from gradpen.checking.stand_ins import LATENTS
from gradpen.penalties import gradient_penalty

Roles = tuple[tuple[str, Role], ...]
"""arguments by position, and what each is given"""


def values_by_role(
    roles: Roles, given: Material, real: Tensor, fake: Tensor, points: Tensor, pack: int, group: object
) -> dict[Role, Any]:
    """Return what each role is given; the critic is asked for scores where one of them wants some.

    Args:
        roles: those of a function's arguments.
        given: critic, generator and numbers; the gradient that is handed over is noted in it.
        real: data as the function takes them.
        fake: samples likewise.
        points: between them.
        pack: examples that the critic sees together.
        group: what stands for options.
    """
    given_roles = {role for _, role in roles}
    scores = gradient = ones = None
    if given_roles & {"scores", "gradient"}:
        outcome = given.critic(points)
        scores = outcome
        (gradient,) = torch.autograd.grad(scores_of(outcome).sum(), points, create_graph=True, retain_graph=True)
        given.gradient, ones = gradient, torch.ones_like(scores_of(outcome))
    values: dict[Role, Any] = {
        "critic": given.critic,
        "real": real,
        "fake": fake,
        "points": points,
        "scores": scores,
        "real_scores": None,
        "fake_scores": None,
        "gradient": gradient,
        "ones": ones,
        "penalty": None,
        "epsilon": given.epsilon.clone(),
        "weight": given.weight,
        "other weight": 0.0,
        "target": 1.0,
        "labels": given.labels.clone(),
        "device": torch.device("cpu"),
        "batch": len(real),
        "generator": given.generator,
        "latents": given.latents,
        "group": group,
        "size": LATENTS,
        "pack": pack,
    }
    # What is given no critic can only differentiate scores by what they are of.
    for scores_role, role, end in (("real_scores", "real", real), ("fake_scores", "fake", fake)):
        if scores_role in given_roles:
            linked = role in given_roles and "critic" not in given_roles
            outcome = given.critic(end.requires_grad_(True) if linked else end)
            # Who asks a critic of several outputs itself is given the scores alone, as its caller has them.
            alone = isinstance(outcome, tuple) and "critic" in given_roles
            values[scores_role] = scores_of(outcome) if alone else outcome
    if "penalty" in given_roles:
        values["penalty"] = gradient_penalty(lambda points: scores_of(given.critic(points)), given.real, given.fake)
    return values


def parts_of_examples(filled: list[Any], roles: Roles, given: Material, real: Tensor, fake: Tensor) -> None:
    """Share examples out among arguments that are parts of them, and tell two arguments of labels apart."""
    for role, whole in (("real", real), ("fake", fake)):
        parts = [place for place, (_, found) in enumerate(roles) if found == role]
        if len(parts) > 1:
            for place, part in zip(parts, whole.tensor_split(len(parts), dim=1), strict=True):
                filled[place] = part
    labelled = [place for place, (_, role) in enumerate(roles) if role == "labels"]
    if len(labelled) == 2:
        named = [roles[place][0].lower() for place in labelled]
        filled[labelled[0 if "fake" in named[0] or "gen" in named[0] else 1]] = given.labels_of_samples
