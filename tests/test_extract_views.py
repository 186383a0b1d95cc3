"""Features averaged over scales, crops and mirror images."""

from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch.nn.functional import normalize
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as oracle

import vreid.extract
from tests.pictures import make_samples
from tests.tiny import untrained
from vreid.data.boxes import Box
from vreid.data.looks import Crop
from vreid.data.sample import Sample
from vreid.errors import ConfigError
from vreid.extract import extract
from vreid.features import Features
from vreid.models.backbone import build_backbone
from vreid.models.embedder import Embedder
from vreid.precision import choose_precision

FP32 = choose_precision(torch.device("cpu"), "fp32")


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    return make_samples(tmp_path_factory.mktemp("pictures"), vehicles=3)


@pytest.fixture(scope="module")
def model() -> Embedder:
    return untrained()


def features(
    model: Embedder,
    samples: list[Sample],
    *,
    scales: tuple[float, ...] = (1.0,),
    crops: tuple[Crop, ...] = ("whole",),
    boxes: dict[str, Box] | None = None,
    flip: bool = True,
    parts: Path | None = None,
) -> Features:
    return extract(
        model,
        samples,
        size=(64, 64),
        batch_size=7,
        flip=flip,
        precision=FP32,
        scales=scales,
        crops=crops,
        boxes=boxes,
        parts=parts,
    )


@pytest.mark.parametrize("flip", [True, False])
def test_the_mean_over_views_is_that_of_a_loop(
    model: Embedder, samples: list[Sample], flip: bool
) -> None:
    boxes = {samples[2].name: Box(3, 5, 30, 20)}
    found = features(
        model,
        samples,
        scales=(1.0, 1.5),
        crops=("whole", "centre", "boxes"),
        boxes=boxes,
        flip=flip,
    )
    for row, sample in zip(found.feats, samples, strict=True):
        picture = cv2.imread(str(sample.path))
        assert picture is not None
        image = cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)
        box = boxes.get(sample.name, Box(0, 0, 32, 32))
        total = torch.zeros(model.dim)
        for part in (image, image[2:30, 2:30], image[box.y0 : box.y1, box.x0 : box.x1]):
            tensor = torch.from_numpy(part.transpose(2, 0, 1).copy())
            for side in (64, 96):
                shown = oracle.resize(
                    tensor, [side, side], interpolation=InterpolationMode.BICUBIC, antialias=True
                )
                with torch.no_grad():
                    feat = model(shown[None]).feat_bn[0]
                    if flip:
                        feat = (feat + model(shown[None].flip(3)).feat_bn[0]) / 2
                total += normalize(feat, dim=0)
        np.testing.assert_allclose(row, normalize(total, dim=0).numpy(), atol=1e-5)
    assert found.meta["views"] == [
        f"{crop} {side}x{side}" for crop in ("whole", "centre", "boxes") for side in (64, 96)
    ]
    assert found.meta["flip"] is flip


def test_the_defaults_leave_features_and_record_as_they_were(
    model: Embedder, samples: list[Sample]
) -> None:
    plain = extract(model, samples, size=(64, 64), batch_size=7, flip=True, precision=FP32)
    assert set(plain.meta) == {"normalized", "flip", "size"}
    found = features(model, samples)
    assert found.feats.tobytes() == plain.feats.tobytes()
    assert found.meta == plain.meta


def test_one_other_view_is_named_too(model: Embedder, samples: list[Sample]) -> None:
    found = features(model, samples, scales=(1.5,))
    assert found.meta["views"] == ["whole 96x96"]
    larger = extract(model, samples, size=(96, 96), batch_size=7, flip=True, precision=FP32)
    np.testing.assert_array_equal(found.feats, larger.feats)


def test_parts_of_other_views_or_boxes_are_not_taken_up(
    model: Embedder, samples: list[Sample], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vreid.extract, "PART_SIZE", 16)
    boxes = [{samples[0].name: Box(0, 0, 8, 8)}, {samples[0].name: Box(8, 8, 32, 32)}]
    kept = features(model, samples, crops=("boxes",), boxes=boxes[0], parts=tmp_path)
    other = features(model, samples, crops=("boxes",), boxes=boxes[1], parts=tmp_path)
    plain = features(model, samples, parts=tmp_path)
    assert len({one.feats.tobytes() for one in (kept, other, plain)}) == 3
    np.testing.assert_array_equal(plain.feats, features(model, samples).feats)
    monkeypatch.setattr(vreid.extract, "look_loader", None)  # nothing is decoded again
    one_part = features(model, samples[:16], crops=("boxes",), boxes=boxes[0], parts=tmp_path)
    np.testing.assert_array_equal(one_part.feats, kept.feats[:16])


@pytest.mark.parametrize("network", ["test_vit", "volo_d1_224", "swin_tiny_patch4_window7_224"])
def test_networks_of_one_size_refuse_others_in_a_sentence(
    network: str, samples: list[Sample]
) -> None:
    backbone = build_backbone(network, weights="none", last_stride=2, image_size=(64, 64))
    model = Embedder(backbone, num_classes=0, pooling="avg").eval()
    with pytest.raises(
        ConfigError, match=rf"scales \[1\.0, 1\.5\] needs images of 96 x 96 .* but {network} is"
    ):
        features(model, samples, scales=(1.0, 1.5))
    if network == "test_vit":
        found = features(model, samples, crops=("whole", "centre"))
        assert found.meta["views"] == ["whole 64x64", "centre 64x64"]
