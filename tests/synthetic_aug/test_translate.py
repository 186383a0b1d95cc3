"""A folder through the colour methods: names, labels, draws by name, going on, bad input."""

import errno
from pathlib import Path

import cv2
import numpy as np
import pytest

from synthetic_aug.color.folder import translate_color
from synthetic_aug.color.fourier import fourier_adapt
from synthetic_aug.color.histogram import histograms, match_histograms
from synthetic_aug.color.options import ColorOptions
from synthetic_aug.color.reinhard import lab_statistics, reinhard
from synthetic_aug.color.targets import read_targets
from synthetic_aug.picture_files import spread, write_picture
from synthetic_aug.translate import _command
from synthetic_aug.translated import nearest
from vreid.data.images import ImageArray, read_image
from vreid.errors import ConfigError, DataError, run_command
from vreid.files import read_json
from vreid.image_distance import held_out_mask


def _write(path: Path, seed: int, *, shade: int, size: tuple[int, int] = (24, 32)) -> None:
    generator = np.random.default_rng(seed)
    smooth = cv2.resize(generator.normal(0, 40, (3, 3, 3)), size[::-1])
    picture = smooth + shade + generator.normal(0, 6, (*size, 3))
    path.parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(path), np.clip(picture, 0, 255).astype(np.uint8))


@pytest.fixture
def rendered(tmp_path: Path) -> Path:
    """A source folder in VehicleX's layout."""
    folder = tmp_path / "vehiclex" / "sys_image_train"
    for idx in range(5):
        _write(folder / f"{idx:04d}_c00{idx % 2}_1.png", idx, shade=80, size=(24 + idx, 30))
    (folder.parent / "train_label.xml").write_text("<labels/>")
    return folder


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """Target images of two cameras, one dark and one bright."""
    folder = tmp_path / "real" / "images"
    for idx in range(8):
        _write(folder / f"{idx:03d}.png", 50 + idx, shade=60 if idx % 2 else 190)
    return folder


def _images(folder: Path) -> dict[str, ImageArray]:
    return {path.name: read_image(path) for path in sorted(folder.glob("*.png"))}


