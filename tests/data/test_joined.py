from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vreid.data.joined import (
    check_apart,
    combine_parts,
    cut_long_tail,
    describe_sets,
    join_training,
    mark_synthetic,
    synthetic_mask,
)
from vreid.data.sample import UNKNOWN, Sample, Split
from vreid.errors import DataError


def make(*rows: tuple[int, int, int], folder: str = "train", **facts: bool) -> tuple[Sample, ...]:
    """Samples of (pid, camid, trackid)."""
    return tuple(
        Sample(Path("/data") / folder / f"{idx}.jpg", f"{folder}/{idx}.jpg", *row, **facts)
        for idx, row in enumerate(rows)
    )


FIRST = make((5, 1, 0), (5, 2, 1), (9, 1, 2))
SECOND = make((5, 1, UNKNOWN), (0, 3, UNKNOWN), (5, UNKNOWN, UNKNOWN), synthetic=True)
THIRD = make((9, 1, 0), (5, 1, 1), (9, 2, 2))


def groups(values: Sequence[int], sets: Sequence[str]) -> dict[int, set[str]]:
    """Number -> the data sets that use it."""
    found: dict[int, set[str]] = defaultdict(set)
    for value, name in zip(values, sets, strict=True):
        found[value].add(name)
    return found


def test_numbers_of_different_sets_never_meet() -> None:
    samples, labels = join_training(FIRST, {"vx": SECOND, "veri": THIRD})
    sets = ["first"] * 3 + ["vx"] * 3 + ["veri"] * 3
    for key in ("pid", "camid", "trackid"):
        values = [getattr(sample, key) for sample in samples]
        for value, names in groups(values, sets).items():
            assert len(names) == 1 or value == UNKNOWN
    assert labels.dtype == np.int64
    assert labels.tolist() == [sample.pid for sample in samples]


def test_equal_numbers_of_one_set_stay_equal() -> None:
    sets = {"first": FIRST, "vx": SECOND, "veri": THIRD}
    samples, labels = join_training(FIRST, {"vx": SECOND, "veri": THIRD})
    for number, given in enumerate(sets.values()):
        joined = samples[3 * number : 3 * number + 3]
        for key in ("pid", "camid", "trackid"):
            old, new = ([getattr(sample, key) for sample in part] for part in (given, joined))
            assert [a == b for a in old for b in old] == [a == b for a in new for b in new]
            assert [value == UNKNOWN for value in old] == [value == UNKNOWN for value in new]
    assert len(set(labels.tolist())) == 6


def test_names_are_unique_and_the_rest_stays() -> None:
    samples, _ = join_training(FIRST, {"vx": SECOND})
    assert samples[:3] == FIRST
    assert [sample.name for sample in samples[3:]] == [f"vx/train/{idx}.jpg" for idx in range(3)]
    assert [sample.path for sample in samples[3:]] == [sample.path for sample in SECOND]
    assert synthetic_mask(samples).tolist() == [False] * 3 + [True] * 3


def test_one_set_is_left_alone() -> None:
    assert join_training(FIRST, {})[0] == FIRST


def test_what_cannot_be_joined_is_refused() -> None:
    with pytest.raises(DataError, match=r"extra\.vx: no training images"):
        join_training(FIRST, {"vx": ()})
    with pytest.raises(DataError, match=r"vx/train/1\.jpg: no vehicle is known"):
        join_training(FIRST, {"vx": make((1, 1, 1), (UNKNOWN, 1, 1))})
    with pytest.raises(DataError, match=r"the joined training set: image vx/a/0\.jpg is listed tw"):
        join_training(make((1, 1, 1), folder="vx/a"), {"vx": make((1, 1, 1), folder="a")})


def test_a_line_describes_each_set() -> None:
    mixed = (*FIRST, replace(SECOND[0], name="other"))
    lines = describe_sets({"cityflow": FIRST, "vx": SECOND, "mixed": mixed}).splitlines()
    assert [line.split()[0] for line in lines] == ["cityflow", "vx", "mixed"]
    assert "3 images     2 vehicles    2 cameras" in lines[0]
    assert [line.rsplit("tracks ")[1] for line in lines] == [
        "real",
        "synthetic",
        "1 of them synthetic",
    ]


def test_all_images_of_a_split_are_marked() -> None:
    split = Split("own", train=FIRST, query=SECOND, gallery=THIRD)
    for value in (True, False):
        marked = mark_synthetic(split, value)
        for part in ("train", "query", "gallery"):
            assert [sample.synthetic for sample in getattr(marked, part)] == [value] * 3


def test_combined_parts_are_trained_on_and_no_longer_searched() -> None:
    query, gallery = make((7, 1, 0), folder="query"), make((7, 2, 1), (8, 1, 2), folder="gallery")
    split = combine_parts(Split("own", train=FIRST, query=query, gallery=gallery))
    assert split.train == (*FIRST, *query, *gallery)
    assert (split.query, split.gallery) == ((), ())


def test_hidden_identities_stay_in_the_test_part() -> None:
    hidden = make((UNKNOWN, 1, 0), (UNKNOWN, 2, 1), folder="hidden")
    known = make((7, 1, 0), folder="known")
    split = Split("own", train=FIRST, query=(hidden[0], *known), gallery=(hidden[1], *known))
    combined = combine_parts(split)
    assert combined.train == (*FIRST, *known)  # in both parts by one name, and here once
    assert (combined.query, combined.gallery) == (hidden[:1], hidden[1:])
    no_query = combine_parts(Split("own", query=known, gallery=hidden))
    assert (no_query.query, no_query.gallery) == ((), ())


def test_vehicles_of_few_images_are_cut() -> None:
    samples = make((5, 1, 0), (9, 1, 1), (5, 2, 2), (3, 1, 3), (5, 1, 4), (3, 2, 5))
    for min_images, pids, num_left in ((1, {3, 5, 9}, 0), (2, {3, 5}, 1), (3, {5}, 2)):
        kept, found = cut_long_tail(samples, min_images=min_images, where="own")
        assert kept == tuple(sample for sample in samples if sample.pid in pids)
        assert found == num_left
    message = "own: no vehicle has 4 training images, the most are 3; lower min_images"
    with pytest.raises(DataError, match=message):
        cut_long_tail(samples, min_images=4, where="own")
    assert cut_long_tail((), min_images=4, where="own") == ((), 0)


def test_images_that_are_trained_on_do_not_validate() -> None:
    validation = Split("own", query=SECOND[:1], gallery=THIRD[1:2])
    check_apart(THIRD[2:], validation)
    with pytest.raises(DataError, match=r"/data/train/1\.jpg: is trained on and validated on"):
        check_apart(THIRD[1:], validation)
