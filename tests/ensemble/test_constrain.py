"""The verbs that chains brought: constraints, whole tracklets, cameras, sums and concatenations."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import ensemble.cameras
import ensemble.concat
import ensemble.constrain
import ensemble.learn_constraints
import ensemble.weigh
import ensemble.whole_tracks
from tests.pictures import make_samples
from vreid.constraints import Rules, constrain
from vreid.data.sample import UNKNOWN
from vreid.distance import DistMat, distance, normalize
from vreid.errors import ConfigError, DataError
from vreid.features import Features
from vreid.learnt import read_learnt
from vreid.tracks.groups import group_tracks
from vreid.tracks.lists import follow_tracks

NUM_QUERY, NUM_GALLERY = 4, 12


def made(part: str, num: int, seed: int) -> Features:
    rng = np.random.default_rng(seed)
    idx = np.arange(num)
    return Features(
        names=tuple(f"image_{part}/{row:06}.jpg" for row in range(num)),
        feats=normalize(rng.normal(size=(num, 5)).astype(np.float32)),
        pids=idx // 2,
        camids=(idx // 3) % 3,
        trackids=np.where(idx == 11, UNKNOWN, idx // 3),
        meta={"model": "tiny"},
    )


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path, Path]:
    query, gallery = made("query", NUM_QUERY, 0), made("gallery", NUM_GALLERY, 1)
    dist = distance(query, gallery).save(tmp_path / "dist.npy")
    return dist, query.save(tmp_path / "query.npz"), gallery.save(tmp_path / "gallery.npz")


def test_constraints_of_the_command_line(files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    dist, query, gallery = (str(path) for path in files)
    learnt = tmp_path / "learnt.json"
    learnt.write_text(json.dumps({"never": [[0, 2]]}))
    out = tmp_path / "out.npy"
    words = ["--never-same-camera", "--groups", "0-0", "1-2", "--learnt", str(learnt)]
    words += ["--one-track", "--penalty", "3", "--punishment", "0.2", "--punished", "5"]
    ensemble.constrain.command([dist, query, gallery, *words, "--out", str(out)])
    sides = Features.load(files[1]), Features.load(files[2])
    rules = Rules(
        never_same_camera=True,
        groups=((0, 0), (1, 2)),
        never=((0, 2),),
        one_track_per_camera=True,
        penalty=3,
        punishment=0.2,
        punished=5,
    )
    before = DistMat.load(files[0])
    tracks = group_tracks(sides[1].trackids)
    expected = constrain(before.dist, sides[0].camids, sides[1].camids, tracks, rules)
    found = DistMat.load(out)
    np.testing.assert_array_equal(found.dist, expected)
    assert (found.rows, found.cols, found.kind) == (before.rows, before.cols, "constrained")
    assert found.sources["constrain"]["never"] == [[0, 2]]
    assert len(found.sources["files"]) == 4


def test_what_constraints_refuse(files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    dist, query, gallery = files
    out = tmp_path / "out.npy"
    rules = Rules(never_same_camera=True)
    with pytest.raises(ConfigError, match="there is no constraint; give one"):
        ensemble.constrain.main(dist, query, gallery, out=out, rules=Rules())
    with pytest.raises(DataError, match=r"differ at place 0: image_query/000000\.jpg and image_g"):
        ensemble.constrain.main(dist, gallery, query, out=out, rules=rules)
    few = Features.load(gallery)
    keys = ("feats", "pids", "camids", "trackids")
    fewer = replace(few, names=few.names[:9], **{key: getattr(few, key)[:9] for key in keys})
    path = fewer.save(tmp_path / "few.npz")
    with pytest.raises(DataError, match=r"has 12 names, .*few\.npz 9"):
        ensemble.constrain.main(dist, query, path, out=out, rules=rules)
    for text in ("40", "a-b", "5-3", "-1-3"):
        with pytest.raises(ConfigError, match="expected first and last camera, such as 1-40"):
            ensemble.constrain.parse_group(text)
    learnt = tmp_path / "learnt.json"
    wrong: list[object] = [{"never": [[1]]}, {"pairs": []}, [], {"never": [["1", "2"]]}]
    for value in wrong:
        learnt.write_text(json.dumps(value))
        with pytest.raises(DataError, match=r"learnt\.json: no list 'never' of pairs of cameras"):
            read_learnt(learnt)


def test_constraints_are_learnt_from_training_images(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    samples = make_samples(tmp_path / "crops", vehicles=6, frames=2)
    lines = ["path,vehicle_id,camera_id,split"]
    for sample in samples:  # even vehicles see cameras 1 and 2, odd ones 3 and 4
        lines.append(f"{sample.name},{sample.pid},{sample.camid + 2 * (sample.pid % 2)},train")
    (tmp_path / "crops" / "samples.csv").write_text("\n".join(lines) + "\n")
    recipe = tmp_path / "own.yml"
    recipe.write_text(f"data: {{dataset: csv, root: {tmp_path / 'crops'}}}\n")
    out = tmp_path / "learnt.json"
    ensemble.learn_constraints.command([str(recipe), "--least", "1", "--out", str(out)])
    written = json.loads(out.read_text())
    cameras = sorted(int(camid) for camid in written["of_camera"])
    even, odd = cameras[:2], cameras[2:]
    assert written["never"] == [[left, right] for left in even for right in odd]
    assert written["pairs"][0] == {"cameras": even, "shared": 3, "expected": 1.5}
    assert "4 of 6 pairs of 4 cameras never share one of 6 vehicles" in capsys.readouterr().out
    assert read_learnt(out)[0] == (even[0], odd[0])
    with pytest.raises(ConfigError, match="least is 0; expected a number of vehicles above 0"):
        ensemble.learn_constraints.main(recipe, out=out, least=0)


def test_lists_follow_whole_tracklets(files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    out = tmp_path / "whole.npy"
    ensemble.whole_tracks.command([str(files[0]), str(files[2]), "--out", str(out)])
    dist, tracks = DistMat.load(files[0]).dist, [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9, 10], [11]]
    found = DistMat.load(out).dist
    for images in tracks:
        nearest = dist[:, images].min(axis=1)
        assert (found[:, images] == nearest[:, None]).all()
    with pytest.raises(DataError, match="are of different images"):
        ensemble.whole_tracks.main(files[0], files[1], out=out)
    with pytest.raises(DataError, match="there are 1 images of tracklets"):
        follow_tracks(dist, np.zeros(1, dtype=np.int64))
    assert follow_tracks(dist[:, :0], np.empty(0, dtype=np.int64)).shape == (NUM_QUERY, 0)


def test_weighted_sums_and_means(files: tuple[Path, Path, Path], tmp_path: Path) -> None:
    mat = DistMat.load(files[0])
    other = DistMat(mat.dist * np.float32(2) + 1, mat.rows, mat.cols).save(tmp_path / "b.npy")
    words = [str(files[0]), str(other), "--weights", "3", "1"]
    out = tmp_path / "sum.npy"
    ensemble.weigh.command([*words, "--out", str(out)])
    np.testing.assert_allclose(DistMat.load(out).dist, 5 * mat.dist + 1, rtol=1e-6)
    ensemble.weigh.command([*words, "--mean", "--out", str(out)])
    np.testing.assert_allclose(DistMat.load(out).dist, (5 * mat.dist + 1) / 4, rtol=1e-6)
    with pytest.raises(ConfigError, match="there are 1 weights for 2 files"):
        ensemble.weigh.main([files[0], other], out=out, weights=[1])
    with pytest.raises(ConfigError, match="the weights sum to 0"):
        ensemble.weigh.main([files[0], other], out=out, weights=[1, -1], mean=True)


def test_concatenated_features_have_the_mean_distance(tmp_path: Path) -> None:
    pairs, dists = [], []
    for seed in (0, 2):
        sides = made("query", NUM_QUERY, seed), made("gallery", NUM_GALLERY, seed + 1)
        dists.append(distance(*sides).dist)
        pairs.append((sides[0].save(tmp_path / f"q{seed}.npz"), tmp_path / f"g{seed}.npz"))
        sides[1].save(pairs[-1][1])
    files = [str(path) for pair in pairs for path in pair]
    out = tmp_path / "joined"
    ensemble.concat.command([*files, "--weights", "3", "1", "--out", str(out)])
    query, gallery = (Features.load(out / f"{part}.npz") for part in ("query", "gallery"))
    np.testing.assert_allclose(np.linalg.norm(query.feats, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(
        distance(query, gallery).dist, 0.75 * dists[0] + 0.25 * dists[1], atol=1e-5
    )
    assert query.meta["steps"][0]["weights"] == [3.0, 1.0]
    with pytest.raises(ConfigError, match="expected queries and gallery in pairs"):
        ensemble.concat.command([*files[:3], "--out", str(out)])
    with pytest.raises(ConfigError, match=r"the weights are \[0, 0\] for 2 members"):
        ensemble.concat.main(pairs, out=out, weights=[0, 0])
    with pytest.raises(DataError, match="are of different images"):
        ensemble.concat.main([pairs[0], pairs[0][::-1]], out=out)


def test_predicted_cameras_take_the_place_of_the_known(
    files: tuple[Path, Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, query, gallery = files
    sources = []
    for path, cameras in ((query, [1, 0, 0, 2]), (gallery, [4, 4, 1, 2, 1, 1] + [0] * 6)):
        one = Features.load(path)
        target = tmp_path / f"camera_{path.name}"
        sources.append(replace(one, meta={"predicted": cameras}).save(target))
    of, out = (sources[0], sources[1]), tmp_path / "predicted"
    words = [str(query), str(gallery), "--of", *map(str, of), "--out", str(out)]
    ensemble.cameras.command(words)
    assert Features.load(out / "query.npz").camids.tolist() == [1, 0, 0, 2]
    assert "50.0% of 4 known cameras predicted right" in capsys.readouterr().out
    ensemble.cameras.command([*words, "--vote"])
    voted = Features.load(out / "gallery.npz")
    assert voted.camids.tolist() == [4, 4, 4, 1, 1, 1] + [0] * 6
    np.testing.assert_array_equal(voted.feats, Features.load(gallery).feats)
    with pytest.raises(DataError, match=r"query\.npz: holds no predicted cameras; extract it with"):
        ensemble.cameras.main(query, gallery, of=(query, gallery), out=out)
    with pytest.raises(DataError, match="are of different images"):
        ensemble.cameras.main(query, gallery, of=(of[1], of[0]), out=out)
    short = replace(Features.load(query), meta={"predicted": [1, 2]}).save(tmp_path / "short.npz")
    with pytest.raises(DataError, match=r"predicted cameras of shape \(2,\), int64; expected a"):
        ensemble.cameras.main(query, gallery, of=(short, of[1]), out=out)
