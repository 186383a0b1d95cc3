"""Colour methods against naive loops, and their laws."""

import cv2
import numpy as np
import pytest

from synthetic_aug.color.fourier import fourier_adapt
from synthetic_aug.color.histogram import histograms, match_histograms
from synthetic_aug.color.reinhard import LabStatistics, lab_statistics, reinhard, to_lab
from vreid.data.images import ImageArray
from vreid.errors import DataError


def _image(seed: int, *, size: tuple[int, int] = (17, 23), shade: float = 110) -> ImageArray:
    generator = np.random.default_rng(seed)
    smooth = cv2.resize(generator.normal(0, 50, (4, 4, 3)), size[::-1]) + shade
    noise = generator.normal(0, 8, (*size, 3))
    tint = generator.normal(0, 15, 3)
    return np.clip(smooth + noise + tint, 0, 255).astype(np.uint8)


def _lab_of_pixel(rgb: list[float]) -> list[float]:
    """CIE 1976 from sRGB with white D65, by its definition."""
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
    rows = (
        (0.412453, 0.357580, 0.180423),
        (0.212671, 0.715160, 0.072169),
        (0.019334, 0.119193, 0.950227),
    )
    white = (0.950456, 1.0, 1.088754)
    xyz = [
        sum(m * c for m, c in zip(row, linear, strict=True)) / w
        for row, w in zip(rows, white, strict=True)
    ]
    f = [t ** (1 / 3) if t > 0.008856 else 7.787 * t + 16 / 116 for t in xyz]
    return [116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])]


def test_lab_is_its_definition() -> None:
    image = _image(1, size=(3, 4))
    found = to_lab(image)
    for row in range(3):
        for column in range(4):
            expected = _lab_of_pixel([value / 255 for value in image[row, column].tolist()])
            assert found[row, column] == pytest.approx(
                expected, abs=0.5
            )  # OpenCV interpolates a table


def test_lab_statistics_weigh_images_alike() -> None:
    images = [_image(1), _image(2, size=(40, 9))]
    found = lab_statistics(images)
    for channel in range(3):
        planes = [to_lab(image)[..., channel].astype(float) for image in images]
        mean = np.mean([plane.mean() for plane in planes])
        variance = np.mean([((plane - mean) ** 2).mean() for plane in planes])
        assert found.mean[channel] == pytest.approx(mean, rel=1e-6)
        assert found.sd[channel] == pytest.approx(np.sqrt(variance), rel=1e-6)
    with pytest.raises(DataError, match="colour statistics of no images"):
        lab_statistics([])


def test_reinhard_gives_the_wanted_moments() -> None:
    image = _image(3)
    wanted = LabStatistics(np.array([55.0, 4.0, -6.0]), np.array([8.0, 3.0, 4.0]))
    found = lab_statistics([reinhard(image, source=lab_statistics([image]), target=wanted)])
    assert found.mean == pytest.approx(wanted.mean, abs=0.2)
    assert found.sd == pytest.approx(wanted.sd, abs=0.2)


def test_reinhard_is_a_loop_over_pixels() -> None:
    image, own = _image(4, size=(5, 6)), lab_statistics([_image(5), _image(6)])
    wanted = lab_statistics([_image(7, shade=150)])
    found = reinhard(image, source=own, target=wanted)
    lab = to_lab(image)
    for row in range(5):
        for column in range(6):
            moved = [
                (lab[row, column, k] - own.mean[k]) * wanted.sd[k] / own.sd[k] + wanted.mean[k]
                for k in range(3)
            ]
            pixel = np.array([[[min(100, max(0, moved[0])), *moved[1:]]]], dtype=np.float32)
            rgb = np.clip(cv2.cvtColor(pixel, cv2.COLOR_Lab2RGB)[0, 0], 0, 1) * 255
            assert found[row, column].astype(float) == pytest.approx(rgb, abs=0.6)


def test_reinhard_towards_itself_changes_nothing_and_flat_images_are_only_moved() -> None:
    image = _image(8)
    own = lab_statistics([image])
    same = reinhard(image, source=own, target=own).astype(int)
    assert np.abs(same - image).max() <= 1
    flat = np.full((6, 6, 3), 90, dtype=np.uint8)
    moved = reinhard(flat, source=lab_statistics([flat]), target=own)
    assert (moved == moved[0, 0]).all()
    assert lab_statistics([moved]).mean == pytest.approx(own.mean, abs=0.5)


def test_histograms_are_counts() -> None:
    images = [_image(1, size=(4, 5)), _image(2, size=(3, 3))]
    found = histograms(images)
    for channel in range(3):
        for level in range(256):
            shares = [float(np.mean(image[..., channel] == level)) for image in images]
            assert found[channel, level] == pytest.approx(sum(shares) / 2)
    with pytest.raises(DataError, match="histograms of no images"):
        histograms([])


