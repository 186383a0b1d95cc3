from pathlib import Path

import pytest

from submissions.names import gallery_numbers, image_key, image_number, match_rows
from vreid.errors import DataError
from vreid.tables import read_columns, read_names


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("000001.jpg", "000001"),
        ("image_query/000001.JPG", "000001"),
        ("000001", "000001"),
        ("a\\b\\7.png", "7"),
        ("image.test/12", "12"),
    ],
)
def test_key(name: str, key: str) -> None:
    assert image_key(name) == key


@pytest.mark.parametrize(
    ("name", "number"),
    [("image_test/000123.jpg", 123), ("000000.jpg", 0), ("img_31238.png", 31238)],
)
def test_number(name: str, number: int) -> None:
    assert image_number(name) == number


@pytest.mark.parametrize(
    ("name", "found"), [("car.jpg", "no number"), ("0002_c003_7.jpg", r"3 numbers \(0002, 003, 7")]
)
def test_names_without_a_number_of_their_own(name: str, found: str) -> None:
    with pytest.raises(DataError, match=found):
        image_number(name)


def test_two_images_of_one_number_are_refused() -> None:
    with pytest.raises(DataError, match=r"list: a/1\.jpg and b/01\.jpg have the same number 1;"):
        gallery_numbers(["a/1.jpg", "b/01.jpg"], "list")


def test_rows_are_matched_by_name() -> None:
    names = ["image_query/000003.jpg", "image_query/000001.jpg", "image_query/000002.jpg"]
    assert match_rows(names, ["000001.jpg", "000002", "000003"], where=("D", "L")) == [1, 2, 0]


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (["1.jpg"], r"D has 1 of 2 images that L has not, such as 2;"),
        (["1.jpg", "2.jpg", "3.jpg"], r"L has 1 of 3 images that D has not, such as 3;"),
        (["1.jpg", "2.jpg", "x/2.jpg"], r"L: 2\.jpg and x/2\.jpg are the same image name"),
    ],
)
def test_lists_of_other_images_are_refused(wanted: list[str], message: str) -> None:
    with pytest.raises(DataError, match=message):
        match_rows(["q/1.jpg", "q/2.jpg"], wanted, where=("D", "L"))


def test_read_names(tmp_path: Path) -> None:
    path = tmp_path / "name_query.txt"
    path.write_bytes(b"\xef\xbb\xbf000002.jpg\r\n\r\n 000001.jpg \r\n")
    assert read_names(path) == ("000002.jpg", "000001.jpg")
    table = tmp_path / "query.csv"
    table.write_text("vehicle_id,name\n7,000003.jpg\n", encoding="utf-8-sig")
    assert read_names(table) == ("000003.jpg",)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "the list is empty"),
        (b"a\0b", "it holds NUL bytes"),
        (b"\xff\xfe1", "not UTF-8 text"),
        (None, r"cannot be read \(No such file"),
    ],
)
def test_lists_that_cannot_be_read(tmp_path: Path, content: bytes | None, message: str) -> None:
    path = tmp_path / "names.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_names(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no column 'name' in the header; found nothing; expected name,vehicle_id"),
        ("name,vehicle_id\n", "no rows below the header"),
        ("name;vehicle_id\n1.jpg;3\n", "no column 'name' in the header; found name;vehicle_id"),
        ("name,name,vehicle_id\n1,2,3\n", "more than one column 'name'"),
        ("name,vehicle_id\n1.jpg,3\n2.jpg\n", "line 3: 1 values; the header has 2 columns"),
    ],
)
def test_tables_that_cannot_be_read(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "query.csv"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_columns(path, ["name", "vehicle_id"])
