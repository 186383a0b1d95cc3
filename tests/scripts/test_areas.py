from pathlib import Path

import cv2
import numpy as np
import pytest

import scripts.areas
from vreid.errors import ConfigError


def test_large_images_count(tmp_path: Path) -> None:
    lines = ["path,vehicle_id,camera_id,split"]
    for idx, (side, part) in enumerate([(20, "query"), (30, "gallery"), (40, "gallery")]):
        cv2.imwrite(str(tmp_path / f"{idx}.png"), np.zeros((side, side, 3), dtype=np.uint8))
        lines.append(f"{idx}.png,1,{idx},{part}")
    (tmp_path / "samples.csv").write_text("\n".join(lines) + "\n")
    recipe = tmp_path / "own.yml"
    recipe.write_text(f"data: {{dataset: csv, root: {tmp_path}}}\n")
    out = tmp_path / "areas.csv"
    scripts.areas.command([str(recipe), "--min-area", "1000", "--out", str(out)])
    assert out.read_text().splitlines() == ["name,weight", "1.png,0", "2.png,1"]
    with pytest.raises(ConfigError, match="min_area is 0; expected a number of pixels"):
        scripts.areas.main(recipe, out=out, min_area=0)
