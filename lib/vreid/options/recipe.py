"""All options of a recipe together."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

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
        members: Name of each vehicle model -> the options in which it differs from the recipe.
        orientation, camera: The same for the two classifiers; empty when the recipe has none.
    """

    name: str = "vreid"
    output: str = "runs"
    device: str = "auto"
    data: DataOptions = field(default_factory=DataOptions)
    input: InputOptions = field(default_factory=InputOptions)
    model: ModelOptions = field(default_factory=ModelOptions)
    loss: LossOptions = field(default_factory=LossOptions)
    solver: SolverOptions = field(default_factory=SolverOptions)
    test: EvaluationOptions = field(default_factory=EvaluationOptions)
    fusion: FusionOptions = field(default_factory=FusionOptions)
    rerank: RerankOptions = field(default_factory=RerankOptions)
    members: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    orientation: Mapping[str, Any] = field(default_factory=dict)
    camera: Mapping[str, Any] = field(default_factory=dict)
