"""Sums from file to file: bit for bit those in memory, names and errors included."""

import json
from pathlib import Path

import numpy as np
import pytest

import ensemble.fuse
import ensemble.mean
from ensemble.streamed import average_files, fuse_files
from vreid.distance import DistMat
from vreid.errors import ConfigError, DataError
from vreid.features import FloatArray
from vreid.fusion import mean, weighted_sum


def make(seed: int, *, num_rows: int = 41, num_cols: int = 7001) -> DistMat:
    dist = np.random.default_rng(seed).random((num_rows, num_cols)).astype(np.float32)
    rows = tuple(f"q{row}" for row in range(num_rows))
    cols = tuple(f"g{col}" for col in range(num_cols))
    return DistMat(dist, rows, cols, kind="rerank", sources={"seed": seed})


def save(folder: Path, num: int) -> list[Path]:
    return [make(seed).save(folder / f"{seed}.npy") for seed in range(num)]


def spoil(path: Path, row: int, col: int, value: float) -> None:
    """Put a number into a file behind the back of `DistMat`, which would refuse it."""
    dist: FloatArray = np.load(path, mmap_mode="r+")
    dist[row, col] = value
    dist.flush()  # type: ignore[attr-defined]


def test_files_give_what_matrices_give(tmp_path: Path) -> None:
    paths = save(tmp_path, 3)
    mats = [DistMat.load(path) for path in paths]
    labels = [path.as_posix() for path in paths]
    for weights in ([1.0, 1.0, 1.0], [1.0, -0.1, 0.0], [0.5, 2.0, -0.25], [0.0, 0.0, 0.0]):
        expected = weighted_sum(mats, weights, labels=labels)
        fused = fuse_files(paths, weights, out=tmp_path / "out.npy")
        assert fused.dist.tobytes() == expected.dist.tobytes()
        assert (fused.rows, fused.cols, fused.kind) == (expected.rows, expected.cols, "fused")
        assert fused.sources == expected.sources
    averaged = average_files(paths, out=tmp_path / "mean.npy")
    assert averaged.dist.tobytes() == mean(mats, labels).dist.tobytes()
    assert averaged.kind == "mean"


def test_the_files_are_those_that_a_matrix_saves(tmp_path: Path) -> None:
    names = tuple("abcde")
    dist = np.random.default_rng(0).random((5, 5)).astype(np.float32)
    square = DistMat(dist, names, names, num_query=2).save(tmp_path / "s.npy")
    flat = make(1, num_cols=9).save(tmp_path / "f.npy")
    for path in (square, flat):
        fuse_files([path], [2.0], out=tmp_path / "streamed.npy")
        label = [path.as_posix()]
        weighted_sum([DistMat.load(path)], [2.0], labels=label).save(tmp_path / "saved.npy")
        for suffix in (".npy", ".json"):
            streamed = (tmp_path / "streamed").with_suffix(suffix).read_bytes()
            assert streamed == (tmp_path / "saved").with_suffix(suffix).read_bytes()


