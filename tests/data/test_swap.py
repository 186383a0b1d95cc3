"""The background swap: composition, sources, and the swap in the loader."""

import pickle
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from tests.backgrounds import BOX, SIZE, box_mask, draw, make_swappable, write
from vreid.data.images import ImageArray, read_image, resize_to_tensor
from vreid.data.loader import Batch, train_loader
from vreid.data.sample import UNKNOWN, Sample
from vreid.data.swap import (
    fit_plate,
    ground_shadow,
    is_usable,
    light_gains,
    resize_fast,
    soft_edge,
    swap_background,
    whole_mask,
)
from vreid.data.swap_online import MASK_SIDE, BackgroundSwap
from vreid.data.swap_plates import POOL, RENEWED, PlateCache, draw_pools, list_plates
from vreid.data.swap_sources import Origin, SwapSources, find_sources
from vreid.data.transforms import build_train_transform
from vreid.errors import DataError

PLAIN: dict[str, Any] = {"feather": 0.0, "color": 0.0, "shadow": 0.0}
BATCHES = [[0, 1, 2, 3], [4, 5, 6, 7], [0, 2, 4, 6]]


def filled(color: tuple[int, int, int]) -> ImageArray:
    return np.full((*SIZE, 3), color, dtype=np.uint8)


def test_the_vehicle_stays_and_the_rest_is_the_plate() -> None:
    result = swap_background(draw((0, 200, 0)), box_mask(), filled((10, 20, 220)), **PLAIN)
    outside = box_mask() == 0
    assert (result[outside] == (10, 20, 220)).all()
    assert (result[10:24, 8:32] == (0, 200, 0)).all()


def test_nothing_of_the_old_background_shows() -> None:
    """Red only comes from the road: a halo would be red."""
    result = swap_background(draw((0, 200, 0)), box_mask(), filled((0, 0, 0)), feather=0.1)
    assert result[:, :, 0].max() == 0


def test_the_edge_is_soft_inside_the_mask_only() -> None:
    opacity = soft_edge(box_mask(), 0.06, SIZE)  # two pixels
    assert not opacity[box_mask() == 0].any()
    row = opacity[16, 5:12].astype(int)
    assert (np.diff(row) >= 0).all() and 0 < row[1] < 255 and row[-1] == 255
    whole = np.full(SIZE, 255, dtype=np.uint8)
    assert (soft_edge(whole, 0.06, SIZE) == 255).all()  # the border of the image is no edge


def test_light_is_taken_from_the_change_of_background() -> None:
    image, mask = draw((80, 80, 80)), box_mask()
    same = light_gains(image, mask, filled((90, 20, 20)), strength=1.0)
    np.testing.assert_allclose(same, 1)
    full = light_gains(image, mask, filled((41, 48, 20)), strength=1.0)
    np.testing.assert_allclose(full, [0.6, 1.6, 1])  # half and double, held back
    half = np.array(light_gains(image, mask, filled((41, 27, 20)), strength=0.5))
    np.testing.assert_allclose(half, [0.5**0.5, 1.25**0.5, 1])
    result = swap_background(image, mask, filled((41, 27, 20)), feather=0, color=0.5, shadow=0)
    assert np.abs(result[16, 20] - 80 * half).max() <= 1


def test_the_shadow_lies_below_the_vehicle() -> None:
    mask = np.zeros((100, 100), dtype=np.uint8)
    mask[20:60, 20:80] = 255
    mask[60:80, 25:35] = mask[60:80, 65:75] = 255  # wheels
    shadow = resize_fast(ground_shadow(mask), (100, 100))
    assert shadow[72, 50] > 200  # between the wheels
    assert not shadow[:50].any() and not shadow[95:].any()
    plate = np.full((100, 100, 3), 200, dtype=np.uint8)
    image = np.repeat(mask[:, :, None], 3, axis=2)
    result = swap_background(image, mask, plate, color=0, shadow=0.5)
    assert 95 <= result[72, 50, 0] <= 125 and result[10, 50, 0] == 200
    assert not ground_shadow(np.zeros((20, 20), dtype=np.uint8)).any()


