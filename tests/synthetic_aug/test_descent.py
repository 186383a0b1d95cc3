"""Attribute descent: the way down, the record of scores, the verb and its errors."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import cv2
import numpy as np
import pytest

from synthetic_aug import descent_judge
from synthetic_aug.city.attributes import Attributes, parse_attributes
from synthetic_aug.city.options import CityOptions
from synthetic_aug.city.records import folder_path
from synthetic_aug.descent import _command, main
from synthetic_aug.descent_grid import GRID, ORIENTATIONS, candidates, descend
from synthetic_aug.descent_judge import SampleJudge, render_sample, sample_tracklets, score
from synthetic_aug.descent_options import DescentOptions
from synthetic_aug.set_features import DistanceOptions, Extractor
from vreid.errors import ConfigError, DataError, run_command
from vreid.files import read_json, write_json
from vreid.image_distance import frechet_distance, mmd_squared

MEASURE = DistanceOptions(network="test_efficientnet", weights="none", size=32, device="cpu")


def _far(candidate: Attributes) -> float:
    """A distance whose least is at a height of 9, a distance of 17 and one mean of 120."""
    height = 20.0 if candidate.height is None else candidate.height
    dist = (height - 9) ** 2 + abs((candidate.distance or 30.0) - 17)
    means = candidate.orientation or ORIENTATIONS
    return dist + 0.1 * sum(mean != 120 for mean in means)


def test_each_mean_goes_to_its_best_value_and_the_way_never_rises() -> None:
    steps = descend(
        lambda some: [_far(one) for one in some],
        search=("orientation", "height", "distance"),
        rounds=5,
    )
    best = steps[-1].attributes
    assert (best.height, best.distance, best.orientation) == (9, 17, (120,) * 6)
    assert (best.direction, best.strength) == (None, None)
    dists = [step.dist for step in steps]
    assert dists == sorted(dists, reverse=True) and dists[-1] == pytest.approx(0)
    assert len(steps) == 1 + 2 * 8  # the second round moves nothing and is the last
    assert steps[0].attributes == Attributes() and steps[1].mean == "orientation 1"


def test_a_start_that_is_nearest_stays() -> None:
    steps = descend(lambda some: [float(one != Attributes()) for one in some], search=tuple(GRID), rounds=3)  # fmt: skip  # noqa: E501
    assert steps[-1].attributes == Attributes() and {step.round for step in steps} == {0, 1}


def test_candidates_are_the_grid_without_the_best() -> None:
    best = Attributes(height=7)
    assert [value for value, _ in candidates(best, "height", 0)] == [3, 5, 9, 11]
    found = candidates(best, "orientation", 2)
    assert found[0][1] == Attributes(orientation=(0, 60, 0, 180, 240, 300), height=7)
    assert [value for value, _ in found] == list(ORIENTATIONS)


def _fake(samples: Mapping[Path, CityOptions], *, jobs: int) -> Iterator[Path]:
    """Pictures as bright as the attributes' strength."""
    for root, options in samples.items():
        strength = parse_attributes(options.attributes).strength or 1.0
        folder = root / folder_path("sys_image_train")
        folder.mkdir(parents=True)
        for idx in range(options.vehiclex_images):
            generator = np.random.default_rng([options.seed, idx])
            picture = np.clip(generator.normal(90 * strength, 20, (32, 32, 3)), 0, 255)
            cv2.imwrite(str(folder / f"{idx}.png"), picture.astype(np.uint8))
        yield root


def _target(path: Path, brightness: float = 144) -> Path:
    path.mkdir()
    for idx in range(24):
        generator = np.random.default_rng([9, idx])
        picture = np.clip(generator.normal(brightness, 20, (32, 32, 3)), 0, 255).astype(np.uint8)
        cv2.imwrite(str(path / f"{idx:02d}.png"), picture)
    return path


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(descent_judge, "render_samples", _fake)
    monkeypatch.setattr("synthetic_aug.descent.render_samples", _fake)


def _judge(out: Path, target: Path, images: int = 6) -> SampleJudge:
    extractor = Extractor(MEASURE)
    options = DescentOptions(images=images).city()
    feats = extractor.read(target)
    return SampleJudge(out, options, extractor=extractor, target=feats, facts={}, jobs=1)


