import math
import pickle
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from torch import Tensor

from tests.data.layouts import write_images
from vreid.data.augmentation import Augmented, Donor
from vreid.data.batching import BatchLoader
from vreid.data.images import read_image, resize
from vreid.data.loader import Batch, extract_loader, train_loader
from vreid.data.sample import UNKNOWN, Sample
from vreid.data.samplers import shuffle_batches
from vreid.data.transforms import build_train_transform
from vreid.errors import ConfigError, DataError

SIZE = (16, 20)
LABELS = np.arange(10, dtype=np.int64) % 4
BATCHES = [[3, 1, 4], [1, 5, 9], [2, 6, 1], [0, 7, 8]]


@pytest.fixture
def samples(tmp_path: Path) -> list[Sample]:
    names = [f"{idx}.jpg" for idx in range(10)]
    write_images(tmp_path, names)
    return [Sample(tmp_path / name, name) for name in names]


def load(
    samples: list[Sample],
    *,
    seed: int = 0,
    epoch: int = 0,
    workers: int = 0,
    start: int = 0,
    patch: float = 0.0,
    share: tuple[int, int] = (0, 1),
) -> BatchLoader[Batch]:
    return train_loader(
        samples,
        LABELS,
        BATCHES,
        transform=build_train_transform(size=SIZE, patch_prob=patch),
        size=SIZE,
        seed=seed,
        epoch=epoch,
        workers=workers,
        start=start,
        share=share,
    )


def same(one: list[Batch], other: list[Batch]) -> bool:
    return len(one) == len(other) and all(
        all(torch.equal(a, b) for a, b in zip(left, right, strict=True))
        for left, right in zip(one, other, strict=True)
    )


def test_batches_hold_images_labels_and_indices(samples: list[Sample]) -> None:
    loader = load(samples)
    assert len(loader) == 4
    for batch, indices in zip(loader, BATCHES, strict=True):
        assert batch.images.shape == (3, 3, *SIZE)
        assert batch.images.dtype == torch.uint8
        assert batch.indices.tolist() == indices
        assert batch.labels.dtype == batch.indices.dtype == torch.int64
        assert batch.labels.tolist() == LABELS[indices].tolist()


def test_worker_processes_change_nothing(samples: list[Sample]) -> None:
    # The pools of threads that a parent has started do not survive in forked workers.
    cv2.GaussianBlur(np.zeros((2000, 2000, 3), np.uint8), (9, 9), 2)
    torch.rand(600, 600) @ torch.rand(600, 600)
    patched = list(load(samples, patch=1.0))
    assert same(patched, list(load(samples, workers=2, patch=1.0)))
    assert not same(patched, list(load(samples)))


def test_an_interrupted_epoch_goes_on_alike(samples: list[Sample]) -> None:
    whole = list(load(samples, patch=0.5))
    assert same(whole[2:], list(load(samples, start=2, patch=0.5)))


def test_shares_of_processes_make_up_the_batch(samples: list[Sample]) -> None:
    whole = list(load(samples, patch=0.5))
    shares = [list(load(samples, patch=0.5, share=(rank, 2))) for rank in (0, 1)]
    for number, batch in enumerate(whole):
        for rank in (0, 1):
            assert same([Batch(*(part[rank::2] for part in batch))], [shares[rank][number]])
    assert same(list(load(samples, patch=0.5, start=1, share=(1, 2))), shares[1][1:])


def test_patches_come_from_every_other_image_and_depend_on_the_place(samples: list[Sample]) -> None:
    def give_donor(image: Tensor, donor: Donor) -> Augmented:
        return Augmented(donor(), False)

    def donors(epoch: int, number: int) -> list[int]:
        loader = train_loader(
            samples[:number],
            LABELS,
            [[0] * 40] * 2,
            transform=give_donor,
            size=SIZE,
            seed=0,
            epoch=epoch,
        )
        images = torch.cat([batch.images for batch in loader])
        return [int((plain == image).all(dim=(1, 2, 3)).int().argmax()) for image in images]

    plain = next(iter(extract_loader(samples, size=SIZE, batch_size=10))).images
    found = donors(0, 4)
    assert set(found) == {1, 2, 3}
    assert all(10 < found.count(idx) < 45 for idx in (1, 2, 3))  # about 27 of 80
    assert found == donors(0, 4)
    assert found != donors(1, 4) and found[:40] != found[40:]
    assert set(donors(0, 1)) == {0}


