"""gradpen: Wasserstein GANs that do not fall over.

The names that the modules below declare in their ``__all__`` are gradpen's own too. They are loaded when one is first
used, so that ``import gradpen`` costs nothing; ``__init__.pyi`` says the same to type checkers.
"""

import importlib
import importlib.util
from typing import Any

__version__ = "0.1.0"

HOMES = (
    "errors",
    "batch",
    "objectives",
    "penalties",
    "lipschitz",
    "networks.choices",
    "schedule",
    "augmentation",
    "optimizers",
    "checking.finding",
    "checking.lint",
    "gan",
    "algorithm",
    "metrics.critic",
    "metrics.samples",
    "metrics.sets",
    "metrics.features",
    "config",
    "settings",
    "runs.projection",
    "runs.trained",
    "runs.audience",
    "runs.export",
    "evaluation",
    "api",
    "looking.watch",
    "hub",
)


def __getattr__(name: str) -> Any:
    if name == "__all__":
        return sorted(public for home in HOMES for public in importlib.import_module(f"gradpen.{home}").__all__)
    if not name.startswith("_") and importlib.util.find_spec(f"gradpen.{name}") is None:
        for home in HOMES:
            module = importlib.import_module(f"gradpen.{home}")
            if name in module.__all__:
                return getattr(module, name)
    raise AttributeError(f"module 'gradpen' has no attribute '{name}'")


def __dir__() -> list[str]:
    return ["__version__", *__getattr__("__all__")]
