from collections.abc import Callable
from pathlib import Path

import pytest

from tests.data import list_layouts
from tests.data.layouts import write_cityflow, write_images, write_vehiclex, write_veri
from vreid.build import build_split
from vreid.options import DataOptions

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
