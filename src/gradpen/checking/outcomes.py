"""What a function gave back: its penalty or its loss."""

from typing import Any

import torch
from torch import Tensor

from gradpen.checking.training_steps import Steps

PENALTIES = ("gp", "penalty", "loss")
"""parts of the names that a penalty has among several values"""


def values_of(returned: Any, steps: Steps, *, whole: bool) -> list[Tensor]:
    """Return what may be the penalty, or the loss, of what a function returned and sent backward, the likeliest first.

    Raises:
        TypeError: there is none.
    """
    if isinstance(returned, dict):
        named = [value for name, value in returned.items() if any(part in str(name).lower() for part in PENALTIES)]
        returned = named or list(returned.values())
    several = list(returned) if isinstance(returned, tuple | list) else [returned]
    scalars = [one for one in several if isinstance(one, Tensor) and one.numel() == 1] if len(several) > 1 else several
    scalars = [] if steps.losses and all(not isinstance(one, Tensor) for one in several) else scalars
    trained = [scalar_of(one) for one in scalars if isinstance(one, Tensor) and one.requires_grad]
    others = [one for one in scalars if not (isinstance(one, Tensor) and one.requires_grad)]
    found = [*steps.losses, *trained] if whole else [*trained, *steps.losses]
    if not found and len(several) > 1 and not scalars:
        raise TypeError("it returned several values, none of them a scalar tensor")
    return found or [scalar_of(one) for one in others]


def scalar_of(returned: Any) -> Tensor:
    """Return the penalty in what a function returned: a scalar, or the mean of one for each example.

    Raises:
        TypeError: there is none.
    """
    if isinstance(returned, bool) or not isinstance(returned, Tensor | float | int):
        raise TypeError(f"it returned {type(returned).__name__} in place of a scalar tensor")
    value = returned if isinstance(returned, Tensor) else torch.tensor(float(returned))
    if not value.is_floating_point():
        raise TypeError(f"it returned {value.dtype} in place of a floating-point scalar")
    return value.mean() if value.numel() > 1 else value.reshape(())
