"""The network and the training that the tests of whole stages share: seconds on one core."""

import torch

from vreid.models.backbone import build_backbone
from vreid.models.embedder import Embedder
from vreid.options import Config, InputOptions, ModelOptions, SolverOptions

CONFIG = Config(
    device="cpu",
    input=InputOptions(size=(32, 32), pad=2),
    model=ModelOptions(backbone="test_resnet", weights="none", last_stride=2),
    solver=SolverOptions(
        base_lr=3e-3,
        max_epochs=3,
        ims_per_batch=16,
        num_instance=4,
        precision="fp32",
        log_period=1,
    ),
)


def untrained() -> Embedder:
    """The same network with random weights, always the same ones, for extraction."""
    torch.manual_seed(0)
    backbone = build_backbone("test_resnet", weights="none", last_stride=2)
    return Embedder(backbone, num_classes=3).eval()
