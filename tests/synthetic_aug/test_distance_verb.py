"""The distance of folders and of feature files: the table, its order, its facts and its errors."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from synthetic_aug.distance import _command, main
from synthetic_aug.set_features import DistanceOptions
from vreid.errors import ConfigError, DataError, run_command
from vreid.features import Features
from vreid.files import read_json
from vreid.image_distance import frechet_distance, held_out_mask, mmd_squared

OPTIONS = DistanceOptions(network="test_efficientnet", weights="none", size=32, device="cpu")


def _folder(path: Path, *, num: int, shade: int, seed: int = 0) -> Path:
    path.mkdir()
    generator = np.random.default_rng([seed, shade])
    for idx in range(num):
        picture = generator.normal(shade, 25, (24, 30, 3)) + generator.normal(0, 10)
        cv2.imwrite(str(path / f"{idx:03d}.png"), np.clip(picture, 0, 255).astype(np.uint8))
    return path


def _features(path: Path, *, num: int, shift: float, dim: int = 3, seed: int = 0) -> Path:
    feats = np.random.default_rng(seed).normal(shift, 1, (num, dim)).astype(np.float32)
    unknown = np.full(num, -1, dtype=np.int64)
    names = tuple(f"a/{idx:03d}.jpg" for idx in range(num))
    return Features(names, feats, unknown, unknown, unknown, {"model": "made"}).save(path)


def test_nearer_folders_have_smaller_distances(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = _folder(tmp_path / "target", num=16, shade=180)
    far = _folder(tmp_path / "far", num=12, shade=60)
    near = _folder(tmp_path / "near", num=12, shade=170, seed=1)
    rows = main([far, near], target, options=OPTIONS, out=tmp_path / "found.json")
    assert [row.images for row in rows] == [12, 12, 8]
    assert rows[0].frechet > rows[1].frechet and rows[0].kernel > rows[1].kernel
    printed = capsys.readouterr().out
    assert f"target {target}: 16 images" in printed
    assert "network test_efficientnet, its last map averaged, 256 features; random weights of seed 0; images of 32 x 32 pixels" in printed  # fmt: skip  # noqa: E501
    assert "100 subsets of 4 or 6 images" in printed
    assert "note: 8 images are fewer than 256 features" in printed
    written = read_json(tmp_path / "found.json")
    assert written["rows"][1]["frechet"] == rows[1].frechet and written["images"] == 16
    again = main([far, near], target, options=OPTIONS)
    assert again == rows


def test_features_from_files_are_measured_as_they_are(tmp_path: Path) -> None:
    left = _features(tmp_path / "left.npz", num=20, shift=0)
    right = _features(tmp_path / "right.npz", num=30, shift=1, seed=1)
    options = DistanceOptions(subset_size=20, subsets=1)
    row = main([left], right, options=options)[0]
    first, second = Features.load(left).feats, Features.load(right).feats
    assert row.frechet == pytest.approx(frechet_distance(first, second))
    order = np.random.default_rng(0)
    rows, columns = order.choice(20, 20, replace=False), order.choice(30, 20, replace=False)
    doubles = first[rows].astype(np.float64), second[columns].astype(np.float64)
    assert row.kernel == pytest.approx(mmd_squared(*doubles))


def test_held_out_images_are_chosen_by_file_name(tmp_path: Path) -> None:
    left = _features(tmp_path / "left.npz", num=60, shift=0)
    names = [f"{idx:03d}.jpg" for idx in range(60)]
    mask = held_out_mask(names, share=0.4, seed=3)
    right = _features(tmp_path / "right.npz", num=60, shift=1, seed=1)
    row = main([left], right, options=DistanceOptions(held_out=0.4, seed=3))[0]
    assert row.images == mask.sum()
    expected = frechet_distance(Features.load(left).feats[mask], Features.load(right).feats[mask])
    assert row.frechet == pytest.approx(expected)
    assert main([left], right, options=DistanceOptions(most=10))[0].images == 10


def test_sets_that_cannot_be_measured_are_refused(tmp_path: Path) -> None:
    good = _features(tmp_path / "good.npz", num=9, shift=0)
    one = _folder(tmp_path / "one", num=1, shade=9)
    with pytest.raises(DataError, match=r"one: 1 of its 1 images are measured; a covariance needs"):
        main([one], one, options=OPTIONS)
    bad = _folder(tmp_path / "bad", num=3, shade=9)
    (bad / "001.png").write_bytes(b"no picture")
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="empty: no images"):
        main([bad], tmp_path / "empty", options=OPTIONS)
    with pytest.raises(
        DataError, match=r"cannot be compared: .* holds features of made, .* images"
    ):
        main([_folder(tmp_path / "plain", num=3, shade=9)], good, options=OPTIONS)
    wide = _features(tmp_path / "wide.npz", num=9, shift=0, dim=5)
    with pytest.raises(DataError, match=r"wide\.npz: the sets have 5 and 3 features"):
        main([wide], good, options=OPTIONS)
    with pytest.raises(DataError, match=r"001\.png: not an image"):
        main([bad], bad, options=OPTIONS)


def test_wrong_options_name_their_flag(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ConfigError, match=r"--held-out is 1\.5; give a value from 0 to 1"):
        DistanceOptions(held_out=1.5)
    folder = _folder(tmp_path / "a", num=2, shade=9)
    with pytest.raises(ConfigError, match="--weights: no such file"):
        main([folder], folder, options=DistanceOptions(weights="gone.pth", device="cpu"))
    with pytest.raises(ConfigError, match=r"--network: timm .* has no network 'test_efficientne'"):
        main([folder], folder, options=DistanceOptions(network="test_efficientne", weights="none"))
    assert run_command(lambda: _command([str(folder)])) == 2
    assert "give the target set as well" in capsys.readouterr().err