def _bytes(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def test_by_default_the_set_is_moved_as_a_whole(rendered: Path, real: Path) -> None:
    out = translate_color(
        rendered, real, out=rendered.with_name("moved"), options=ColorOptions(method="reinhard")
    )
    sources, targets = _images(rendered), _images(real)
    own, wanted = lab_statistics(sources.values()), lab_statistics(targets.values())
    for name, image in _images(out).items():
        assert np.array_equal(image, reinhard(sources[name], source=own, target=wanted))
    out = translate_color(
        rendered, real, out=rendered.with_name("matched"), options=ColorOptions(method="histogram")
    )
    levels, goal = histograms(sources.values()), histograms(targets.values())
    for name, image in _images(out).items():
        assert np.array_equal(image, match_histograms(sources[name], source=levels, target=goal))


def test_image_by_image_the_drawn_target_decides(rendered: Path, real: Path) -> None:
    targets = read_targets(real, seed=4)
    sources = _images(rendered)
    drawn = {name: read_image(targets.neighbour(name)) for name in sources}
    options = ColorOptions(
        method="histogram", source_statistics="image", target_statistics="image", seed=4
    )
    out = translate_color(rendered, real, out=rendered.with_name("h"), options=options)
    for name, image in _images(out).items():
        own, goal = histograms([sources[name]]), histograms([drawn[name]])
        assert np.array_equal(image, match_histograms(sources[name], source=own, target=goal))
    options = ColorOptions(method="fda", beta=0.1, seed=4)
    out = translate_color(rendered, real, out=rendered.with_name("f"), options=options)
    for name, image in _images(out).items():
        assert np.array_equal(image, fourier_adapt(sources[name], drawn[name], beta=0.1))


def test_draws_follow_from_seed_and_name_alone(real: Path) -> None:
    names = [f"{idx:04d}.jpg" for idx in range(200)]
    targets = read_targets(real, seed=1)
    first = [targets.neighbour(name) for name in names]
    assert [read_targets(real, seed=1).neighbour(name) for name in names[::-1]] == first[::-1]
    assert {path.name for path in first} == {path.name for path in real.iterdir()}
    assert [read_targets(real, seed=2).neighbour(name) for name in names] != first


def test_each_image_is_brought_to_its_cameras_colours(
    rendered: Path, real: Path, tmp_path: Path
) -> None:
    rows = [f"images/{idx:03d}.png,{idx // 2},{1 + idx % 2},train" for idx in range(8)]
    (real.parent / "samples.csv").write_text("\n".join(["path,vehicle_id,camera_id,split", *rows]))
    recipe = tmp_path / "recipe.yml"
    recipe.write_text(f"data: {{dataset: csv, root: {real.parent}}}")
    targets = read_targets(real, seed=0, recipe=recipe)
    assert dict(targets.groups) == {
        1: ("000.png", "002.png", "004.png", "006.png"),
        2: ("001.png", "003.png", "005.png", "007.png"),
    }
    options = ColorOptions(method="reinhard")
    out = translate_color(
        rendered, real, out=rendered.with_name("cams"), options=options, recipe=recipe
    )
    sources, own = _images(rendered), lab_statistics(_images(rendered).values())
    cameras = {name: targets.camera(name) for name in sources}
    assert set(cameras.values()) == {1, 2}
    for name, image in _images(out).items():
        assert targets.neighbour(name).name in targets.groups[cameras[name]]
        of_camera = [read_image(real / one) for one in targets.groups[cameras[name]]]
        wanted = lab_statistics(of_camera)
        assert np.array_equal(image, reinhard(sources[name], source=own, target=wanted))
    with pytest.raises(DataError, match="says the camera of none of the 5 images"):
        read_targets(rendered, seed=0, recipe=recipe)


def test_held_out_target_images_are_not_looked_at(real: Path) -> None:
    names = sorted(path.name for path in real.iterdir())
    mask = held_out_mask(names, share=0.5, seed=6)
    targets = read_targets(real, seed=6, held_out=0.5)
    assert targets.names() == [name for name, out in zip(names, mask, strict=True) if not out]
    with pytest.raises(DataError, match="all 8 images are held out; lower --held-out"):
        read_targets(real, seed=6, held_out=0.9999)


def test_names_labels_and_record_lie_where_a_training_finds_them(
    rendered: Path, real: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "elsewhere" / "moved"
    arguments = ["color", str(rendered), "--target", str(real), "--out", str(out), "--seed", "3"]
    assert run_command(lambda: _command(arguments)) == 0
    assert sorted(_images(out)) == sorted(_images(rendered))
    assert (out.parent / "train_label.xml").read_text() == "<labels/>"
    assert read_image(out.parent / "moved-sheet.jpg").shape[1] > 6 * 160
    record = read_json(out / "translation.json")
    assert record["method"] == "reinhard" and record["seed"] == 3
    printed = capsys.readouterr().out
    assert f"{out}: 5 images; look at {out}-sheet.jpg" in printed
    assert f"data.root {out.parent} data.images moved" in printed


def test_a_stopped_translation_goes_on_to_the_same_bytes(rendered: Path, real: Path) -> None:
    options = ColorOptions(method="fda")
    out = rendered.with_name("made")
    translate_color(rendered, real, out=out, options=options)
    whole = _bytes(out)
    (out / "0002_c000_1.png").unlink()
    (out / ".0002_c000_1.abc.png").write_bytes(b"half")
    kept = (out / "0001_c001_1.png").stat().st_mtime_ns
    translate_color(rendered, real, out=out, options=options, jobs=3)
    assert _bytes(out) == whole
    assert (out / "0001_c001_1.png").stat().st_mtime_ns == kept


def test_another_translation_is_not_mixed_in(rendered: Path, real: Path, tmp_path: Path) -> None:
    out = rendered.with_name("made")
    translate_color(rendered, real, out=out, options=ColorOptions())
    with pytest.raises(
        DataError, match=r"holds a translation made otherwise \(seed was 0 and is 1"
    ):
        translate_color(rendered, real, out=out, options=ColorOptions(seed=1))
    _write(real / "new.png", 1, shade=3)
    with pytest.raises(DataError, match="target_files was"):
        translate_color(rendered, real, out=out, options=ColorOptions())
    with pytest.raises(DataError, match="is the source folder itself"):
        translate_color(rendered, real, out=rendered, options=ColorOptions())
    with pytest.raises(DataError, match=r"exists and holds no translation"):
        translate_color(rendered, real, out=real, options=ColorOptions())
    (tmp_path / "train_label.xml").write_text("<others/>")
    with pytest.raises(DataError, match=r"other labels than those of .* lie beside here"):
        translate_color(rendered, real, out=tmp_path / "here", options=ColorOptions())


def test_images_that_cannot_be_used_are_named(
    rendered: Path, real: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (rendered.parent / "empty").mkdir()
    out = rendered.with_name("made")
    with pytest.raises(DataError, match="empty: no images"):
        translate_color(rendered.parent / "empty", real, out=out, options=ColorOptions())
    (rendered / "0003_c001_1.png").write_bytes(b"\x89PNG\r\n\x1a\nIEND")
    arguments = ["color", str(rendered), "--target", str(real), "--out", str(out)]
    assert run_command(lambda: _command(arguments)) == 2
    assert "0003_c001_1.png: not an image that can be decoded" in capsys.readouterr().err


def test_a_full_disk_leaves_nothing_half_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(self: Path, data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", fail)
    with pytest.raises(DataError, match=r"a\.png: cannot be written \(No space left on device\)"):
        write_picture(tmp_path / "a.png", np.zeros((4, 4, 3), dtype=np.uint8))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"method": "magic"}, "--method is 'magic'; one of reinhard, fda, histogram"),
        ({"method": "fda", "source_statistics": "set"}, "fda works from image to image"),
        ({"target_statistics": "all"}, "--target-statistics is 'all'; set or image"),
        ({"beta": 0.6}, "--beta is 0.6; give a share from 0 to 0.5"),
        ({"held_out": 1.0}, r"--held-out is 1.0; give a share in \[0, 1\)"),
    ],
)
def test_wrong_options_name_their_flag(values: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        ColorOptions(**values)  # type: ignore[arg-type]


def test_the_nearest_image_is_the_one_that_looks_alike(real: Path) -> None:
    paths = sorted(real.iterdir())
    images = [read_image(path) for path in paths]
    darker = [np.asarray(image * 0.97, np.uint8) for image in images]
    assert nearest(darker, paths) == paths
    assert spread(list(range(10)), 4) == [0, 3, 6, 9] and spread([5, 6], 4) == [5, 6]


def test_the_verbs_of_unit_are_reached(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    config = tmp_path / "unit.yml"
    config.write_text("size: 32\ncritic_layers: 3\n")
    assert run_command(lambda: _command(["train", str(config), "steps", "3"])) == 2
    assert "source is empty" in capsys.readouterr().err
    arguments = ["apply", str(tmp_path), str(tmp_path), "--out", str(tmp_path / "out")]
    assert run_command(lambda: _command(arguments)) == 2
    assert "no such configuration file" in capsys.readouterr().err
