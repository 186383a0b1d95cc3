"""Tables of boxes, cutting by them, and their turns in training."""

from pathlib import Path

import numpy as np
import pytest

from vreid.data.box_views import BoxViews
from vreid.data.boxes import Box, boxes_path, cut, read_boxes, rescale, write_boxes
from vreid.errors import DataError

HEAD = "name,x0,y0,x1,y1\n"


def table(root: Path, text: str) -> Path:
    path = root / "train.csv"
    path.write_text(text, encoding="utf-8")
    return path


def test_what_is_written_is_read(tmp_path: Path) -> None:
    boxes = {"a/1.jpg": Box(0, 1, 20, 30), 'b, "2".jpg': Box(3, 0, 4, 1)}
    path = write_boxes(boxes_path(tmp_path / "crops", "query"), boxes)
    assert path == tmp_path / "crops" / "query.csv"
    assert read_boxes(path) == boxes
    assert list(read_boxes(path)) == list(boxes)


def test_columns_come_in_any_order_and_blank_lines_do_not_count(tmp_path: Path) -> None:
    text = "\ufeffscore,y1,x1,y0,x0,name\n0.5,40,30,20,10, a.jpg \n\n"
    assert read_boxes(table(tmp_path, text)) == {"a.jpg": Box(10, 20, 30, 40)}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "",
            r"train.csv: no column 'name' in the header; found nothing; expected name,x0,y0,x1,y1",
        ),
        ("name,x0,y0,x1\na,1,2,3\n", "no column 'y1' in the header; found name,x0,y0,x1; expected"),
        (HEAD, "train.csv: no rows below the header"),
        (HEAD + "a.jpg,0,0,5\n", "train.csv, line 2: 4 values; the header has 5 columns"),
        (HEAD + "a.jpg,0,0,5,5\n\na.jpg,0,0,4,4\n", "line 4: a.jpg is listed twice"),
        (HEAD + "a.jpg,0,-1,5,5\n", "line 2: y0 is '-1'; expected a whole number of pixels"),
        (HEAD + "a.jpg,0,0,5.5,5\n", "line 2: x1 is '5.5'; expected a whole number of pixels"),
        (HEAD + "a.jpg,5,0,5,5\n", "line 2: the box x 5 to 5, y 0 to 5 holds no pixel"),
        (HEAD + ",0,0,5,5\n", "line 2: the image has no name"),
        (HEAD + "a\0.jpg,0,0,5,5\n", "not a text file"),
    ],
)
def test_errors_name_file_and_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        read_boxes(table(tmp_path, text))


def test_a_missing_table_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"query.csv: no such file of boxes .* synthetic_aug.crop"):
        read_boxes(tmp_path / "query.csv")


def test_cut_is_half_open() -> None:
    image = np.arange(4 * 6 * 3, dtype=np.uint8).reshape(4, 6, 3)
    np.testing.assert_array_equal(cut(image, Box(1, 2, 6, 4), path=Path("a")), image[2:4, 1:6])
    whole = Box(0, 0, 6, 4)
    assert cut(image, whole, path=Path("a")).shape == image.shape
    assert whole.area == 24


@pytest.mark.parametrize("box", [Box(0, 0, 7, 4), Box(0, 0, 6, 5)])
def test_a_box_beyond_its_image_is_refused(box: Box) -> None:
    image = np.zeros((4, 6, 3), dtype=np.uint8)
    with pytest.raises(DataError, match=r"a.jpg: its box .* goes beyond its 6 x 4 pixels"):
        cut(image, box, path=Path("a.jpg"))


def test_rescaled_boxes_stay_inside_and_keep_a_pixel() -> None:
    assert rescale(Box(1, 2, 3, 4), (9, 9), (9, 9)) == Box(1, 2, 3, 4)
    assert rescale(Box(0, 0, 100, 80), (80, 100), (7, 9)) == Box(0, 0, 9, 7)
    for box in (Box(99, 79, 100, 80), Box(0, 0, 1, 1), Box(49, 39, 50, 40)):
        small = rescale(box, (80, 100), (4, 5))
        assert 0 <= small.x0 < small.x1 <= 5
        assert 0 <= small.y0 < small.y1 <= 4


def test_draws_follow_rate_and_place() -> None:
    box = Box(0, 0, 1, 1)
    views = BoxViews([box, None], 0.3)
    entropies = [np.random.SeedSequence((0, 1, 2, place)) for place in range(2000)]
    first = [views.draw(0, entropy) for entropy in entropies]
    assert set(first) == {box, None}
    assert abs(np.mean([one is not None for one in first]) - 0.3) < 0.04
    for entropy in entropies:  # as a background swap before it does
        entropy.spawn(1)
    assert [views.draw(0, entropy) for entropy in entropies] == first
    assert not any(views.draw(1, entropy) for entropy in entropies)
    assert all(BoxViews([box], 1.0).draw(0, entropy) == box for entropy in entropies[:50])
