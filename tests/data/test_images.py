from pathlib import Path

import cv2
import numpy as np
import pytest

from tests.data.layouts import encode, jpeg_bytes
from vreid.data.images import ImageArray, is_complete, read_image, resize, resize_to_tensor
from vreid.errors import DataError


def picture(height: int = 40, width: int = 60) -> ImageArray:
    """A smooth picture, in which the channels differ."""
    rows, columns = np.mgrid[0:height, 0:width]
    red = 255 * rows / height
    green = 255 * columns / width
    return np.stack([red, green, 255 - red], axis=2).astype(np.uint8)


def write(path: Path, image: ImageArray) -> Path:
    path.write_bytes(encode(image[..., ::-1], path.suffix))
    return path


def test_pixels_come_back_as_red_green_blue(tmp_path: Path) -> None:
    image = picture()
    np.testing.assert_array_equal(read_image(write(tmp_path / "a.png", image)), image)
    decoded = read_image(write(tmp_path / "a.jpg", image))
    assert decoded.dtype == np.uint8
    assert np.abs(decoded.astype(int) - image).mean() < 3


def test_grey_transparent_and_16_bit_images_become_rgb(tmp_path: Path) -> None:
    grey = picture()[..., 0]
    (tmp_path / "grey.png").write_bytes(encode(grey, ".png"))
    (tmp_path / "grey.jpg").write_bytes(encode(grey, ".jpg"))
    (tmp_path / "deep.png").write_bytes(encode(grey.astype(np.uint16) * 257, ".png"))
    alpha = np.dstack([picture()[..., ::-1], np.full(grey.shape, 7, np.uint8)])
    (tmp_path / "alpha.png").write_bytes(encode(alpha, ".png"))
    np.testing.assert_array_equal(read_image(tmp_path / "grey.png"), np.dstack([grey] * 3))
    np.testing.assert_array_equal(read_image(tmp_path / "deep.png"), np.dstack([grey] * 3))
    np.testing.assert_array_equal(read_image(tmp_path / "alpha.png"), picture())
    assert read_image(tmp_path / "grey.jpg").shape == (40, 60, 3)


def test_the_orientation_in_the_file_is_applied(tmp_path: Path) -> None:
    data = encode(picture()[..., ::-1], ".jpg")
    tag = b"\x01\x12\x00\x03\x00\x00\x00\x01\x00\x06\x00\x00"  # orientation 6: turn clockwise
    exif = b"Exif\x00\x00MM\x00\x2a\x00\x00\x00\x08\x00\x01" + tag + b"\x00\x00\x00\x00"
    segment = b"\xff\xe1" + (len(exif) + 2).to_bytes(2, "big") + exif
    (tmp_path / "turned.jpg").write_bytes(data[:2] + segment + data[2:])
    assert read_image(tmp_path / "turned.jpg").shape == (60, 40, 3)


@pytest.mark.parametrize("progressive", [0, 1])
@pytest.mark.parametrize("share", [0.2, 0.5, 0.9])
def test_a_jpeg_that_is_cut_off_is_refused(tmp_path: Path, share: float, progressive: int) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    _, coded = cv2.imencode(".jpg", noise, [cv2.IMWRITE_JPEG_PROGRESSIVE, progressive])
    data = coded.tobytes()
    path = tmp_path / "cut.jpg"
    path.write_bytes(data)
    read_image(path)
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(DataError, match=r"cut.jpg: the image is cut off after \d+ bytes"):
        read_image(path)
    path.write_bytes(data[: int(len(data) * share)] + bytes(len(data)))  # room kept, never filled
    with pytest.raises(DataError, match="cut off"):
        read_image(path)


def test_a_previews_end_marker_does_not_count_and_bytes_after_the_end_do_not_matter() -> None:
    data = jpeg_bytes()
    preview = b"\xff\xe1" + (len(data) + 2).to_bytes(2, "big") + data
    with_preview = data[:2] + preview + data[2:]
    assert is_complete(with_preview)
    assert not is_complete(with_preview[:-2])
    assert not is_complete(with_preview[: len(preview) + 30])
    assert is_complete(data + b"camera trailer")
    assert not is_complete(data[:-1])
    assert not is_complete(data[:2])
    assert not is_complete(data[:3])


