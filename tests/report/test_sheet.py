import numpy as np
import pytest

from vreid.data.images import ImageArray
from vreid.errors import DataError
from vreid.report.pictures import fit
from vreid.report.sheet import CAPTION, GAP, contact_sheet


def plain(value: int, height: int = 30, width: int = 60) -> ImageArray:
    return np.full((height, width, 3), value, dtype=np.uint8)


def test_fit_keeps_proportions_and_centres() -> None:
    square = fit(plain(200, height=10, width=40), 80)
    assert square.shape == (80, 80, 3)
    rows = square[:, 40, 0]
    assert (rows[30:50] == 200).all() and (rows[:30] == 128).all() and (rows[50:] == 128).all()
    assert (square[40, :, 0] == 200).all()
    assert fit(plain(1, height=500, width=1), 20).shape == (20, 20, 3)


def test_fit_takes_views() -> None:
    picture = np.random.default_rng(0).integers(0, 255, (30, 60, 3), dtype=np.uint8)
    view = picture[:, ::-1, ::-1]
    view.flags.writeable = False
    assert (fit(view, 40) == fit(np.ascontiguousarray(view), 40)).all()


def test_pictures_stand_row_by_row() -> None:
    sheet = contact_sheet([plain(10), plain(20), plain(30)], ["", "", ""], 2, cell=40)
    assert sheet.shape == (2 * 40 + 3 * GAP, 2 * 40 + 3 * GAP, 3)
    near, far = GAP + 20, GAP + 40 + GAP + 20
    assert sheet[near, near, 0] == 10 and sheet[near, far, 0] == 20 and sheet[far, near, 0] == 30
    assert (sheet[far, far] == 255).all()


def test_labels_stand_below_their_pictures_only() -> None:
    images = [plain(10, 40, 40), plain(20, 40, 40)]
    sheet = contact_sheet(images, ["SUV", ""], 2, cell=40)
    assert sheet.shape == (40 + CAPTION + 2 * GAP, 2 * 40 + 3 * GAP, 3)
    below = sheet[GAP + 40 :, :, :]
    left, right = below[:, : GAP + 40], below[:, GAP + 40 + GAP :]
    assert left.min() < 100 and right.min() == 255
    assert (sheet[GAP : GAP + 40, GAP : GAP + 40] == 10).all()


def test_a_label_of_any_language_and_length_is_written_and_cut() -> None:
    sheet = contact_sheet([plain(10)] * 2, ["Geländewagen $x$ " * 9, "b"], 2, cell=60)
    gap = sheet[GAP + 60 :, GAP + 60 : GAP + 60 + GAP]
    assert (gap == 255).all()


def test_a_short_last_row_and_more_columns_than_pictures() -> None:
    assert contact_sheet([plain(1)], [""], 8, cell=40).shape == (52, 52, 3)


def test_what_cannot_be_arranged_is_refused() -> None:
    with pytest.raises(DataError, match="a contact sheet of no images"):
        contact_sheet([], [], 3)
    with pytest.raises(DataError, match="2 images with 1 labels; give one each"):
        contact_sheet([plain(1), plain(2)], ["a"], 3)
    with pytest.raises(DataError, match="of 0 columns"):
        contact_sheet([plain(1)], ["a"], 0)
