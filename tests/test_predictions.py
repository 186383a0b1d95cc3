from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from vreid.class_values import ClassValues, load_class_values
from vreid.errors import ConfigError, DataError
from vreid.features import Features
from vreid.options import Config
from vreid.predictions import Predictions

HASHES = {"weights_sha256": "w", "images_sha256": "i"}


def make(*, angles: bool = False) -> Predictions:
    values = np.array([350.5, 0.0, 7.25]) if angles else np.array([41, 6, 41])
    confidence = np.array([0.25, 1.0, 0.875], dtype=np.float32)
    return Predictions(("b.jpg", "a.jpg", "c.jpg"), values, confidence, HASHES)


def features_of(predictions: Predictions) -> Features:
    count = len(predictions)
    unknown = np.full(count, -1, dtype=np.int64)
    feats = np.eye(count, 4, dtype=np.float32)
    return Features(predictions.names, feats, unknown, unknown, unknown, HASHES)


@pytest.mark.parametrize("angles", [False, True])
def test_saving_and_loading_is_bit_exact(tmp_path: Path, angles: bool) -> None:
    made = make(angles=angles)
    loaded = Predictions.load(made.save(tmp_path / "features" / "query.labels.npz"))
    assert loaded.names == made.names
    assert loaded.meta == {**HASHES, "schema": 1}
    for key in ("predicted", "confidence"):
        one, other = getattr(loaded, key), getattr(made, key)
        assert one.dtype == other.dtype
        assert one.tobytes() == other.tobytes()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"predicted": np.zeros(2, np.int64)}, r"predicted is int64 of shape \(2,\)"),
        ({"predicted": np.zeros(3, np.int32)}, "expected int64 or float64"),
        ({"confidence": np.zeros(3)}, "confidence is float64 .* expected float32"),
        ({"names": ("a.jpg", "a.jpg", "b.jpg")}, r"a\.jpg occurs again"),
        ({"predicted": np.array([0, np.nan, 0])}, r"a\.jpg \(row 1\) is nan"),
        ({"confidence": np.array([0, 0, 1.5], np.float32)}, r"c\.jpg .* confidence 1\.5"),
    ],
)
def test_what_makes_no_sense_is_refused(change: dict[str, object], message: str) -> None:
    with pytest.raises(DataError, match=message):
        replace(make(), **change)  # type: ignore[arg-type]


def test_other_files_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "query.labels.npz"
    with pytest.raises(DataError, match=r"query\.labels\.npz: no such file"):
        Predictions.load(path)
    path.write_bytes(b"cut off")
    with pytest.raises(DataError, match="not a file of predictions"):
        Predictions.load(path)
    replace(make(), meta={"schema": 9}).save(path)
    with pytest.raises(DataError, match="schema version 9, this program reads 1"):
        Predictions.load(path)


def test_features_of_the_same_images_and_weights_take_them_into_their_record(
    tmp_path: Path,
) -> None:
    made, path = make(), tmp_path / "query.npz"
    assert not made.write_into(path)
    before = features_of(made)
    before.save(path)
    assert made.write_into(path)
    after = Features.load(path)
    assert after.meta["predicted"] == [41, 6, 41]
    assert after.meta["confidence"] == [0.25, 1.0, 0.875]
    assert after.feats.tobytes() == before.feats.tobytes()
    written = path.stat().st_mtime_ns
    assert made.write_into(path)
    assert path.stat().st_mtime_ns == written  # nothing to do
    for key in HASHES:
        assert not replace(made, meta={**HASHES, key: "other"}).write_into(path)
    assert not replace(made, names=("b.jpg", "a.jpg", "d.jpg")).write_into(path)


def test_classes_are_the_sorted_labels(tmp_path: Path) -> None:
    classes = ClassValues.of_labels("orientation", np.array([9, 3, 9]), {"bins": 36})
    assert classes.values == (3, 9)
    classes.keep(tmp_path, Config())
    assert load_class_values(tmp_path, "orientation") == classes
    with pytest.raises(DataError, match="tells orientation classes apart; expected camera"):
        load_class_values(tmp_path, "camera")


def test_a_training_goes_on_with_its_own_classes_only(tmp_path: Path) -> None:
    old, new = (ClassValues("camera", values) for values in ((1, 2), (1, 3)))
    old.keep(tmp_path, Config())
    new.keep(tmp_path, Config())  # nothing was trained yet
    assert load_class_values(tmp_path, "camera") == new
    (tmp_path / "last.pt").touch()
    new.keep(tmp_path, Config())
    with pytest.raises(DataError, match=r"2 camera classes \(1 3\).*2 camera classes \(1 2\) now"):
        old.keep(tmp_path, Config())
    assert load_class_values(tmp_path, "camera") == new


def test_a_run_of_other_options_is_left_as_it_is(tmp_path: Path) -> None:
    ClassValues("camera", (1, 2)).keep(tmp_path, Config())
    (tmp_path / "last.pt").touch()
    (tmp_path / "classes.json").unlink()  # trained before there was such a file
    with pytest.raises(ConfigError, match=r"other options \(name: vreid -> other\)"):
        ClassValues("camera", (1, 3)).keep(tmp_path, Config(name="other"))
    assert not (tmp_path / "classes.json").exists()
    ClassValues("camera", (1, 3)).keep(tmp_path, Config())
    assert load_class_values(tmp_path, "camera").values == (1, 3)


def test_a_run_without_classes_says_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"holds no classes\.json.*python -m camera\.train"):
        load_class_values(tmp_path, "camera")
    (tmp_path / "classes.json").write_text("[1, 2]")
    with pytest.raises(DataError, match="not a list of classes"):
        load_class_values(tmp_path, "camera")
