from pathlib import Path

import pytest

from tests.data.layouts import jpeg_bytes
from vreid.data import csv_table
from vreid.data.sample import UNKNOWN, Split
from vreid.errors import ConfigError, DataError


def write_table(folder: Path, text: str, *, images: bool = True) -> Path:
    """A table, and an image for the first cell of each of its lines."""
    table = folder / "crops.csv"
    table.write_bytes(text.encode())
    for line in text.splitlines()[1:] if images else []:
        path = folder / line.split(",")[0].replace("\\", "/")
        if path.name and path.suffix == ".jpg":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(jpeg_bytes())
    return table


def two_cameras(num_vehicles: int) -> str:
    rows = [
        f"v{vehicle:02d}_{camera}.jpg,v{vehicle:02d},{camera}"
        for vehicle in range(num_vehicles)
        for camera in (1, 2)
    ]
    return "\n".join(["path,vehicle_id,camera_id", *rows]) + "\n"


def names(split: Split) -> tuple[list[str], list[str], list[str]]:
    train, query, gallery = (
        [sample.name for sample in part] for part in (split.train, split.query, split.gallery)
    )
    return train, query, gallery


def test_two_cameras_are_split_by_vehicle_camera_one_searching_in_two(tmp_path: Path) -> None:
    table = write_table(tmp_path, two_cameras(10))
    split = csv_table.load(table, test_fraction=0.4)
    assert (len(split.train), len(split.query), len(split.gallery)) == (12, 4, 4)
    assert {sample.camid for sample in split.query} == {1}
    assert {sample.camid for sample in split.gallery} == {2}
    assert {s.pid for s in split.query} == {s.pid for s in split.gallery}
    assert not {s.pid for s in split.train} & {s.pid for s in split.query}
    assert split.name == "crops"


def test_the_seed_alone_decides_not_the_order_of_the_lines(tmp_path: Path) -> None:
    text = two_cameras(12)
    table = write_table(tmp_path, text)
    first = csv_table.load(table, seed=3)
    assert csv_table.load(table, seed=3) == first
    assert names(csv_table.load(table, seed=4)) != names(first)
    head, *lines = text.splitlines()
    table.write_text("\n".join([head, *lines[::-1]]))
    turned = csv_table.load(table, seed=3)
    assert [sorted(part) for part in names(turned)] == [sorted(part) for part in names(first)]


def test_the_query_camera_can_be_named(tmp_path: Path) -> None:
    split = csv_table.load(
        write_table(tmp_path, two_cameras(4)), test_fraction=0.5, query_camera="2"
    )
    assert {sample.camid for sample in split.query} == {2}
    with pytest.raises(
        ConfigError, match=r"query camera '3' is not in .*crops.csv, which has 1, 2"
    ):
        csv_table.load(tmp_path / "crops.csv", query_camera="3")


def test_vehicles_of_one_camera_are_always_trained_on(tmp_path: Path) -> None:
    text = "path,vehicle_id,camera_id\na.jpg,1,north\nb.jpg,1,south\nc.jpg,2,south\nd.jpg,2,\n"
    split = csv_table.load(write_table(tmp_path, text), test_fraction=1)
    assert names(split) == (["c.jpg", "d.jpg"], ["a.jpg"], ["b.jpg"])


def test_without_cameras_the_first_image_searches(tmp_path: Path) -> None:
    text = "path,vehicle_id,camera_id\nb.jpg,1,\na.jpg,1,\nc.jpg,2,\n"
    split = csv_table.load(write_table(tmp_path, text), test_fraction=1)
    assert names(split) == (["c.jpg"], ["a.jpg"], ["b.jpg"])
    assert {sample.camid for sample in split.train} == {UNKNOWN}


def test_nothing_is_held_out_at_fraction_zero(tmp_path: Path) -> None:
    split = csv_table.load(write_table(tmp_path, two_cameras(2)), test_fraction=0)
    assert (len(split.train), split.query, split.gallery) == (4, (), ())


def test_a_given_split_is_kept_with_tracks_and_unknown_vehicles(tmp_path: Path) -> None:
    text = (
        "split,path,track_id,camera_id,vehicle_id,colour\n"
        "train,x/1.jpg,t9,c2,007,red\n"
        "Query,x/2.jpg,t10,c1,,blue\n"
        "gallery,y/3.jpg,,c2,12,\n"
    )
    table = write_table(tmp_path, text, images=False)
    for name in ("x/1.jpg", "x/2.jpg", "y/3.jpg"):
        (tmp_path / "crops" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "crops" / name).write_bytes(jpeg_bytes())
    split = csv_table.load(table, root=tmp_path / "crops")
    samples = [*split.train, *split.query, *split.gallery]
    assert [(s.name, s.pid, s.camid, s.trackid) for s in samples] == [
        ("x/1.jpg", 7, 1, 1),
        ("x/2.jpg", UNKNOWN, 0, 0),
        ("y/3.jpg", 12, 1, UNKNOWN),
    ]
    assert split.train[0].path == tmp_path / "crops" / "x" / "1.jpg"


