"""The verbs of the room on small files: what they write, and what they say when they cannot."""

import dataclasses
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import ensemble.distance
import ensemble.fuse
import ensemble.mean
import ensemble.rerank
from vreid.distance import DistMat, distance
from vreid.errors import ConfigError, DataError
from vreid.features import Features
from vreid.files import hash_file
from vreid.rerank import k_reciprocal
from vreid.rerank.variants import VARIANTS

ROOT = Path(__file__).parents[2]
NUM_QUERY, NUM_GALLERY = 4, 9
PARTS = ("query", "gallery")


def save_features(folder: Path, seed: int) -> tuple[Path, Path]:
    """Random query and gallery features in a folder of their own."""
    rng = np.random.default_rng(seed)
    paths = []
    for part, num in zip(PARTS, (NUM_QUERY, NUM_GALLERY), strict=True):
        unknown = np.full(num, -1, dtype=np.int64)
        feats = Features(
            names=tuple(f"image_{part}/{idx + 1:06}.jpg" for idx in range(num)),
            feats=rng.normal(size=(num, 5)).astype(np.float32),
            pids=unknown,
            camids=unknown,
            trackids=unknown,
            meta={"model": f"model {seed}"},
        )
        paths.append(feats.save(folder / f"{seed}" / f"{part}.npz"))
    return paths[0], paths[1]


def square(folder: Path, seed: int) -> Path:
    query, gallery = save_features(folder, seed)
    return ensemble.distance.main(query, gallery, out=folder / f"{seed}.npy", square=True)


def test_the_chain_from_features_to_the_mean(tmp_path: Path) -> None:
    vehicle, orientation, camera = (square(tmp_path, seed) for seed in range(3))
    fused = tmp_path / "fused.npy"
    words = ["--minus", str(orientation), "0.1", "--minus", str(camera), "0.2"]
    ensemble.fuse.command([str(vehicle), *words, "--out", str(fused)])
    parts = [DistMat.load(path) for path in (vehicle, orientation, camera)]
    expected = parts[0].dist - 0.1 * parts[1].dist - 0.2 * parts[2].dist
    np.testing.assert_allclose(DistMat.load(fused).dist, expected, atol=1e-6)

    reranked = tmp_path / "reranked.npy"
    words = ["--k1", "3", "--k2", "2", "--lambda", "0.4"]
    ensemble.rerank.command([str(fused), *words, "--out", str(reranked)])
    mat = DistMat.load(reranked)
    again = k_reciprocal(dist=DistMat.load(fused), k1=3, k2=2, lambda_=0.4)
    np.testing.assert_array_equal(mat.dist, again)
    assert mat.rows == parts[0].rows[:NUM_QUERY]
    assert mat.cols == parts[0].cols[NUM_QUERY:]
    assert mat.sources["rerank"] == {"k1": 3, "k2": 2, "lambda": 0.4, "variant": "exact"}
    assert mat.sources["of"]["sources"]["fused"][1]["weight"] == -0.1

    mean = tmp_path / "mean.npy"
    ensemble.mean.command([str(reranked), str(reranked), "--out", str(mean)])
    np.testing.assert_array_equal(DistMat.load(mean).dist, mat.dist)


def test_features_are_fused_and_re_ranked_without_square_distances(tmp_path: Path) -> None:
    squares = [square(tmp_path, seed) for seed in range(3)]
    fused = ensemble.fuse.main(
        squares[0], [(squares[1], -0.1), (squares[2], 0.2)], out=tmp_path / "fused.npy"
    )
    expected = k_reciprocal(dist=DistMat.load(fused), k1=3, k2=2, lambda_=0.4)

    parts = [[str(tmp_path / f"{seed}" / f"{part}.npz") for part in PARTS] for seed in range(3)]
    out = tmp_path / "reranked.npy"
    words = ["--minus", *parts[1], "0.1", "--plus", *parts[2], "0.2", "--k1", "3", "--k2", "2"]
    ensemble.rerank.command([*parts[0], *words, "--lambda", "0.4", "--out", str(out)])
    mat = DistMat.load(out)
    np.testing.assert_allclose(mat.dist, expected, atol=1e-5)
    assert [one["weight"] for one in mat.sources["of"]] == [1.0, 0.2, -0.1]
    assert mat.sources["of"][2]["files"][parts[1][0]] == hash_file(Path(parts[1][0]))
    assert mat.rows == DistMat.load(fused).query_gallery().rows


@pytest.mark.parametrize("variant", VARIANTS)
def test_variants_are_named(tmp_path: Path, variant: str) -> None:
    query, gallery = save_features(tmp_path, 0)
    out = tmp_path / "x.npy"
    words = ["--variant", variant, "--k1", "3", "--k2", "2", "--out", str(out)]
    ensemble.rerank.command([str(query), str(gallery), *words])
    mat = DistMat.load(out)
    assert mat.dist.shape == (NUM_QUERY, NUM_GALLERY)
    assert mat.sources["rerank"]["variant"] == variant


