"""All networks to choose from. A new one is a file of its own, and its names here."""

from gradpen.networks.bottleneck import BottleneckCritic, BottleneckGenerator
from gradpen.networks.dcgan import DcganCritic, DcganGenerator
from gradpen.networks.language import LanguageCritic, LanguageGenerator
from gradpen.networks.mlp import MlpCritic, MlpGenerator
from gradpen.networks.own import OwnCritic, OwnGenerator
from gradpen.networks.r3gan import R3ganCritic, R3ganGenerator
from gradpen.networks.residual import ResidualCritic, ResidualGenerator
from gradpen.networks.stages import Stage, StagedCritic, StagedGenerator
from gradpen.networks.strided import StridedCritic, StridedGenerator
from gradpen.networks.tapered import TaperedCritic, TaperedGenerator

__all__ = [
    "BottleneckCritic",
    "BottleneckGenerator",
    "DcganCritic",
    "DcganGenerator",
    "LanguageCritic",
    "LanguageGenerator",
    "MlpCritic",
    "MlpGenerator",
    "OwnCritic",
    "OwnGenerator",
    "R3ganCritic",
    "R3ganGenerator",
    "ResidualCritic",
    "ResidualGenerator",
    "Stage",
    "StagedCritic",
    "StagedGenerator",
    "StridedCritic",
    "StridedGenerator",
    "TaperedCritic",
    "TaperedGenerator",
]

GENERATORS = (
    MlpGenerator,
    DcganGenerator,
    StagedGenerator,
    ResidualGenerator,
    TaperedGenerator,
    StridedGenerator,
    BottleneckGenerator,
    LanguageGenerator,
    R3ganGenerator,
    OwnGenerator,
)
CRITICS = (
    MlpCritic,
    DcganCritic,
    StagedCritic,
    ResidualCritic,
    TaperedCritic,
    StridedCritic,
    BottleneckCritic,
    LanguageCritic,
    R3ganCritic,
    OwnCritic,
)
