from pathlib import Path

import pytest

from vreid.config import load_config
from vreid.errors import ConfigError
from vreid.options import EvaluationOptions


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"scales": ()}, r"test\.scales is \[\]; a list of positive factors"),
        ({"scales": (1.0, 0.0)}, r"test\.scales .* positive factors"),
        ({"scales": (float("inf"),)}, r"test\.scales .* positive factors"),
        ({"scales": (1.0, 1.0)}, r"test\.scales .* list each of them once"),
        ({"crops": ()}, r"test\.crops is \[\]; at least one"),
        ({"crops": ("whole", "whole")}, r"test\.crops .* list each of them once"),
        ({"crops": ("boxes",)}, r"test\.boxes is ''; the crop boxes needs the folder"),
    ],
)
def test_bad_views_say_what_is_wrong(options: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        EvaluationOptions(**options)  # type: ignore[arg-type]


def test_views_from_a_file_and_the_command_line(tmp_path: Path) -> None:
    path = tmp_path / "a.yml"
    path.write_text("test: {scales: [0.875, 1], crops: [whole, boxes], boxes: crops}\n")
    found = load_config(path).test
    assert (found.scales, found.crops, found.boxes) == ((0.875, 1.0), ("whole", "boxes"), "crops")
    pairs = ["test.scales", "[1, 1.25]", "test.crops", "['whole', 'centre']"]
    found = load_config(path, pairs).test
    assert (found.scales, found.crops) == ((1.0, 1.25), ("whole", "centre"))
    with pytest.raises(ConfigError, match=r"test\.crops\[0\] is 'map'; one of whole, centre"):
        load_config(path, ["test.crops", "['map']"])
