"""The plan of a city and its options: who is where, checked without rendering."""

from collections import Counter, defaultdict

import numpy as np
import pytest

from synthetic_aug.city.identity import draw_vehicles, spec_of
from synthetic_aug.city.options import CityOptions, differences
from synthetic_aug.city.plan import draw_tracklets, draw_vehiclex, vehiclex_orientation
from vreid.errors import ConfigError

OPTIONS = CityOptions(train_vehicles=20, test_vehicles=16)


def test_train_and_test_vehicles_are_disjoint() -> None:
    numbers = defaultdict(set)
    for tracklet in draw_tracklets(OPTIONS):
        numbers[tracklet.folder].add(tracklet.vehicle.number)
    assert len(numbers["image_train"]) == 20
    assert not numbers["image_train"] & (numbers["image_test"] | numbers["image_query"])
    assert numbers["image_query"] == numbers["image_test"]


def test_true_matches_of_a_query_come_from_several_other_cameras() -> None:
    tracklets = draw_tracklets(OPTIONS)
    gallery = defaultdict(list)
    for tracklet in tracklets:
        if tracklet.folder == "image_test":
            gallery[tracklet.vehicle.number].append(tracklet.camera)
    queries = [tracklet for tracklet in tracklets if tracklet.folder == "image_query"]
    assert queries
    for query in queries:
        cameras = gallery[query.vehicle.number]
        assert len(query.names) == 1
        assert query.camera not in cameras
        assert len(set(cameras)) == len(cameras) >= 2


def test_three_cameras_are_enough() -> None:
    options = CityOptions(train_vehicles=2, test_vehicles=4, cameras=3)
    for tracklet in draw_tracklets(options):
        assert 0 <= tracklet.camera < 3


def test_names_count_from_one_in_each_folder_and_hide_the_identity() -> None:
    names: dict[str, list[tuple[str, int]]] = defaultdict(list)
    for tracklet in draw_tracklets(OPTIONS):
        names[tracklet.folder] += [(name, tracklet.vehicle.number) for name in tracklet.names]
    for found in names.values():
        ordered = sorted(found)
        assert [name for name, _ in ordered] == [f"{k + 1:06d}.jpg" for k in range(len(found))]
        numbers = np.array([number for _, number in ordered])
        same = np.mean(numbers[1:] == numbers[:-1])
        assert same < 0.2  # neighbours would nearly always agree in an unshuffled list


@pytest.mark.parametrize(("share", "pairs"), [(0.0, 0), (0.25, 5), (1.0, 20)])
def test_look_alikes_come_in_pairs_at_the_asked_share(share: float, pairs: int) -> None:
    options = CityOptions(lookalikes=share)
    vehicles = draw_vehicles(options, "train", 40, 1)
    models = Counter(vehicle.model for vehicle in vehicles)
    assert sum(count == 2 for count in models.values()) == pairs
    assert max(models.values()) <= 2


def test_look_alikes_have_one_model_and_different_marks() -> None:
    vehicles = draw_vehicles(OPTIONS, "train", 20, 1)
    twin = next(vehicle for vehicle in vehicles if vehicle.model != vehicle.index)
    first, second = spec_of(OPTIONS, vehicles[twin.model]), spec_of(OPTIONS, twin)
    assert (first.plan, first.coat) == (second.plan, second.coat)
    assert first != second


def test_other_vehicles_have_models_of_their_own() -> None:
    vehicles = [v for v in draw_vehicles(OPTIONS, "train", 20, 1) if v.model == v.index]
    plans = [spec_of(OPTIONS, vehicle).plan for vehicle in vehicles]
    assert len(set(plans)) == len(plans)


def test_same_seed_same_plan_and_other_seed_another() -> None:
    assert draw_tracklets(OPTIONS) == draw_tracklets(OPTIONS)
    assert draw_tracklets(OPTIONS) != draw_tracklets(CityOptions(1, 20, 16))


def test_orientations_are_spread_evenly() -> None:
    options = CityOptions(vehiclex_images=600)
    tracklets = draw_vehiclex(options)
    assert len({tracklet.names for tracklet in tracklets}) == 600
    angles = np.array([vehiclex_orientation(options, tracklet) for tracklet in tracklets])
    assert (angles >= 0).all() and (angles < 360).all()
    counts, _ = np.histogram(angles, bins=6, range=(0, 360))
    assert counts.min() > 80


def test_no_synthetic_pictures_when_none_are_asked_for() -> None:
    assert draw_vehiclex(CityOptions(vehiclex_images=0)) == []


@pytest.mark.parametrize(
    ("field", "value"),
    [("train_vehicles", 1), ("cameras", 2), ("image_size", 8), ("lookalikes", 1.5), ("seed", -1)],
)
def test_values_out_of_range_name_the_flag(field: str, value: float) -> None:
    with pytest.raises(ConfigError, match=f"--{field.replace('_', '-')} is {value}; give"):
        CityOptions(**{field: value})  # type: ignore[arg-type]


def test_digest_depends_on_every_option_and_differences_say_how() -> None:
    base = CityOptions()
    assert base.digest() == CityOptions().digest()
    assert base.digest() != CityOptions(samples=10).digest()
    assert differences(base.table(), CityOptions(samples=10).table()) == [
        "samples is 9 there and 10 here"
    ]
