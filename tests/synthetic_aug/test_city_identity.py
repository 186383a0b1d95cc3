"""No two vehicles alike unless they are meant to be."""

from collections import Counter

import pytest

from synthetic_aug.city import identity
from synthetic_aug.city.identity import count_looks, signature, spec_of
from synthetic_aug.city.options import CityOptions
from synthetic_aug.city.plan import draw_tracklets
from synthetic_aug.city.records import Vehicle
from vreid.errors import ConfigError


def _vehicles(options: CityOptions) -> list[Vehicle]:
    return list({tracklet.vehicle for tracklet in draw_tracklets(options)})


def test_a_thousand_vehicles_have_a_thousand_looks() -> None:
    options = CityOptions(train_vehicles=700, test_vehicles=400, distinct=True)
    vehicles = _vehicles(options)
    looks, twins = count_looks(options, vehicles)
    assert looks == len(vehicles) == 1100
    assert twins == 2 * (round(0.25 * 700 / 2) + round(0.25 * 400 / 2))


def test_without_it_some_are_alike_and_are_left() -> None:
    options = CityOptions(train_vehicles=700, test_vehicles=400)
    vehicles = _vehicles(options)
    assert count_looks(options, vehicles)[0] < len(vehicles)
    assert all(vehicle.draw == 0 for vehicle in vehicles)


def test_few_vehicles_are_drawn_again() -> None:
    options = CityOptions(train_vehicles=150, test_vehicles=50, distinct=True)
    draws = Counter(vehicle.draw for vehicle in _vehicles(options))
    assert draws[0] > 150


def test_twins_keep_model_and_paint_of_a_vehicle_drawn_again() -> None:
    options = CityOptions(train_vehicles=300, test_vehicles=2, distinct=True, lookalikes=1.0)
    vehicles = {v.index: v for v in _vehicles(options) if v.group == "train"}
    for vehicle in vehicles.values():
        model = vehicles[vehicle.model]
        one, other = spec_of(options, vehicle), spec_of(options, model)
        assert (one.plan, one.coat) == (other.plan, other.coat)
        assert vehicle is model or signature(one) != signature(other)


def test_more_vehicles_than_looks_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(identity, "signature", lambda spec: (spec.color,))
    with pytest.raises(ConfigError, match=r"--distinct: found .* no two of which look alike"):
        draw_tracklets(CityOptions(distinct=True))


def test_a_signature_sees_paint_and_marks_but_no_plate() -> None:
    options = CityOptions()
    spec = spec_of(options, Vehicle("train", 0, 1, 0))
    other = spec_of(options, Vehicle("train", 1, 2, 1))
    assert signature(spec) == signature(spec) != signature(other)
    assert spec.plate not in str(signature(spec))
