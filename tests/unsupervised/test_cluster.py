"""Pseudo-labels of features whose vehicles, cameras and tracklets are known."""

from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest

from unsupervised.cluster import pseudo_labels, without_cameras
from unsupervised.record import is_recorded, read_labels, write_labels
from unsupervised.report import compare_with_truth, describe_labels, true_pids, write_found
from unsupervised.settings import settings_of
from vreid.clusters import score_clusters
from vreid.config import dump_config, load_config
from vreid.data.sample import UNKNOWN, Sample
from vreid.errors import ConfigError, DataError
from vreid.features import Features
from vreid.files import read_json
from vreid.options import AdaptOptions, Config, ModelOptions, SolverOptions

OPTIONS = AdaptOptions(enabled=True, k1=18, k2=3, min_samples=4, la=0.05)


def made(*, vehicles: int = 12, cameras: int = 3, frames: int = 5) -> tuple[Features, Features]:
    """Each vehicle in each camera, whose bias is larger than the vehicles' differences."""
    rng = np.random.default_rng(0)
    own, bias = rng.normal(size=(vehicles, 24)), 3 * rng.normal(size=(cameras, 24))
    place = np.indices((vehicles, cameras, frames)).reshape(3, -1)
    pids, camids, frame = place.astype(np.int64)
    feats = own[pids] + bias[camids] + 0.2 * rng.normal(size=(len(pids), 24))
    feats /= np.linalg.norm(feats, axis=1, keepdims=True)
    parts = []
    for mask in (frame == 0, frame > 0):
        parts.append(
            Features(
                names=tuple(f"{one}.jpg" for one in np.flatnonzero(mask)),
                feats=feats[mask].astype(np.float32),
                pids=pids[mask],
                camids=camids[mask],
                trackids=(pids * cameras + camids)[mask],
            )
        )
    return parts[0], parts[1]


@pytest.mark.parametrize("cameras", ["whiten", "mean"])
def test_clusters_are_the_vehicles_once_the_cameras_are_gone(
    cameras: Literal["whiten", "mean"],
) -> None:
    query, gallery = made()
    pids = np.concatenate([query.pids, gallery.pids])
    options = replace(OPTIONS, cameras=cameras)
    scores = score_clusters(pseudo_labels(query, gallery, options), pids)
    assert scores.num_clusters == 12 and scores.precision > 0.99 and scores.recall > 0.95
    biased = score_clusters(pseudo_labels(query, gallery, replace(options, cameras="none")), pids)
    assert biased.recall < 0.6


def test_mining_finds_the_vehicles() -> None:
    query, gallery = made()
    pids = np.concatenate([query.pids, gallery.pids])
    options = replace(OPTIONS, method="mining", cameras="mean", apart=0.9, near=0.4)
    labels = pseudo_labels(query, gallery, options)
    scores = score_clusters(labels, pids)
    assert scores.num_clusters == 12 and scores.precision > 0.99
    assert np.count_nonzero(labels[: len(query)] != UNKNOWN) == 12  # one query each
    tracks = [labels[len(query) :][gallery.trackids == one] for one in range(36)]
    assert all(len(set(one.tolist())) == 1 for one in tracks)
    with pytest.raises(DataError, match=r"0 vehicles.*larger adapt\.near than 1e-05"):
        pseudo_labels(query, gallery, replace(options, near=1e-5))


def test_no_cluster_lies_in_two_groups_of_cameras() -> None:
    query, gallery = made()
    camids = np.concatenate([query.camids, gallery.camids])
    labels = pseudo_labels(query, gallery, replace(OPTIONS, groups=((0, 0), (1, 2))))
    first, second = set(labels[camids == 0].tolist()), set(labels[camids > 0].tolist())
    assert first & second <= {UNKNOWN}
    assert len(first | second) > 20


def test_unknown_cameras_are_refused_with_the_way_out() -> None:
    query, gallery = made()
    unknown = replace(query, camids=np.full(len(query), UNKNOWN, dtype=np.int64))
    with pytest.raises(DataError, match=r"camera of row 0 is unknown.*or set adapt\.cameras none"):
        pseudo_labels(unknown, gallery, OPTIONS)
    feats = without_cameras(unknown, gallery, replace(OPTIONS, cameras="none"))
    np.testing.assert_array_equal(feats[: len(query)], query.feats)


