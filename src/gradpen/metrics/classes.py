"""What a classifier of the data's classes says of samples: how far they are, what they show, and whether as asked."""

import math
import statistics
from collections.abc import Callable, Iterable

from torch import Tensor

from gradpen.metrics.classifier import Classifier, class_distance
from gradpen.metrics.generator import Estimate, Measure, Views
from gradpen.metrics.sets import frechet_distance

NAMED = "a classifier of the data's classes"
CLASS_FRECHET, CLASS_SHARES, CONSISTENCY = "class_frechet", "class_shares", "label_consistency"
WORDS = {
    CLASS_FRECHET: f"Fréchet distance to as many held-out images, in features of {NAMED}",
    CLASS_SHARES: f"share of them that would have to change class to match held-out images, as {NAMED} reads them",
    CONSISTENCY: f"share of them that {NAMED} reads as the class they were asked for",
}


def class_measures(classifier: Classifier) -> tuple[Measure, ...]:
    """Return the measures of any images that a classifier allows."""

    def measure(name: str, of: Callable[[Views, Views], float]) -> Measure:
        return Measure(name=name, real_name=f"real_{name}", words=WORDS[name], of=of)

    return (
        measure(
            CLASS_FRECHET,
            lambda made, held_out: frechet_distance(
                classifier.features(made.images), classifier.features(held_out.images)
            ),
        ),
        measure(
            CLASS_SHARES,
            lambda made, held_out: class_distance(classifier.shares(made.images), classifier.shares(held_out.images)),
        ),
    )


def label_consistency(classifier: Classifier, sets: Iterable[Tensor], asked: Tensor) -> dict[str, Estimate]:
    """Return how often samples show the class that was asked for, beside how often held-out images show theirs.

    Args:
        classifier: reads the samples; what it misreads of real images counts against no generator.
        sets: sets of samples ``[n, C, H, W]`` in [-1, 1].
        asked: the class asked for, one-hot ``[n, K]``, the same for each set.
    """
    wanted = asked.argmax(1)
    shares = [float((classifier.read(images) == wanted).double().mean()) for images in sets]
    right, tested = classifier.accuracy, classifier.tested
    return {
        CONSISTENCY: Estimate(
            mean=statistics.fmean(shares), standard_deviation=statistics.stdev(shares), sets=len(shares), n=len(asked)
        ),
        f"real_{CONSISTENCY}": Estimate(
            mean=right, standard_deviation=math.sqrt(right * (1 - right) / tested), sets=1, n=tested
        ),
    }