def test_holes_and_slits_are_filled_and_the_outline_stays() -> None:
    mask = np.zeros((60, 80), dtype=np.uint8)
    mask[10:50, 10:70] = 255
    damaged = mask.copy()
    damaged[10:50, 30:35] = 0  # a pole
    damaged[20:45, 45:65] = 0  # a window
    np.testing.assert_array_equal(whole_mask(damaged), mask)
    mask[:, 70:] = 255  # at the border nothing is joined
    mask[:, 72:] = 0
    np.testing.assert_array_equal(whole_mask(mask), mask)


def test_usable_masks() -> None:
    assert is_usable(box_mask())
    for rows, columns in ((slice(0, 0), slice(0, 0)), (slice(8, 18), slice(6, 34))):
        mask = np.zeros(SIZE, dtype=np.uint8)
        mask[rows, columns] = 255
        assert not is_usable(mask)  # empty; too flat for a crop
    assert not is_usable(np.full(SIZE, 255, dtype=np.uint8))
    bitten = box_mask()
    bitten[14:, 14:] = 0  # another vehicle before it
    assert not is_usable(bitten)


def test_plates_keep_their_proportions_nearly() -> None:
    columns = np.repeat(np.arange(120, dtype=np.uint8)[None, :, None], 40, axis=0).repeat(3, axis=2)
    same = fit_plate(columns, (40, 120), aspect=3.0, place=0.5)
    np.testing.assert_array_equal(same, columns)
    squeezed = fit_plate(columns, (80, 80), aspect=3.0, place=0.5)  # so is the image
    assert squeezed[0, 0, 0] <= 1 and squeezed[0, -1, 0] >= 118
    tall = [fit_plate(columns, (80, 80), aspect=1.0, place=place) for place in (0.0, 1.0)]
    assert [one.shape for one in tall] == [(80, 80, 3)] * 2
    assert tall[0][0, -1, 0] in (59, 60) and tall[1][0, 0, 0] in (60, 61)  # 60 of 120 columns


