"""The weights that the training on pseudo-labels starts from.

They are the source run's, with a classifier whose directions are the clusters' mean features: from
the first step it tells the clusters apart. The means are those of the features that the classifier
sees. (Luo, Chen et al. take the means after the cameras' bias was taken away; these live in another
space than what the network puts out.)
"""

from pathlib import Path

import torch

from vreid.build import build_model
from vreid.checkpoint import load_start, save_model
from vreid.features import FloatArray
from vreid.options import Config


def write_start(path: Path, config: Config, *, weights: Path, means: FloatArray) -> Path:
    """Write a checkpoint for `solver.start` and return its path.

    Args:
        path: The file.
        config: Options of the model.
        weights: The checkpoint that is adapted.
        means: (C, D) directions of the classes, in the order of their labels.
    """
    model = build_model(config, len(means))
    load_start(weights, model)
    assert model.classifier is not None
    with torch.no_grad():
        model.classifier.weight.copy_(torch.from_numpy(means))
        if model.classifier.bias is not None:
            model.classifier.bias.zero_()
    return save_model(path, model, facts={"source": str(weights)})
