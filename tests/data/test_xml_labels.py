from pathlib import Path

import pytest

from tests.data.layouts import HEADER, write_xml
from vreid.data.xml_labels import Labels, read_labels
from vreid.errors import DataError

ITEM = {"imageName": "000001.jpg", "vehicleID": "0042", "cameraID": "c007"}


def test_the_published_header_is_no_obstacle(tmp_path: Path) -> None:
    write_xml(tmp_path / "label.xml", [ITEM])
    assert b'encoding="gb2312"' in (tmp_path / "label.xml").read_bytes()
    labels = read_labels(tmp_path / "label.xml")
    assert list(labels.rows) == ["000001.jpg"]
    assert labels.integer("000001.jpg", "vehicleID") == 42
    assert labels.integer("000001.jpg", "cameraID") == 7


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb2312"])
def test_chinese_text_is_read_in_either_encoding(tmp_path: Path, encoding: str) -> None:
    text = f'{HEADER}\n<Images><Item imageName="1.jpg" note="车辆"/></Images>'
    (tmp_path / "label.xml").write_bytes(text.encode(encoding))
    assert read_labels(tmp_path / "label.xml").rows["1.jpg"]["note"] == "车辆"


@pytest.mark.parametrize(("text", "camid"), [("c001", 1), ("1", 1), ("C046", 46), (" c2 ", 2)])
def test_cameras_are_written_in_two_ways(text: str, camid: int) -> None:
    assert _labels(cameraID=text).integer("a.jpg", "cameraID") == camid


@pytest.mark.parametrize("text", ["", "c", "-1", "1.5", "1_0", "٣", "cc1"])
def test_bad_numbers_are_refused(text: str) -> None:
    with pytest.raises(DataError, match=r"label.xml: cameraID of a.jpg is .*expected c001 or 1"):
        _labels(cameraID=text).integer("a.jpg", "cameraID")


def test_only_cameras_have_a_letter() -> None:
    with pytest.raises(DataError, match=r"vehicleID of a.jpg is 'c001'; expected a whole number"):
        _labels(vehicleID="c001").integer("a.jpg", "vehicleID")


@pytest.mark.parametrize(
    ("text", "angle"), [("0", 0), ("359.5", 359.5), ("-90", 270), ("720", 0), ("-1e-20", 0)]
)
def test_angles_wrap(text: str, angle: float) -> None:
    assert _labels(orientation=text).degrees("a.jpg", "orientation") == angle


@pytest.mark.parametrize("text", ["", "east", "nan", "inf"])
def test_bad_angles_are_refused(text: str) -> None:
    with pytest.raises(DataError, match=r"orientation of a.jpg is .*expected degrees"):
        _labels(orientation=text).degrees("a.jpg", "orientation")


def test_a_missing_attribute_is_named() -> None:
    with pytest.raises(DataError, match=r"a.jpg has no attribute vehicleID \(it has cameraID\)"):
        _labels(cameraID="1").integer("a.jpg", "vehicleID")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ("<Items>\n<Item imageName='1.jpg'>\n</Items>", "not well-formed XML at line 4, column 3"),
        ("", r"not well-formed XML at line 2, column 1 \(no element found\)"),
        ("<html/>", r"no Item element in it \(its root is html\)"),
        ("<Items><Item/></Items>", "Item 1 has no imageName"),
        ("<I><Item imageName='1.jpg'/><Item imageName='1.jpg'/></I>", "1.jpg is listed twice"),
        ("<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "uses an XML feature that a label file"),
    ],
)
def test_unusable_files_are_refused(tmp_path: Path, body: str, message: str) -> None:
    (tmp_path / "label.xml").write_text(f"{HEADER}\n{body}", encoding="utf-8")
    with pytest.raises(DataError, match=f"label.xml: {message}"):
        read_labels(tmp_path / "label.xml")


def test_a_missing_or_binary_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cannot be read"):
        read_labels(tmp_path / "label.xml")
    (tmp_path / "label.xml").write_bytes(b"\xff\xff\xff\xff")
    with pytest.raises(DataError, match="neither UTF-8 nor GB 18030"):
        read_labels(tmp_path / "label.xml")


def _labels(**attributes: str) -> Labels:
    return Labels(Path("label.xml"), {"a.jpg": attributes})