@pytest.mark.parametrize("workers", [0, 2])
def test_an_unreadable_donor_is_one_sentence(samples: list[Sample], workers: int) -> None:
    samples = samples[:2]
    samples[1].path.write_bytes(b"")
    loader = train_loader(
        samples,
        LABELS,
        [[0]],
        transform=build_train_transform(size=SIZE, patch_prob=1.0),
        size=SIZE,
        seed=0,
        epoch=0,
        workers=workers,
    )
    with pytest.raises(DataError, match=r"^[^\n]*1.jpg: the file is empty[^\n]*$"):
        list(loader)


def _seen(samples: list[Sample]) -> list[Sample]:
    """Cameras 3, 4, ... and orientations; the last of each is unknown."""
    seen = [
        replace(sample, camid=3 + idx, angle=idx * 36.0 + 1) for idx, sample in enumerate(samples)
    ]
    return [*seen[:-1], samples[-1]]


def test_side_information_is_camera_and_view(samples: list[Sample]) -> None:
    (batch,) = extract_loader(_seen(samples), size=SIZE, batch_size=10, num_views=4)
    assert batch.side.dtype == torch.int64
    assert batch.side[:, 0].tolist() == [3, 4, 5, 6, 7, 8, 9, 10, 11, UNKNOWN]
    assert batch.side[:, 1].tolist() == [0, 0, 0, 1, 1, 2, 2, 2, 3, UNKNOWN]
    (batch,) = extract_loader(_seen(samples), size=SIZE, batch_size=10)
    assert batch.side[:, 1].tolist() == [UNKNOWN] * 10


