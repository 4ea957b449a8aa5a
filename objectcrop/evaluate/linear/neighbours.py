"""The vote of the nearest training images: a probe without a layer (Wu et al. 2018, arXiv:1805.01978, section 3.4)."""

import numpy as np
import torch
from scipy.sparse import csr_array
from torch import Tensor
from torch.nn import functional

from objectcrop.evaluate.linear.measure import Scores
from objectcrop.runtime.progress import Progress
from objectcrop.study.settings.tasks import KnnSettings

BLOCK = 64
"""Test images at a time: their similarities to 1.3 million training images take 330 MB."""


def neighbour_scores(train: Tensor, shown: csr_array, test: Tensor, settings: KnnSettings) -> Scores:
    """Return the weighted share of the nearest training images that show each class, shape (test images, classes), 0..1.

    The nearest are those of largest cosine similarity s; the weight of each is exp(s / temperature).

    Args:
        train: features of training images, shape (n, num_features).
        shown: classes of these, shape (n, classes), sparse.
        test: features of test images, shape (m, num_features).
        settings: how many neighbours, and the temperature.
    """
    train, test = (functional.normalize(features) for features in (train, test))
    labels, count = (shown > 0).astype(np.float64), min(settings.num_neighbours, len(train))
    scores = []
    with Progress("linear: neighbours", total=len(test), unit="images") as progress:
        for block in torch.split(test, BLOCK):
            similarity, rows = (block @ train.T).topk(count, dim=1)
            weights = torch.softmax(similarity.double() / settings.temperature, dim=1).cpu().numpy()
            starts = np.arange(0, weights.size + 1, count)
            votes = csr_array((weights.ravel(), rows.cpu().numpy().ravel(), starts), shape=(len(block), len(train)))
            scores.append((votes @ labels).toarray().astype(np.float32))
            progress.advance(len(block))
    return np.concatenate(scores)
