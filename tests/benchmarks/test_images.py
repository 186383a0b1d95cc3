"""The benchmarks of extraction and of the training loader, on a handful of small pictures."""

from pathlib import Path

import pytest
import torch

from benchmarks import extract, loader
from benchmarks.reports import Report
from vreid.errors import ConfigError


def test_extraction_is_measured_alone_and_from_files(tmp_path: Path) -> None:
    report = extract.main(
        ["test_resnet"],
        size=32,
        source=40,
        num_images=8,
        batches=(4,),
        precisions=("fp32",),
        workers=(0,),
        rounds=1,
    )
    alone, path = report.tables
    assert [row[0] for row in alone.rows] == [
        "batch 4, fp32, contiguous",
        "batch 4, fp32, channels_last",
    ]
    assert alone.rows[0][2] == "x 1.00"
    assert [row[0] for row in path.rows] == [
        "network alone",
        "loader alone, 0 workers",
        "JPEG files to features, 0 workers",
    ]
    assert all(float(row[1]) > 0 for row in path.rows)
    assert Report.load(report.save(tmp_path / "e.json")).tables == report.tables


def test_an_unknown_network_is_refused() -> None:
    with pytest.raises(ConfigError, match="has no network 'resnet5'"):
        extract.main(["resnet5"], rounds=1)


def test_precisions_follow_the_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    assert extract.usual_precisions(torch.device("cuda")) == ("fp32", "fp16")
    for units, expected in ((True, ("fp32", "bf16")), (False, ("fp32",))):
        monkeypatch.setattr(extract, "has_bf16_units", lambda units=units: units)
        assert extract.usual_precisions(torch.device("cpu")) == expected


def test_both_loaders_see_every_image(tmp_path: Path) -> None:
    folder = tmp_path / "0"
    folder.mkdir()
    samples = extract.make_samples(folder, 10, 40)
    transform = loader.our_transforms(32)[loader.SAME]
    assert loader.ours(samples, transform, 32, 4, 0) == 10
    assert loader.peer(tmp_path, 32, 4, 0) == 10


def test_loaders_are_compared() -> None:
    report = loader.main([0], size=32, source=40, num_images=6, batch=4, rounds=1)
    (table,) = report.tables
    assert [row[0] for row in table.rows] == [loader.SAME, loader.FULL, loader.PEER]
    assert table.rows[2][1].endswith("(x 1.00)")
    assert len(report.rows) == 3