def scene(height: int, width: int) -> tuple[ImageArray, ImageArray, ImageArray]:
    """A picture with detail, the mask of a van with wheels, and a plate with another detail."""
    generator = np.random.default_rng(0)
    image, plate = (
        np.asarray(cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC))
        for small in generator.integers(0, 256, (2, 30, 30, 3), dtype=np.uint8)
    )
    mask = np.zeros((height, width), dtype=np.uint8)
    cv2.ellipse(mask, (width // 2, height // 2), (width // 3, height // 4), 8, 0, 360, 255, -1)
    for part in (3, 7):
        cv2.circle(mask, (width * part // 10, height * 7 // 10), height // 10, 255, -1)
    return image, mask, plate


def shrunk(mask: ImageArray, size: tuple[int, int]) -> ImageArray:
    return np.asarray(cv2.resize(mask, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


@pytest.mark.parametrize("size", [(80, 80), (128, 96), (256, 256)])
def test_small_masks_give_what_large_ones_do(size: tuple[int, int]) -> None:
    """The oracle composes at the picture's own size with the mask as it is, and resizes that."""
    image, mask, plate = scene(230, 300)
    usual: dict[str, Any] = {"feather": 0.02, "color": 0.3, "shadow": 0.5}
    for options in (PLAIN, usual):
        whole = swap_background(image, mask, plate, **options)
        expected = resize_to_tensor(whole, size).permute(1, 2, 0).numpy().astype(int)
        small = resize_to_tensor(image, size).permute(1, 2, 0).numpy()
        held = shrunk(mask, (96, 74))
        off = np.abs(swap_background(small, held, plate, **options).astype(int) - expected)
        assert off.mean() < 3 and np.quantile(off.max(axis=2), 0.9) < 12


def test_small_masks_show_nothing_of_the_old_background() -> None:
    """Red only comes from the old background: a halo would be red."""
    _, mask, _ = scene(230, 300)
    image = np.zeros((230, 300, 3), dtype=np.uint8)
    image[mask == 0] = (255, 0, 0)
    image[mask > 0] = (0, 255, 0)
    held = shrunk(mask, (96, 74))
    for size in ((80, 80), (256, 256)):
        small = resize_to_tensor(image, size).permute(1, 2, 0).numpy()
        result = swap_background(small, held, np.zeros((50, 50, 3), dtype=np.uint8))
        assert result[:, :, 0].max() < 64 and result[:, :, 0].mean() < 0.3  # of 255 and 170


def draws(generator: np.random.Generator) -> tuple[float, float, float]:
    return generator.random(), generator.random(), generator.random()


def find(
    root: Path, samples: list[Sample], *, shift: int = 0, side: int | None = None
) -> SwapSources:
    origin = Origin(slice(0, len(samples)), root / "masks", root / "plates", camid_shift=shift)
    return find_sources(samples, [origin], side=side)


def test_sources_know_masks_cameras_and_own_plates(tmp_path: Path) -> None:
    samples = make_swappable(tmp_path)
    (tmp_path / "masks/image_train/000003.png").unlink()
    write(tmp_path / "masks/image_train/000004.png", np.zeros(SIZE, dtype=np.uint8))
    sources = find(tmp_path, samples)
    assert (sources.num_missing, sources.num_refused) == (1, 1)
    assert sources.mask(3) is None and sources.mask(4) is None
    for idx in (0, 5, 7):
        np.testing.assert_array_equal(sources.mask(idx), box_mask())
    assert [Path(sources.plates.paths[own]).stem for own in sources.own] == [
        f"image_train_{idx:06d}" for idx in range(8)
    ]
    assert sources.camera.tolist() == [0, 1] * 4
    everything = np.arange(8)
    assert sources.own[2] not in sources.others(2, everything)
    assert len(sources.others(2, everything)) == 7
    assert sources.others(2, sources.own[2:3]) == sources.own[2]  # there is no other
    assert len(pickle.dumps(sources)) < 4000


def test_masks_are_held_small(tmp_path: Path) -> None:
    samples = make_swappable(tmp_path)
    _, mask, _ = scene(300, 400)
    for sample in samples:
        write(tmp_path / "masks" / sample.name, mask)
    sources = find(tmp_path, samples, side=96)
    held = sources.mask(0)
    assert held is not None and held.shape == (72, 96) and sources.size(0) == (300, 400)
    whole = whole_mask(mask)
    expected = shrunk(whole, (96, 72))
    np.testing.assert_array_equal(held, expected)
    found = sources.cut_out(0)
    assert found is not None
    np.testing.assert_array_equal(found[1], ground_shadow(expected))
    assert len(sources.data) < 1500 * len(samples)  # below 80 MB for 52,000 images
    np.testing.assert_array_equal(find(tmp_path, samples).mask(0), whole)
    assert find(tmp_path, samples, side=500).mask(0).shape == (300, 400)  # type: ignore[union-attr]


def test_cameras_of_joined_sets_are_found(tmp_path: Path) -> None:
    samples = make_swappable(tmp_path)
    shifted = [replace(sample, camid=sample.camid + 5) for sample in samples]
    assert (find(tmp_path, shifted, shift=5).own == find(tmp_path, samples).own).all()
    assert set(find(tmp_path, shifted).own) == {UNKNOWN}
    unknown = [replace(sample, camid=UNKNOWN) for sample in samples]
    assert set(find(tmp_path, unknown).camera) == {UNKNOWN}


def test_own_plates_are_known_without_cameras_too(tmp_path: Path) -> None:
    samples = make_swappable(tmp_path, cameras=1)
    (tmp_path / "plates/c001").rename(tmp_path / "plates/unknown")
    assert find(tmp_path, samples).own.tolist() == list(range(8))


def test_missing_masks_and_plates_are_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such folder; make background plates"):
        list_plates([tmp_path / "none"])
    with pytest.raises(DataError, match=r"no background plates \(looked for \*/\*\.jpg"):
        list_plates([tmp_path])
    samples = make_swappable(tmp_path)
    message = (
        r"none of the 8 training .* 8 have none \(looked for .*none.image_train.000000\.png, …"
    )
    with pytest.raises(DataError, match=message):
        find_sources(samples, [Origin(slice(0, 8), tmp_path / "none", tmp_path / "plates")])
    path = tmp_path / "masks/image_train/000005.png"
    path.write_bytes(path.read_bytes()[:30])
    with pytest.raises(DataError, match=r"000005\.png: the mask is not whole"):
        find(tmp_path, samples)


def background(root: Path, samples: list[Sample], *, prob: float = 1.0) -> BackgroundSwap:
    return BackgroundSwap(find(root, samples, side=MASK_SIDE), prob, same_camera=False, **PLAIN)


def load(
    samples: list[Sample],
    swap: BackgroundSwap | None,
    *,
    workers: int = 0,
    start: int = 0,
    epoch: int = 0,
    flip: float = 0.0,
    size: tuple[int, int] = SIZE,
) -> list[Batch]:
    off = {"pad": 0, "color_prob": 0.0, "augmix_prob": 0.0, "blur_prob": 0.0, "erase_prob": 0.0}
    loader = train_loader(
        samples,
        np.array([sample.pid for sample in samples]),
        BATCHES,
        transform=build_train_transform(size=size, flip_prob=flip, **off),  # type: ignore[arg-type]
        swap=swap,
        size=size,
        seed=1,
        epoch=epoch,
        workers=workers,
        start=start,
    )
    return list(loader)


def images(batches: list[Batch]) -> torch.Tensor:
    return torch.cat([batch.images for batch in batches])


def test_the_swap_depends_on_nothing_but_seed_epoch_and_place(tmp_path: Path) -> None:
    samples = make_swappable(tmp_path)
    swap = background(tmp_path, samples, prob=0.7)
    expected = images(load(samples, swap))
    assert torch.equal(expected, images(load(samples, swap, workers=2)))
    assert torch.equal(expected[8:], images(load(samples, swap, start=2)))
    assert not torch.equal(expected, images(load(samples, swap, epoch=1)))
    again = pickle.loads(pickle.dumps(swap))
    assert torch.equal(expected, images(load(samples, again)))


def test_without_a_swap_nothing_changes(tmp_path: Path) -> None:
    samples = make_swappable(tmp_path)
    plain = load(samples, None, flip=0.5)
    never = load(samples, background(tmp_path, samples, prob=0.0), flip=0.5)
    assert torch.equal(images(plain), images(never))
    some = load(samples, background(tmp_path, samples, prob=0.5), flip=0.5)
    same = (images(plain) == images(some)).flatten(1).all(dim=1)
    assert 2 <= same.sum() <= 10  # those not due are the same ones, mirrored as before
    for one, other in zip(plain, some, strict=True):
        assert torch.equal(one.labels, other.labels) and torch.equal(one.indices, other.indices)


@pytest.mark.parametrize("same_camera", [False, True])
def test_every_plate_but_the_images_own_is_met(tmp_path: Path, same_camera: bool) -> None:
    samples = make_swappable(tmp_path)
    swap = replace(background(tmp_path, samples), same_camera=same_camera)
    epoch, generator = swap.begin((0, 0), SIZE), np.random.default_rng(0)
    for idx, sample in enumerate(samples):
        image = read_image(sample.path)
        corners = [
            epoch(image, idx, sample.path, draws(generator))[0, 0].tolist() for _ in range(80)
        ]
        assert all(red == green == blue for red, green, blue in corners)  # no red road
        seen = {round((grey - 100) / 10) for grey, _, _ in corners}
        step = 2 if same_camera else 1
        assert seen == set(range(idx % step, 8, step)) - {idx}


def test_each_epoch_has_a_pool_of_its_own_with_all_cameras(tmp_path: Path) -> None:
    samples = make_swappable(tmp_path, count=10)
    swap = background(tmp_path, samples)
    size = (2000, 3000)  # of which three fit into the memory for plates
    for same_camera, share in ((False, 3), (True, 4)):
        pools = {
            frozenset(_met(replace(swap, same_camera=same_camera), samples, epoch, size))
            for epoch in range(6)
        }
        assert len(pools) > 1
        assert {len(pool) for pool in pools} <= {share}


def _met(
    swap: BackgroundSwap, samples: list[Sample], epoch: int, size: tuple[int, int]
) -> set[int]:
    """Greys of the plates that come up in an epoch."""
    begun, generator = swap.begin((0, epoch), size), np.random.default_rng(0)
    image = read_image(samples[0].path)
    return {
        int(begun(image, idx, samples[idx].path, draws(generator))[0, 0, 0])
        for idx in range(len(samples))
        for _ in range(12)
    }


def test_a_pool_follows_from_its_epoch_and_changes_by_an_eighth() -> None:
    cameras = np.repeat(np.arange(4), 400)
    for apart in (False, True):
        pools = [
            draw_pools(cameras, size=(32, 32), apart=apart, seed=3, epoch=epoch)
            for epoch in range(60)
        ]
        again = draw_pools(cameras, size=(32, 32), apart=apart, seed=3, epoch=7)
        for camera, pool in again.items():
            np.testing.assert_array_equal(pool, pools[7][camera])
            assert not apart or set(cameras[pool]) == {camera}
        drawn = [set(np.concatenate(list(pool.values())).tolist()) for pool in pools]
        assert {len(one) for one in drawn} == {POOL}
        assert {len(two - one) for one, two in pairwise(drawn)} == {POOL // RENEWED}
        assert len(set().union(*drawn)) == len(cameras)  # all come up
        other = draw_pools(cameras, size=(32, 32), apart=apart, seed=4, epoch=7)
        assert any(not np.array_equal(other[camera], again[camera]) for camera in again)


def test_plates_are_decoded_once_and_forgotten(tmp_path: Path) -> None:
    make_swappable(tmp_path)
    paths = list_plates([tmp_path / "plates"]).paths
    cache = PlateCache()
    first = cache.keep([0, 1, 2], paths, (16, 20))
    assert {one.shape for one in first.values()} == {(16, 20, 3)}  # no larger than the input
    second = cache.keep([1, 2, 3], paths, (16, 20))
    assert second[1] is first[1] and set(cache.held) == {1, 2, 3}
    assert cache.keep([1], paths, (64, 64))[1].shape == (*SIZE, 3)  # another input, held anew


def test_images_that_cannot_be_swapped_pass_and_are_counted(tmp_path: Path) -> None:
    samples = make_swappable(tmp_path)
    (tmp_path / "masks/image_train/000000.png").unlink()
    write(tmp_path / "masks/image_train/000001.png", np.full(SIZE, 255, dtype=np.uint8))
    samples[2] = replace(samples[2], camid=9)
    swap = replace(background(tmp_path, samples), same_camera=True)
    assert swap.describe() == (
        "background swap: 5 of 8 training images, with probability 1, 8 plates of 2 cameras; 1 have"
        " no mask; 1 a mask that is not of a whole vehicle; 1 no plate of their camera"
    )
    plain, swapped = images(load(samples, None)), images(load(samples, swap))
    same = (plain == swapped).flatten(1).all(dim=1)
    assert same[:8].tolist() == [True] * 3 + [False] * 5


def test_large_images_are_composed_at_the_size_of_the_input(tmp_path: Path) -> None:
    samples = make_swappable(tmp_path)
    swap = background(tmp_path, samples).begin((0, 0), (16, 60))
    image, generator = read_image(samples[0].path), np.random.default_rng(0)
    result = swap(image, 0, samples[0].path, draws(generator))
    assert result.shape == (16, 40, 3)
    assert np.abs(result[8, 20].astype(int) - image[16, 20]).max() <= 1  # the vehicle's middle
    assert images(load(samples, background(tmp_path, samples), size=(16, 60))).shape[2:] == (16, 60)


def test_a_mask_of_another_size_is_told_with_both(tmp_path: Path) -> None:
    samples = make_swappable(tmp_path)
    write(tmp_path / "masks/image_train/000006.png", box_mask()[:, :39])
    swap = background(tmp_path, samples)
    message = r"000006\.png: its mask has 39 x 32 pixels and the image 40 x 32; make the masks"
    with pytest.raises(DataError, match=message):
        load(samples, swap)


def test_an_unreadable_plate_is_one_sentence(tmp_path: Path) -> None:
    samples = make_swappable(tmp_path, count=8)
    for path in (tmp_path / "plates").glob("*/*.jpg"):
        path.write_bytes(b"nothing")
    with pytest.raises(DataError, match=r"\.jpg: not an image that can be decoded"):
        load(samples, background(tmp_path, samples), workers=2)


def test_the_vehicle_is_where_it_was(tmp_path: Path) -> None:
    samples = make_swappable(tmp_path)
    batch = load(samples, background(tmp_path, samples))[0]
    inner = batch.images[:, :, BOX[0], BOX[1]][:, :, 3:-3, 3:-3]
    for idx, image in zip(batch.indices.tolist(), inner, strict=True):
        assert (torch.tensor([0, 60 + 20 * idx, 200]) == image.flatten(1).T).all()
