import json
from pathlib import Path
from typing import Any, TypedDict

import numpy as np
import pytest

from scripts.evaluate import main
from vreid.distance import distance
from vreid.errors import ConfigError, DataError
from vreid.features import Features
from vreid.protocol import PROTOCOLS


def write_run(run: Path, *, known: bool = True) -> Path:
    """A run whose features say the vehicle, with some noise."""
    rng = np.random.default_rng(0)
    for part, num in (("query", 8), ("gallery", 40)):
        pids = np.arange(num, dtype=np.int64) % 8
        camids = rng.integers(0, 4, num)
        feats = np.eye(8)[pids] + rng.normal(0, 0.6, (num, 8))
        Features(
            names=tuple(f"image_{part}/{idx:03d}.jpg" for idx in range(num)),
            feats=feats.astype(np.float32),
            pids=pids if known else np.full(num, -1, dtype=np.int64),
            camids=camids,
            trackids=4 * pids + camids,
        ).save(run / "features" / f"{part}.npz")
    return run


class Tables(TypedDict):
    query: Path
    gallery: Path


def write_truth(folder: Path) -> Tables:
    for part, num in (("query", 8), ("gallery", 40)):
        rows = [f"image_{part}/{idx:03d}.jpg,{idx % 8},c{idx % 3}" for idx in range(num)]
        text = "\n".join(["name,vehicle_id,camera_id", *rows])
        (folder / f"{part}.csv").write_text(text)
    return {"query": folder / "query.csv", "gallery": folder / "gallery.csv"}


@pytest.mark.parametrize("name", list(PROTOCOLS))
def test_every_protocol_is_printed_below_its_numbers(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    run = write_run(tmp_path / "run")
    (result,) = main([run], protocol=PROTOCOLS[name], out=tmp_path / "scores.json")
    printed = capsys.readouterr().out
    assert f"per cent; {PROTOCOLS[name]}\n" in printed
    assert ("± of the draws" in printed) == (PROTOCOLS[name].draws is not None)
    written: dict[str, Any] = json.loads((tmp_path / "scores.json").read_text())
    assert written["protocol"] == str(PROTOCOLS[name]) == written["results"][0]["protocol"]
    assert written["results"][0]["mAP"] == result.scores.map
    assert ("mAP std" in written["results"][0]) == (PROTOCOLS[name].draws is not None)


def test_cosine_beside_euclidean(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = write_run(tmp_path / "run")
    results = main([run], protocol=PROTOCOLS["aicity"], metrics=("cosine", "euclidean"))
    assert [one.label for one in results] == [f"{run} cosine", f"{run} euclidean"]
    assert results[0].scores.map != results[1].scores.map  # the features are not normalised
    printed = capsys.readouterr().out
    assert f"{run} cosine" in printed
    assert printed.count("per cent; aicity") == 1


def test_pairs_are_scored_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = write_run(tmp_path / "run")
    plain = tmp_path / "plain.npy"
    parts = [Features.load(run / "features" / f"{part}.npz") for part in ("query", "gallery")]
    distance(parts[0], parts[1]).save(plain)
    square = tmp_path / "square.npy"
    distance(parts[0], parts[1], square=True).save(square)
    tables = write_truth(tmp_path)
    sources = [run, plain, square]
    protocol = PROTOCOLS["aicity"]
    results = main(sources, protocol=protocol, pairs=True, out=tmp_path / "out.json", **tables)
    first, *others = [one.pairs for one in results]
    assert first is not None
    assert first.num_true == 40
    for other in others:
        assert other is not None
        assert other.auc == pytest.approx(first.auc)
    printed = capsys.readouterr().out
    assert "aicity pairs: 40 true and 280 false pairs" in printed
    written = json.loads((tmp_path / "out.json").read_text())
    assert written["results"][0]["pairs"]["AUC"] == first.auc


def test_what_was_not_drawn_says_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run = write_run(tmp_path / "run")
    parts = [Features.load(run / "features" / f"{part}.npz") for part in ("query", "gallery")]
    for name, square in (("plain", False), ("square", True)):
        distance(parts[0], parts[1], square=square).save(tmp_path / f"{name}.npy")
    sources = [run, tmp_path / "plain.npy", tmp_path / "square.npy"]
    results = main(sources, protocol=PROTOCOLS["vehicleid"], **write_truth(tmp_path))
    drawn, given, again = (one.scores for one in results)
    assert drawn.map == pytest.approx(again.map)
    assert given.stds == {}
    lines = [line for line in capsys.readouterr().out.splitlines() if "per cent" in line]
    assert len(lines) == 2
    assert lines[0].startswith(f"per cent; {run}, {tmp_path / 'square.npy'}: vehicleid: AP")
    assert lines[1].endswith("one draw as given")


def test_unknown_identities_are_refused(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", known=False)
    with pytest.raises(DataError, match=r"identity of image_query/000.jpg is not known"):
        main([run], protocol=PROTOCOLS["aicity"])
    assert main([run], protocol=PROTOCOLS["aicity"], **write_truth(tmp_path))


def test_tracklets_need_features(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run")
    parts = [Features.load(run / "features" / f"{part}.npz") for part in ("query", "gallery")]
    distance(parts[0], parts[1]).save(tmp_path / "plain.npy")
    with pytest.raises(ConfigError, match="pools features over tracklets"):
        main([tmp_path / "plain.npy"], protocol=PROTOCOLS["vveri901"], **write_truth(tmp_path))
