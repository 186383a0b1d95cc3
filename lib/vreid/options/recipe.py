"""All options of a recipe together."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vreid.options.adapt import AdaptOptions
from vreid.options.chain_features import Stage
from vreid.options.chain_order import check_order
from vreid.options.check import require
from vreid.options.data import DataOptions, InputOptions
from vreid.options.evaluation import EvaluationOptions, FusionOptions, RerankOptions
from vreid.options.loss import LossOptions
from vreid.options.model import ModelOptions
from vreid.options.solver import SolverOptions


@dataclass(frozen=True)
class Config:
    """A recipe, or one of its trainings after its own options were merged in.

    Attributes:
        name: Of the recipe; results go to ``<output>/<name>``.
        output: Folder of the runs.
        device: ``cuda``, ``cpu``; ``auto`` is cuda where there is one.
        extra: Name of each further data set -> its options, as in ``data``, whose root it shares
            unless it has its own. The vehicle models train on its training images too; the
            classifiers of orientation and camera do not.
        chain: What follows the features, see `vreid.options.chain`; empty: the plain order, which
            ``fusion`` and ``rerank`` state. With a chain these two count for nothing.
        adapt: Whether and how the vehicle models are trained on the target's images as well.
        members: Name of each vehicle model -> the options in which it differs from the recipe; a
            file with a ``_base_`` leaves one of its members out as ``NAME: null``.
        orientation, camera: The same for the two classifiers; empty when the recipe has none.
    """

    name: str = "vreid"
    output: str = "runs"
    device: str = "auto"
    data: DataOptions = field(default_factory=DataOptions)
    extra: Mapping[str, DataOptions] = field(default_factory=dict)
    input: InputOptions = field(default_factory=InputOptions)
    model: ModelOptions = field(default_factory=ModelOptions)
    loss: LossOptions = field(default_factory=LossOptions)
    solver: SolverOptions = field(default_factory=SolverOptions)
    test: EvaluationOptions = field(default_factory=EvaluationOptions)
    fusion: FusionOptions = field(default_factory=FusionOptions)
    rerank: RerankOptions = field(default_factory=RerankOptions)
    chain: tuple[Stage, ...] = ()
    adapt: AdaptOptions = field(default_factory=AdaptOptions)
    members: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    orientation: Mapping[str, Any] = field(default_factory=dict)
    camera: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_order(self.chain)
        rule = "only vehicles can be joined: set pid, or take the sections of extra out"
        require(self.data.label == "pid" or not self.extra, "data.label", self.data.label, rule)
        for name, options in self.extra.items():
            rule = "validation is cut from data alone; leave it out"
            require(options.holdout == 0, f"extra.{name}.holdout", options.holdout, rule)
            rule = "data.label says it; leave it out"
            require(options.label == "pid", f"extra.{name}.label", options.label, rule)
        solver = self.solver
        num_classes = solver.ims_per_batch // solver.num_instance
        in_halves = solver.sampler == "domains" and solver.synthetic_share == 0.5
        found = (
            f"solver.sampler is {solver.sampler}, solver.synthetic_share {solver.synthetic_share},"
            f" P {num_classes}"
        )
        rule = (
            "it mixes real with synthetic only where each fills one half of a batch: set"
            " solver.sampler domains, solver.synthetic_share 0.5 and an even P ="
            f" ims_per_batch / num_instance, or model.mixstyle shuffle ({found})"
        )
        if self.model.mixstyle == "halves":
            require(in_halves and num_classes % 2 == 0, "model.mixstyle", "halves", rule)


def forward_options(config: Config) -> Config:
    """The options that a trained model's outputs follow from, all others at their defaults."""
    used = ("data", "input", "model", "loss", "solver", "test", "device")
    return Config(**{name: getattr(config, name) for name in used})
