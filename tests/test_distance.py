import json
from pathlib import Path

import numpy as np
import pytest

from vreid.distance import (
    DistMat,
    Metric,
    check_same_axes,
    distance,
    normalize,
    pairwise,
    top_k,
    write_distance,
)
from vreid.errors import DataError
from vreid.features import Features, FloatArray


def make(num: int, prefix: str, seed: int, dim: int = 5) -> Features:
    generator = np.random.default_rng(seed)
    unknown = np.full(num, -1, dtype=np.int64)
    return Features(
        names=tuple(f"{prefix}/{idx}.jpg" for idx in range(num)),
        feats=generator.standard_normal((num, dim)).astype(np.float32),
        pids=unknown,
        camids=unknown,
        trackids=unknown,
        meta={"model": "tiny"},
    )


def slow(x: FloatArray, y: FloatArray, metric: Metric) -> float:
    """One distance by its definition, in double precision."""
    a, b = x.astype(np.float64), y.astype(np.float64)
    if metric == "cosine":
        lengths = np.linalg.norm(a) * np.linalg.norm(b)
        return float(1 - a @ b / lengths) if lengths else 1.0
    squared = float(((a - b) ** 2).sum())
    return squared if metric == "sqeuclidean" else squared**0.5


@pytest.mark.parametrize("metric", ["sqeuclidean", "euclidean", "cosine"])
def test_distances_are_those_of_the_definition(metric: Metric) -> None:
    a, b = make(6, "a", 0).feats, make(9, "b", 1).feats
    a[2] = 0
    b[3] = 0
    wanted = [[slow(x, y, metric) for y in b] for x in a]
    dist = pairwise(a, b, metric=metric)
    assert dist.dtype == np.float32
    np.testing.assert_allclose(dist, wanted, atol=2e-6)


@pytest.mark.parametrize("metric", ["sqeuclidean", "euclidean", "cosine"])
def test_distances_can_be_written_to_a_given_place(metric: Metric, tmp_path: Path) -> None:
    a, b = make(6, "a", 0).feats, make(9, "b", 1).feats
    wanted = pairwise(a, b, metric=metric)
    mapped = np.lib.format.open_memmap(tmp_path / "d.npy", "w+", np.float32, (6, 9))
    for out in (np.full((6, 9), np.nan, np.float32), np.zeros((9, 6), np.float32).T, mapped):
        assert pairwise(a, b, metric=metric, out=out) is out
        np.testing.assert_array_equal(out, wanted)
    mapped.flush()
    np.testing.assert_array_equal(np.load(tmp_path / "d.npy"), wanted)


def test_rows_that_cannot_be_compared_are_refused() -> None:
    a = make(6, "a", 0).feats
    with pytest.raises(DataError, match=r"cannot compare rows of shapes \(6, 5\) and \(6, 4\)"):
        pairwise(a, a[:, :4])
    with pytest.raises(DataError, match=r"cannot compare rows of shapes \(5,\) and \(6, 5\)"):
        pairwise(a[0], a)


def test_a_common_offset_costs_no_digits() -> None:
    a, b = make(6, "a", 0).feats + np.float32(500), make(9, "b", 1).feats + np.float32(500)
    wanted = [[slow(x, y, "sqeuclidean") for y in b] for x in a]
    np.testing.assert_allclose(pairwise(a, b), wanted, rtol=1e-5)


@pytest.mark.parametrize("metric", ["sqeuclidean", "euclidean", "cosine"])
def test_the_nearest_rows_are_those_of_the_matrix(metric: Metric) -> None:
    a, b = make(6, "a", 0).feats, make(40, "b", 1).feats
    b[20:30] = b[3]
    wanted = np.array([[slow(x, y, metric) for y in b] for x in a])
    order = np.argsort(np.round(wanted, 9), axis=1, kind="stable")
    for k in (1, 15, 40, 99):
        idx, dist = top_k(a, b, k, metric=metric)
        assert idx.dtype == np.int64
        assert dist.dtype == np.float64
        assert idx.shape == dist.shape == (6, min(k, 40))
        np.testing.assert_array_equal(idx, order[:, :k])
        near = np.take_along_axis(wanted, order, axis=1)[:, :k]
        np.testing.assert_allclose(dist, near, atol=1e-6)


