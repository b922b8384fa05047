"""The score of Salimans et al. 2016 by a classifier of the data's own classes."""

import numpy as np
import torch
from torch import Tensor

from gradpen.data.source import Source
from gradpen.metrics.classifier import Classifier
from gradpen.runs.trained import Run


def class_score(classifier: Classifier, images: Tensor) -> float:
    r"""Return the score of Salimans et al. 2016 by a classifier of the data's own classes: from 1 to their number.

    .. math:: \exp E_x KL(p(y | x) \| p(y))

    It is no Inception score, whose classifier and classes are others.
    """
    with torch.no_grad():
        shares = classifier.network[-1](classifier.features(images)).double().softmax(1)  # type: ignore[index]
    mean = shares.mean(0)
    return float((shares * (shares.clamp_min(1e-12).log() - mean.clamp_min(1e-12).log())).sum(1).mean().exp())


def score_of_samples(run: Run, classifier: Classifier, count: int) -> float:
    """Return the score of so many samples of a run; a conditional one goes through its labels in turn."""
    return class_score(classifier, torch.from_numpy(run.values.taken(run.sample(count, seed=1))))


def score_of_data(source: Source, classifier: Classifier, count: int) -> float:
    """Return the score of the first so many training images."""
    return class_score(
        classifier, torch.from_numpy(np.asarray(source.images[source.train][:count])).float() / 127.5 - 1
    )
