"""Protocol: the rules a score was computed by, so that no number is shown without them.

- ``market``: Market-1501 (Zheng et al., "Scalable Person Re-identification: A Benchmark", ICCV
  2015); research code scores VeRi-776 by it too. ``market-trapezoid`` is the same with the AP of
  the Oxford buildings evaluation (Philbin et al., CVPR 2007), as in VeRi-776's own evaluator.
- ``aicity``: the AI City Challenge scores the first 100 entries of each list and leaves no image
  out. Its server is not public, and whether it divides by all relevant images or by at most 100 of
  them is not known: ``aicity`` does the first, ``aicity-min`` the second.
- ``vehicleid``, ``vru``: query and gallery are drawn, see `vreid.draws`.
- ``veri-wild``: its authors' text leaves images of the query's vehicle in its camera out, their
  code keeps them, and papers follow either: ``veri-wild-all`` keeps them.
- ``vric``: one query and one gallery image a vehicle, so that mAP is the mean of 1 / rank.
- ``vveri901``: a tracklet, by the mean of its frames' features, searches tracklets.
"""

from dataclasses import dataclass, replace
from typing import Literal, get_args

from vreid.draws import Draws
from vreid.errors import ConfigError

Junk = Literal["none", "same-camera"]
Denominator = Literal["all", "min"]
Curve = Literal["step", "trapezoid"]
Unit = Literal["image", "tracklet"]


@dataclass(frozen=True)
class Protocol:
    """How ranked lists become scores.

    Attributes:
        name: A short name.
        junk: Gallery images left out for a query: ``none``, or those of the same vehicle in the
            same camera.
        top_k: Entries of a list that mAP@K looks at; None for the whole list.
        denominator: What the sum of precisions is divided by in mAP@K: ``all`` relevant images of
            the gallery, or ``min(K, relevant)``, with which a perfect list always reaches 1.
        curve: How AP is the area below precision over recall: ``step`` sums the precisions at the
            hits, ``trapezoid`` the means of the precisions before and at the hits, with 1 before
            the first entry.
        draws: How query and gallery are drawn; None for the data set's own.
        unit: What a query and an entry of a list are.
    """

    name: str
    junk: Junk
    top_k: int | None
    denominator: Denominator
    curve: Curve = "step"
    draws: Draws | None = None
    unit: Unit = "image"

    def __post_init__(self) -> None:
        kinds = {"junk": Junk, "denominator": Denominator, "curve": Curve, "unit": Unit}
        for key, kind in kinds.items():
            value = getattr(self, key)
            if value not in get_args(kind):
                choices = ", ".join(get_args(kind))
                raise ConfigError(f"{key} is {value!r}; choose one of {choices}")
        if self.top_k is not None and self.top_k < 1:
            raise ConfigError(f"top_k is {self.top_k}; expected at least 1, or none for all")
        if self.top_k is None and self.denominator == "min":
            raise ConfigError("the denominator min(K, relevant) needs a top_k")

    def __str__(self) -> str:
        """The rules in one line.

        >>> print(AICITY)
        aicity: AP over the top 100 / all relevant; no junk removed; queries without a match are \
skipped and counted
        """
        area = {"step": "AP", "trapezoid": "trapezoid AP"}[self.curve]
        part = "the whole list" if self.top_k is None else f"the top {self.top_k}"
        relevant = "all relevant" if self.denominator == "all" else f"min({self.top_k}, relevant)"
        rules = [
            f"{self.name}: {area} over {part} / {relevant}",
            self.junk_rule,
            "queries without a match are skipped and counted",
        ]
        if self.unit == "tracklet":
            rules.append("a tracklet is the mean of its images' features")
        if self.draws is not None:
            rules.append(str(self.draws))
        return "; ".join(rules)

    @property
    def junk_rule(self) -> str:
        """The junk rule in a clause."""
        if self.junk == "none":
            return "no junk removed"
        return f"{self.unit}s of the same vehicle in the same camera removed as junk"

    def as_given(self) -> "Protocol":
        """The rules when query and gallery are scored as they are: one draw instead of many."""
        if self.draws is None:
            return self
        return replace(self, draws=replace(self.draws, count=1, seed=None))


MARKET = Protocol(name="market", junk="same-camera", top_k=None, denominator="all")
AICITY = Protocol(name="aicity", junk="none", top_k=100, denominator="all")
VEHICLEID = Protocol("vehicleid", "none", None, "all", draws=Draws("gallery", 10))
VRU = Protocol("vru", "none", None, "all", draws=Draws("query", 10))
PROTOCOLS = {
    "market": MARKET,
    "aicity": AICITY,
    "aicity-min": Protocol("aicity-min", "none", 100, "min"),
    "market-trapezoid": Protocol("market-trapezoid", "same-camera", None, "all", curve="trapezoid"),
    "vehicleid": VEHICLEID,
    "veri-wild": Protocol("veri-wild", "same-camera", None, "all"),
    "veri-wild-all": Protocol("veri-wild-all", "none", None, "all"),
    "vru": VRU,
    "vric": Protocol("vric", "same-camera", None, "all"),
    "vveri901": Protocol("vveri901", "same-camera", None, "all", unit="tracklet"),
}


def find_protocol(name: str) -> Protocol:
    """The protocol of a name.

    Raises:
        ConfigError: Listing the names there are.
    """
    if name not in PROTOCOLS:
        raise ConfigError(f"there is no protocol {name!r}; choose one of {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name]
