"""Recipes with chains, and the small features that they are run on."""

import importlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from scripts.plan import Plan
from vreid.data.sample import UNKNOWN
from vreid.distance import normalize
from vreid.features import Features

RECIPE = """
name: city
output: {output}
members: {{a: {{model: {{ibn: true}}}}, b: {{model: {{backbone: resnet34}}}}}}
orientation: {{data: {{dataset: vehiclex}}}}
camera: {{model: {{backbone: resnet18}}}}
"""
WINNER = """
chain:
  - {stage: branches, of: {plain: [], whitened: [{stage: whiten_cameras, la: 0.2}]}}
  - {stage: tracklets, weights: queries}
  - {stage: distance}
  - {stage: rerank, k1: 4, k2: 2, lambda: 0.6}
  - {stage: minus, camera: 0.1, orientation: 0.05}
  - {stage: average}
  - {stage: constrain, never_same_camera: true, groups: [[0, 1], [2, 9]]}
  - {stage: spread}
  - {stage: fuse_members, rule: sum, weights: {b: 0.5}}
"""
BASELINE = """
chain:
  - smooth
  - {stage: expand, k: 2}
  - distance
  - {stage: minus, orientation: 0.1, camera: 0.1}
  - {stage: rerank, k1: 5, k2: 2, lambda: 0.5}
  - {stage: constrain, punishment: 0.15}
  - {stage: fuse_members}
  - whole_tracks
"""
NUM_QUERY, NUM_GALLERY, DIM = 6, 30, 8


def write_recipe(folder: Path, chain: str) -> Path:
    path = folder / "city.yml"
    path.write_text(RECIPE.format(output=folder / "runs") + chain)
    return path


def made(part: str, num: int, rng: np.random.Generator, *, bare: bool = False) -> Features:
    tracks = np.arange(num) // 4 if part == "gallery" else np.full(num, UNKNOWN)
    cameras = tracks % 4 if part == "gallery" else np.arange(num) % 4
    unknown = np.full(num, UNKNOWN)
    return Features(
        names=tuple(f"image_{part}/{row:06}.jpg" for row in range(num)),
        feats=normalize(rng.normal(size=(num, DIM)).astype(np.float32)),
        pids=unknown,
        camids=unknown if bare else cameras,
        trackids=unknown if bare else tracks,
        meta={"model": "tiny"},
    )


def write_features(plan: Plan, *, bare: bool = False) -> dict[str, tuple[Features, Features]]:
    rng = np.random.default_rng(5)
    found = {}
    for name in ("a", "b", "orientation", "camera"):
        folder = plan.run(name) / "features"
        pair = (
            made("query", NUM_QUERY, rng, bare=bare),
            made("gallery", NUM_GALLERY, rng, bare=bare),
        )
        for part, one in zip(("query", "gallery"), pair, strict=True):
            (folder / "untrained").mkdir(parents=True, exist_ok=True)
            one.save(folder / f"{part}.npz")
            one.save(folder / "untrained" / f"{part}.npz")
        found[name] = pair
    return found


TRAVEL = "from,to,least,most\n0,1,20,60\n2,0,30,\n1,3,0,80\n3,1,10,40\n"


def write_times(folder: Path, pair: tuple[Features, Features]) -> dict[str, float]:
    """Tables ``times.csv`` and ``travel.csv``; a fifth of the images has no time."""
    rng = np.random.default_rng(9)
    names = [name for part in pair for name in part.names]
    times = {name: round(float(rng.uniform(0, 200)), 2) for name in names if rng.random() < 0.8}
    rows = [f"{name},{time}" for name, time in times.items()]
    (folder / "times.csv").write_text("\n".join(["name,time", *rows]) + "\n")
    (folder / "travel.csv").write_text(TRAVEL)
    return times


def run_here(words: Sequence[str]) -> None:
    """Run a verb in this process: a new Python takes longer than all of them."""
    importlib.import_module(words[0]).command(list(words[1:]))
