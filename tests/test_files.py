import hashlib
import os
from pathlib import Path

import pytest

from vreid.errors import DataError
from vreid.files import atomic_path, hash_file, hash_text, read_json, write_json, write_text


def test_the_file_appears_only_when_the_block_is_done(tmp_path: Path) -> None:
    target = tmp_path / "new folder" / "a.npz"
    with atomic_path(target) as temporary:
        temporary.write_text("done")
        assert temporary.suffix == ".npz"
        assert temporary.parent == target.parent
        assert not target.exists()
    assert target.read_text() == "done"
    assert list(target.parent.iterdir()) == [target]


def test_a_failure_keeps_the_old_file_and_leaves_nothing_behind(tmp_path: Path) -> None:
    target = write_text(tmp_path / "a.txt", "old")
    with pytest.raises(KeyboardInterrupt), atomic_path(target) as temporary:
        temporary.write_text("half")
        raise KeyboardInterrupt
    assert target.read_text() == "old"
    assert list(tmp_path.iterdir()) == [target]


def test_results_get_the_usual_permissions(tmp_path: Path) -> None:
    mask = os.umask(0o027)
    try:
        target = write_text(tmp_path / "a.txt", "x")
    finally:
        os.umask(mask)
    assert target.stat().st_mode & 0o777 == 0o640


def test_text_is_utf8_with_unix_line_ends(tmp_path: Path) -> None:
    path = write_text(tmp_path / "a.txt", "Straße 车\n")
    assert path.read_bytes() == "Straße 车\n".encode()


def test_json_comes_back_and_its_keys_are_sorted(tmp_path: Path) -> None:
    value = {"b": [1, 2.5, None], "a": "ä"}
    path = write_json(tmp_path / "a.json", value)
    assert read_json(path) == value
    assert path.read_text().index('"a"') < path.read_text().index('"b"')


def test_missing_and_broken_json_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent.json: no such file"):
        read_json(tmp_path / "absent.json")
    for name, data in (("half.json", b'{"a": '), ("binary.json", b"\xff\xfe")):
        (tmp_path / name).write_bytes(data)
        with pytest.raises(DataError, match=f"{name}: not a JSON file .*make it again"):
            read_json(tmp_path / name)


@pytest.mark.parametrize("size", [0, 5, (1 << 20) + 1])
def test_hashes_are_those_of_the_bytes(tmp_path: Path, size: int) -> None:
    data = bytes(range(256)) * (size // 256 + 1)
    (tmp_path / "a.bin").write_bytes(data[:size])
    assert hash_file(tmp_path / "a.bin") == hashlib.sha256(data[:size]).hexdigest()
    assert hash_text("ä") == hashlib.sha256("ä".encode()).hexdigest()
