from pathlib import Path

import pytest

from tests.data.layouts import write_images, write_lines, write_veri
from vreid.data import veri776
from vreid.errors import DataError


def write(root: Path, good: list[str], junk: list[str]) -> None:
    """The gallery is vehicle 2 in camera 2, twice, and vehicle 5; then vehicle 2 in camera 9."""
    write_veri(root)
    write_images(root / "image_test", ["0002_c009_00030700_0.jpg"])
    names = (root / "name_test.txt").read_text().split()
    write_lines(root / "name_test.txt", [*names, "0002_c009_00030700_0.jpg"])
    write_lines(root / "gt_index.txt", good)
    write_lines(root / "jk_index.txt", junk)


def test_lists_that_agree_pass(tmp_path: Path) -> None:
    write(tmp_path, ["4 "], ["1 2 "])  # the published lines end with a blank
    assert not any("index" in note for note in veri776.load(tmp_path).notes)


def test_a_query_without_matches_has_an_empty_line(tmp_path: Path) -> None:
    write(tmp_path, ["4 ", ""], ["1 2 ", "3 "])
    write_images(tmp_path / "image_query", ["0005_c020_00070000_0.jpg"])
    queries = ["0002_c002_00030600_0.jpg", "0005_c020_00070000_0.jpg"]
    write_lines(tmp_path / "name_query.txt", queries)
    (tmp_path / "jk_index.txt").write_bytes(b"1 2 \r\n3 \r\n")
    notes = veri776.load(tmp_path).notes
    assert notes[0].startswith("veri776: gt_index.txt lists 1 queries, this copy has 2")
    (tmp_path / "gt_index.txt").write_bytes(b"\n4 \n")
    with pytest.raises(DataError, match=r"gt_index.txt, line 1: it does not name gallery image 4"):
        veri776.load(tmp_path)


@pytest.mark.parametrize(
    ("good", "junk", "message"),
    [
        (["4 3"], ["1 2"], "gt_index.txt, line 1: it names gallery image 3 for image_query/0002"),
        (["4"], ["1"], "jk_index.txt, line 1: it does not name gallery image 2"),
        (["4"], ["0 1"], "jk_index.txt, line 1: it names gallery image 0"),
        (["4"], ["one"], "jk_index.txt, line 1: the gallery image is 'one'"),
    ],
)
def test_lists_that_disagree_are_refused(
    tmp_path: Path, good: list[str], junk: list[str], message: str
) -> None:
    write(tmp_path, good, junk)
    with pytest.raises(DataError, match=message):
        veri776.load(tmp_path)


def test_a_copy_that_was_cut_down_is_not_compared(tmp_path: Path) -> None:
    write(tmp_path, ["4", "5"], ["1 2"])
    notes = veri776.load(tmp_path).notes
    assert notes[0] == (
        "veri776: gt_index.txt lists 2 queries, this copy has 1, so the two are not compared"
    )
    assert notes[1].startswith("veri776: train has 2 images of 1 vehicles; published are 37,778")
