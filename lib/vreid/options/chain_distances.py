"""Stages of the chain that make and change distances."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Literal

from vreid.options.chain_features import Missing, Stage
from vreid.options.check import require


@dataclass(frozen=True)
class Distance(Stage):
    """Distances of queries to the gallery."""

    stage: str = field(default="distance", init=False)
    metric: Literal["sqeuclidean", "euclidean", "cosine"] = "sqeuclidean"


@dataclass(frozen=True)
class Minus(Stage):
    """Distances of the classifiers' features are subtracted, of images or of tracklets."""

    stage: str = field(default="minus", init=False)
    orientation: float = 0.0
    camera: float = 0.0

    def __post_init__(self) -> None:
        weights = {"orientation": self.orientation, "camera": self.camera}
        require(any(weights.values()), "the weights", weights, "at least one other than 0 needed")

    def weights(self) -> dict[str, float]:
        """Classifier -> its weight, without those of weight 0."""
        both = {"orientation": self.orientation, "camera": self.camera}
        return {part: weight for part, weight in both.items() if weight}


@dataclass(frozen=True)
class Rerank(Stage):
    """k-reciprocal re-ranking among queries and gallery, images or tracklets."""

    stage: str = field(default="rerank", init=False)
    k1: int = 20
    k2: int = 6
    lambda_: float = 0.3  # `lambda` in a recipe

    def __post_init__(self) -> None:
        for key in ("k1", "k2"):
            require(getattr(self, key) >= 1, key, getattr(self, key), "at least 1 is needed")
        require(0 <= self.lambda_ <= 1, "lambda", self.lambda_, "[0, 1] is needed")


@dataclass(frozen=True)
class Constrain(Stage):
    """What cannot be, or is unlikely, moves away; see `vreid.constraints`."""

    stage: str = field(default="constrain", init=False)
    never_same_camera: bool = False
    groups: tuple[tuple[int, int], ...] = ()  # first and last camera of each; never across
    learnt: str = ""  # a file of ensemble.learn_constraints: pairs of cameras without a match
    times: str = ""  # a table name,time of the images' seconds; see `vreid.travel`
    travel: str = ""  # a table from,to,least,most of the seconds between two cameras
    one_track_per_camera: bool = False  # only a camera's nearest track stays
    punishment: float = 0.0  # the soft form: beta / (1 + j) for other tracks of a hit's camera
    punished: int = 99  # hits that punish
    penalty: float = 10.0  # added to what cannot be
    remove: bool = False  # instead: behind everything that can be
    when_missing: Missing = "fail"

    def __post_init__(self) -> None:
        for low, high in self.groups:
            require(low <= high, "groups", [low, high], "first and last camera are needed")
        ranges = sorted(self.groups)
        for left, right in pairwise(ranges):
            both = [list(left), list(right)]
            require(left[1] < right[0], "groups", both, "a camera belongs to one group")
        require(len(self.groups) != 1, "groups", list(self.groups), "two groups or more are needed")
        for key in ("penalty", "punishment"):
            require(getattr(self, key) >= 0, key, getattr(self, key), "at least 0 is needed")
        require(self.punished >= 1, "punished", self.punished, "at least 1 is needed")
        tables = [self.times, self.travel]
        together = all(tables) or not any(tables)
        require(together, "times, travel", tables, "each needs the other")
        rule = (
            "give never_same_camera, groups, learnt, times and travel, one_track_per_camera or"
            " punishment"
        )
        require(self.hard or self.punishment > 0, "what holds", "nothing", rule)

    @property
    def hard(self) -> bool:
        """Whether some pairs cannot be, other than being punished a little."""
        return self.of_cameras or bool(self.travel) or self.one_track_per_camera

    @property
    def of_cameras(self) -> bool:
        """Whether some pairs of cameras cannot be."""
        return bool(self.never_same_camera or self.groups or self.learnt)

    @property
    def of_tracks(self) -> bool:
        """Whether tracks are looked at."""
        return self.one_track_per_camera or self.punishment > 0


@dataclass(frozen=True)
class WholeTracks(Stage):
    """Every image takes its tracklet's smallest distance: lists follow whole tracklets."""

    stage: str = field(default="whole_tracks", init=False)
    when_missing: Missing = "fail"


@dataclass(frozen=True)
class Spread(Stage):
    """Every image takes the distance of its tracklet, which ``tracklets`` put in its place."""

    stage: str = field(default="spread", init=False)


@dataclass(frozen=True)
class Average(Stage):
    """The branches become one again: the mean of their distances."""

    stage: str = field(default="average", init=False)


@dataclass(frozen=True)
class FuseMembers(Stage):
    """The members become one: distances fused by a rule, or features concatenated."""

    stage: str = field(default="fuse_members", init=False)
    rule: Literal["mean", "sum", "concat", "reciprocal", "borda", "minmax", "z"] = "mean"
    weights: Mapping[str, float] = field(default_factory=dict)  # member -> weight; 1 for others

    def __post_init__(self) -> None:
        for member, weight in self.weights.items():
            require(weight >= 0, f"weights.{member}", weight, "at least 0 is needed")
