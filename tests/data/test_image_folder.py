from pathlib import Path

import pytest

from tests.data.layouts import write_images, write_lines
from vreid.data.image_folder import list_images, ordered_images, read_lines
from vreid.errors import DataError


def test_only_visible_images_are_listed(tmp_path: Path) -> None:
    write_images(tmp_path, ["b.JPG", "a.png", "._a.png", "c.jpeg"])
    (tmp_path / "Thumbs.db").write_bytes(b"x")
    assert list_images(tmp_path) == ["a.png", "b.JPG", "c.jpeg"]


def test_the_list_gives_the_order_and_tolerates_windows(tmp_path: Path) -> None:
    write_images(tmp_path / "images", ["1.jpg", "2.jpg"])
    names = tmp_path / "names.txt"
    assert ordered_images(tmp_path / "images", names) == ["1.jpg", "2.jpg"]
    names.write_bytes(b"\xef\xbb\xbf2.jpg\r\n\r\n1.jpg \r\n")
    assert ordered_images(tmp_path / "images", names) == ["2.jpg", "1.jpg"]


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["1.jpg", "2.jpg", "1.jpg"], "names.txt: the name 1.jpg occurs again at row 2"),
        (["1.jpg", "2.jpg", "3.jpg"], "names.txt: 1 of its images are not in .*first: 3.jpg"),
        (["1.jpg"], "images: 1 of its 2 images are not in .*names.txt .first: 2.jpg"),
    ],
)
def test_a_list_that_does_not_match_is_refused(
    tmp_path: Path, lines: list[str], message: str
) -> None:
    write_images(tmp_path / "images", ["1.jpg", "2.jpg"])
    write_lines(tmp_path / "names.txt", lines)
    with pytest.raises(DataError, match=message):
        ordered_images(tmp_path / "images", tmp_path / "names.txt")


def test_a_binary_list_is_refused(tmp_path: Path) -> None:
    (tmp_path / "names.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"names.txt: not a text file"):
        read_lines(tmp_path / "names.txt")
    with pytest.raises(DataError, match="cannot be read"):
        read_lines(tmp_path)
