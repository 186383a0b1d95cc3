"""Feature files with weights: the sets whose squared distances are added up before re-ranking."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from vreid.errors import ConfigError, DataError
from vreid.features import Features, concatenate
from vreid.neighbours import FeatureSet


@dataclass(frozen=True)
class Weighted:
    """Two files of features and the weight of their squared distances."""

    query: Path
    gallery: Path
    weight: float = 1.0


def load(given: Sequence[Weighted]) -> tuple[Features, Features, list[FeatureSet]]:
    """Queries and gallery of the first files, and all sets whose weight is not 0.

    Raises:
        ConfigError: When no set is left.
        DataError: For files that cannot be used, or that do not hold the same images.
    """
    sets: list[FeatureSet] = []
    first: tuple[Features, Features] | None = None
    for one in given:
        pair = Features.load(one.query), Features.load(one.gallery)
        concatenate(*pair)  # refuses widths that differ and names that occur in both
        if first is None:
            first = pair
        for ours, theirs, path in zip(first, pair, (one.query, one.gallery), strict=True):
            _check_same(ours.names, theirs.names, path, given[0])
        if one.weight != 0:
            sets.append(FeatureSet(pair[0].feats, pair[1].feats, one.weight))
    if first is None or not sets:
        raise ConfigError("there is nothing to re-rank; give features with a weight that is not 0")
    return *first, sets


def _check_same(ours: Sequence[str], theirs: Sequence[str], path: Path, first: Weighted) -> None:
    for row, (left, right) in enumerate(zip(ours, theirs, strict=False)):
        if left != right:
            raise DataError(
                f"cannot fuse {first.query} with {path}: row {row} is {left} and {right}; both"
                " have to be extracted from the same images"
            )
    if len(ours) != len(theirs):
        raise DataError(
            f"cannot fuse {first.query} with {path}: {len(ours)} and {len(theirs)} rows"
        )
