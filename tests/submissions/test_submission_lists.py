"""Other teams' lists: every spelling that is read, and fusion and expansion of them."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import submissions.check
import submissions.expand
import submissions.fuse
import submissions.score
from ensemble import whole_tracks
from submissions.lists import read_lists
from vreid.distance import DistMat
from vreid.errors import ConfigError, DataError
from vreid.features import Features
from vreid.ranking import nearest

ROOT = Path(__file__).parents[2]
LINES = [[3, 1, 2], [2, 4, 5]]
TRACKS = "000003.jpg 000005.jpg\n000001.jpg 000002.jpg\n"  # 4 is alone


def write(path: Path, lines: list[list[int]], spelling: str = "{}") -> Path:
    path.write_text("".join(" ".join(spelling.format(n) for n in line) + "\n" for line in lines))
    return path


def read(path: Path) -> list[list[int]]:
    return [[int(number) for number in line.split()] for line in path.read_text().splitlines()]


@pytest.mark.parametrize(
    "spelling", ["{}", "{:06}", "{:06}.jpg", "image_test/{:06}.jpg", "{}.JPG", "image_test\\{}.png"]
)
@pytest.mark.parametrize("end", ["\n", "", "\r\n", "  \n", " \t\r\n"])
def test_every_spelling_is_read(tmp_path: Path, spelling: str, end: str) -> None:
    path = write(tmp_path / "t.txt", LINES, spelling)
    path.write_bytes(path.read_bytes().rstrip(b"\n").replace(b"\n", end.encode() or b"\n"))
    with path.open("ab") as stream:
        stream.write(end.encode())
    lists = read_lists(path, num_query=2, numbers=[1, 2, 3, 4, 5], k=3)
    assert [(one + 1).tolist() for one in lists] == LINES


def test_file_names_are_told_once_a_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(tmp_path / "t.txt", LINES, "{:06}.jpg")
    with pytest.raises(DataError, match="2 defects, listed above"):
        submissions.check.main(path, queries=2, gallery=5, k=3)
    assert capsys.readouterr().out.splitlines() == [
        "line 1: 3 entries are file names; write plain numbers, such as 3 for 000003.jpg",
        "line 2: 3 entries are file names; write plain numbers, such as 2 for 000002.jpg",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("000009.jpg 1 2\n2 3 4\n", "line 1, entry 1: 000009.jpg is out of range; .* 1 to 5"),
        ("000000.jpg 1 2\n2 3 4\n", "line 1, entry 1: 0 is no gallery image"),
        ("000001.jpg 1 2\n2 3 4\n", "line 1, entry 2: 1 is repeated, it is entry 1 already"),
        ("1 2 x.jpg\n2 3 4\n", "line 1, entry 3: x.jpg is not a number"),
        ("1 2 3\n", "file: 1 lines; expected 2"),
        ("", "file: empty; expected 2 lines"),
    ],
)
def test_lists_that_cannot_be_meant(tmp_path: Path, text: str, message: str) -> None:
    path = tmp_path / "t.txt"
    path.write_text(text)
    out = tmp_path / "out.txt"
    tracks = tmp_path / "tracks.txt"
    tracks.write_text(TRACKS)
    with pytest.raises(DataError, match=message):
        submissions.fuse.main([path], queries=2, gallery=5, out=out)
    with pytest.raises(DataError, match=message):
        submissions.expand.main(path, tracks=tracks, queries=2, gallery=5, out=out)
    assert not out.exists()


def test_names_are_scored_as_numbers(tmp_path: Path) -> None:
    for side, folder, ids in (("query", "image_query", "ab"), ("gallery", "image_test", "abbab")):
        rows = [f"{folder}/{number:06}.jpg,{one},1" for number, one in enumerate(ids, 1)]
        (tmp_path / f"{side}.csv").write_text(
            "\n".join(["name,vehicle_id,camera_id", *rows]) + "\n"
        )
    scores = [
        submissions.score.main(
            write(tmp_path / "t.txt", LINES, spelling),
            query=tmp_path / "query.csv",
            gallery=tmp_path / "gallery.csv",
            k=3,
        ).as_dict()
        for spelling in ("{}", "{:06}.jpg")
    ]
    assert scores[0] == scores[1]
    of_a, of_b = (1 / 2) / 2, (1 / 1 + 2 / 3) / 3
    assert scores[0]["mAP"] == pytest.approx((of_a + of_b) / 2)


def by_hand(
    teams: list[list[list[int]]], weights: list[float], rule: str, num_gallery: int
) -> list[list[int]]:
    """Fusion by its definition, over dictionaries."""
    fused = []
    for lists in zip(*teams, strict=True):
        listed = {
            image for one, weight in zip(lists, weights, strict=True) if weight for image in one
        }
        total = {}
        for image in listed:
            sums = 0.0
            for one, weight in zip(lists, weights, strict=True):
                if rule == "reciprocal":
                    sums -= weight / (60 + one.index(image) + 1) if image in one else 0
                else:
                    absent = (len(one) + 1 + num_gallery) / 2
                    sums += weight * (one.index(image) + 1 if image in one else absent)
            total[image] = sums
        fused.append(sorted(listed, key=lambda image: (np.float32(total[image]), image)))
    return fused


@pytest.mark.parametrize("rule", ["reciprocal", "borda"])
@pytest.mark.parametrize("weights", [None, [1.0, 0.5, 2.0], [0.0, 1.0, 0.0]])
def test_fusion_equals_the_definition(
    tmp_path: Path, rule: submissions.fuse.Rule, weights: list[float] | None
) -> None:
    rng = np.random.default_rng(0)
    teams = [
        [(rng.permutation(40)[: rng.integers(1, 9)] + 1).tolist() for _ in range(70)]
        for _ in range(3)
    ]
    spellings = ("{}", "{:06}.jpg", "{:06}")
    paths = [
        write(tmp_path / f"{idx}.txt", lines, spelling)
        for idx, (lines, spelling) in enumerate(zip(teams, spellings, strict=True))
    ]
    out = submissions.fuse.main(
        paths, queries=70, gallery=40, out=tmp_path / "out.txt", rule=rule, weights=weights, top=5
    )
    expected = by_hand(teams, weights or [1.0] * 3, rule, 40)
    assert read(out) == [one[:5] for one in expected]


def test_one_file_is_rewritten_with_numbers(tmp_path: Path) -> None:
    path = write(tmp_path / "t.txt", LINES, "{:06}.jpg")
    names = tmp_path / "name_test.txt"
    names.write_text("".join(f"{number:06}.jpg\n" for number in (5, 4, 3, 2, 1)))
    out = submissions.fuse.main([path], queries=2, gallery=names, out=tmp_path / "out.txt", top=2)
    assert read(out) == [[3, 1], [2, 4]]
    submissions.check.main(out, queries=2, gallery=5, k=2)
    manifest = json.loads((tmp_path / "out.manifest.json").read_text())
    assert manifest["fused"]["files"] == [path.as_posix()]
    assert set(manifest["inputs"]) == {path.as_posix(), names.as_posix()}


def test_fusion_with_options_that_cannot_be(tmp_path: Path) -> None:
    path = write(tmp_path / "t.txt", LINES)
    sides = {"queries": 2, "gallery": 5, "out": tmp_path / "out.txt"}
    for options, message in (
        ({"weights": [1.0, 1.0]}, "there are 2 weights for 1 files"),
        ({"weights": [-1.0]}, "the weight of .*t.txt is -1.0"),
        ({"weights": [0.0]}, "all weights are 0"),
        ({"rule": "minmax"}, "rule is 'minmax'; choose one of reciprocal, borda"),
        ({"top": 0}, "top is 0"),
        ({"gallery": 0}, "the gallery has 0 images"),
    ):
        with pytest.raises(ConfigError, match=message):
            submissions.fuse.main([path], **{**sides, **options})  # type: ignore[arg-type]


@pytest.mark.parametrize("tracks", [TRACKS, "3 5\n1 2", "000003 000005\r\n000001 000002\r\n"])
def test_expansion_by_hand(tmp_path: Path, tracks: str) -> None:
    file = tmp_path / "test_track.txt"
    file.write_bytes(tracks.encode())
    path = write(tmp_path / "t.txt", LINES, "{:06}.jpg")
    out = submissions.expand.main(
        path, tracks=file, queries=2, gallery=5, out=tmp_path / "out.txt", top=4
    )
    assert read(out) == [[3, 5, 1, 2], [1, 2, 4, 3]]
    short = write(tmp_path / "short.txt", [[4], [5]])
    out = submissions.expand.main(
        short, tracks=file, queries=2, gallery=5, out=tmp_path / "out.txt", top=4
    )
    assert read(out) == [[4], [3, 5]]


def test_expansion_is_that_of_the_distances(tmp_path: Path) -> None:
    rng = np.random.default_rng(1)
    num, unknown = 60, np.full(60, -1)
    trackids = rng.integers(-1, 12, num)
    names = tuple(f"image_test/{number:06}.jpg" for number in range(1, num + 1))
    mat = DistMat(rng.random((7, num), dtype=np.float32), tuple("abcdefg"), names)
    mat.save(tmp_path / "d.npy")
    gallery = Features(names, np.zeros((num, 2), np.float32), unknown, unknown, trackids)
    gallery.save(tmp_path / "g.npz")
    whole = DistMat.load(
        whole_tracks.main(tmp_path / "d.npy", tmp_path / "g.npz", out=tmp_path / "w.npy")
    )
    file = tmp_path / "test_track.txt"
    lines = [np.flatnonzero(trackids == track) + 1 for track in range(12)]
    file.write_text("".join(" ".join(map(str, line)) + "\n" for line in lines))
    path = write(tmp_path / "t.txt", (nearest(mat.dist, 10) + 1).tolist())
    out = submissions.expand.main(
        path, tracks=file, queries=7, gallery=num, out=tmp_path / "out.txt", top=10
    )
    assert read(out) == (nearest(whole.dist, 10) + 1).tolist()


def test_track_files_of_another_gallery_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "t.txt", LINES)
    file = tmp_path / "test_track.txt"
    file.write_text("1 2 9\n")
    with pytest.raises(DataError, match=r"line 1: names 9, which is none of the 5 images"):
        submissions.expand.main(path, tracks=file, queries=2, gallery=5, out=tmp_path / "o.txt")


def test_the_commands(tmp_path: Path) -> None:
    path = write(tmp_path / "t.txt", LINES, "{:06}.jpg")
    (tmp_path / "tracks.txt").write_text(TRACKS)
    sides = ["--queries", "2", "--gallery", "5", "--top", "3", "--out", str(tmp_path / "o.txt")]
    for words, said in (
        (["fuse", str(path), str(path), "--weights", "1", "2"], "(2 lines of 2 files)"),
        (
            ["expand", str(path), "--tracks", str(tmp_path / "tracks.txt")],
            "by 2 tracklets; 1 gallery images are in none)",
        ),
        (["expand", str(path), "--tracks", str(tmp_path / "no.txt")], "error: "),
    ):
        done = subprocess.run(
            [sys.executable, "-m", f"submissions.{words[0]}", *words[1:], *sides],
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT / "lib")},
            capture_output=True,
            text=True,
        )
        assert said in done.stdout + done.stderr
        assert done.returncode == (2 if said == "error: " else 0)
        assert "Traceback" not in done.stderr
