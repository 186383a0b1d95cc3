from pathlib import Path

import pytest

from scripts.split import main
from tests.data.layouts import write_cityflow, write_vehiclex
from vreid.data import cityflow, csv_table
from vreid.errors import DataError, run_command


def write_recipe(path: Path, dataset: str, root: Path) -> Path:
    path.write_text(f"data:\n  dataset: {dataset}\n  root: {root}\n  check_counts: false\n")
    return path


def test_cityflow_is_split_into_both_forms(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_cityflow(tmp_path / "data")
    recipe = write_recipe(tmp_path / "recipe.yml", "cityflow", root)
    table = main(recipe, out=tmp_path / "split", vehicles=1, seed=3)
    from_table = csv_table.load(table, root=root)
    from_xml = cityflow.load(root, split=str(tmp_path / "split"))
    for part in ("train", "query", "gallery"):
        facts = [
            [(s.name, s.pid, s.camid, s.trackid) for s in getattr(split, part)]
            for split in (from_table, from_xml)
        ]
        assert facts[0] == facts[1]
        assert facts[0]
    assert len(from_xml.query) + len(from_xml.gallery) == 3
    printed = capsys.readouterr().out
    assert "cityflow, 1 vehicles aside" in printed
    assert f"data.split {tmp_path / 'split'}" in printed
    assert f"data.dataset csv data.table {table} data.root {root}" in printed


def test_the_same_seed_makes_the_same_files(tmp_path: Path) -> None:
    root = write_cityflow(tmp_path / "data")
    recipe = write_recipe(tmp_path / "recipe.yml", "cityflow", root)
    texts = [
        main(recipe, out=tmp_path / f"split{idx}", vehicles=1, seed=seed).read_text()
        for idx, seed in enumerate((0, 0, 1, 2, 3, 4, 5))
    ]
    assert texts[0] == texts[1]
    assert len(set(texts)) > 1


def test_another_data_set_gets_the_table_only(tmp_path: Path) -> None:
    root = write_vehiclex(tmp_path / "data")
    recipe = write_recipe(tmp_path / "recipe.yml", "vehiclex", root)
    table = main(recipe, out=tmp_path / "split", vehicles=1)
    assert [path.name for path in table.parent.iterdir()] == ["split.csv"]
    assert table.read_text().splitlines()[0] == "path,vehicle_id,camera_id,track_id,split"
    with pytest.raises(DataError, match="cannot hold out 2 vehicles"):
        main(recipe, out=tmp_path / "split", vehicles=2)


def test_too_few_vehicles_are_said_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = write_cityflow(tmp_path / "data")
    recipe = write_recipe(tmp_path / "recipe.yml", "cityflow", root)
    assert run_command(lambda: main(recipe, out=tmp_path / "split")) == 2
    assert capsys.readouterr().err.startswith("error: cannot hold out 80 vehicles: 2 of 2 are seen")
