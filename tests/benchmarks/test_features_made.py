from dataclasses import replace

import numpy as np
import pytest

from benchmarks import features_made
from benchmarks.features_made import SIZES, find_size, make_features, mean_average_precision
from vreid.errors import ConfigError

SMALL = find_size("900")


def test_sizes_are_those_of_the_data_sets() -> None:
    counts = {name: (size.num_query, size.num_gallery) for name, size in SIZES.items()}
    assert counts == {
        "veri776": (1678, 11579),
        "cityflowv2": (1103, 31238),
        "veri-wild-small": (3000, 38861),
        "veri-wild-medium": (5000, 64389),
        "veri-wild-large": (10000, 128517),
    }
    assert SIZES["veri-wild-large"].num_all == 138517


def test_a_number_is_a_size() -> None:
    assert (SMALL.num_query, SMALL.num_gallery, SMALL.num_ids) == (90, 810, 30)
    assert find_size("32000").num_query == 1000  # results grow in proportion to N


def test_an_unknown_size_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"size 'veri': expected a number .* or one of veri776"):
        find_size("veri")


def test_same_seed_same_features() -> None:
    one, two = (make_features(SMALL, dim=64) for _ in range(2))
    assert np.array_equal(one.query, two.query)
    assert np.array_equal(one.gallery, two.gallery)
    assert not np.array_equal(one.query, make_features(SMALL, dim=64, seed=1).query)


def test_rows_have_length_one_and_types() -> None:
    made = make_features(SMALL, dim=64, offset=True)
    assert made.query.dtype == made.gallery.dtype == np.float32
    assert made.query.shape == (90, 64)
    assert np.allclose(np.linalg.norm(made.gallery, axis=1), 1, atol=1e-6)
    assert made.query_pids.dtype == made.gallery_camids.dtype == np.int64
    assert set(made.query_pids) <= set(made.gallery_pids)
    lengths = np.linalg.norm(make_features(SMALL, dim=64, normalized=False).gallery, axis=1)
    assert lengths.std() > 0.05


def test_retrieval_is_neither_solved_nor_hopeless() -> None:
    made = make_features(SMALL, dim=512)
    assert 0.4 < mean_average_precision(made) < 0.9


@pytest.mark.parametrize(("offset", "low", "high"), [(False, -0.1, 0.1), (True, 0.75, 0.85)])
def test_the_offset_sets_the_mean_cosine(offset: bool, low: float, high: float) -> None:
    made = make_features(SMALL, dim=512, offset=offset)
    assert low < float(np.mean(made.query @ made.gallery.T)) < high


def test_images_of_one_camera_are_nearer() -> None:
    made = make_features(SMALL, dim=512)
    sim = made.query @ made.gallery.T
    others = made.query_pids[:, None] != made.gallery_pids
    same = made.query_camids[:, None] == made.gallery_camids
    assert sim[others & same].mean() > sim[others & ~same].mean() + 0.1


def test_blocks_follow_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(features_made, "BLOCK", 100)
    made = make_features(replace(SMALL, num_gallery=250), dim=16)
    assert np.isfinite(made.gallery).all()
    assert len({row.tobytes() for row in made.gallery}) == 250


def test_mean_average_precision_by_hand() -> None:
    made = make_features(find_size("10"), dim=4)
    line = np.array([[1, 0], [0.9, 0.1], [0.5, 0.5], [0, 1]], dtype=np.float32)
    small = replace(
        made,
        query=line[:1],
        gallery=line[1:],
        query_pids=np.array([7]),
        gallery_pids=np.array([7, 1, 7]),
    )
    assert mean_average_precision(small) == pytest.approx((1 / 1 + 2 / 3) / 2)
