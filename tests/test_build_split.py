from collections.abc import Callable
from pathlib import Path

import pytest

from tests.data import list_layouts
from tests.data.layouts import write_cityflow, write_images, write_vehiclex, write_veri
from vreid.build_data import build_extra, build_split, build_training
from vreid.errors import DataError
from vreid.options import Config, DataOptions

WRITERS: dict[str, Callable[[Path], Path]] = {
    "cityflow": write_cityflow,
    "vehiclex": write_vehiclex,
    "veri776": write_veri,
    "vehicleid": list_layouts.write_vehicleid,
    "veri-wild": list_layouts.write_veri_wild,
    "vru": list_layouts.write_vru,
    "vric": list_layouts.write_vric,
    "vveri901": list_layouts.write_vveri901,
}


@pytest.mark.parametrize("dataset", list(WRITERS))
def test_every_data_set_is_built_and_says_where_it_differs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], dataset: str
) -> None:
    root = WRITERS[dataset](tmp_path)
    options = DataOptions(dataset=dataset, root=str(root))  # type: ignore[arg-type]
    split = build_split(options)
    assert split.train
    assert capsys.readouterr().err.startswith(f"note: {dataset}")
    silent = DataOptions(dataset=dataset, root=str(root), check_counts=False)  # type: ignore[arg-type]
    assert build_split(silent) == split
    assert capsys.readouterr().err == ""


def test_size_and_image_folder_are_passed_on(tmp_path: Path) -> None:
    root = list_layouts.write_vehicleid(tmp_path / "vehicleid")
    options = DataOptions(dataset="vehicleid", root=str(root), test_size="13164")
    assert build_split(options).name == "vehicleid 13164"
    root = write_vehiclex(tmp_path / "vehiclex")
    write_images(root / "translated", sorted(p.name for p in (root / "sys_image_train").iterdir()))
    options = DataOptions(dataset="vehiclex", root=str(root), images="translated")
    assert build_split(options).train[0].name == "translated/0001_c001_1.jpg"


def test_images_are_marked_as_synthetic_or_real(tmp_path: Path) -> None:
    veri, vehiclex = write_veri(tmp_path / "veri"), write_vehiclex(tmp_path / "vehiclex")
    for value, expected in (("auto", (False, True)), ("all", (True, True)), ("none", (False,) * 2)):
        for (dataset, root), synthetic in zip(
            {"veri776": veri, "vehiclex": vehiclex}.items(), expected, strict=True
        ):
            options = DataOptions(dataset=dataset, root=str(root), synthetic=value)  # type: ignore[arg-type]
            split = build_split(options)
            images = (*split.train, *split.query, *split.gallery)
            assert {sample.synthetic for sample in images} == {synthetic}


def test_a_combined_set_has_no_labelled_test_part(tmp_path: Path) -> None:
    veri = build_split(
        DataOptions(dataset="veri776", root=str(write_veri(tmp_path / "a")), combine_all=True)
    )
    assert [len(part) for part in (veri.train, veri.query, veri.gallery)] == [2 + 1 + 3, 0, 0]
    city = build_split(DataOptions(root=str(write_cityflow(tmp_path / "b")), combine_all=True))
    assert [len(part) for part in (city.train, city.query, city.gallery)] == [6, 2, 3]  # hidden


def test_a_long_tail_is_cut_and_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = DataOptions(
        dataset="vehiclex", root=str(write_vehiclex(tmp_path)), min_images=2, check_counts=False
    )
    split = build_split(options)
    assert {sample.pid for sample in build_training(options, split)} == {1}
    assert capsys.readouterr().err == (
        "note: vehiclex: 1 vehicles with fewer than 2 training images are left out (1 images)\n"
    )
    assert [len(part) for part in build_extra(Config(extra={"vx": options})).values()] == [2]
    with pytest.raises(DataError, match="no vehicle has 3 training images, the most are 2"):
        build_training(DataOptions(dataset="vehiclex", root=options.root, min_images=3), split)