@pytest.mark.parametrize("metric", ["sqeuclidean", "euclidean", "cosine"])
def test_the_nearest_rows_of_and_among_zero_rows(metric: Metric) -> None:
    a, b = make(6, "a", 0).feats, make(9, "b", 1).feats
    a[2], b[3], b[5] = 0, 0, 0
    idx, dist = top_k(a, b, 9, metric=metric)
    wanted = np.array([[slow(x, y, metric) for y in b] for x in a])
    np.testing.assert_allclose(dist, np.sort(wanted, axis=1), atol=1e-6)
    np.testing.assert_allclose(dist, np.take_along_axis(wanted, idx, axis=1), atol=1e-6)


def test_distances_are_never_negative_and_inputs_stay_as_they_were() -> None:
    feats = make(20, "a", 2).feats * 100
    before = feats.copy()
    for metric in ("sqeuclidean", "euclidean"):
        dist = pairwise(feats, feats, metric=metric)
        assert dist.min() >= 0
        assert np.isfinite(dist).all()
    np.testing.assert_array_equal(feats, before)


def test_normalised_rows_have_length_one_and_zero_rows_stay_zero() -> None:
    feats = make(4, "a", 3).feats
    feats[1] = 0
    lengths = np.linalg.norm(normalize(feats), axis=1)
    np.testing.assert_allclose(lengths, [1, 0, 1, 1], atol=1e-6)
    assert normalize(feats).dtype == np.float32


def test_a_distance_carries_the_names_of_both_sides() -> None:
    query, gallery = make(2, "q", 0), make(3, "g", 1)
    mat = distance(query, gallery, metric="cosine")
    assert (mat.rows, mat.cols, mat.kind) == (query.names, gallery.names, "cosine")
    assert mat.sources == {"features": {"model": "tiny"}}
    assert not mat.square
    assert mat.query_gallery() is mat


@pytest.mark.parametrize("metric", ["sqeuclidean", "euclidean", "cosine"])
def test_the_square_distance_holds_the_other_one(metric: Metric) -> None:
    query, gallery = make(2, "q", 0), make(3, "g", 1)
    square = distance(query, gallery, metric=metric, square=True)
    assert square.square
    assert square.num_query == 2
    assert square.dist.shape == (5, 5)
    assert (np.diag(square.dist) == 0).all()
    part, plain = square.query_gallery(), distance(query, gallery, metric=metric)
    assert (part.rows, part.cols, part.kind) == (plain.rows, plain.cols, plain.kind)
    np.testing.assert_allclose(part.dist, plain.dist, atol=1e-6)


def test_permuting_the_gallery_permutes_the_columns() -> None:
    query, gallery = make(4, "q", 0), make(6, "g", 1)
    order = np.random.default_rng(0).permutation(6)
    permuted = Features(
        tuple(gallery.names[idx] for idx in order),
        gallery.feats[order],
        gallery.pids,
        gallery.camids,
        gallery.trackids,
    )
    np.testing.assert_allclose(
        distance(query, permuted).dist, distance(query, gallery).dist[:, order], rtol=1e-6
    )


@pytest.mark.parametrize("metric", ["sqeuclidean", "euclidean", "cosine"])
@pytest.mark.parametrize("square", [True, False])
def test_a_written_distance_is_the_one_in_memory(
    tmp_path: Path, square: bool, metric: Metric
) -> None:
    query, gallery = make(4, "q", 0), make(7, "g", 1)
    wanted = distance(query, gallery, metric=metric, square=square)
    path = tmp_path / "runs" / "d.npy"
    found = write_distance(query, gallery, path, metric=metric, square=square, sources={"seed": 3})
    assert isinstance(found.dist, np.memmap)
    for mat in (found, DistMat.load(path)):
        np.testing.assert_array_equal(mat.dist, wanted.dist)
        assert (mat.rows, mat.cols, mat.num_query) == (wanted.rows, wanted.cols, wanted.num_query)
        assert mat.kind == metric
        assert mat.sources == {**wanted.sources, "seed": 3}
    assert {one.name for one in path.parent.iterdir()} == {"d.npy", "d.json"}
    assert path.read_bytes() == wanted.save(tmp_path / "other.npy").read_bytes()


