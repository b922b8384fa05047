# What type checkers see: the public names of the modules in HOMES.
from gradpen.algorithm import *
from gradpen.api import *
from gradpen.augmentation import *
from gradpen.batch import *
from gradpen.checking.finding import *
from gradpen.checking.lint import *
from gradpen.config import *
from gradpen.errors import *
from gradpen.evaluation import *
from gradpen.gan import *
from gradpen.hub import *
from gradpen.lipschitz import *
from gradpen.looking.watch import *
from gradpen.metrics.critic import *
from gradpen.metrics.features import *
from gradpen.metrics.samples import *
from gradpen.metrics.sets import *
from gradpen.networks.choices import *
from gradpen.objectives import *
from gradpen.optimizers import *
from gradpen.penalties import *
from gradpen.runs.audience import *
from gradpen.runs.export import *
from gradpen.runs.projection import *
from gradpen.runs.trained import *
from gradpen.schedule import *
from gradpen.settings import *

__version__: str