def test_the_verbs_write_the_sums(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    paths = save(tmp_path, 2)
    words = [str(paths[0]), "--minus", str(paths[1]), "0.25", "--out", str(tmp_path / "f.npy")]
    ensemble.fuse.command(words)
    assert "f.npy (fused, 41 queries x 7001 gallery images)" in capsys.readouterr().out
    a, b = (np.load(path) for path in paths)
    assert np.load(tmp_path / "f.npy").tobytes() == (a + np.float32(-0.25) * b).tobytes()
    ensemble.mean.command([*map(str, paths), "--out", str(tmp_path / "m.npy")])
    assert np.load(tmp_path / "m.npy").tobytes() == ((a + b) / np.float32(2)).tobytes()


def test_the_result_may_replace_a_summand(tmp_path: Path) -> None:
    first, second = save(tmp_path, 2)
    expected = np.load(first) + np.load(second)
    fuse_files([first, second], [1, 1], out=first)
    np.testing.assert_array_equal(DistMat.load(first).dist, expected)


def test_matrices_that_lie_columns_first_are_read(tmp_path: Path) -> None:
    path = save(tmp_path, 1)[0]
    dist = np.load(path)
    np.save(path, np.asfortranarray(dist))
    np.testing.assert_array_equal(fuse_files([path], [1], out=tmp_path / "o.npy").dist, dist)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_values_that_are_not_finite_are_named(tmp_path: Path, value: float) -> None:
    paths = save(tmp_path, 3)
    spoil(paths[1], 23, 5000, value)
    message = r"1\.npy: distances of q23 \(row 23\) hold NaN or infinity"
    for weight in (1.0, -0.1):
        with pytest.raises(DataError, match=message):
            fuse_files(paths, [1, weight, 1], out=tmp_path / "out.npy")
    assert sorted(path.name for path in tmp_path.glob("*out*")) == []
    fuse_files(paths, [1, 0, 1], out=tmp_path / "out.npy")  # a file of weight 0 is not read


def test_the_first_row_at_fault_is_named_whichever_thread_met_it(tmp_path: Path) -> None:
    paths = save(tmp_path, 2)
    spoil(paths[0], 40, 0, np.nan)
    spoil(paths[1], 2, 0, np.nan)
    for _ in range(5):
        with pytest.raises(DataError, match=r"1\.npy: distances of q2 "):
            fuse_files(paths, [1, 1], out=tmp_path / "out.npy")


def test_a_failure_leaves_the_last_good_file(tmp_path: Path) -> None:
    paths = save(tmp_path, 2)
    out = tmp_path / "out.npy"
    fuse_files(paths, [1, 1], out=out)
    before = [out.read_bytes(), out.with_suffix(".json").read_bytes()]
    spoil(paths[1], 1, 1, np.nan)
    with pytest.raises(DataError):
        fuse_files(paths, [1, 2], out=out)
    assert [out.read_bytes(), out.with_suffix(".json").read_bytes()] == before


def test_names_that_are_written_otherwise_are_compared_as_names(tmp_path: Path) -> None:
    paths = save(tmp_path, 3)
    expected = fuse_files(paths, [1, 2, 3], out=tmp_path / "a.npy")
    for path in paths[:2]:  # in one line: the first one, and one that differs from it in its bytes
        axes = path.with_suffix(".json")
        axes.write_text(json.dumps(json.loads(axes.read_text())))
        again = fuse_files(paths, [1, 2, 3], out=tmp_path / "b.npy")
        assert again.dist.tobytes() == expected.dist.tobytes()
        assert (again.rows, again.sources) == (expected.rows, expected.sources)


def test_files_of_the_same_names_are_still_checked(tmp_path: Path) -> None:
    paths = save(tmp_path, 2)
    dist, out = np.load(paths[1]), tmp_path / "out.npy"
    np.save(paths[1], dist.astype(np.float64))
    with pytest.raises(DataError, match=r"1\.npy: distances are float64; expected float32"):
        fuse_files(paths, [1, 1], out=out)
    np.save(paths[1], dist[:-1])
    with pytest.raises(DataError, match=r"1\.npy: distances have shape \(40, 7001\)"):
        fuse_files(paths, [1, 1], out=out)
    paths[1].unlink()
    with pytest.raises(DataError, match=r"1\.npy: no such file"):
        fuse_files(paths, [1, 1], out=out)
    paths[1].with_suffix(".json").unlink()
    with pytest.raises(DataError, match=r"1\.json: no such file"):
        fuse_files(paths, [1, 1], out=out)


def test_square_and_flat_files_do_not_mix(tmp_path: Path) -> None:
    names = tuple("abcd")
    dist = np.ones((4, 4), dtype=np.float32)
    square = DistMat(dist, names, names, num_query=1).save(tmp_path / "s.npy")
    other = DistMat(dist, names, names, num_query=2).save(tmp_path / "o.npy")
    flat = DistMat(dist, names, names).save(tmp_path / "f.npy")
    for path in (other, flat):
        with pytest.raises(DataError, match=r"one is square \(queries 1\), the other"):
            fuse_files([square, path], [1, 1], out=tmp_path / "out.npy")


def test_what_cannot_be_used_is_said(tmp_path: Path) -> None:
    paths = save(tmp_path, 2)
    out = tmp_path / "out.npy"
    with pytest.raises(ConfigError, match="nothing to fuse"):
        fuse_files([], [], out=out)
    with pytest.raises(ConfigError, match=r"the weight of .*1\.npy is nan"):
        fuse_files(paths, [1, float("nan")], out=out)
    axes = json.loads(paths[1].with_suffix(".json").read_text())
    axes["cols"][17], axes["cols"][18] = axes["cols"][18], axes["cols"][17]
    paths[1].with_suffix(".json").write_text(json.dumps(axes))
    with pytest.raises(DataError, match="gallery differs at column 17: g17 and g18"):
        average_files(paths, out=out)
    paths[0].write_bytes(paths[0].read_bytes()[:-4000])
    with pytest.raises(DataError, match=r"0\.npy: "):
        fuse_files(paths[:1], [1], out=out)
    assert not out.exists()
