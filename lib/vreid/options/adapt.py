"""Options of training on the images of the target, without their identities."""

from dataclasses import dataclass
from typing import Literal

from vreid.options.check import require


@dataclass(frozen=True)
class AdaptOptions:
    """How pseudo-labels of query and gallery are found, and how long they are trained on.

    The numbers are those of the winner of the AI City Challenge 2021, first version; the second has
    ``keep`` 0.1 and ``groups`` [[1, 39], [40, 46]]. ``apart`` and ``near`` are its 2020 entry's.
    They are for tens of thousands of images. With about a hundred a camera, ``la`` 0.0005 leaves
    hardly any neighbours; `configs/recipes/toycity-shifted.yml` is set for such a target.
    """

    enabled: bool = False  # it trains on test images: see what your challenge's rules say
    source: str = ""  # folder of the runs to start from, such as runs/city; empty: the recipe's own
    suffix: str = "adapted"  # the run of member NAME is NAME-<suffix>
    rounds: int = 1  # times that features are clustered and trained on

    cameras: Literal["whiten", "mean", "none"] = "whiten"  # what takes the cameras' bias away
    la: float = 0.0005  # whiten: weight of the identity; the smaller, the stronger
    keep: float = 0.3  # share of a gallery image's own feature against its tracklet's mean
    method: Literal["dbscan", "mining"] = "dbscan"
    k1: int = 30  # dbscan: see vreid.rerank.near_pairs
    k2: int = 6
    jaccard: float = 0.9  # dbscan: share of the Jaccard distance against the cosine distance
    eps: float = 0.55  # dbscan: largest distance of neighbours, less than `jaccard`
    min_samples: int = 10  # dbscan: neighbours, itself counted, that make an image a core
    groups: tuple[tuple[int, int], ...] = ()  # dbscan: first and last camera; no pairs across
    apart: float = 0.49  # mining: smallest angle between two identities, in radians
    near: float = 0.23  # mining: images attached are nearer than this after re-ranking

    optimizer: Literal["adam", "adamw", "sgd", "ranger"] = "sgd"
    base_lr: float = 4e-4  # constant
    max_epochs: int = 3  # an epoch is num_labelled // ims_per_batch batches
    ims_per_batch: int = 96
    num_instance: int = 8

    def __post_init__(self) -> None:
        counts = ("rounds", "k1", "k2", "min_samples", "max_epochs")
        for key in counts:
            value = getattr(self, key)
            require(value >= 1, f"adapt.{key}", value, "at least 1 is needed")
        for key in ("la", "eps", "apart", "near", "base_lr"):
            value = getattr(self, key)
            require(value > 0, f"adapt.{key}", value, "a number above 0 is needed")
        require(0 <= self.keep <= 1, "adapt.keep", self.keep, "a share in [0, 1] is needed")
        share = self.jaccard
        require(0 < share <= 1, "adapt.jaccard", share, "a share in (0, 1] is needed")
        rule = f"less than adapt.jaccard = {share} is needed, or the graph of pairs is not sparse"
        require(self.eps < share, "adapt.eps", self.eps, rule)
        plain = self.suffix.replace("-", "").replace("_", "").isalnum()
        require(plain, "adapt.suffix", self.suffix, "letters, digits, _ and - are needed")
        fits = self.num_instance > 1 and self.ims_per_batch % self.num_instance == 0
        rule = f"K > 1 that divides adapt.ims_per_batch = {self.ims_per_batch} is needed"
        require(fits, "adapt.num_instance", self.num_instance, rule)
        for low, high in self.groups:
            rule = "first and last camera are needed"
            require(low <= high, "adapt.groups", [low, high], rule)