def test_labels_come_back_from_their_table(tmp_path: Path) -> None:
    labels = np.array([0, -1, 1], dtype=np.int64)
    assert not is_recorded(tmp_path, {"eps": 0.5})
    write_labels(tmp_path, ["a,b.jpg", "c.jpg", "d.jpg"], labels, {"eps": 0.5, "groups": [[1, 2]]})
    np.testing.assert_array_equal(read_labels(tmp_path, ["a,b.jpg", "c.jpg", "d.jpg"]), labels)
    assert is_recorded(tmp_path, {"eps": 0.5, "groups": [[1, 2]]})
    assert not is_recorded(tmp_path, {"eps": 0.6})  # not trained on yet: they are made again
    with pytest.raises(DataError, match="lists 3 images that are not the target's 2"):
        read_labels(tmp_path, ["a,b.jpg", "c.jpg"])
    (tmp_path / "last.pt").touch()
    with pytest.raises(ConfigError, match=r"adapted otherwise \(eps: 0\.5 -> 0\.6\)"):
        is_recorded(tmp_path, {"eps": 0.6})


def test_what_is_said_of_labels() -> None:
    labels = np.array([0, 0, 1, -1], dtype=np.int64)
    assert compare_with_truth(labels, np.full(4, -1)) == "the true identities are not known"
    said = compare_with_truth(labels, np.array([5, 5, 5, -1]))
    assert "(3 images whose identity is known), printed only: 2 clusters for 1 vehicles" in said
    assert "purity 100.0 %, pairs: precision 100.0 %, recall 33.3 %" in said
    assert describe_labels(np.full(4, -1)) == "no clusters among 4 images"


def test_what_is_written_of_labels(tmp_path: Path) -> None:
    labels = np.array([0, 0, 1, -1], dtype=np.int64)
    counts = {"num_images": 4, "num_labelled": 3, "num_clusters": 2}
    path = write_found(tmp_path, labels, np.full(4, UNKNOWN))
    assert path == tmp_path / "clusters_found.json" and read_json(path) == counts
    write_found(tmp_path, labels, np.array([5, 5, 6, 6]))
    truth = {"num_clusters": 2, "num_identities": 2, "purity": 1, "precision": 1, "recall": 0.5}
    assert read_json(path) == {**counts, "truth": truth}
    write_found(tmp_path, np.full(4, UNKNOWN), np.array([5, 5, 6, 6]))  # no pair to be precise of
    none = {"num_clusters": 0, "num_identities": 2, "purity": None, "precision": None, "recall": 0}
    assert read_json(path) == {"num_images": 4, "num_labelled": 0, "num_clusters": 0, "truth": none}


def test_hidden_identities_come_from_the_tables(tmp_path: Path) -> None:
    for part, name in (("query", "q.jpg"), ("gallery", "g.jpg")):
        (tmp_path / f"{part}.csv").write_text(f"name,vehicle_id,camera_id\n{name},7,1\n")
    samples = [Sample(Path(one), one) for one in ("q.jpg", "g.jpg", "h.jpg")]
    assert true_pids(samples, str(tmp_path)).tolist() == [7, 7, -1]
    assert true_pids(samples, "").tolist() == [-1, -1, -1]


def test_settings_keep_the_network_and_leave_the_source_behind() -> None:
    config = Config(
        model=ModelOptions(mixstyle="halves", ibn=True),
        solver=SolverOptions(
            sampler="domains", average="swa", swa_start=10, optimizer="sgd", nesterov=True
        ),
        adapt=replace(OPTIONS, optimizer="adam"),
    )
    found = settings_of(config, config.adapt, start=Path("start.pt"))
    assert found.model == replace(config.model, mixstyle="shuffle", weights="none")
    assert (found.solver.start, found.solver.max_epochs) == ("start.pt", 3)
    assert (found.solver.sampler, found.solver.average) == ("pk", "none")
    assert not found.adapt.enabled and found.loss == config.loss


def test_options_of_a_recipe(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yml"
    path.write_text("adapt: {enabled: true, keep: 0.1, groups: [[1, 39], [40, 46]]}\n")
    config = load_config(path)
    assert config.adapt.groups == ((1, 39), (40, 46))
    (tmp_path / "again.yml").write_text(dump_config(config))
    assert load_config(tmp_path / "again.yml") == config
    assert not Config().adapt.enabled


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("eps", "0.9", r"adapt\.eps is 0\.9; less than adapt\.jaccard = 0\.9"),
        ("rounds", "0", r"adapt\.rounds is 0; at least 1"),
        ("keep", "1.5", r"adapt\.keep is 1\.5; a share"),
        ("suffix", "../x", r"adapt\.suffix is '\.\./x'; letters"),
        ("num_instance", "7", r"adapt\.num_instance is 7; K > 1 that divides"),
        ("groups", "[[4, 2]]", r"adapt\.groups is \[4, 2\]; first and last camera"),
        ("epsilon", "0.9", "there is no option adapt.epsilon; did you mean adapt.eps"),
    ],
)
def test_options_out_of_range(tmp_path: Path, key: str, value: str, said: str) -> None:
    path = tmp_path / "recipe.yml"
    path.write_text("name: town\n")
    with pytest.raises(ConfigError, match=said):
        load_config(path, [f"adapt.{key}", value])
