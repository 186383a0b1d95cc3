"""The verbs that change features, and rank fusion, on small files."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import ensemble.debias
import ensemble.distance
import ensemble.expand
import ensemble.ranks
import ensemble.spread
import ensemble.tracks
from vreid.debias import subtract_camera_means, whiten_cameras
from vreid.distance import DistMat, normalize
from vreid.errors import ConfigError, DataError
from vreid.expand import augment_database, expand_queries, expand_queries_among_all
from vreid.features import Features
from vreid.files import hash_file
from vreid.rank_fusion import RankLists, fuse_ranks
from vreid.tracks.groups import group_tracks
from vreid.tracks.pooling import blend, pool_mean, pool_near_queries, smooth
from vreid.whitening import fit_whitening

NUM_QUERY, NUM_GALLERY, DIM = 4, 12, 5


def make(part: str, num: int, seed: int) -> Features:
    rng = np.random.default_rng(seed)
    idx = np.arange(num)
    return Features(
        names=tuple(f"image_{part}/{row:06}.jpg" for row in range(num)),
        feats=normalize(rng.normal(size=(num, DIM)).astype(np.float32)),
        pids=idx // 2,
        camids=idx % 2,
        trackids=np.where(idx % 5 == 4, -1, idx % 4),
        meta={"model": "tiny"},
    )


@pytest.fixture
def pair(tmp_path: Path) -> tuple[Path, Path]:
    query = make("query", NUM_QUERY, 0).save(tmp_path / "query.npz")
    return query, make("gallery", NUM_GALLERY, 1).save(tmp_path / "gallery.npz")


def load(folder: Path) -> tuple[Features, Features]:
    return Features.load(folder / "query.npz"), Features.load(folder / "gallery.npz")


def same_but_for_feats(new: Features, old: Features) -> bool:
    return (
        new.names == old.names
        and new.pids.tolist() == old.pids.tolist()
        and new.camids.tolist() == old.camids.tolist()
        and new.trackids.tolist() == old.trackids.tolist()
        and new.meta["model"] == old.meta["model"]
    )


def test_expand_the_database_then_the_queries(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    out = tmp_path / "expanded"
    words = ["--queries", "3", "--database", "2", "--weights", "sim", "--alpha", "2"]
    ensemble.expand.command([*map(str, pair), *words, "--out", str(out)])
    query, gallery = (Features.load(path) for path in pair)
    new_query, new_gallery = load(out)
    moved = augment_database(gallery.feats, k=2, weights="sim", alpha=2)
    np.testing.assert_array_equal(new_gallery.feats, moved)
    expected = expand_queries(query.feats, moved, k=3, weights="sim", alpha=2)
    np.testing.assert_array_equal(new_query.feats, expected)
    assert same_but_for_feats(new_query, query)
    assert same_but_for_feats(new_gallery, gallery)
    assert new_query.meta["steps"] == [
        {
            "verb": "ensemble.expand",
            "queries": 3,
            "database": 2,
            "among": "gallery",
            "weights": "sim",
            "alpha": 2.0,
            "files": {path.as_posix(): hash_file(path) for path in pair},
        }
    ]


def test_expand_among_all_and_again(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    out = ensemble.expand.main(*pair, out=tmp_path / "a", database=5, queries=5, among="all")
    query, gallery = (Features.load(path).feats for path in pair)
    both = augment_database(np.concatenate([query, gallery]), k=5)
    new_query, new_gallery = load(out)
    np.testing.assert_array_equal(new_gallery.feats, both[NUM_QUERY:])
    expected = expand_queries_among_all(both[:NUM_QUERY], both[NUM_QUERY:], k=5)
    np.testing.assert_array_equal(new_query.feats, expected)
    twice = ensemble.expand.main(out / "query.npz", out / "gallery.npz", out=out, queries=1)
    assert [step["queries"] for step in load(twice)[0].meta["steps"]] == [5, 1]


@pytest.mark.parametrize("how", ["smooth", "blend"])
def test_images_share_their_tracklet(tmp_path: Path, pair: tuple[Path, Path], how: str) -> None:
    out = tmp_path / "new.npz"
    ensemble.tracks.command([str(pair[1]), "--how", how, "--keep", "0.4", "--out", str(out)])
    new, old = Features.load(out), Features.load(pair[1])
    track_idx = group_tracks(old.trackids)
    expected = (
        smooth(old.feats, track_idx) if how == "smooth" else blend(old.feats, track_idx, keep=0.4)
    )
    np.testing.assert_array_equal(new.feats, expected)
    assert same_but_for_feats(new, old)
    assert new.meta["steps"][0]["how"] == how


def test_from_tracklets_to_image_distances(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    tracks, flat = tmp_path / "tracks.npz", tmp_path / "flat.npy"
    words = ["--how", "near", "--query", str(pair[0]), "--near", "0.9", "--unscaled"]
    ensemble.tracks.command([str(pair[1]), *words, "--out", str(tracks)])
    query, gallery = (Features.load(path) for path in pair)
    track_idx = group_tracks(gallery.trackids)
    pooled = Features.load(tracks)
    expected = pool_near_queries(query.feats, gallery.feats, track_idx, near=0.9)
    np.testing.assert_array_equal(pooled.feats, expected)
    options = {"how": "near", "renormalize": False, "near": 0.9, "eps": 0.01}
    assert options.items() <= pooled.meta["steps"][0].items()
    assert set(pooled.meta["steps"][0]["files"]) == {path.as_posix() for path in pair}

    ensemble.distance.main(pair[0], tracks, out=flat)
    out = tmp_path / "images.npy"
    ensemble.spread.command([str(flat), str(pair[1]), "--out", str(out)])
    mat, narrow = DistMat.load(out), DistMat.load(flat)
    np.testing.assert_array_equal(mat.dist, narrow.dist[:, track_idx])
    assert (mat.rows, mat.cols) == (query.names, gallery.names)
    assert mat.sources["files"][pair[1].as_posix()] == hash_file(pair[1])
    assert mat.sources["tracklets"] == narrow.sources


def test_the_mean_by_quality(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    gallery = Features.load(pair[1])
    quality = tmp_path / "quality.csv"
    weights = [float(row % 3) for row in range(NUM_GALLERY)]
    lines = [f"{name},{weight}" for name, weight in zip(gallery.names, weights, strict=True)]
    quality.write_text("\n".join(["name,weight", *lines]))
    out = tmp_path / "t.npz"
    ensemble.tracks.main(pair[1], out=out, how="mean", quality=quality)
    track_idx = group_tracks(gallery.trackids)
    expected = pool_mean(gallery.feats, track_idx, weights=np.array(weights))
    np.testing.assert_array_equal(Features.load(out).feats, normalize(expected))
    quality.write_text("\n".join(["name,weight", *lines[:-1]]))
    with pytest.raises(DataError, match=r"no weight of image_gallery/000011\.jpg"):
        ensemble.tracks.main(pair[1], out=out, how="mean", quality=quality)
    quality.write_text("\n".join(["name,weight", *lines[:-1], f"{gallery.names[-1]},big"]))
    with pytest.raises(DataError, match=r"000011\.jpg is 'big'; expected a number, at least 0"):
        ensemble.tracks.main(pair[1], out=out, how="mean", quality=quality)


def test_debias_by_cameras_and_by_axes(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    query, gallery = (Features.load(path) for path in pair)
    feats = np.concatenate([query.feats, gallery.feats])
    camids = np.concatenate([query.camids, gallery.camids])
    out = tmp_path / "out"

    ensemble.debias.command([*map(str, pair), "--how", "cameras", "--out", str(out)])
    expected = whiten_cameras(feats, camids)
    new_query, new_gallery = load(out)
    found = np.concatenate([new_query.feats, new_gallery.feats])
    np.testing.assert_allclose(found, expected, atol=1e-6)
    assert same_but_for_feats(new_gallery, gallery)
    assert {"how": "cameras", "la": 0.18}.items() <= new_query.meta["steps"][0].items()

    words = ["--how", "means", "--alpha", "0.5", "--fit", str(pair[1]), "--out", str(out)]
    ensemble.debias.command([*map(str, pair), *words])
    stats = (gallery.feats, gallery.camids)
    moved = subtract_camera_means(query.feats, query.camids, alpha=0.5, stats=stats)
    np.testing.assert_array_equal(load(out)[0].feats, moved)

    words = ["--how", "pca", "--dims", "3", "--eps", "0.01", "--out", str(out)]
    ensemble.debias.command([*map(str, pair), *words])
    whitening = fit_whitening(feats, num_dims=3, eps=0.01)
    np.testing.assert_array_equal(load(out)[1].feats, whitening.apply(gallery.feats))
    assert {"num_dims": 3, "eps": 0.01}.items() <= load(out)[1].meta["steps"][0].items()


def test_ranks_of_whole_and_of_short_lists(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    paths = [
        ensemble.distance.main(*pair, out=tmp_path / "a.npy", square=True),
        ensemble.distance.main(*pair, out=tmp_path / "b.npy", metric="cosine"),
    ]
    mats = [DistMat.load(path) for path in paths]
    labels = [path.as_posix() for path in paths]
    out = tmp_path / "ranks.npy"
    words = ["--rule", "borda", "--weights", "1", "0.5", "--out", str(out)]
    ensemble.ranks.command([*map(str, paths), *words])
    expected = fuse_ranks(mats, labels, rule="borda", weights=[1, 0.5])
    np.testing.assert_array_equal(DistMat.load(out).dist, expected.dist)
    assert DistMat.load(out).sources == expected.sources
    assert DistMat.load(out).rows == mats[1].rows
    ensemble.ranks.main(paths, out=out, top=3, k=10)
    lists = [RankLists.of(mat, 3) for mat in mats]
    np.testing.assert_array_equal(DistMat.load(out).dist, fuse_ranks(lists, labels, k=10).dist)


def test_what_cannot_be_used_is_said(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    query, gallery = pair
    folder, new, dist = tmp_path / "out", tmp_path / "new.npz", tmp_path / "d.npy"
    other: Any = "max"
    narrow = Features.load(gallery)
    narrow = Features(
        narrow.names, narrow.feats[:, :3].copy(), narrow.pids, narrow.camids, narrow.trackids
    )
    thin = narrow.save(tmp_path / "thin.npz")
    for call, kind, message in (
        (
            lambda: ensemble.expand.main(query, gallery, out=folder),
            ConfigError,
            "nothing to expand; give --queries or --database",
        ),
        (
            lambda: ensemble.expand.main(query, gallery, out=new, queries=1),
            ConfigError,
            r"new\.npz: query\.npz and gallery\.npz are written into a folder",
        ),
        (
            lambda: ensemble.expand.main(query, thin, out=folder, queries=1),
            DataError,
            r"query\.npz has 5 columns, .*thin\.npz 3; extract both with one run",
        ),
        (
            lambda: ensemble.debias.main(query, gallery, out=folder, how=other),
            ConfigError,
            "how is 'max'; choose one of means, cameras, pca",
        ),
        (
            lambda: ensemble.debias.main(query, gallery, out=folder, how="pca", fit=[thin]),
            DataError,
            r"the features have \[3, 5\] columns",
        ),
        (
            lambda: ensemble.tracks.main(gallery, out=folder, how="mean"),
            ConfigError,
            r"features are written as \.npz; add \.npz",
        ),
        (
            lambda: ensemble.tracks.main(gallery, out=new, how=other),
            ConfigError,
            "how is 'max'; choose one of smooth, blend, mean, near",
        ),
        (
            lambda: ensemble.tracks.main(gallery, out=new, how="near"),
            ConfigError,
            "--query is given with near, and with near only",
        ),
        (
            lambda: ensemble.tracks.main(gallery, out=new, how="smooth", quality=query),
            ConfigError,
            "--quality counts for blend and mean only",
        ),
        (
            lambda: ensemble.ranks.main([dist], out=dist, weights=[1, 2]),
            ConfigError,
            "there are 2 weights for 1 files",
        ),
        (lambda: ensemble.ranks.main([dist], out=dist, top=0), ConfigError, "top is 0"),
        (
            lambda: ensemble.ranks.main([Path("track2.txt")], out=dist),
            DataError,
            r"track2\.txt: distances .* fuse lists with python -m submissions\.fuse",
        ),
    ):
        with pytest.raises(kind, match=message):
            call()
    ensemble.distance.main(query, gallery, out=dist)
    with pytest.raises(
        DataError, match=r"d\.npy with .*gallery\.npz: the distances have 12 columns"
    ):
        ensemble.spread.main(dist, gallery, out=dist)
    assert not folder.exists()
    assert not new.exists()


def test_unknown_cameras_are_named_with_their_file(tmp_path: Path, pair: tuple[Path, Path]) -> None:
    query = Features.load(pair[0])
    unknown = np.full(NUM_QUERY, -1)
    path = Features(query.names, query.feats, query.pids, unknown, query.trackids).save(
        tmp_path / "unknown.npz"
    )
    with pytest.raises(DataError, match=r"unknown\.npz: the camera of row 0 is unknown"):
        ensemble.debias.main(path, pair[1], out=tmp_path / "out", how="cameras")
