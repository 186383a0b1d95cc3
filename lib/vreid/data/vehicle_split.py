"""A test set made from annotated images, by vehicle, with one query a camera."""

from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from vreid.data.holdout import draw_vehicles
from vreid.data.sample import UNKNOWN, Sample, Split
from vreid.errors import DataError


def split_vehicles(samples: Sequence[Sample], *, count: int, seed: int, name: str) -> Split:
    """Set vehicles aside for the test; no image is dropped.

    As in VeRi-776, one random image of each camera that saw a vehicle is a query, and the vehicle's
    other images are the gallery. A camera that would leave the vehicle without another camera's
    gallery image gives no query, so that every query has a match under any junk rule.

    - A vehicle can be set aside when two cameras saw it.
    - Deterministic; the order of the samples does not matter, except that it is kept.

    Args:
        samples: Annotated images, all with vehicle and camera.
        count: How many vehicles to set aside, at least 1.
        seed: Which vehicles and queries are drawn.
        name: The split's name.

    Raises:
        ConfigError: When the count is below 1.
        DataError: When there are too few vehicles, or an image has no vehicle or camera.
    """
    vehicles: dict[int, dict[int, list[str]]] = defaultdict(lambda: defaultdict(list))
    for sample in sorted(samples, key=lambda sample: sample.name):
        if UNKNOWN in (sample.pid, sample.camid):
            raise DataError(
                f"{sample.name}: vehicle {sample.pid}, camera {sample.camid}; a split by vehicle"
                " needs both of every image"
            )
        vehicles[sample.pid][sample.camid].append(sample.name)
    generator = np.random.default_rng(seed)
    eligible = [pid for pid, cameras in vehicles.items() if len(cameras) >= 2]
    chosen = draw_vehicles(eligible, len(vehicles), fraction=None, count=count, generator=generator)
    query: set[str] = set()
    for pid in sorted(chosen):
        query |= _draw_queries(vehicles[pid], generator)
    held = [sample for sample in samples if sample.pid in chosen]
    return Split(
        name,
        train=tuple(sample for sample in samples if sample.pid not in chosen),
        query=tuple(sample for sample in held if sample.name in query),
        gallery=tuple(sample for sample in held if sample.name not in query),
    )


def _draw_queries(cameras: dict[int, list[str]], generator: np.random.Generator) -> set[str]:
    """One image a camera, as long as each query keeps another camera's image in the gallery."""
    left = {camid: len(names) for camid, names in cameras.items()}
    drawn: dict[int, str] = {}
    for place in generator.permutation(len(cameras)):
        camid = sorted(cameras)[place]
        after = {**left, camid: left[camid] - 1}
        asked = [*drawn, camid]
        if all(any(after[other] for other in after if other != one) for one in asked):
            left = after
            drawn[camid] = cameras[camid][int(generator.integers(len(cameras[camid])))]
    return set(drawn.values())
