"""Setting vehicles aside: a test or validation set made from annotated images, by vehicle."""

from collections import defaultdict
from collections.abc import Collection, Sequence

import numpy as np

from vreid.data.sample import UNKNOWN, Sample, Split
from vreid.errors import ConfigError, DataError


def hold_out_vehicles(
    samples: Sequence[Sample],
    *,
    seed: int,
    fraction: float | None = None,
    count: int | None = None,
    queries: int = 1,
    name: str = "validation",
) -> Split:
    """Set vehicles of a training set aside for validation.

    A held-out vehicle's images fall into groups: tracklets, or images of one camera where tracklets
    are unknown. Up to ``queries`` groups, drawn at random, give one query image each, and the rest
    of such a group is dropped: neighbouring frames would make the search too easy. All other images
    are gallery, among them at least one by another camera than the query's.

    - Vehicles seen by fewer than two cameras are always trained on. When no camera is known at all,
      two groups do, and an image without a tracklet is its own group.
    - Deterministic; the order of the samples does not matter, except that it is kept.

    Args:
        samples: Annotated images, all with a vehicle.
        seed: Which vehicles, groups and images are drawn.
        fraction: Share of the vehicles that can be held out, in (0, 1]; give this or ``count``.
        count: Number of vehicles to hold out.
        queries: Most query images of a vehicle.
        name: The split's name.

    Raises:
        ConfigError: When the options make no sense.
        DataError: When there are too few vehicles, or an image has none.
    """
    if (fraction is None) == (count is None):
        raise ConfigError("hold out either a fraction or a count of vehicles, not both or neither")
    if queries < 1:
        raise ConfigError(f"{queries} queries a vehicle; at least 1 is needed")
    vehicles = _by_vehicle(samples)
    cameras_known = any(sample.camid != UNKNOWN for sample in samples)
    groups = {pid: _groups(members) for pid, members in vehicles.items()}
    eligible = [
        pid
        for pid, members in vehicles.items()
        if (len(_cameras(members)) if cameras_known else len(groups[pid])) >= 2
    ]
    generator = np.random.default_rng(seed)
    chosen = draw_vehicles(
        eligible, len(vehicles), fraction=fraction, count=count, generator=generator
    )
    query: set[str] = set()
    dropped: set[str] = set()
    for pid in sorted(chosen):
        for group in _query_groups(groups[pid], queries, cameras_known, generator):
            query.add(group[int(generator.integers(len(group)))].name)
            dropped.update(sample.name for sample in group)
    held = [sample for sample in samples if sample.pid in chosen]
    return Split(
        name,
        train=tuple(sample for sample in samples if sample.pid not in chosen),
        query=tuple(sample for sample in held if sample.name in query),
        gallery=tuple(sample for sample in held if sample.name not in dropped),
    )


def split_by_camera(
    samples: Sequence[Sample],
    *,
    name: str,
    fraction: float,
    query_camid: int | None,
    seed: int,
) -> Split:
    """Set vehicles aside for the test, with one camera's images as the queries.

    - ``query_camid`` given: a vehicle can be held out when that camera and another one saw it.
    - Not given: when two cameras saw it; its queries are its images by the lowest camera number
      that it has. So in a set of two cameras, camera 1 searches in camera 2.
    - No camera known in the whole set: when it has two images; its first one by name is the query.
    - Images of a held-out vehicle by an unknown camera are gallery.

    Args:
        samples: Annotated images, all with a vehicle.
        name: The split's name.
        fraction: Share of the vehicles that can be held out, in [0, 1]; 0 trains on all.
        query_camid: The camera that searches.
        seed: Which vehicles are drawn.

    Raises:
        ConfigError: When the fraction is not in [0, 1].
        DataError: When there are too few vehicles, or an image has none.
    """
    vehicles = _by_vehicle(samples)
    if fraction == 0:
        return Split(name, train=tuple(samples))
    queries: dict[int, set[str]] = {}
    cameras_known = any(sample.camid != UNKNOWN for sample in samples)
    for pid, members in vehicles.items():
        cameras = _cameras(members)
        if not cameras_known and len(members) >= 2:
            queries[pid] = {min(sample.name for sample in members)}
        elif len(cameras) >= 2 and query_camid in (None, *cameras):
            camid = min(cameras) if query_camid is None else query_camid
            queries[pid] = {sample.name for sample in members if sample.camid == camid}
    chosen = draw_vehicles(
        list(queries),
        len(vehicles),
        fraction=fraction,
        count=None,
        generator=np.random.default_rng(seed),
    )
    held = [sample for sample in samples if sample.pid in chosen]
    return Split(
        name,
        train=tuple(sample for sample in samples if sample.pid not in chosen),
        query=tuple(sample for sample in held if sample.name in queries[sample.pid]),
        gallery=tuple(sample for sample in held if sample.name not in queries[sample.pid]),
    )


