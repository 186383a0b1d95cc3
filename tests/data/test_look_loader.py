from dataclasses import replace
from pathlib import Path

import pytest
import torch

import vreid.data.look_loader
from tests.pictures import make_samples
from vreid.data.boxes import Box
from vreid.data.images import ImageArray, read_image
from vreid.data.loader import extract_loader
from vreid.data.look_loader import look_loader
from vreid.data.looks import Look, look_at
from vreid.data.sample import Sample
from vreid.errors import DataError

LOOKS = (Look("whole", (32, 32)), Look("centre", (48, 24)), Look("boxes", (16, 16)))


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory) -> list[Sample]:
    found = make_samples(tmp_path_factory.mktemp("pictures"), vehicles=2, frames=3)
    return [replace(sample, angle=30.0 * idx) for idx, sample in enumerate(found)]


@pytest.mark.parametrize("workers", [0, 2])
def test_batches_hold_every_look_in_order(samples: list[Sample], workers: int) -> None:
    boxes = {sample.name: Box(4, 2, 20, 30) for sample in samples[::2]}
    batches = list(look_loader(samples, LOOKS, boxes=boxes, batch_size=5, workers=workers))
    assert [len(batch.side) for batch in batches] == [5, 5, 2]
    for place, look in enumerate(LOOKS):
        found = torch.cat([batch.images[place] for batch in batches])
        for sample, image in zip(samples, found, strict=True):
            box = boxes.get(sample.name)
            expected = look_at(read_image(sample.path), look, box=box, path=sample.path)
            assert torch.equal(image, expected)


def test_the_whole_alone_is_what_the_plain_loader_gives(samples: list[Sample]) -> None:
    plain = extract_loader(samples, size=(40, 40), batch_size=5, num_views=4)
    looks = look_loader(samples, [Look("whole", (40, 40))], batch_size=5, num_views=4)
    for one, other in zip(plain, looks, strict=True):
        assert torch.equal(one.images, other.images[0])
        assert torch.equal(one.side, other.side)


def test_an_image_is_decoded_once(samples: list[Sample], monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[Path] = []

    def counted(path: Path) -> ImageArray:
        read.append(path)
        return read_image(path)

    monkeypatch.setattr(vreid.data.look_loader, "read_image", counted)
    assert len(list(look_loader(samples, LOOKS, batch_size=4))) == 3
    assert read == [sample.path for sample in samples]


@pytest.mark.parametrize("workers", [0, 1])
def test_errors_cross_processes_as_one_sentence(
    samples: list[Sample], workers: int, tmp_path: Path
) -> None:
    bad = [*samples[:3], replace(samples[3], path=tmp_path / "gone.jpg")]
    with pytest.raises(DataError, match=r"gone\.jpg: cannot be read"):
        list(look_loader(bad, LOOKS, batch_size=2, workers=workers))
    boxes = {samples[0].name: Box(0, 0, 33, 5)}
    with pytest.raises(DataError, match="goes beyond its 32 x 32 pixels"):
        list(look_loader(samples, LOOKS, boxes=boxes, batch_size=2, workers=workers))


def test_no_images_give_no_batches() -> None:
    assert list(look_loader([], LOOKS, batch_size=2)) == []