def test_a_mirrored_image_has_the_mirrored_view(samples: list[Sample]) -> None:
    samples = _seen(samples)
    plain = next(iter(extract_loader(samples, size=SIZE, batch_size=10, num_views=4)))
    off = {"pad": 0, "color_prob": 0.0, "augmix_prob": 0.0, "blur_prob": 0.0, "erase_prob": 0.0}
    loader = train_loader(
        samples,
        LABELS,
        BATCHES,
        transform=build_train_transform(size=SIZE, **off),  # type: ignore[arg-type]
        size=SIZE,
        seed=0,
        epoch=0,
        num_views=4,
    )
    flips = 0
    for batch in loader:
        for image, idx, (camera, view) in zip(
            batch.images, batch.indices.tolist(), batch.side.tolist(), strict=True
        ):
            flipped = torch.equal(image, plain.images[idx].flip(2))
            assert flipped or torch.equal(image, plain.images[idx])
            angle = 360 - samples[idx].angle if flipped else samples[idx].angle
            assert view == (UNKNOWN if math.isnan(angle) else angle // 90)
            assert camera == samples[idx].camid
            flips += flipped
    assert 0 < flips < 12


def test_views_of_images_without_orientation_are_refused(samples: list[Sample]) -> None:
    with pytest.raises(ConfigError, match=r"model\.side_views is 4, but none of the 10 training"):
        train_loader(
            samples,
            LABELS,
            BATCHES,
            transform=build_train_transform(size=SIZE),
            size=SIZE,
            seed=0,
            epoch=0,
            num_views=4,
        )
    (batch,) = extract_loader(samples, size=SIZE, batch_size=10, num_views=4)
    assert set(batch.side.flatten().tolist()) == {UNKNOWN}


def test_an_image_is_augmented_anew_in_each_place_epoch_and_seed(samples: list[Sample]) -> None:
    batches = list(load(samples))
    assert same(batches, list(load(samples)))
    ones = [batches[0].images[1], batches[1].images[0], batches[2].images[2]]
    ones.append(next(iter(load(samples, epoch=1))).images[1])
    ones.append(next(iter(load(samples, seed=1))).images[1])
    assert all(not torch.equal(one, other) for idx, one in enumerate(ones) for other in ones[:idx])


def test_loading_leaves_generators_and_threads_alone(samples: list[Sample]) -> None:
    threads = torch.get_num_threads()
    torch.manual_seed(11)
    expected = torch.rand(3)
    torch.manual_seed(11)
    list(load(samples))
    list(extract_loader(samples, size=SIZE, batch_size=4))
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == threads


def test_loaders_can_be_iterated_again_and_stopped_early(samples: list[Sample]) -> None:
    loader = load(samples)
    first = next(iter(loader))
    assert same([first], list(loader)[:1])


@pytest.mark.parametrize("workers", [0, 2])
def test_extraction_gives_all_images_in_order_and_only_resized(
    samples: list[Sample], workers: int
) -> None:
    batches = list(extract_loader(samples, size=SIZE, batch_size=4, workers=workers))
    assert [len(batch.images) for batch in batches] == [4, 4, 2]
    assert torch.cat([batch.indices for batch in batches]).tolist() == list(range(10))
    assert set(torch.cat([batch.labels for batch in batches]).tolist()) == {UNKNOWN}
    images = torch.cat([batch.images for batch in batches]).permute(0, 2, 3, 1).numpy()
    for image, sample in zip(images, samples, strict=True):
        np.testing.assert_array_equal(image, resize(read_image(sample.path), SIZE))


def test_nothing_to_extract_is_no_batches() -> None:
    assert list(extract_loader([], size=SIZE, batch_size=4)) == []


@pytest.mark.parametrize("workers", [0, 2])
def test_an_unreadable_image_is_one_sentence(samples: list[Sample], workers: int) -> None:
    samples[5].path.write_bytes(samples[5].path.read_bytes()[:-40])
    with pytest.raises(DataError, match=r"^[^\n]*5.jpg: the image is cut off[^\n]*$"):
        list(load(samples, workers=workers))


def test_a_programming_error_keeps_its_name(samples: list[Sample]) -> None:
    def broken(image: Tensor, donor: Donor) -> Augmented:
        raise RuntimeError("broken step")

    loader = train_loader(
        samples, LABELS, BATCHES, transform=broken, size=SIZE, seed=0, epoch=0, workers=0
    )
    with pytest.raises(RuntimeError, match="broken step"):
        list(loader)


def test_the_data_set_can_be_sent_to_a_spawned_worker(samples: list[Sample]) -> None:
    dataset = load(samples).loader.dataset
    image, label, idx, side = pickle.loads(pickle.dumps(dataset))[0, 1, 2]
    assert torch.equal(image, dataset[0, 1, 2][0])  # type: ignore[index]
    assert (label, idx, side) == (2, 2, (UNKNOWN, UNKNOWN))


def test_sampled_batches_fit_the_loader(samples: list[Sample]) -> None:
    batches = shuffle_batches(10, batch_size=4, generator=np.random.default_rng(0), drop_last=True)
    transform = build_train_transform(size=SIZE)
    loader = train_loader(samples, LABELS, batches, transform=transform, size=SIZE, seed=0, epoch=0)
    assert [batch.indices.tolist() for batch in loader] == batches


def test_mirrored_images_have_another_label(samples: list[Sample]) -> None:
    sides = [UNKNOWN]

    def transform(image: Tensor, donor: Donor) -> Augmented:
        sides.append(1 - abs(sides[-1]))
        return Augmented(image, mirrored=bool(sides[-1]))

    loader = train_loader(
        samples,
        LABELS,
        BATCHES,
        transform=transform,
        size=SIZE,
        seed=0,
        epoch=0,
        mirrored=LABELS + 10,
    )
    labels = [label for batch in loader for label in batch.labels.tolist()]
    indices = [idx for batch in BATCHES for idx in batch]
    expected = [LABELS[idx] + 10 * side for idx, side in zip(indices, sides[1:], strict=True)]
    assert labels == expected
    assert set(sides[1:]) == {0, 1}