def draw_vehicles(
    eligible: Collection[int],
    num_vehicles: int,
    *,
    fraction: float | None,
    count: int | None,
    generator: np.random.Generator,
) -> set[int]:
    """Draw vehicles: ``count``, or the nearest number to ``fraction`` of them but at least 1.

    Args:
        eligible: The vehicles to draw from; their order does not matter.
        num_vehicles: How many vehicles there are in all, for the message.
        fraction: Share of the eligible vehicles; used when ``count`` is None.
        count: How many.
        generator: The source of randomness.

    Raises:
        ConfigError: When fraction or count make no sense.
        DataError: When fewer vehicles are eligible.
    """
    if fraction is not None and not 0 < fraction <= 1:
        raise ConfigError(f"the fraction of held-out vehicles is {fraction}; expected 0 to 1")
    if count is not None and count < 1:
        raise ConfigError(f"the count of held-out vehicles is {count}; expected 1 or more")
    wanted = max(1, round((fraction or 0) * len(eligible))) if count is None else count
    if wanted > len(eligible):
        raise DataError(
            f"cannot hold out {wanted} vehicles: {len(eligible)} of {num_vehicles} are seen by the"
            " two cameras that a query and its match need; hold out fewer, or annotate more"
        )
    return set(generator.permutation(sorted(eligible))[:wanted].tolist())


def _by_vehicle(samples: Sequence[Sample]) -> dict[int, list[Sample]]:
    """Samples of each vehicle, both in sorted order, so that drawing forgets the input's order."""
    vehicles: dict[int, list[Sample]] = defaultdict(list)
    for sample in sorted(samples, key=lambda sample: (sample.pid, sample.name)):
        vehicles[sample.pid].append(sample)
    if UNKNOWN in vehicles:
        raise DataError(
            f"{vehicles[UNKNOWN][0].name}: no vehicle is known; vehicles can be held out only where"
            " every image has one"
        )
    return vehicles


def _cameras(samples: Sequence[Sample]) -> set[int]:
    return {sample.camid for sample in samples} - {UNKNOWN}


def _groups(samples: Sequence[Sample]) -> list[list[Sample]]:
    """One vehicle's tracklets; without these its cameras; without both each image alone."""
    groups: dict[tuple[int, int, str], list[Sample]] = defaultdict(list)
    for sample in samples:
        alone = sample.camid == UNKNOWN and sample.trackid == UNKNOWN
        groups[sample.camid, sample.trackid, sample.name if alone else ""].append(sample)
    return list(groups.values())


def _query_groups(
    groups: list[list[Sample]], queries: int, cameras_known: bool, generator: np.random.Generator
) -> list[list[Sample]]:
    """Draw groups that give queries and leave each of these a match in the others."""
    chosen: list[list[Sample]] = []
    rest = [groups[idx] for idx in generator.permutation(len(groups))]
    for group in list(rest):
        others = [other for other in rest if other is not group]
        wanted = [*chosen, group]
        if len(wanted) <= queries and all(_found(one, others, cameras_known) for one in wanted):
            chosen, rest = wanted, others
    return chosen


def _found(group: list[Sample], others: list[list[Sample]], cameras_known: bool) -> bool:
    """Whether another camera's group is left in which a search for this group can succeed."""
    if not cameras_known:
        return bool(others)
    camid = group[0].camid
    return camid != UNKNOWN and bool({other[0].camid for other in others} - {UNKNOWN, camid})