def test_a_distance_that_fails_is_not_written_and_the_last_one_stays(tmp_path: Path) -> None:
    query, gallery = make(4, "q", 0), make(7, "g", 1)
    path = tmp_path / "d.npy"
    with pytest.raises(DataError, match=r"columns"):
        write_distance(query, make(7, "g", 1, dim=4), path)
    assert not list(tmp_path.iterdir())
    write_distance(query, gallery, path)
    before = path.read_bytes(), path.with_suffix(".json").read_bytes()
    with pytest.raises(TypeError):
        write_distance(query, gallery, path, sources={"not JSON": object()})
    assert (path.read_bytes(), path.with_suffix(".json").read_bytes()) == before
    assert {one.name for one in tmp_path.iterdir()} == {"d.npy", "d.json"}


def test_values_are_looked_at_unless_the_caller_does(tmp_path: Path) -> None:
    broken = np.zeros((3, 4), dtype=np.float32)
    broken[1, 2] = np.inf
    rows, cols = tuple("abc"), tuple("wxyz")
    with pytest.raises(DataError, match=r"distances of b \(row 1\) hold NaN or infinity"):
        DistMat(broken, rows, cols)
    mat = DistMat(broken, rows, cols, check_values=False)
    path = mat.save(tmp_path / "d.npy")
    with pytest.raises(DataError, match=r"distances of b \(row 1\) hold NaN or infinity"):
        DistMat.load(path)
    np.testing.assert_array_equal(DistMat.load(path, check_values=False).dist, broken)


def test_large_values_whose_sum_is_infinite_are_no_infinity() -> None:
    large = np.full((3, 4), 3e38, dtype=np.float32)
    assert DistMat(large, tuple("abc"), tuple("wxyz")).dist.max() < np.inf


def test_a_row_late_in_a_large_matrix_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("vreid.distance.matrix._BLOCK_VALUES", 8)
    broken = np.zeros((9, 4), dtype=np.float32)
    broken[7, 0] = np.nan
    with pytest.raises(DataError, match=r"distances of h \(row 7\)"):
        DistMat(broken, tuple("abcdefghi"), tuple("wxyz"))


@pytest.mark.parametrize("square", [True, False])
def test_saving_and_loading_is_bit_exact(tmp_path: Path, square: bool) -> None:
    mat = distance(make(2, "q", 0), make(3, "g", 1), square=square)
    loaded = DistMat.load(mat.save(tmp_path / "runs" / "a.npy"))
    assert loaded.dist.tobytes() == mat.dist.tobytes()
    assert (loaded.rows, loaded.cols, loaded.num_query) == (mat.rows, mat.cols, mat.num_query)
    assert (loaded.kind, loaded.sources) == (mat.kind, mat.sources)
    assert {path.name for path in (tmp_path / "runs").iterdir()} == {"a.npy", "a.json"}


def test_a_failed_save_keeps_the_last_good_pair(tmp_path: Path) -> None:
    path = distance(make(2, "q", 0), make(3, "g", 1)).save(tmp_path / "a.npy")
    before = path.read_bytes(), path.with_suffix(".json").read_bytes()
    bad = distance(make(3, "q", 2), make(3, "g", 1))
    with pytest.raises(TypeError):
        DistMat(bad.dist, bad.rows, bad.cols, sources={"not JSON": object()}).save(path)
    assert (path.read_bytes(), path.with_suffix(".json").read_bytes()) == before


