"""What each stage of a chain of post-processing brings: added one by one, and turned off in turn.

Both gains are of the stage: the score with it less the score without it.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from vreid.bootstrap import Gain
from vreid.errors import DataError

NONE = "–"


@dataclass(frozen=True)
class StageGain:
    """One stage, in one of the two tables.

    Attributes:
        title: Such as ``4 rerank``, or ``2 tracklets, 7 spread`` where stages go together.
        score: The headline in [0, 1]: with the stage where it is added, without it where it is
            turned off. None where it cannot be turned off.
        rank_1: Rank-1 of the same.
        gain: In the headline; None for the start, and for stages that change no score by
            themselves.
        rank_1_gain: In rank-1.
        note: Why there is no gain.
        cpu_seconds, wall_seconds: What the stage took, over all members; None when not measured.
        peak_bytes: Largest memory of one of its processes.
    """

    title: str
    score: float | None
    rank_1: float | None
    gain: Gain | None = None
    rank_1_gain: Gain | None = None
    note: str = ""
    cpu_seconds: float | None = None
    wall_seconds: float | None = None
    peak_bytes: int | None = None

    @property
    def texts(self) -> list[str]:
        """Cells of a table: the headline, its gain, rank-1, its gain."""
        scores = [NONE if one is None else f"{100 * one:.2f}" for one in (self.score, self.rank_1)]
        gains = [NONE if one is None else str(one) for one in (self.gain, self.rank_1_gain)]
        return [scores[0], gains[0], scores[1], gains[1]]

    @property
    def cost_texts(self) -> list[str]:
        """Cells of a table: CPU seconds, wall seconds, peak memory in MiB."""
        times = (self.cpu_seconds, self.wall_seconds)
        peak = NONE if self.peak_bytes is None else f"{self.peak_bytes / 2**20:.0f}"
        return [*(NONE if one is None else f"{one:.1f}" for one in times), peak]


@dataclass(frozen=True)
class ChainGains:
    """The two tables of a chain.

    Attributes:
        headline: The score that is compared, such as ``mAP@100``.
        protocol: One line that says how it was counted.
        num_query: Queries with a match.
        draws, seed: Of the intervals.
        steps: The start and then every stage of the chain, added one by one.
        off: Every stage turned off in turn; ``score`` is the chain without it.
    """

    headline: str
    protocol: str
    num_query: int
    draws: int
    seed: int
    steps: tuple[StageGain, ...]
    off: tuple[StageGain, ...]

    @property
    def sentences(self) -> list[str]:
        """One for each stage that hurts, or that does not clearly help."""
        added = {one.title: one.gain for one in self.steps}
        found = [self._sentence(one, added.get(one.title.split(", ")[0])) for one in self.off]
        return [sentence for sentence in found if sentence]

    def _sentence(self, one: StageGain, added: Gain | None) -> str:
        if one.gain is None:
            return ""
        alone = f"; added where it stands: {added}" if added is not None else ""
        numbers = f"it brings {one.gain} points of {self.headline} to the chain{alone}"
        if one.gain.verdict == "hurts":
            return f"{one.title} hurts: {numbers}."
        if one.gain.low == one.gain.high == 0:
            return f"{one.title} changes nothing: without it every query scores the same{alone}."
        if one.gain.verdict != "helps":
            return f"{one.title} does not clearly help: {numbers}."
        if added is not None and added.verdict != "helps":
            return f"{one.title} helps only together with what follows: {numbers}."
        return ""

    @property
    def notes(self) -> list[str]:
        """How to read the tables."""
        return [
            f"Per cent; {self.protocol}.",
            "Gains in points: with the stage less without it, [95 % interval by the paired"
            f" bootstrap over {self.num_query} queries, {self.draws:,} draws, seed {self.seed}]."
            " About one in twenty such intervals leaves out 0 by chance.",
            "Until the members are fused, and branches averaged, a score is the mean of theirs."
            " Seconds and peak memory are those of the stage's processes, one after the other for"
            " all members, the start of Python included.",
        ]

    def as_dict(self) -> dict[str, Any]:
        """For JSON; scores are fractions."""
        return {**asdict(self), "unit": "fractions", "sentences": self.sentences}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any], *, source: object) -> "ChainGains":
        """What `as_dict` made.

        Args:
            values: The dictionary.
            source: Where it is from, for the message.

        Raises:
            DataError: When it is something else.
        """
        try:
            keys = ("headline", "protocol", "num_query", "draws", "seed")
            return cls(
                **{key: values[key] for key in keys},
                steps=tuple(_stage(one) for one in values["steps"]),
                off=tuple(_stage(one) for one in values["off"]),
            )
        except (KeyError, TypeError) as error:
            raise DataError(
                f"{source}: not the gains of a chain ({error}); make it again"
            ) from None


def _stage(values: Mapping[str, Any]) -> StageGain:
    gains = {
        key: Gain(**values[key]) if values[key] is not None else None
        for key in ("gain", "rank_1_gain")
    }
    return StageGain(**{**values, **gains})
