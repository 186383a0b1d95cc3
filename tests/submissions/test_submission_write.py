import json
from pathlib import Path

import numpy as np
import pytest

import submissions.check
import submissions.write
from submissions.manifest import manifest_path, write_manifest
from vreid.distance import DistMat
from vreid.errors import ConfigError, DataError
from vreid.files import hash_file
from vreid.provenance import revision


def name_list(path: Path, numbers: list[int]) -> Path:
    path.write_text("".join(f"{number:06}.jpg\n" for number in numbers))
    return path


def dist_file(folder: Path, queries: list[int], gallery: list[int], dist: object) -> Path:
    return DistMat(
        np.array(dist, dtype=np.float32),
        tuple(f"image_query/{number:06}.jpg" for number in queries),
        tuple(f"image_test/{number:06}.jpg" for number in gallery),
        sources={"weights": [1, -0.1]},
    ).save(folder / "dist.npy")


def test_numbers_come_from_names_and_lines_from_the_list(tmp_path: Path) -> None:
    dist = dist_file(tmp_path, [2, 1], [12, 7, 100], [[0.1, 0.2, 0.3], [0.9, 0.5, 0.7]])
    queries = name_list(tmp_path / "name_query.txt", [1, 2])
    gallery = name_list(tmp_path / "name_test.txt", [7, 12, 100])
    out = tmp_path / "out" / "track2.txt"
    submissions.write.main(dist, out, query_names=queries, gallery_names=gallery)
    assert out.read_bytes() == b"7 100 12\n12 7 100\n"
    submissions.write.main(dist, out, query_names=queries, gallery_names=gallery, top=2)
    assert out.read_bytes() == b"7 100\n12 7\n"


def test_equals_sorting_each_row_and_passes_the_check(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    values = np.round(rng.random((6, 150)), 1)  # with ties: the smaller column comes first
    dist = dist_file(tmp_path, list(range(1, 7)), list(range(1, 151)), values)
    queries = name_list(tmp_path / "name_query.txt", list(range(1, 7)))
    gallery = name_list(tmp_path / "name_test.txt", list(range(1, 151)))
    out = tmp_path / "track2.txt"
    submissions.write.main(dist, out, query_names=queries, gallery_names=gallery)
    for line, row in zip(out.read_text().splitlines(), values, strict=True):
        expected = sorted((value, idx + 1) for idx, value in enumerate(row))[:100]
        assert line.split(" ") == [str(number) for _, number in expected]
    submissions.check.main(out, queries=queries, gallery=gallery)


def test_a_square_distance_gives_its_query_gallery_part(tmp_path: Path) -> None:
    names = ("q/000001.jpg", "g/000001.jpg", "g/000002.jpg")
    values = np.array([[0, 5, 3], [5, 0, 1], [3, 1, 0]], dtype=np.float32)
    dist = DistMat(values, names, names, num_query=1).save(tmp_path / "square.npy")
    queries = name_list(tmp_path / "name_query.txt", [1])
    gallery = name_list(tmp_path / "name_test.txt", [1, 2])
    out = tmp_path / "track2.txt"
    submissions.write.main(dist, out, query_names=queries, gallery_names=gallery)
    assert out.read_text() == "2 1\n"


def test_the_manifest_names_everything(tmp_path: Path) -> None:
    dist = dist_file(tmp_path, [1], [1, 2], [[0.2, 0.1]])
    queries = name_list(tmp_path / "name_query.txt", [1])
    gallery = name_list(tmp_path / "name_test.txt", [1, 2])
    config = tmp_path / "config.yml"
    config.write_text("name: toy\n")
    out = tmp_path / "track2.txt"
    words = ["--queries", str(queries), "--gallery", str(gallery), "--out", str(out)]
    submissions.write.command([str(dist), *words, "--inputs", str(config)])
    manifest = json.loads((tmp_path / "track2.manifest.json").read_text())
    assert manifest["submission"] == {"path": out.as_posix(), "sha256": hash_file(out)}
    inputs = [dist, queries, gallery, config]
    assert manifest["inputs"] == {path.as_posix(): hash_file(path) for path in inputs}
    assert manifest["sources"] == {"weights": [1, -0.1]}
    assert manifest["revision"] == revision()
    assert manifest["libraries"]["numpy"] == np.__version__


def test_a_caller_may_add_to_a_manifest(tmp_path: Path) -> None:
    path = write_manifest(tmp_path / "track2.txt", {"recipe": "toycity"})
    assert path == manifest_path(tmp_path / "track2.txt") == tmp_path / "track2.manifest.json"
    assert json.loads(path.read_text())["recipe"] == "toycity"


@pytest.mark.parametrize(
    ("queries", "gallery", "message"),
    [
        ([1, 3], [1, 2], r"dist.npy \(queries\) has 1 of 2 images that .*name_query.txt has not"),
        ([1, 2, 3], [1, 2], r"name_query.txt has 1 of 3 images that .* has not, such as 000003"),
        ([1, 2], [1, 3], r"dist.npy \(gallery\) has 1 of 2 images that .*name_test.txt has not"),
    ],
)
def test_lists_of_other_images_are_refused(
    tmp_path: Path, queries: list[int], gallery: list[int], message: str
) -> None:
    dist = dist_file(tmp_path, [1, 2], [1, 2], [[1, 2], [2, 1]])
    out = tmp_path / "track2.txt"
    out.write_text("the last good file\n")
    with pytest.raises(DataError, match=message):
        submissions.write.main(
            dist,
            out,
            query_names=name_list(tmp_path / "name_query.txt", queries),
            gallery_names=name_list(tmp_path / "name_test.txt", gallery),
        )
    assert out.read_text() == "the last good file\n"


def test_what_cannot_be_written_is_said(tmp_path: Path) -> None:
    names = name_list(tmp_path / "names.txt", [1])
    with pytest.raises(DataError, match=r"missing.npy: cannot be read \(No such file"):
        submissions.write.main(
            tmp_path / "missing.npy",
            tmp_path / "track2.txt",
            query_names=names,
            gallery_names=names,
        )
    with pytest.raises(ConfigError, match="top is 0"):
        submissions.write.main(
            names, tmp_path / "track2.txt", query_names=names, gallery_names=names, top=0
        )
