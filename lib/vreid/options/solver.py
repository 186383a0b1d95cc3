"""Options of the training."""

from dataclasses import dataclass
from typing import Literal

from vreid.options.check import require


@dataclass(frozen=True)
class SolverOptions:
    """Optimisation."""

    optimizer: Literal["adam", "adamw", "sgd"] = "adam"
    base_lr: float = 3.5e-4
    backbone_lr_factor: float = 1.0
    momentum: float = 0.9  # sgd only
    weight_decay: float = 5e-4
    max_epochs: int = 12  # an epoch is num_samples // ims_per_batch batches
    warmup_epochs: float = 1.0
    warmup_factor: float = 0.01  # first learning rate / base_lr
    final_factor: float = 0.002  # last learning rate / base_lr
    sampler: Literal["pk", "shuffle"] = "pk"
    ims_per_batch: int = 64
    num_instance: int = 4  # K of P x K; P is ims_per_batch / K
    clip_norm: float = 0.0  # largest norm of the gradient; 0: no clipping
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    channels_last: bool = True
    seed: int = 0
    num_workers: int = 0  # processes that decode images; 0: the training process itself
    eval_period: int = 1  # epochs between validations; 0: only after the last
    log_period: int = 10  # steps between log lines
    checkpoint_seconds: float = 300.0  # seconds between checkpoints inside an epoch

    def __post_init__(self) -> None:
        for key in ("max_epochs", "ims_per_batch", "num_instance", "log_period"):
            value = getattr(self, key)
            require(value >= 1, f"solver.{key}", value, "at least 1 is needed")
        require(self.base_lr > 0, "solver.base_lr", self.base_lr, "a positive rate is needed")
        if self.sampler == "pk":
            require(
                self.ims_per_batch % self.num_instance == 0 and self.num_instance > 1,
                "solver.num_instance",
                self.num_instance,
                f"K > 1 that divides solver.ims_per_batch = {self.ims_per_batch} is needed",
            )
