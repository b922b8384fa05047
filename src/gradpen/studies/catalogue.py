"""All studies, found by name. A new one is a file of its own, and its name here."""

from gradpen.errors import UsageError
from gradpen.studies import (
    activations,
    architectures,
    autoencoder,
    books,
    convergence,
    defects,
    depth,
    estimates,
    language,
    lines,
    mixtures,
    momentum,
    overfitting,
    random_architectures,
    residual,
    stacked_mnist,
    surfaces,
    toys,
    two_gaussians,
    verdicts,
    verdicts_mnist,
)
from gradpen.studies.study import Study
from gradpen.text import did_you_mean, printable

STUDIES: tuple[Study, ...] = (
    lines.STUDY,
    two_gaussians.STUDY,
    estimates.STUDY,
    momentum.STUDY,
    surfaces.STUDY,
    depth.STUDY,
    toys.STUDY,
    random_architectures.STUDY,
    activations.STUDY,
    architectures.STUDY,
    convergence.STUDY,
    residual.STUDY,
    language.STUDY,
    overfitting.STUDY,
    mixtures.STUDY,
    stacked_mnist.STUDY,
    books.STUDY,
    autoencoder.STUDY,
    defects.STUDY,
    verdicts.STUDY,
    verdicts_mnist.STUDY,
)


def find_study(name: str) -> Study:
    """Return the study of this name.

    Raises:
        UsageError: there is none; the nearest name is given.

    >>> find_study("lines").title
    'Two parallel lines'
    """
    names = [study.name for study in STUDIES]
    if name not in names:
        raise UsageError(f"there is no study '{printable(name)}' among {', '.join(names)}{did_you_mean(name, names)}")
    return STUDIES[names.index(name)]
