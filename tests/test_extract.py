from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

import vreid.extract
from tests.pictures import make_samples
from tests.tiny import untrained
from vreid.data.loader import extract_loader
from vreid.data.sample import UNKNOWN, Sample
from vreid.errors import DataError
from vreid.extract import extract, remove_parts
from vreid.features import FloatArray
from vreid.models.backbone import build_backbone
from vreid.models.embedder import Embedder, embed
from vreid.precision import choose_precision

FP32 = choose_precision(torch.device("cpu"), "fp32")


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    return make_samples(tmp_path_factory.mktemp("pictures"), vehicles=5)


@pytest.fixture(scope="module")
def model() -> Embedder:
    return untrained()


def test_rows_are_normalised_features_of_image_and_mirror_in_order(
    model: Embedder, samples: list[Sample]
) -> None:
    found = extract(model, samples, size=(32, 32), batch_size=7, flip=True, precision=FP32)
    images = torch.cat([b.images for b in extract_loader(samples, size=(32, 32), batch_size=40)])
    with torch.no_grad():
        rows = model(images).feat_bn + model(images.flip(3)).feat_bn
    expected = torch.nn.functional.normalize(rows).numpy()
    np.testing.assert_allclose(found.feats, expected, atol=1e-5)
    assert found.names == tuple(sample.name for sample in samples)
    assert found.pids.tolist() == [sample.pid for sample in samples]
    assert (found.meta["normalized"], found.meta["flip"]) == (True, True)


def test_a_stopped_extraction_keeps_its_finished_parts(
    model: Embedder, samples: list[Sample], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vreid.extract, "PART_SIZE", 16)
    arguments = {"size": (32, 32), "batch_size": 8, "flip": False, "precision": FP32}
    whole = extract(model, samples, **arguments)  # type: ignore[arg-type]
    embedded = vreid.extract._embed
    calls = 0

    def stop_in_second_part(*words: object, **options: object) -> object:
        nonlocal calls
        calls += 1
        if calls == 4:
            raise KeyboardInterrupt
        return embedded(*words, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(vreid.extract, "_embed", stop_in_second_part)
    with pytest.raises(KeyboardInterrupt):
        extract(model, samples, **arguments, parts=tmp_path)  # type: ignore[arg-type]
    assert len(list(tmp_path.iterdir())) == 1
    again = extract(model, samples, **arguments, parts=tmp_path)  # type: ignore[arg-type]
    np.testing.assert_array_equal(again.feats, whole.feats)
    assert calls == 4 + 3  # the first part's two batches were not embedded again
    remove_parts(tmp_path)
    assert not tmp_path.exists()


@pytest.fixture
def side_model() -> Embedder:
    torch.manual_seed(0)
    backbone = build_backbone(
        "test_vit",
        last_stride=2,
        weights="none",
        image_size=(32, 32),
        side_cameras=2,
        side_views=4,
    )
    model = Embedder(backbone, num_classes=3, pooling="token")
    model.learn_cameras(np.array([0, 1]))
    return model.eval()


def feats(model: Embedder, samples: list[Sample], parts: Path | None = None) -> FloatArray:
    return extract(
        model, samples, size=(32, 32), batch_size=7, flip=True, precision=FP32, parts=parts
    ).feats


def test_cameras_and_views_of_the_samples_reach_the_model(
    side_model: Embedder, samples: list[Sample]
) -> None:
    samples = [replace(sample, angle=9.0 * idx) for idx, sample in enumerate(samples)]
    found = feats(side_model, samples)
    (batch,) = extract_loader(samples, size=(32, 32), batch_size=40, num_views=4)
    assert set(map(tuple, batch.side.tolist())) == {(c, v) for c in (0, 1) for v in range(4)}
    rows = embed(side_model, batch.images, flip=True, side=batch.side)
    np.testing.assert_allclose(found, torch.nn.functional.normalize(rows).numpy(), atol=1e-5)
    elsewhere = feats(side_model, [replace(sample, camid=1 - sample.camid) for sample in samples])
    assert np.abs(found - elsewhere).max() > 1e-3
    backwards = feats(side_model, samples[::-1])
    np.testing.assert_allclose(backwards[::-1], found, atol=1e-5)


def test_cameras_that_training_has_not_met_are_the_unknown_one(
    side_model: Embedder, samples: list[Sample]
) -> None:
    unknown = feats(side_model, [replace(sample, camid=UNKNOWN) for sample in samples])
    strange = feats(side_model, [replace(sample, camid=sample.camid + 2) for sample in samples])
    np.testing.assert_array_equal(unknown, strange)
    assert np.isfinite(unknown).all()


def test_parts_of_other_cameras_are_not_taken_up(
    side_model: Embedder, samples: list[Sample], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vreid.extract, "PART_SIZE", 16)
    feats(side_model, samples, tmp_path)
    others = [replace(sample, camid=1 - sample.camid) for sample in samples]
    np.testing.assert_array_equal(feats(side_model, others, tmp_path), feats(side_model, others))


def test_nothing_to_extract_is_an_error(model: Embedder) -> None:
    with pytest.raises(DataError, match="there are no images"):
        extract(model, [], size=(32, 32), batch_size=8, flip=False, precision=FP32)
