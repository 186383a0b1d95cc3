"""Protocol: the rules a score was computed by, so that no number is shown without them.

The rules of Market-1501 (Zheng et al., "Scalable Person Re-identification: A Benchmark", ICCV 2015)
are also those of VeRi-776 and VERI-Wild. The AI City Challenge scores the first 100 entries of each
list and leaves no image out; its server is not public, and whether it divides by all relevant
images or by at most 100 of them is not known, so both are offered and the first is the default.
"""

from dataclasses import dataclass
from typing import Literal, get_args

from vreid.errors import ConfigError

Junk = Literal["none", "same-camera"]
Denominator = Literal["all", "min"]


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
    """

    name: str
    junk: Junk
    top_k: int | None
    denominator: Denominator

    def __post_init__(self) -> None:
        if self.junk not in get_args(Junk):
            raise ConfigError(f"junk is {self.junk!r}; choose one of {', '.join(get_args(Junk))}")
        if self.denominator not in get_args(Denominator):
            choices = ", ".join(get_args(Denominator))
            raise ConfigError(f"denominator is {self.denominator!r}; choose one of {choices}")
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
        part = "the whole list" if self.top_k is None else f"the top {self.top_k}"
        relevant = "all relevant" if self.denominator == "all" else f"min({self.top_k}, relevant)"
        junk = {
            "none": "no junk removed",
            "same-camera": "images of the same vehicle in the same camera removed as junk",
        }[self.junk]
        return (
            f"{self.name}: AP over {part} / {relevant}; {junk};"
            " queries without a match are skipped and counted"
        )


MARKET = Protocol(name="market", junk="same-camera", top_k=None, denominator="all")
AICITY = Protocol(name="aicity", junk="none", top_k=100, denominator="all")
PROTOCOLS = {MARKET.name: MARKET, AICITY.name: AICITY}


def find_protocol(name: str) -> Protocol:
    """The protocol of a name.

    Raises:
        ConfigError: Listing the names there are.
    """
    if name not in PROTOCOLS:
        raise ConfigError(f"there is no protocol {name!r}; choose one of {', '.join(PROTOCOLS)}")
    return PROTOCOLS[name]
