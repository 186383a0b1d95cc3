from pathlib import Path

import numpy as np
import pytest

from vreid.errors import DataError
from vreid.features import Features, check_names, concatenate


def make(num: int = 3, dim: int = 4, *, prefix: str = "q", seed: int = 0) -> Features:
    generator = np.random.default_rng(seed)
    return Features(
        names=tuple(f"{prefix}/{idx}.jpg" for idx in range(num)),
        feats=generator.standard_normal((num, dim)).astype(np.float32),
        pids=np.arange(num, dtype=np.int64),
        camids=np.full(num, 2, dtype=np.int64),
        trackids=np.full(num, -1, dtype=np.int64),
        meta={"model": prefix, "schema": 1},
    )


def test_saving_and_loading_is_bit_exact(tmp_path: Path) -> None:
    features = make()
    loaded = Features.load(features.save(tmp_path / "runs" / "query.npz"))
    assert loaded.names == features.names
    assert loaded.meta == features.meta
    for key in ("feats", "pids", "camids", "trackids"):
        one, other = getattr(loaded, key), getattr(features, key)
        assert one.dtype == other.dtype
        assert one.tobytes() == other.tobytes()


def test_no_images_can_be_saved_too(tmp_path: Path) -> None:
    assert len(Features.load(make(0).save(tmp_path / "empty.npz"))) == 0


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"feats": np.zeros((2, 4), np.float32)}, r"shape \(2, 4\) for 3 names"),
        ({"feats": np.zeros(3, np.float32)}, r"shape \(3,\) for 3 names"),
        ({"feats": np.zeros((3, 4))}, "features are float64; expected float32"),
        ({"pids": np.zeros(3, np.int32)}, "pids is int32 of shape"),
        ({"camids": np.zeros(2, np.int64)}, r"camids is int64 of shape \(2,\); expected int64"),
        ({"trackids": np.zeros((3, 1), np.int64)}, "trackids is int64 of shape"),
        ({"names": ("a", "b", "a")}, "the name a occurs again at row 2"),
    ],
)
def test_parts_that_do_not_fit_are_refused(change: dict[str, object], message: str) -> None:
    good = make()
    parts = {key: getattr(good, key) for key in ("names", "feats", "pids", "camids", "trackids")}
    with pytest.raises(DataError, match=message):
        Features(**{**parts, **change})


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_numbers_that_are_not_finite_are_refused_with_their_image(value: float) -> None:
    good = make()
    feats = good.feats.copy()
    feats[1, 2] = value
    with pytest.raises(DataError, match=r"features of q/1.jpg \(row 1\) hold NaN or infinity"):
        Features(good.names, feats, good.pids, good.camids, good.trackids)


def test_files_that_are_no_features_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent.npz: no such file; run the extract stage"):
        Features.load(tmp_path / "absent.npz")
    data = make().save(tmp_path / "good.npz").read_bytes()
    np.savez(tmp_path / "other.npz", x=np.zeros(3))
    (tmp_path / "half.npz").write_bytes(data[: len(data) // 2])
    (tmp_path / "text.npz").write_bytes(b"hello")
    (tmp_path / "empty.npz").write_bytes(b"")
    for name in ("other", "half", "text", "empty"):
        with pytest.raises(DataError, match=f"{name}.npz: not a features file"):
            Features.load(tmp_path / f"{name}.npz")


def test_pickled_arrays_are_never_loaded(tmp_path: Path) -> None:
    good = make()
    np.savez(
        tmp_path / "pickled.npz",
        names=np.array(["a", None, "c"], dtype=object),
        feats=good.feats,
        pids=good.pids,
        camids=good.camids,
        trackids=good.trackids,
        meta=np.array('{"schema": 1}'),
    )
    with pytest.raises(DataError, match=r"pickled.npz: not a features file"):
        Features.load(tmp_path / "pickled.npz")


def test_another_schema_is_refused(tmp_path: Path) -> None:
    good = make()
    newer = Features(good.names, good.feats, good.pids, good.camids, good.trackids, {"schema": 2})
    with pytest.raises(DataError, match="schema version 2, this program reads 1"):
        Features.load(newer.save(tmp_path / "newer.npz"))


def test_a_file_whose_parts_do_not_fit_is_named(tmp_path: Path) -> None:
    good = make()
    np.savez(
        tmp_path / "short.npz",
        names=np.array(good.names),
        feats=good.feats[:2],
        pids=good.pids,
        camids=good.camids,
        trackids=good.trackids,
        meta=np.array('{"schema": 1}'),
    )
    with pytest.raises(DataError, match=r"short.npz: features have shape \(2, 4\) for 3 names"):
        Features.load(tmp_path / "short.npz")


def test_concatenation_stacks_query_on_gallery() -> None:
    query, gallery = make(2, prefix="q"), make(3, prefix="g", seed=1)
    both = concatenate(query, gallery)
    assert both.names == query.names + gallery.names
    np.testing.assert_array_equal(both.feats, np.vstack([query.feats, gallery.feats]))
    assert both.pids.tolist() == [0, 1, 0, 1, 2]
    assert both.meta == query.meta


def test_sets_that_do_not_go_together_are_refused() -> None:
    with pytest.raises(DataError, match="query features have 4 columns, gallery features 5"):
        concatenate(make(2), make(2, 5, prefix="g"))
    with pytest.raises(DataError, match=r"the name q/0.jpg occurs again at row 2"):
        concatenate(make(2), make(2))


def test_names_are_checked() -> None:
    check_names([], "here")
    check_names(["a", "b"], "here")
    with pytest.raises(DataError, match="here: the name b occurs again at row 3"):
        check_names(["a", "b", "c", "b"], "here")
