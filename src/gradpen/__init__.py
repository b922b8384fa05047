"""gradpen: Wasserstein GANs that do not fall over.

The names below are loaded when they are first used, so that ``import gradpen`` costs nothing.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gradpen.algorithm import critic_step, generator_step, train_iteration
    from gradpen.api import evaluate, nearest, train
    from gradpen.batch import Batch
    from gradpen.errors import GradpenError
    from gradpen.gan import Gan
    from gradpen.lipschitz import (
        GradientPenalty,
        SpectralNorm,
        Unconstrained,
        WassersteinDivergence,
        WeightClipping,
        gradient_norm,
        gradient_penalty,
        interpolate,
    )
    from gradpen.metrics.critic import critic_gap
    from gradpen.metrics.samples import diversity, exact_wasserstein, sharpness
    from gradpen.networks.dcgan import DcganCritic, DcganGenerator
    from gradpen.networks.mlp import MlpCritic, MlpGenerator
    from gradpen.networks.residual import ResidualCritic, ResidualGenerator
    from gradpen.networks.stages import Stage, StagedCritic, StagedGenerator
    from gradpen.objectives import (
        Hinge,
        LeastSquares,
        Minimax,
        NonSaturating,
        Relativistic,
        RelativisticAverage,
        Wasserstein,
    )
    from gradpen.runs.trained import Run, load
    from gradpen.settings import configure

__version__ = "0.1.0"

_HOMES = {
    "gradpen.algorithm": ("critic_step", "generator_step", "train_iteration"),
    "gradpen.api": ("evaluate", "nearest", "train"),
    "gradpen.settings": ("configure",),
    "gradpen.batch": ("Batch",),
    "gradpen.errors": ("GradpenError",),
    "gradpen.gan": ("Gan",),
    "gradpen.lipschitz": (
        "GradientPenalty",
        "SpectralNorm",
        "Unconstrained",
        "WassersteinDivergence",
        "WeightClipping",
        "gradient_norm",
        "gradient_penalty",
        "interpolate",
    ),
    "gradpen.metrics.critic": ("critic_gap",),
    "gradpen.metrics.samples": ("diversity", "exact_wasserstein", "sharpness"),
    "gradpen.networks.dcgan": ("DcganCritic", "DcganGenerator"),
    "gradpen.networks.mlp": ("MlpCritic", "MlpGenerator"),
    "gradpen.networks.residual": ("ResidualCritic", "ResidualGenerator"),
    "gradpen.networks.stages": ("Stage", "StagedCritic", "StagedGenerator"),
    "gradpen.objectives": (
        "Hinge",
        "LeastSquares",
        "Minimax",
        "NonSaturating",
        "Relativistic",
        "RelativisticAverage",
        "Wasserstein",
    ),
    "gradpen.runs.trained": ("Run", "load"),
}
_HOME_OF = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Batch",
    "DcganCritic",
    "DcganGenerator",
    "Gan",
    "GradientPenalty",
    "GradpenError",
    "Hinge",
    "LeastSquares",
    "Minimax",
    "MlpCritic",
    "MlpGenerator",
    "NonSaturating",
    "Relativistic",
    "RelativisticAverage",
    "ResidualCritic",
    "ResidualGenerator",
    "Run",
    "SpectralNorm",
    "Stage",
    "StagedCritic",
    "StagedGenerator",
    "Unconstrained",
    "Wasserstein",
    "WassersteinDivergence",
    "WeightClipping",
    "configure",
    "critic_gap",
    "critic_step",
    "diversity",
    "evaluate",
    "exact_wasserstein",
    "generator_step",
    "gradient_norm",
    "gradient_penalty",
    "interpolate",
    "load",
    "nearest",
    "sharpness",
    "train",
    "train_iteration",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME_OF:
        raise AttributeError(f"module 'gradpen' has no attribute '{name}'")
    return getattr(importlib.import_module(_HOME_OF[name]), name)
