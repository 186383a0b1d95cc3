from collections import Counter

import numpy as np
import pytest

from vreid.draws import Draws, draw_one
from vreid.errors import ConfigError

NAMES = [f"image/{number:03d}.jpg" for number in range(60)]
PIDS = np.arange(60, dtype=np.int64) * 7 % 12


def test_one_image_of_each_vehicle_is_drawn() -> None:
    for number in range(5):
        mask = draw_one(NAMES, PIDS, seed=3, number=number)
        assert sorted(PIDS[mask].tolist()) == sorted(set(PIDS.tolist()))


def test_draws_differ_from_each_other_and_come_again() -> None:
    draws = [draw_one(NAMES, PIDS, seed=0, number=number).tobytes() for number in range(10)]
    assert len(set(draws)) == 10
    assert draws[7] == draw_one(NAMES, PIDS, seed=0, number=7).tobytes()
    assert draws[7] != draw_one(NAMES, PIDS, seed=1, number=7).tobytes()


def test_the_order_of_the_images_does_not_matter() -> None:
    order = np.random.default_rng(0).permutation(60)
    mask = draw_one(NAMES, PIDS, seed=0, number=2)
    shuffled = draw_one([NAMES[idx] for idx in order], PIDS[order], seed=0, number=2)
    assert {NAMES[idx] for idx in np.flatnonzero(mask)} == {
        NAMES[order[idx]] for idx in np.flatnonzero(shuffled)
    }


def test_every_image_of_a_vehicle_is_as_likely() -> None:
    drawn = Counter(
        name
        for number in range(1000)
        for name, chosen in zip(NAMES, draw_one(NAMES, PIDS, seed=0, number=number), strict=True)
        if chosen
    )
    assert len(drawn) == 60
    assert min(drawn.values()) > 140  # 200 expected of 5 images a vehicle
    assert max(drawn.values()) < 260


def test_the_rules_are_said() -> None:
    assert "searches the others, one draw (seed 4)" in str(Draws("query", 1, seed=4))
    assert "one draw as given" in str(Draws("gallery", 1, seed=None))


def test_draws_check_themselves() -> None:
    with pytest.raises(ConfigError, match="one_in is 'both'; choose one of gallery, query"):
        Draws("both", 1)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="the count of draws is 0"):
        Draws("query", 0)