@pytest.mark.parametrize(
    ("dist", "rows", "num_query", "message"),
    [
        (np.zeros((2, 2), np.float32), "abc", None, r"shape \(2, 2\) for 3 row and 3 column"),
        (np.zeros((3, 3)), "abc", None, "distances are float64; expected float32"),
        (np.zeros((3, 3), np.float32), "aba", None, "distance rows: the name a occurs again"),
        (np.zeros((3, 3), np.float32), "abd", 1, "the same names on both axes"),
        (np.zeros((3, 3), np.float32), "abc", 0, "num_query is 0 in a square distance of 3"),
        (np.zeros((3, 3), np.float32), "abc", 3, "num_query is 3 in a square distance of 3"),
        (np.full((3, 3), np.nan, np.float32), "abc", None, r"of a \(row 0\) hold NaN or infinity"),
    ],
)
def test_parts_that_do_not_fit_are_refused(
    dist: FloatArray, rows: str, num_query: int | None, message: str
) -> None:
    with pytest.raises(DataError, match=message):
        DistMat(dist, tuple(rows), tuple("abc"), num_query)


def test_files_that_are_no_distances_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent.json: no such file"):
        DistMat.load(tmp_path / "absent.npy")
    path = distance(make(2, "q", 0), make(3, "g", 1)).save(tmp_path / "a.npy")
    data, axes = path.read_bytes(), path.with_suffix(".json").read_text()
    for wrong in (data[:-4], b"hello", b""):
        path.write_bytes(wrong)
        with pytest.raises(DataError, match=r"a.npy: "):
            DistMat.load(path)
        path.write_bytes(data)
    path.with_suffix(".json").write_text(json.dumps({**json.loads(axes), "schema": 2}))
    with pytest.raises(DataError, match="not a distance file of schema 1"):
        DistMat.load(path)
    path.with_suffix(".json").write_text('{"schema": 1}')
    with pytest.raises(DataError, match=r"a.npy: 'rows'"):
        DistMat.load(path)
    path.with_suffix(".json").write_text(axes)
    path.unlink()
    with pytest.raises(DataError, match=r"a.npy: no such file; run the distance stage"):
        DistMat.load(path)


def test_a_matrix_with_another_matrixs_names_is_refused(tmp_path: Path) -> None:
    small = distance(make(2, "q", 0), make(3, "g", 1)).save(tmp_path / "small.npy")
    large = distance(make(2, "q", 0), make(4, "g", 1)).save(tmp_path / "large.npy")
    small.write_bytes(large.read_bytes())
    with pytest.raises(DataError, match=r"small.npy: distances have shape \(2, 4\) for 2 row"):
        DistMat.load(small)


def test_axes_that_differ_are_named() -> None:
    dist = np.zeros((2, 3), np.float32)
    one = DistMat(dist, ("q1", "q2"), ("g1", "g2", "g3"))
    check_same_axes([one, one], ["a.npy", "b.npy"])
    check_same_axes([one], ["a.npy"])
    swapped = DistMat(dist, ("q1", "q2"), ("g1", "g3", "g2"))
    with pytest.raises(
        DataError, match=r"cannot fuse a.npy with b.npy: gallery differs at column 1: g2 and g3"
    ):
        check_same_axes([one, swapped], ["a.npy", "b.npy"])
    other = DistMat(dist, ("q1", "q3"), ("g1", "g2", "g3"))
    with pytest.raises(DataError, match="cannot fuse a with c: query differs at row 1: q2 and q3"):
        check_same_axes([one, one, other], ["a", "b", "c"])
    longer = DistMat(np.zeros((2, 4), np.float32), ("q1", "q2"), ("g1", "g2", "g3", "g4"))
    with pytest.raises(DataError, match="gallery has 3 and 4 names"):
        check_same_axes([one, longer], ["a", "b"])


def test_square_and_plain_matrices_do_not_mix() -> None:
    query, gallery = make(2, "q", 0), make(3, "g", 1)
    plain, square = distance(query, gallery), distance(query, gallery, square=True)
    with pytest.raises(DataError, match=r"one is query x gallery, the other square \(queries 2\)"):
        check_same_axes([plain, square], ["a", "b"])
