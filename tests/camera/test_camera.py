from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import camera.train
from camera.train import camera_labels, check_cameras, check_no_test
from tests.pictures import make_samples
from vreid.data.sample import Sample, Split
from vreid.errors import ConfigError, DataError
from vreid.options import Config, DataOptions

RECIPE = """
name: hidden
output: {folder}/runs
data: {{dataset: csv, root: {folder}, holdout: 0.25}}
input: {{size: [32, 32]}}
model: {{backbone: test_resnet, weights: none}}
camera: {{solver: {{sampler: shuffle}}}}
"""


def samples_of(*camids: int) -> list[Sample]:
    names = [f"{idx}.jpg" for idx in range(len(camids))]
    return [Sample(Path(n), n, camid=camid) for n, camid in zip(names, camids, strict=True)]


def test_labels_are_the_cameras() -> None:
    assert camera_labels(samples_of(3, 9, 3)).tolist() == [3, 9, 3]


def test_unknown_and_single_cameras_are_refused() -> None:
    check_cameras(samples_of(1, 2), "city")
    with pytest.raises(DataError, match=r"city: 1\.jpg has no camera; remove `camera`"):
        check_cameras(samples_of(1, -1), "city")
    with pytest.raises(DataError, match=r"found the cameras \[4\]; at least two"):
        check_cameras(samples_of(4, 4), "city")


def write_set(folder: Path, *, test_camera: int | None) -> Path:
    """Vehicles 0 to 3 to train on, 4 searched for, 5 searched in; a recipe of them."""
    lines = ["path,vehicle_id,camera_id,split"]
    for sample in make_samples(folder, vehicles=6, frames=2):
        part = "train" if sample.pid < 4 else ("query" if sample.pid == 4 else "gallery")
        camid = sample.camid if part == "train" or test_camera is None else test_camera
        lines.append(f"{sample.name},{sample.pid},{camid},{part}")
    (folder / "samples.csv").write_text("\n".join(lines) + "\n")
    recipe = folder / "recipe.yml"
    recipe.write_text(RECIPE.format(folder=folder))
    return recipe


@pytest.mark.parametrize("test_camera", [None, -1, 1, 77])
def test_images_of_query_and_gallery_are_never_trained_or_validated_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, test_camera: int | None
) -> None:
    given: dict[str, Any] = {}

    def fit(config: Config, samples: Any, labels: Any, **others: Any) -> None:
        given.update(samples=samples, labels=labels)

    def classification(config: Config, samples: Any, measure: Any) -> None:
        given["validated"] = samples

    monkeypatch.setattr(camera.train, "fit", fit)
    monkeypatch.setattr(camera.train, "classification", classification)
    camera.train.main(write_set(tmp_path, test_camera=test_camera))
    seen = (*given["samples"], *given["validated"])
    assert {sample.pid for sample in seen} == {0, 1, 2, 3}
    assert len(given["validated"]) == 4  # one vehicle, which is not trained on
    # The cameras are those in the names of the pictures, whatever the test part's are said to be.
    assert given["labels"].tolist() == [int(one.name.split("_")[1]) for one in given["samples"]]


def test_training_on_the_test_part_is_refused(tmp_path: Path) -> None:
    recipe = write_set(tmp_path, test_camera=None)
    with pytest.raises(ConfigError, match=r"data\.combine_all is true.*camera\.data\.combine_all"):
        camera.train.main(recipe, ["data.combine_all", "true"])
    one, two, three = samples_of(1, 2, 3)
    config = Config(data=DataOptions(dataset="csv"))
    check_no_test(config, Split("city", train=(one,), query=(two,), gallery=(two, three)))
    again = replace(one, name="image_test/0.jpg", camid=2)
    for query, gallery in (((again,), ()), ((), (again,))):
        with pytest.raises(DataError, match=r"city: 0\.jpg is a training image and one of query"):
            check_no_test(config, Split("city", (one, two), query, gallery))


def test_hidden_cameras_of_training_images_are_refused(tmp_path: Path) -> None:
    recipe = write_set(tmp_path, test_camera=None)
    table = tmp_path / "samples.csv"
    table.write_text(table.read_text().replace("0000_0_0.png,0,0", "0000_0_0.png,0,-1"))
    with pytest.raises(DataError, match=r"0000_0_0\.png has no camera"):
        camera.train.main(recipe)
    assert not (tmp_path / "runs").exists()


def test_labels_are_integers() -> None:
    assert camera_labels(samples_of(1)).dtype == np.int64
