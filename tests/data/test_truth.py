from pathlib import Path

import pytest

from vreid.data.truth import read_truth
from vreid.errors import DataError


def test_vehicles_and_cameras_are_numbered_over_all_tables(tmp_path: Path) -> None:
    query, gallery = tmp_path / "query.csv", tmp_path / "gallery.csv"
    query.write_text("name,vehicle_id,camera_id\nq/1.jpg,bus,west\n")
    gallery.write_text("camera_id,name,vehicle_id,extra\neast,g/1.jpg,bus,x\nwest,g/2.jpg,car,y\n")
    assert read_truth(query, gallery) == {
        "q/1.jpg": (0, 1),
        "g/1.jpg": (0, 0),
        "g/2.jpg": (1, 1),
    }


def test_numbers_stay_what_they_are_unless_two_texts_would_be_one(tmp_path: Path) -> None:
    table = tmp_path / "gallery.csv"
    table.write_text("name,vehicle_id,camera_id\na.jpg,0041,c007\nb.jpg,7,c012\n")
    assert read_truth(table) == {"a.jpg": (41, 7), "b.jpg": (7, 12)}
    table.write_text("name,vehicle_id,camera_id\na.jpg,07,c1\nb.jpg,7,1\n")
    assert read_truth(table) == {"a.jpg": (0, 1), "b.jpg": (1, 0)}


def test_a_name_listed_twice_is_refused(tmp_path: Path) -> None:
    table = tmp_path / "query.csv"
    table.write_text("name,vehicle_id,camera_id\na.jpg,1,1\na.jpg,2,1\n")
    with pytest.raises(DataError, match=r"query\.csv: a\.jpg is listed twice"):
        read_truth(table)
