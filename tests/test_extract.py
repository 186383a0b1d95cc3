from pathlib import Path

import numpy as np
import pytest
import torch

import vreid.extract
from tests.pictures import make_samples
from vreid.data.loader import extract_loader
from vreid.data.sample import Sample
from vreid.errors import DataError
from vreid.extract import extract, remove_parts
from vreid.models.backbone import build_backbone
from vreid.models.embedder import Embedder
from vreid.precision import choose_precision

FP32 = choose_precision(torch.device("cpu"), "fp32")


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    return make_samples(tmp_path_factory.mktemp("pictures"), vehicles=5)


@pytest.fixture(scope="module")
def model() -> Embedder:
    torch.manual_seed(0)
    backbone = build_backbone("test_resnet", weights="none", last_stride=2)
    return Embedder(backbone, num_classes=3).eval()


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


def test_nothing_to_extract_is_an_error(model: Embedder) -> None:
    with pytest.raises(DataError, match="there are no images"):
        extract(model, [], size=(32, 32), batch_size=8, flip=False, precision=FP32)