def test_scores_are_kept_and_not_rendered_again(
    tmp_path: Path, fake: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    target, out = _target(tmp_path / "target"), tmp_path / "out"
    asked = [Attributes(strength=1.6), Attributes(), Attributes(strength=1.6)]
    scores = _judge(out, target).scores(asked)
    assert scores[0] == scores[2] and scores[0].kernel < scores[1].kernel
    assert not list((out / "candidates").iterdir())

    def none(samples: Mapping[Path, CityOptions], *, jobs: int) -> Iterator[Path]:
        assert not samples
        return iter(())

    monkeypatch.setattr(descent_judge, "render_samples", none)
    assert _judge(out, target).scores(asked) == scores
    with pytest.raises(DataError, match=r"out: holds a descent made otherwise \(sample was"):
        _judge(out, target, images=7)


def test_a_score_is_both_distances_of_the_whole_sets() -> None:
    generator = np.random.default_rng(0)
    left, right = (generator.normal(0, 1, (n, 4)).astype(np.float32) for n in (9, 12))
    found = score(left, right)
    assert found.kernel == pytest.approx(mmd_squared(left.astype(float), right.astype(float)))
    assert found.frechet == pytest.approx(frechet_distance(left, right, shrink=True))


def test_the_verb_finds_the_brightness(
    tmp_path: Path, fake: None, capsys: pytest.CaptureFixture[str]
) -> None:
    options = DescentOptions(search=("strength",), rounds=2, images=8)
    target, out = _target(tmp_path / "target"), tmp_path / "out"
    path = main(target, out, options=options, measure=MEASURE)
    found = read_json(path)
    assert found["attributes"] == found["found"] == "strength=1.6" and found["compared"] == 12
    assert found["end"]["kernel"] < found["start"]["kernel"]
    assert read_json(out / "scores.json")["facts"]["target_images"] == 12
    printed = capsys.readouterr().out
    assert "target" in printed and "round mean" in printed and "1.25:" in printed
    assert "other vehicles, 16 images, against 12 target images" in printed
    assert "next: python -m synthetic_aug.render --root FOLDER --attributes" in printed
    assert (out / "sheet.jpg").stat().st_size > 1000


def test_no_gain_is_said_and_names_no_attributes(
    tmp_path: Path, fake: None, capsys: pytest.CaptureFixture[str]
) -> None:
    options = DescentOptions(search=("strength",), rounds=1, images=8)
    target, check = _target(tmp_path / "target"), _target(tmp_path / "check", 90)
    path = main(target, tmp_path / "out", options=options, measure=MEASURE, check=check)
    found = read_json(path)
    assert (found["attributes"], found["found"]) == ("", "strength=1.6")
    assert "not nearer on images that the search did not see" in capsys.readouterr().out


def test_a_sample_shows_each_vehicle_once_and_each_shot_in_turn() -> None:
    options = CityOptions(vehiclex_images=13)
    found = sample_tracklets(options)
    assert [tracklet.vehicle.index for tracklet in found] == list(range(13))
    shots = [tracklet.names[0].rsplit("_", 1)[1] for tracklet in found]
    assert shots == [f"{idx % 6 + 1}.jpg" for idx in range(13)]


def test_samples_are_rendered_and_taken_up(tmp_path: Path) -> None:
    pytest.importorskip("mitsuba")
    options = CityOptions(vehiclex_images=3, image_size=32, samples=1, attributes="height=9")
    folder = render_sample(tmp_path / "one", options) / folder_path("sys_image_train")
    pictures = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert len(pictures) == 3
    (folder / min(pictures)).unlink()
    render_sample(tmp_path / "one", options)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == pictures


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--search", "colour"], "--search has 'colour'; give some of orientation, direction"),
        (["--search", ""], "--search is ''; give each attribute once"),
        (["--search", "height,height"], "--search is 'height,height'"),
        (["--images", "5"], "--images is 5; give at least 6"),
        (["--rounds", "0"], "--rounds is 0"),
        (["--jobs", "0"], "--jobs is 0; give at least 1"),
    ],
)
def test_bad_options_are_one_sentence(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: Sequence[str], message: str
) -> None:
    base = [str(tmp_path), "--out", str(tmp_path / "out"), "--weights", "none"]
    assert run_command(lambda: _command([*base, *arguments])) == 2
    assert message in capsys.readouterr().err


def test_the_options_know_the_criteria() -> None:
    with pytest.raises(ConfigError, match="--criterion is fid; give kernel or frechet"):
        DescentOptions(criterion="fid")


def test_a_record_of_another_kind_is_refused(tmp_path: Path) -> None:
    target = _target(tmp_path / "target")
    write_json(tmp_path / "out" / "scores.json", [1])
    with pytest.raises(DataError, match="holds a descent made otherwise"):
        _judge(tmp_path / "out", target)
