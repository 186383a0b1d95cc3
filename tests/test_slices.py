"""Scores by slices, against loops over the queries that know nothing of the library."""

from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest

from vreid.data.sample import UNKNOWN
from vreid.errors import DataError
from vreid.protocol import AICITY, MARKET, Protocol
from vreid.relevance import Relevance
from vreid.slices import Slice, Traits, score_slices

Q, G = 70, 90  # more queries than are ranked at a time


class City:
    """Random distances, vehicles, cameras and traits."""

    def __init__(self, protocol: Protocol) -> None:
        rng = np.random.default_rng(3)
        self.dist = rng.random((Q, G)).astype(np.float32)
        self.pids = rng.integers(0, 12, Q), rng.integers(0, 12, G)
        self.camids = rng.integers(0, 4, Q), rng.integers(0, 4, G)
        self.relevance = Relevance(
            self.pids[0], self.pids[1], self.camids[0], self.camids[1], protocol
        )
        self.traits = (
            Traits(
                angles=np.where(rng.random(Q) < 0.1, np.nan, rng.uniform(0, 360, Q)),
                scenes=rng.integers(-1, 3, Q),
                nights=rng.integers(-1, 2, Q),
                lookalikes=rng.integers(-1, 2, Q),
                areas=rng.integers(100, 900, Q),
            ),
            replace(
                Traits.unknown(G),
                angles=rng.uniform(0, 360, G),
                scenes=rng.integers(-1, 3, G),
                nights=rng.integers(-1, 2, G),
            ),
        )

    def slices(self) -> dict[tuple[str, str], Slice]:
        query, gallery = self.traits
        found = score_slices(
            self.dist, self.relevance, query=query, gallery=gallery, draws=50, seed=0
        )
        return {(one.trait, one.name): one for one in found}

    def by_hand(self, keep: npt.NDArray[np.bool_]) -> tuple[float, float, int, int]:
        """mAP, rank-1, queries and pairs when only the matches of ``keep`` (Q, G) count."""
        aps, firsts, pairs = [], [], 0
        for q in range(Q):
            own = [g for g in range(G) if self.pids[1][g] == self.pids[0][q]]
            if self.relevance.protocol.junk == "same-camera":
                good = [g for g in own if self.camids[1][g] != self.camids[0][q]]
            else:
                good = own
            good = [g for g in good if keep[q, g]]
            if not good:
                continue
            pairs += len(good)
            order = [g for g in np.argsort(self.dist[q]) if g not in own or g in good]
            found = [g in good for g in order]
            at_hits = [sum(found[: r + 1]) / (r + 1) for r in range(len(order)) if found[r]]
            aps.append(sum(at_hits) / len(good))
            firsts.append(found[0])
        return float(np.mean(aps)), float(np.mean(firsts)), len(aps), pairs


@pytest.mark.parametrize("protocol", [AICITY, MARKET], ids=["aicity", "market"])
def test_slices_are_those_of_the_definition(protocol: Protocol) -> None:
    city = City(protocol)
    found = city.slices()
    (ours, theirs), everything = city.traits, np.ones((Q, G), dtype=np.bool_)
    apart = np.empty((Q, G))
    for q in range(Q):
        for g in range(G):
            turn = abs(ours.angles[q] - theirs.angles[g])
            apart[q, g] = min(turn, 360 - turn)
    scenes = (ours.scenes[:, None] != UNKNOWN) & (theirs.scenes[None] != UNKNOWN)
    small = ours.areas <= np.sort(ours.areas)[Q // 3]
    expected = {
        ("", "all"): everything,
        ("orientation", "same (to 45°)"): apart <= 45,
        ("orientation", "across"): (apart > 45) & (apart < 135),
        ("orientation", "opposite (from 135°)"): apart >= 135,
        ("scene", "across scenes"): scenes & (ours.scenes[:, None] != theirs.scenes[None]),
        ("scene", "same scene"): scenes & (ours.scenes[:, None] == theirs.scenes[None]),
        ("light", "both at night"): (ours.nights[:, None] == 1) & (theirs.nights[None] == 1),
        ("light", "both by day"): (ours.nights[:, None] == 0) & (theirs.nights[None] == 0),
        ("look-alikes", "vehicle without"): everything & (ours.lookalikes == 0)[:, None],
    }
    for key, keep in expected.items():
        score, first, num_query, num_pairs = city.by_hand(keep)
        one = found[key]
        assert one.scores.headline == pytest.approx(score), key
        assert one.scores.rank(1) == pytest.approx(first), key
        assert (one.scores.num_query - one.scores.num_skipped, one.num_pairs) == (
            num_query,
            num_pairs,
        )
        assert one.interval.mean == pytest.approx(score)
        assert one.interval.low <= score <= one.interval.high
    sizes = [one for (trait, _), one in found.items() if trait.startswith("resolution")]
    assert [one.name.split()[0] for one in sizes] == ["small", "medium", "large"]
    assert sum(one.num_pairs for one in sizes) == found["", "all"].num_pairs
    assert sizes[0].num_pairs == pytest.approx(city.by_hand(everything & small[:, None])[3], abs=9)


def test_mixed_light_is_either_way_round() -> None:
    city = City(AICITY)
    ours, theirs = (one.nights for one in city.traits)
    mixed = (ours[:, None] != theirs[None]) & (ours >= 0)[:, None] & (theirs >= 0)[None]
    assert city.slices()["light", "one at night"].num_pairs == city.by_hand(mixed)[3]


def test_what_is_not_known_has_no_slices() -> None:
    city = City(AICITY)
    city.traits = Traits.unknown(Q), Traits.unknown(G)
    assert list(city.slices()) == [("", "all")]
    equal = replace(Traits.unknown(Q), areas=np.full(Q, 64, dtype=np.int64))
    city.traits = equal, Traits.unknown(G)
    assert list(city.slices()) == [("", "all")]


def test_traits_of_other_images_are_refused() -> None:
    city = City(AICITY)
    city.traits = Traits.unknown(Q - 1), Traits.unknown(G)
    with pytest.raises(DataError, match="for the traits of 69 queries and 90 gallery images"):
        city.slices()
    with pytest.raises(DataError, match="unlike shapes"):
        replace(Traits.unknown(3), nights=np.zeros(2, dtype=np.int64))
