"""The options, each declared once: name, type, default, meaning; choices as ``Literal``.

The dataclasses are frozen and hold only plain values, so a configuration can be hashed, written to
YAML and compared. `vreid.config` fills them from files and the command line.
"""

from vreid.options.adapt import AdaptOptions
from vreid.options.data import DataOptions, InputOptions
from vreid.options.evaluation import EvaluationOptions, FusionOptions, RerankOptions
from vreid.options.loss import LossOptions
from vreid.options.model import ModelOptions
from vreid.options.recipe import Config, forward_options
from vreid.options.solver import SolverOptions

__all__ = [
    "AdaptOptions",
    "Config",
    "DataOptions",
    "EvaluationOptions",
    "FusionOptions",
    "InputOptions",
    "LossOptions",
    "ModelOptions",
    "RerankOptions",
    "SolverOptions",
    "forward_options",
]
