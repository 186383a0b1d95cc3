"""Options of the training."""

from dataclasses import dataclass
from typing import Literal

from vreid.options.check import require


@dataclass(frozen=True)
class SolverOptions:
    """Optimisation."""

    optimizer: Literal["adam", "adamw", "sgd", "ranger"] = "adam"
    base_lr: float = 3.5e-4
    backbone_lr_factor: float = 1.0  # the factors multiply
    classifier_lr_factor: float = 1.0
    bias_lr_factor: float = 1.0  # of parameters whose name ends in "bias"
    momentum: float = 0.9  # sgd only
    nesterov: bool = False  # sgd only: momentum that looks ahead
    weight_decay: float = 5e-4
    decay_all: bool = False  # biases and normalisations decay too
    clip_norm: float = 0.0  # largest norm of the gradient; 0: no clipping
    accumulate: int = 1  # batches whose gradients are averaged before each step of the optimizer

    max_epochs: int = 12  # an epoch is num_samples // ims_per_batch batches
    schedule: Literal["cosine", "cosine_step", "multistep", "step", "constant", "cyclic_cosine"] = (
        "cosine"
    )
    warmup_epochs: float = 1.0  # cosine starts behind it, it multiplies the others; 0: none
    warmup_factor: float = 0.01  # first learning rate / base_lr
    warmup_method: Literal["linear", "constant"] = "linear"  # rises to 1, or stays, then jumps
    final_factor: float = 0.002  # last learning rate / first: of cosine, of a cyclic_cosine cycle
    steps: tuple[int, ...] = (30, 55)  # multistep: epochs at whose start the rate falls
    step_size: int = 10  # step: epochs between falls
    gamma: float = 0.1  # multistep, step: factor of each fall
    tail_epochs: int = 2  # cosine_step: last epochs; the cosine has the others as its period
    tail_gamma: float = 0.3  # cosine_step: factor of each of the last epochs
    cycle_epochs: int = 30  # cyclic_cosine: length of a cycle
    cycle_gamma: float = 0.7  # cyclic_cosine: first learning rate of a cycle / of the one before

    start: str = ""  # run folder or checkpoint to fine-tune from; other classes are fine
    freeze_epochs: int = 0  # first epochs in which the backbone and its statistics stay as they are
    average: Literal["none", "ema", "swa"] = "none"  # weights that are validated and saved as best
    ema_decay: float = 0.999  # share of the old average that a step keeps
    swa_start: int = 0  # epochs before those whose weights are averaged

    sampler: Literal["pk", "shuffle", "domains"] = "pk"  # domains: P x K, real beside synthetic
    ims_per_batch: int = 64
    num_instance: int = 4  # K of P x K; P is ims_per_batch / K
    synthetic_share: float = 0.5  # domains: share of a batch's vehicles that are synthetic
    num_workers: int = 0  # processes that decode images; 0: the training process itself
    seed: int = 0

    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    channels_last: bool = True
    compile: bool = False  # torch.compile: slower to start, then faster
    eval_period: int = 1  # epochs between validations; 0: only after the last
    best_of: tuple[str, ...] = ()  # numbers whose best weights are kept too, as best_<name>.pt
    keep_period: int = 0  # epochs between weights that are kept as epoch_<n>.pt; 0: none
    log_period: int = 10  # steps between log lines
    checkpoint_seconds: float = 300.0  # seconds between checkpoints inside an epoch

    def __post_init__(self) -> None:
        self._check_ranges()
        self._check_schedule()
        self._check_batches()
        nesterov = not self.nesterov or (self.optimizer == "sgd" and self.momentum > 0)
        rule = "it needs solver.optimizer sgd and a solver.momentum above 0"
        require(nesterov, "solver.nesterov", self.nesterov, rule)
        starts = self.average != "swa" or self.swa_start < self.max_epochs
        rule = f"less than solver.max_epochs = {self.max_epochs} is needed"
        require(starts, "solver.swa_start", self.swa_start, rule)

    def _check_ranges(self) -> None:
        counts = ("max_epochs", "ims_per_batch", "num_instance", "log_period", "accumulate")
        for key in (*counts, "step_size", "cycle_epochs"):
            value = getattr(self, key)
            require(value >= 1, f"solver.{key}", value, "at least 1 is needed")
        require(self.base_lr > 0, "solver.base_lr", self.base_lr, "a positive rate is needed")
        factors = ("backbone_lr_factor", "classifier_lr_factor", "bias_lr_factor")
        epochs = ("warmup_epochs", "tail_epochs", "freeze_epochs", "swa_start", "eval_period")
        periods = ("keep_period", "num_workers")
        for key in (*factors, *epochs, *periods, "weight_decay", "clip_norm"):
            value = getattr(self, key)
            require(value >= 0, f"solver.{key}", value, "0 or more is needed")
        for key in ("momentum", "ema_decay"):
            value = getattr(self, key)
            require(0 <= value < 1, f"solver.{key}", value, "[0, 1) is needed")
        shares = ("warmup_factor", "final_factor", "synthetic_share")
        for key in (*shares, "gamma", "tail_gamma", "cycle_gamma"):
            value = getattr(self, key)
            require(0 <= value <= 1, f"solver.{key}", value, "[0, 1] is needed")

        known = ("map", "rank1", "rank5", "rank10", "accuracy")
        rule = f"some of {', '.join(known)} are needed"
        require(set(self.best_of) <= set(known), "solver.best_of", self.best_of, rule)

    def _check_schedule(self) -> None:
        rising = sorted({0, *self.steps}) == [0, *self.steps]
        rule = "rising epochs from 1 on are needed, such as [30, 55]"
        require(rising, "solver.steps", self.steps, rule)
        fits = self.schedule != "cosine_step" or self.tail_epochs < self.max_epochs
        rule = f"less than solver.max_epochs = {self.max_epochs} is needed by cosine_step"
        require(fits, "solver.tail_epochs", self.tail_epochs, rule)

    def _check_batches(self) -> None:
        if self.sampler in ("pk", "domains"):
            require(
                self.ims_per_batch % self.num_instance == 0 and self.num_instance > 1,
                "solver.num_instance",
                self.num_instance,
                f"K > 1 that divides solver.ims_per_batch = {self.ims_per_batch} is needed",
            )
