"""Stages of the chain that change features, before distances are made of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from vreid.options.check import require

Missing = Literal["fail", "skip"]


@dataclass(frozen=True)
class Stage:
    """What all stages share: their name in a recipe."""

    stage: str = field(default="", init=False)


@dataclass(frozen=True)
class PredictedCameras(Stage):
    """From here on the cameras are those that the camera classifier predicts."""

    stage: str = field(default="predicted_cameras", init=False)
    vote: bool = True  # the images of a tracklet take the camera that most of them have


@dataclass(frozen=True)
class WhitenCameras(Stage):
    """Whitening of each camera ("FIC"), see `vreid.debias.whiten_cameras`."""

    stage: str = field(default="whiten_cameras", init=False)
    la: float = 0.18  # weight of the identity; the smaller, the stronger
    when_missing: Missing = "fail"

    def __post_init__(self) -> None:
        require(self.la > 0, "la", self.la, "a number above 0 is needed")


@dataclass(frozen=True)
class SubtractCameras(Stage):
    """Subtraction of each camera's mean feature."""

    stage: str = field(default="subtract_cameras", init=False)
    alpha: float = 1.0  # how much of the mean is taken away
    when_missing: Missing = "fail"


@dataclass(frozen=True)
class Whiten(Stage):
    """Whitening of all images by principal components."""

    stage: str = field(default="whiten", init=False)
    dims: int = 0  # axes kept; 0: all
    eps: float = 0.0  # added to the variances

    def __post_init__(self) -> None:
        require(self.dims >= 0, "dims", self.dims, "a number of axes, or 0 for all, is needed")
        require(self.eps >= 0, "eps", self.eps, "at least 0 is needed")


@dataclass(frozen=True)
class Augment(Stage):
    """Database-side augmentation (DBA), see `vreid.expand`; k counts others only."""

    stage: str = field(default="augment", init=False)
    k: int = 5
    weights: Literal["mean", "sim", "rank"] = "mean"
    alpha: float = 3.0  # power of the similarity, for sim
    among: Literal["gallery", "all"] = "gallery"  # all: queries too, and they move as well

    def __post_init__(self) -> None:
        require(self.k >= 1, "k", self.k, "at least 1 neighbour is needed")
        require(self.alpha >= 0, "alpha", self.alpha, "at least 0 is needed")


@dataclass(frozen=True)
class Expand(Augment):
    """Query expansion; with sim, the default, it is alpha-QE."""

    stage: str = field(default="expand", init=False)
    k: int = 6
    weights: Literal["mean", "sim", "rank"] = "sim"


@dataclass(frozen=True)
class Smooth(Stage):
    """Each gallery image becomes the mean of its tracklet, near members counting most."""

    stage: str = field(default="smooth", init=False)
    eps: float = 0.01
    when_missing: Missing = "fail"

    def __post_init__(self) -> None:
        require(self.eps > 0, "eps", self.eps, "a number above 0 is needed")


@dataclass(frozen=True)
class Blend(Stage):
    """Each gallery image moves towards its tracklet's mean."""

    stage: str = field(default="blend", init=False)
    keep: float = 0.3  # how much of an image's own feature stays
    min_area: int = 0  # pixels: smaller images do not count in the mean; 0: all do
    when_missing: Missing = "fail"

    def __post_init__(self) -> None:
        require(0 <= self.keep <= 1, "keep", self.keep, "a share in [0, 1] is needed")
        require(self.min_area >= 0, "min_area", self.min_area, "a number of pixels >= 0 is needed")


@dataclass(frozen=True)
class Tracklets(Stage):
    """One feature for each tracklet of the gallery, which takes the place of its images."""

    stage: str = field(default="tracklets", init=False)
    weights: Literal["mean", "distance", "queries"] = "mean"  # what images count by
    near: float = 0.6  # squared distance of a near query, for queries
    eps: float = 0.01  # bounds the weights of distance and queries
    min_area: int = 0  # pixels: smaller images do not count in the mean; 0: all do
    when_missing: Missing = "fail"

    def __post_init__(self) -> None:
        require(self.eps > 0, "eps", self.eps, "a number above 0 is needed")
        require(self.min_area >= 0, "min_area", self.min_area, "a number of pixels >= 0 is needed")
        gated = self.min_area == 0 or self.weights == "mean"
        require(gated, "min_area", self.min_area, "it counts with weights mean only")


@dataclass(frozen=True)
class Branches(Stage):
    """Several ways of correcting the features; what follows is done in each, until ``average``."""

    stage: str = field(default="branches", init=False)
    of: Mapping[str, tuple[Stage, ...]] = field(default_factory=dict)  # name -> stages; may be []

    def __post_init__(self) -> None:
        require(len(self.of) > 1, "of", dict(self.of), "at least two branches by name are needed")