def test_matching_an_image_to_an_image_is_sorting() -> None:
    image, target = _image(1), _image(2)  # of the same number of pixels
    found = match_histograms(image, source=histograms([image]), target=histograms([target]))
    for channel in range(3):
        ours, wanted = found[..., channel].ravel(), target[..., channel].ravel()
        assert np.sort(ours).tolist() == np.sort(wanted).tolist()
        order = np.argsort(image[..., channel].ravel(), kind="stable")
        ranked = image[..., channel].ravel()[order]
        rises = np.flatnonzero(np.diff(ranked.astype(int)) > 0)
        for place in rises:  # a brighter pixel never becomes darker than a darker one
            assert ours[order[: place + 1]].max() <= ours[order[place + 1 :]].min()


def test_matching_an_image_to_a_set_is_exact_to_a_pixel_a_level() -> None:
    image, target = _image(1), histograms([_image(2, size=(31, 9)), _image(3)])
    found = match_histograms(image, source=histograms([image]), target=target)
    num = image.shape[0] * image.shape[1]
    assert np.abs(histograms([found]) - target).max() * num <= 1


def test_equal_pixels_are_told_apart_by_their_neighbours() -> None:
    # Two levels become four: of the bright half those beside the dark one come first.
    plane = np.repeat([[50, 50, 50, 50, 200, 200, 200, 200]], 6, axis=0).astype(np.uint8)
    image = np.stack([plane] * 3, axis=-1)
    target = np.zeros((3, 256))
    target[:, [10, 20, 30, 40]] = 0.25
    found = match_histograms(image, source=histograms([image]), target=target)[..., 0]
    expected = [10, 10, 20, 20, 30, 30, 40, 40]
    assert np.mean(found == np.array(expected)) > 0.6
    assert found[:, 0].max() <= found[:, 3].min() and found[:, 4].max() <= found[:, 7].min()


def test_a_set_matched_as_a_whole_has_the_targets_histogram() -> None:
    images = [_image(seed, shade=60 + 15 * seed) for seed in range(6)]
    own, target = histograms(images), histograms([_image(30, shade=150), _image(31, shade=90)])
    found = [match_histograms(image, source=own, target=target) for image in images]
    gap = np.cumsum(histograms(found), axis=1) - np.cumsum(target, axis=1)
    assert np.abs(gap).max() < 0.01
    means = [float(image.mean()) for image in found]
    assert np.argsort(means).tolist() == np.argsort([image.mean() for image in images]).tolist()


def test_levels_that_the_source_lacks_lie_between_its_own() -> None:
    own = np.zeros((3, 256))
    own[:, [100, 200]] = 0.5
    image = np.full((2, 2, 3), 150, dtype=np.uint8)
    target = np.zeros((3, 256))
    target[:, [10, 90]] = 0.5
    assert set(match_histograms(image, source=own, target=target).ravel().tolist()) <= {10, 90}
    brightest = np.full((2, 2, 3), 255, dtype=np.uint8)
    assert (match_histograms(brightest, source=own, target=target) == 90).all()


def _naive_fourier(image: ImageArray, target: ImageArray, beta: float) -> ImageArray:
    """By the shifted spectrum and its middle window, as the paper describes it."""
    height, width = image.shape[:2]
    reach = int(np.floor(min(height, width) * beta))
    result = np.zeros(image.shape)
    for channel in range(3):
        ours = np.fft.fftshift(np.fft.fft2(image[..., channel].astype(float)))
        theirs = np.fft.fftshift(np.fft.fft2(target[..., channel].astype(float)))
        for row in range(height // 2 - reach, height // 2 + reach + 1):
            for column in range(width // 2 - reach, width // 2 + reach + 1):
                phase = np.angle(ours[row, column])
                ours[row, column] = np.abs(theirs[row, column]) * np.exp(1j * phase)
        result[..., channel] = np.real(np.fft.ifft2(np.fft.ifftshift(ours)))
    return np.clip(np.rint(result), 0, 255).astype(np.uint8)


@pytest.mark.parametrize("beta", [0.0, 0.06, 0.2])
@pytest.mark.parametrize("size", [(16, 20), (17, 23)])
def test_fourier_is_the_papers_window(beta: float, size: tuple[int, int]) -> None:
    image, target = _image(1, size=size), _image(2, size=size, shade=150)
    gap = fourier_adapt(image, target, beta=beta).astype(int) - _naive_fourier(image, target, beta)
    assert np.abs(gap).max() <= 1


def test_fourier_laws() -> None:
    image, target = _image(1), _image(2, shade=140)
    assert (fourier_adapt(image, image, beta=0.1) == image).all()
    moved = fourier_adapt(image, target, beta=0.0)
    assert moved.mean(axis=(0, 1)) == pytest.approx(target.mean(axis=(0, 1)), abs=3)
    large = _image(2, size=(60, 50), shade=140)
    assert fourier_adapt(image, large, beta=0.05).shape == image.shape