def test_a_jpeg_with_restart_markers_is_complete(tmp_path: Path) -> None:
    _, coded = cv2.imencode(".jpg", picture(), [cv2.IMWRITE_JPEG_RST_INTERVAL, 1])
    assert b"\xff\xd1" in coded.tobytes()
    (tmp_path / "restart.jpg").write_bytes(coded.tobytes())
    assert read_image(tmp_path / "restart.jpg").shape == (40, 60, 3)


def test_a_png_that_is_cut_off_is_refused(tmp_path: Path) -> None:
    data = encode(picture(), ".png")
    (tmp_path / "cut.png").write_bytes(data[:-20])
    with pytest.raises(DataError, match=r"cut.png: the image is cut off"):
        read_image(tmp_path / "cut.png")


def test_other_unreadable_files_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent.jpg: cannot be read \(No such file"):
        read_image(tmp_path / "absent.jpg")
    with pytest.raises(DataError, match="cannot be read"):
        read_image(tmp_path)
    (tmp_path / "empty.jpg").write_bytes(b"")
    with pytest.raises(DataError, match=r"empty.jpg: the file is empty \(0 bytes\)"):
        read_image(tmp_path / "empty.jpg")
    (tmp_path / "page.jpg").write_bytes(b"<html>not found</html>")
    with pytest.raises(DataError, match=r"page.jpg: not an image .*start with 3c 68 74 6d"):
        read_image(tmp_path / "page.jpg")


@pytest.mark.parametrize("size", [(40, 60), (20, 30), (80, 120), (20, 120), (80, 30), (1, 1)])
def test_a_smooth_picture_keeps_its_colours_at_every_size(size: tuple[int, int]) -> None:
    image = resize(picture(), size)
    assert image.shape == (*size, 3)
    assert image.dtype == np.uint8
    assert image.flags["C_CONTIGUOUS"]
    assert np.abs(image.mean(axis=(0, 1)) - picture().mean(axis=(0, 1))).max() < 2
    assert np.array_equal(resize_to_tensor(picture(), size).permute(1, 2, 0).numpy(), image)


def test_its_own_size_changes_nothing() -> None:
    np.testing.assert_array_equal(resize(picture(), (40, 60)), picture())


def test_shrinking_averages_fine_stripes_on_either_axis() -> None:
    stripes = np.zeros((64, 64, 3), np.uint8)
    stripes[:, ::2] = 255
    for image in (resize(stripes, (64, 16)), resize(stripes, (128, 16))):
        assert np.abs(image[:, 2:-2].astype(int) - 128).max() <= 3
    sideways = resize(np.ascontiguousarray(stripes.transpose(1, 0, 2)), (16, 128))
    assert np.abs(sideways[2:-2].astype(int) - 128).max() <= 3


def test_growing_follows_the_cubic_of_keys_by_its_formula() -> None:
    """Each new pixel by the formula with a = -0.5 (Keys 1981) on one row, edges left out."""

    def weight(distance: float) -> float:
        x = abs(distance)
        if x < 1:
            return 1.5 * x**3 - 2.5 * x**2 + 1
        return -0.5 * x**3 + 2.5 * x**2 - 4 * x + 2 if x < 2 else 0.0

    row = np.random.default_rng(0).integers(60, 200, 16).astype(np.uint8)
    image = np.repeat(np.repeat(row[None, :, None], 8, axis=0), 3, axis=2)
    grown = resize(np.ascontiguousarray(image), (8, 48))[4, :, 0]
    for column in range(9, 39):
        center = (column + 0.5) / 3 - 0.5
        wanted = sum(weight(center - idx) * float(row[idx]) for idx in range(16))
        assert abs(grown[column] - np.clip(wanted, 0, 255)) <= 1.01