def test_numbers_are_kept_and_text_is_numbered_in_sorted_order(tmp_path: Path) -> None:
    text = "path,vehicle_id,camera_id\na.jpg,30,b\nb.jpg,4,a\nc.jpg,-1,c\nd.jpg,4,-1\n"
    table = write_table(tmp_path, text + "e.jpg,30,a\n")
    table.write_text(table.read_text().replace("camera_id\n", "camera_id,split\n"))
    lines = table.read_text().splitlines()
    table.write_text("\n".join([lines[0], *(f"{line},gallery" for line in lines[1:5])]) + "\n")
    with pytest.raises(DataError, match="0 query and 4 gallery images; a test needs both"):
        csv_table.load(table)
    table.write_text(table.read_text().replace("30,b,gallery", "30,b,query"))
    split = csv_table.load(table)
    assert [(s.pid, s.camid) for s in (*split.query, *split.gallery)] == [
        (30, 1),
        (4, 0),
        (UNKNOWN, 2),
        (4, UNKNOWN),
    ]


def test_byte_order_mark_windows_paths_and_quotes_are_understood(tmp_path: Path) -> None:
    table = write_table(tmp_path, two_cameras(2))
    (tmp_path / "a").mkdir()
    (tmp_path / "v00_1.jpg").rename(tmp_path / "a" / "v00_1.jpg")
    text = table.read_text().replace("v00_1.jpg,", '"a\\v00_1.jpg", ').replace("\n", "\r\n")
    table.write_bytes(b"\xef\xbb\xbf" + text.encode())
    split = csv_table.load(table, test_fraction=1)
    assert split.query[0].name == "a/v00_1.jpg"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "column path occurs 0 times in the first line"),
        ("path;vehicle_id;camera_id\n", "column path occurs 0 times.*'path;vehicle_id;camera_id'"),
        ("path,vehicle_id\n", "column camera_id occurs 0 times"),
        ("path,vehicle_id,camera_id,path\n", "column path occurs 2 times"),
        ("path,vehicle_id,camera_id\n", "no images, only the line of column names"),
        ("path,vehicle_id,camera_id\na.jpg,1\n", "line 2: 2 cells for 3 columns"),
        ("path,vehicle_id,camera_id\n\n,1,1\n", "line 3: path is ''; expected a path relative"),
        ("path,vehicle_id,camera_id\n.,1,1\n", "line 2: path is '.'"),
        ("path,vehicle_id,camera_id\n/a.jpg,1,1\n", "line 2: path is '/a.jpg'"),
        ("path,vehicle_id,camera_id\nC:\\a.jpg,1,1\n", "line 2: path is 'C:"),
        ("path,vehicle_id,camera_id\n../a.jpg,1,1\n", "line 2: path is '../a.jpg'"),
        (
            "path,vehicle_id,camera_id\na.jpg,1,1\n./a.jpg,1,2\n",
            "line 3: a.jpg is on line 2 too",
        ),
        (
            "path,vehicle_id,camera_id\na.jpg,1,1\nb.jpg,01,1\n",
            "vehicle_id 01 and 1 are one number",
        ),
        ("path,vehicle_id,camera_id\na.jpg,1,1\nb.jpg,,1\n", "b.jpg: no vehicle is known"),
        (
            "path,vehicle_id,camera_id,track_id\na.jpg,1,1,5\nb.jpg,2,1,5\n",
            "a.jpg and b.jpg have one track_id but not one vehicle",
        ),
        (
            "path,vehicle_id,camera_id,split\na.jpg,1,1,test\n",
            "line 2: split is 'test'; expected one of train, query, gallery",
        ),
        ("path,vehicle_id,camera_id,split\na.jpg,,1,train\n", "line 2: an image to train on has"),
    ],
)
def test_unusable_tables_are_refused(tmp_path: Path, text: str, message: str) -> None:
    table = write_table(tmp_path, text)
    with pytest.raises(DataError, match=message):
        csv_table.load(table)


def test_missing_images_are_counted(tmp_path: Path) -> None:
    table = write_table(tmp_path, two_cameras(3))
    (tmp_path / "v01_1.jpg").unlink()
    (tmp_path / "v02_2.jpg").unlink()
    with pytest.raises(DataError, match=r"2 of 6 images are not in .*first: v01_1.jpg, line 4\)"):
        csv_table.load(table)


def test_missing_and_binary_tables_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"absent.csv: cannot be read .*path,vehicle_id,camera_id"):
        csv_table.load(tmp_path / "absent.csv")
    (tmp_path / "binary.csv").write_bytes(b"\xff\xd8\xff")
    with pytest.raises(DataError, match=r"binary.csv: not CSV in UTF-8"):
        csv_table.load(tmp_path / "binary.csv")


@pytest.mark.parametrize("fraction", [-0.1, 1.5, float("nan")])
def test_a_fraction_outside_its_range_is_refused(tmp_path: Path, fraction: float) -> None:
    table = write_table(tmp_path, two_cameras(3))
    with pytest.raises(ConfigError, match=f"held-out vehicles is {fraction}; expected 0 to 1"):
        csv_table.load(table, test_fraction=fraction)
