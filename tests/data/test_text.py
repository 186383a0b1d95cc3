from pathlib import Path

import pytest

from vreid.data.text import read_cells, read_text
from vreid.errors import DataError


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb2312", "gbk"])
def test_either_encoding_is_read(tmp_path: Path, encoding: str) -> None:
    (tmp_path / "a.txt").write_bytes("1;大众\r\n".encode(encoding))
    assert read_text(tmp_path / "a.txt") == "1;大众\r\n"


def test_lines_keep_their_numbers(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_bytes(b"a  1\r\n\r\n  b\t2 \r\n")
    lines = read_cells(tmp_path / "a.txt", num_cells=(2,), wanted="x 1")
    assert [(line.number, line.cells) for line in lines] == [(1, ("a", "1")), (3, ("b", "2"))]
    assert lines[1].integer(1, "vehicle") == 2
    assert lines[1].place == f"{tmp_path / 'a.txt'}, line 3"


@pytest.mark.parametrize(("text", "camid"), [("c012", 12), ("C1", 1), ("0", 0)])
def test_cameras_may_have_a_letter(tmp_path: Path, text: str, camid: int) -> None:
    (tmp_path / "a.txt").write_text(text)
    (line,) = read_cells(tmp_path / "a.txt", num_cells=(1,), wanted="camera")
    assert line.integer(0, "camera") == camid


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    with pytest.raises(DataError, match=r"a.txt: cannot be read \(No such file"):
        read_text(path)
    path.write_bytes(b"\xff\xff\x00")
    with pytest.raises(DataError, match="not a text file, neither UTF-8 nor GB 18030"):
        read_text(path)
    path.write_bytes(b"\n\n")
    with pytest.raises(DataError, match="the list is empty; expected lines such as x 1"):
        read_cells(path, num_cells=(2,), wanted="x 1")
    path.write_bytes(b"a 1\nb\n")
    with pytest.raises(DataError, match=r"a.txt, line 2: found 'b'; expected x 1"):
        read_cells(path, num_cells=(2,), wanted="x 1")
    path.write_bytes(b"a -1\n")
    with pytest.raises(DataError, match=r"line 1: the vehicle is '-1'; expected a whole number"):
        read_cells(path, num_cells=(2,), wanted="x 1")[0].integer(1, "vehicle")