def test_re_ranking_refuses_what_does_not_belong_together(tmp_path: Path) -> None:
    query, gallery = save_features(tmp_path, 0)
    other = Features.load(save_features(tmp_path, 1)[0])
    names = (other.names[1], other.names[0], *other.names[2:])
    turned = dataclasses.replace(other, names=names).save(tmp_path / "turned.npz")
    out = ["--out", str(tmp_path / "x.npy")]
    pair = [str(query), str(gallery)]
    with pytest.raises(DataError, match=r"query\.npz with .*turned\.npz: row 0 is image_query"):
        ensemble.rerank.command([*pair, "--minus", str(turned), str(gallery), "0.1", *out])
    with pytest.raises(ConfigError, match="is 'much'; expected a number"):
        ensemble.rerank.command([*pair, "--minus", *pair, "much", *out])
    with pytest.raises(ConfigError, match="features come in two files"):
        ensemble.rerank.command([str(query), *out])
    with pytest.raises(ConfigError, match=r"memory budget is 0\.001 GiB; .* needs at least"):
        ensemble.rerank.command([*pair, "--memory", "0.001", *out])
    with pytest.raises(ConfigError, match="re-ranks one set of features, not 2"):
        ensemble.rerank.command([*pair, "--minus", *pair, "1", "--variant", "gnn", *out])
    with pytest.raises(ConfigError, match="the variant half re-ranks features"):
        ensemble.rerank.main(square(tmp_path, 0), out=tmp_path / "x.npy", variant="half")
    assert not (tmp_path / "x.npy").exists()


def test_distance_records_the_features_it_was_made_of(tmp_path: Path) -> None:
    query, gallery = save_features(tmp_path, 0)
    out = tmp_path / "d.npy"
    words = ["--metric", "cosine", "--out", str(out)]
    ensemble.distance.command([str(query), str(gallery), *words])
    mat = DistMat.load(out)
    expected = distance(Features.load(query), Features.load(gallery), metric="cosine")
    np.testing.assert_array_equal(mat.dist, expected.dist)
    assert not mat.square
    assert mat.sources["files"][query.as_posix()] == hash_file(query)
    assert mat.sources["features"]["model"] == "model 0"


def test_plus_adds(tmp_path: Path) -> None:
    first, second = square(tmp_path, 0), square(tmp_path, 1)
    out = tmp_path / "sum.npy"
    ensemble.fuse.command([str(first), "--plus", str(second), "0.5", "--out", str(out)])
    expected = DistMat.load(first).dist + 0.5 * DistMat.load(second).dist
    np.testing.assert_allclose(DistMat.load(out).dist, expected, atol=1e-6)


def test_a_result_may_replace_its_input(tmp_path: Path) -> None:
    path = square(tmp_path, 0)
    before = np.array(DistMat.load(path).dist)
    ensemble.mean.main([path, path], out=path)
    np.testing.assert_array_equal(DistMat.load(path).dist, before)


def test_other_orders_are_refused(tmp_path: Path) -> None:
    first = square(tmp_path, 0)
    mat = DistMat.load(first)
    names = (*mat.rows[:-2], mat.rows[-1], mat.rows[-2])
    other = DistMat(mat.dist, names, names, NUM_QUERY).save(tmp_path / "other.npy")
    for verb in (
        lambda: ensemble.mean.main([first, other], out=tmp_path / "x.npy"),
        lambda: ensemble.fuse.main(first, [(other, -0.1)], out=tmp_path / "x.npy"),
    ):
        with pytest.raises(DataError, match=r"cannot fuse .*0.npy with .*other.npy: "):
            verb()
    assert not (tmp_path / "x.npy").exists()


def test_what_cannot_be_used_is_said(tmp_path: Path) -> None:
    query, gallery = save_features(tmp_path, 0)
    flat = ensemble.distance.main(query, gallery, out=tmp_path / "flat.npy")
    with pytest.raises(
        DataError, match=r"all images: give the features, QUERY.npz GALLERY.npz, or"
    ):
        ensemble.rerank.main(flat, out=tmp_path / "x.npy")
    with pytest.raises(ConfigError, match=r"written as \.npy with a \.json beside; add .npy"):
        ensemble.mean.main([flat], out=tmp_path / "x.json")
    with pytest.raises(ConfigError, match=r"the weight of o\.npy is 'much'; expected a number"):
        ensemble.fuse.command([str(flat), "--minus", "o.npy", "much", "--out", "x.npy"])
    with pytest.raises(DataError, match=r"missing\.json: no such file"):
        ensemble.mean.main([flat, tmp_path / "missing.npy"], out=tmp_path / "x.npy")


def test_commands_print_one_line_and_exit_with_2(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ensemble.rerank", "none.npy", "--out", str(tmp_path / "x.npy")],
        cwd=ROOT,
        env={"PYTHONPATH": str(ROOT / "lib")},
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "error: none.json: no such file\n"
