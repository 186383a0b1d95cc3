"""Travel times on the command line: applied to images and tracklets, and learnt."""

from pathlib import Path

import numpy as np
import pytest

import ensemble.constrain
import ensemble.learn_constraints
from tests.ensemble.test_constrain import NUM_GALLERY, NUM_QUERY, made
from tests.pictures import make_samples
from vreid.constraints import Rules, constrain
from vreid.distance import DistMat, distance
from vreid.errors import ConfigError, DataError
from vreid.features import Features
from vreid.tracks.groups import first_images, group_tracks
from vreid.tracks.named import tracklet_features
from vreid.travel import read_travel

QUERY_TIMES = np.array([100.0, 200, 300, 400])
GALLERY_TIMES = np.array([90, 92, 94, 210, 215, 220, 330, 340, 350, 500, 510, np.nan])
ROWS = ((0, 1, 50.0, 150.0), (0, 2, 20.0, np.inf))


@pytest.fixture
def files(tmp_path: Path) -> dict[str, Path]:
    query, gallery = made("query", NUM_QUERY, 0), made("gallery", NUM_GALLERY, 1)
    tracks = group_tracks(gallery.trackids)
    tracklets = tracklet_features(gallery, gallery.feats[first_images(tracks)])
    lines = ["name,time"]
    for part, times in ((query, QUERY_TIMES), (gallery, GALLERY_TIMES)):
        pairs = zip(part.names, times.tolist(), strict=True)
        lines += [f"{name},{time}" for name, time in pairs if not np.isnan(time)]
    times_path, travel = tmp_path / "times.csv", tmp_path / "travel.csv"
    times_path.write_text("\n".join(lines) + "\n")
    travel.write_text("from,to,least,most\n0,1,50,150\n0,2,20,\n")
    return {
        "dist": distance(query, gallery).save(tmp_path / "dist.npy"),
        "tracks": distance(query, tracklets).save(tmp_path / "tracks.npy"),
        "query": query.save(tmp_path / "query.npz"),
        "gallery": gallery.save(tmp_path / "gallery.npz"),
        "tracklets": tracklets.save(tmp_path / "tracklets.npz"),
        "times": times_path,
        "travel": travel,
        "out": tmp_path / "out.npy",
    }


def words(files: dict[str, Path], *names: str) -> list[str]:
    found = [str(files[name]) for name in names]
    tables = ["--times", str(files["times"]), "--travel", str(files["travel"])]
    return [*found, *tables, "--out", str(files["out"])]


def test_images_move_by_their_times(files: dict[str, Path]) -> None:
    ensemble.constrain.command([*words(files, "dist", "query", "gallery"), "--penalty", "4"])
    query, gallery = Features.load(files["query"]), Features.load(files["gallery"])
    before, found = DistMat.load(files["dist"]), DistMat.load(files["out"])
    rules = Rules(travel=ROWS, penalty=4)
    tracks, times = group_tracks(gallery.trackids), (QUERY_TIMES, GALLERY_TIMES)
    expected = constrain(before.dist, query.camids, gallery.camids, tracks, rules, times=times)
    np.testing.assert_array_equal(found.dist, expected)
    assert 0 < (found.dist != before.dist).mean() < 1
    assert set(found.sources["files"]) == {
        str(files[name]) for name in ("dist", "query", "gallery", "times", "travel")
    }


def test_tracklets_move_by_the_mean_of_their_images_times(files: dict[str, Path]) -> None:
    asked = words(files, "tracks", "query", "tracklets")
    with pytest.raises(ConfigError, match=r"tracklets\.npz: the rows are tracklets; name their im"):
        ensemble.constrain.command(asked)
    ensemble.constrain.command([*asked, "--images", str(files["gallery"])])
    query, tracklets = Features.load(files["query"]), Features.load(files["tracklets"])
    before, found = DistMat.load(files["tracks"]), DistMat.load(files["out"])
    means = np.array([92, 215, 340, 505, np.nan])
    expected = constrain(
        before.dist,
        query.camids,
        tracklets.camids,
        np.arange(5),
        Rules(travel=ROWS),
        times=(QUERY_TIMES, means),
    )
    np.testing.assert_array_equal(found.dist, expected)
    assert (found.dist != before.dist).any()
    with pytest.raises(
        DataError, match=r"query\.npz: its tracklets are not the 5 rows of .*tracklets"
    ):
        ensemble.constrain.command([*asked, "--images", str(files["query"])])


def test_what_is_refused(files: dict[str, Path]) -> None:
    asked = words(files, "dist", "query", "gallery")
    with pytest.raises(ConfigError, match="--times and --travel go together; give both or none"):
        ensemble.constrain.command([*asked[:5], *asked[7:]])
    files["times"].write_text("name,time\nother/000000.jpg,3\n")
    wanted = (
        r"query\.npz: no image has a time in .*times\.csv; names are such as image_query/000000"
    )
    with pytest.raises(DataError, match=wanted):
        ensemble.constrain.command(asked)


def write_city(folder: Path) -> tuple[Path, Path]:
    """Eight vehicles go from camera 0 to camera 1 in 30 + vehicle seconds, two frames a second."""
    samples = make_samples(folder / "crops", vehicles=8, frames=2)
    lines, times = ["path,vehicle_id,camera_id,split"], ["name,time"]
    for sample in samples:
        lines.append(f"{sample.name},{sample.pid},{sample.camid},train")
        frame = int(sample.path.stem[-1])
        times.append(
            f"{sample.name},{1000 * sample.pid + sample.camid * (30 + sample.pid) + frame / 2}"
        )
    (folder / "crops" / "samples.csv").write_text("\n".join(lines) + "\n")
    (folder / "times.csv").write_text("\n".join(times) + "\n")
    recipe = folder / "own.yml"
    recipe.write_text(f"data: {{dataset: csv, root: {folder / 'crops'}}}\n")
    return recipe, folder / "times.csv"


def test_travel_times_are_learnt_from_training_images(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipe, times = write_city(tmp_path)
    out, travel = tmp_path / "learnt.json", tmp_path / "travel.csv"
    asked = [str(recipe), "--times", str(times), "--travel", str(travel), "--out", str(out)]
    ensemble.learn_constraints.command([*asked, "--slack", "2"])
    [row] = read_travel(travel)
    np.testing.assert_allclose(row, (0, 1, 29.5 / 2, 37.5 * 2), atol=0.002)
    assert travel.read_text().startswith("from,to,least,most,vehicles\n0,1,14.7")
    assert travel.read_text().endswith(",8\n")
    printed = capsys.readouterr().out
    assert "travel times between 1 pairs of cameras, from 32 of 32 images with a time" in printed

    learn = ensemble.learn_constraints.main
    with pytest.raises(ConfigError, match="go together"):
        learn(recipe, out=out, times=times)
    with pytest.raises(ConfigError, match=r"slack is 0\.5; expected a factor of 1 or more"):
        learn(recipe, out=out, slack=0.5)
    with pytest.raises(DataError, match="no two cameras saw 9 vehicles with times; take a smaller"):
        learn(recipe, out=out, times=times, travel=travel, least=9)
    times.write_text("name,time\nother.jpg,1\n")
    with pytest.raises(DataError, match=r"times\.csv: no image has a vehicle, a camera and a time"):
        learn(recipe, out=out, times=times, travel=travel)
