"""Files of named rows: what is written comes back, and what is no such file is refused."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from vreid.errors import DataError
from vreid.named_rows import Kind, load_column, load_rows, save_rows

KIND = Kind("a table of speeds", 3, ("speeds", "lanes"), remedy="measure the speeds")


@dataclass
class Speeds:
    names: tuple[str, ...] = ("a/ü.jpg", "b/1.jpg")
    speeds: Any = field(default_factory=lambda: np.array([3.5, 9.0], dtype=np.float32))
    lanes: Any = field(default_factory=lambda: np.array([1, 2]))
    meta: Any = field(default_factory=lambda: {"unit": "m/s"})


def test_rows_come_back(tmp_path: Path) -> None:
    path = save_rows(tmp_path / "new" / "speeds.npz", KIND, Speeds())
    names, meta, columns = load_rows(path, KIND)
    assert names == Speeds().names and meta == {"unit": "m/s", "schema": 3}
    np.testing.assert_array_equal(columns["speeds"], Speeds().speeds)
    assert columns["speeds"].dtype == np.float32 and list(columns) == ["speeds", "lanes"]
    assert load_column(path, KIND, "lanes").tolist() == [1, 2]
    assert load_column(path, KIND, "names").tolist() == list(names)


def test_what_is_no_such_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"none\.npz: no such file; measure the speeds first"):
        load_rows(tmp_path / "none.npz", KIND)
    good = save_rows(tmp_path / "good.npz", KIND, Speeds())
    (tmp_path / "torn.npz").write_bytes(good.read_bytes()[:-30])
    np.savez(tmp_path / "other.npz", names=np.array(["a"]))
    with (tmp_path / "single.npz").open("wb") as stream:
        np.save(stream, np.zeros(3))
    for name in ("torn", "other", "single"):
        path = tmp_path / f"{name}.npz"
        message = rf"{name}\.npz: not a table of speeds \(.*\); remove it and measure the speeds ag"
        with pytest.raises(DataError, match=message):
            load_rows(path, KIND)
        with pytest.raises(DataError, match=message):
            load_column(path, KIND, "speeds")
    older = Kind(KIND.title, 2, KIND.columns, KIND.remedy)
    with pytest.raises(DataError, match=r"good\.npz: schema version 3, this program reads 2; remo"):
        load_rows(good, older)
