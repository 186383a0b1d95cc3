"""Views of images in the extract stage: boxes from files, and what makes features current."""

from pathlib import Path

import pytest
import torch

import scripts.extract
from tests.pictures import make_samples
from vreid.build import build_model
from vreid.checkpoint import save_model
from vreid.config import load_config
from vreid.data.boxes import Box, write_boxes
from vreid.errors import DataError, run_command
from vreid.features import Features

RECIPE = """
name: small
device: cpu
data: {{dataset: csv, root: {folder}/crops}}
input: {{size: [32, 32]}}
model: {{backbone: test_resnet, weights: none, last_stride: 2}}
solver: {{precision: fp32}}
test: {{batch_size: 8, boxes: {folder}/boxes}}
"""
BOXED = ["test.crops", "['whole', 'boxes']"]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run with random weights beside 4 queries and 12 gallery images."""
    samples = make_samples(tmp_path / "crops", vehicles=4, frames=2)
    rows = [
        f"{one.name},{one.pid},{one.camid},{'query' if idx % 4 == 0 else 'gallery'}"
        for idx, one in enumerate(samples)
    ]
    table = "\n".join(["path,vehicle_id,camera_id,split", *rows])
    (tmp_path / "crops" / "samples.csv").write_text(table)
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "config.yml").write_text(RECIPE.format(folder=tmp_path))
    torch.manual_seed(0)
    model = build_model(load_config(folder / "config.yml"), 4)
    save_model(folder / "best.pt", model, facts={})
    for part, kept in (("query", samples[::4]), ("gallery", samples[1:3])):
        boxes = {sample.name: Box(4, 4, 28, 20) for sample in kept}
        write_boxes(tmp_path / "boxes" / f"{part}.csv", boxes)
    return folder


def test_boxes_of_the_folder_are_averaged_with_the_whole(
    run: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder,) = scripts.extract.main([run], overrides=BOXED)
    out = capsys.readouterr().out
    assert "query.csv: 4 of 4 images have a box" in out
    assert "gallery.csv: 2 of 12 images have a box; the others are taken whole" in out
    boxed = Features.load(folder / "gallery.npz")
    assert boxed.meta["views"] == ["whole 32x32", "boxes 32x32"]
    scripts.extract.main([run])
    plain = Features.load(folder / "gallery.npz")
    changed = (abs(boxed.feats - plain.feats) > 1e-5).any(axis=1)
    assert changed.tolist() == [True] * 2 + [False] * 10
    assert not {"views", "boxes_sha256"} & plain.meta.keys()


def test_features_are_made_again_when_a_box_moves_and_only_then(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def made() -> list[str]:
        capsys.readouterr()
        scripts.extract.main([run], overrides=BOXED)
        lines = capsys.readouterr().out.splitlines()
        return [Path(line.split(":")[0]).stem for line in lines if " x " in line]

    assert made() == ["query", "gallery"]
    assert made() == []
    (tmp_path / "boxes").rename(tmp_path / "moved")
    capsys.readouterr()
    there = ["test.boxes", str(tmp_path / "moved")]
    scripts.extract.main([run], overrides=[*BOXED, *there])
    assert capsys.readouterr().out.count("up to date") == 2
    (tmp_path / "moved").rename(tmp_path / "boxes")
    path = tmp_path / "boxes" / "gallery.csv"
    path.write_text(path.read_text().replace("4,4,28,20", "4,4,28,21"))
    assert made() == ["gallery"]


def test_boxes_of_other_images_are_refused(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_boxes(tmp_path / "boxes" / "query.csv", {"other.jpg": Box(0, 0, 1, 1)})
    with pytest.raises(DataError, match=r"query\.csv: none of the 4 query images, such as 0000_"):
        scripts.extract.main([run], overrides=BOXED)
    (tmp_path / "boxes" / "query.csv").unlink()
    assert run_command(lambda: scripts.extract.main([run], overrides=BOXED)) == 2
    assert "query.csv: no such file of boxes" in capsys.readouterr().err
