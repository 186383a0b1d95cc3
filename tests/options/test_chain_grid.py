"""Which numbers of a chain are searched for, and chains with other numbers."""

import pytest

from vreid.errors import ConfigError
from vreid.options.chain import parse_chain
from vreid.options.chain_distances import FuseMembers, Minus, Rerank
from vreid.options.chain_features import Branches, WhitenCameras
from vreid.options.chain_grid import GRIDS, find_knobs, with_values

CHAIN = parse_chain(
    [
        {"stage": "branches", "of": {"plain": [], "white": [{"stage": "whiten_cameras"}]}},
        {"stage": "expand", "k": 5, "weights": "mean"},
        {"stage": "tracklets", "weights": "queries"},
        "distance",
        {"stage": "minus", "camera": 0.12},
        {"stage": "rerank", "k1": 7},
        {"stage": "constrain", "never_same_camera": True},
        "average",
        "spread",
        {"stage": "fuse_members", "weights": {"b": 0.5}},
    ],
    "chain",
)


def test_the_numbers_that_count_are_found() -> None:
    knobs = find_knobs(CHAIN, ["a", "b"])
    assert [knob.title for knob in knobs] == [
        *("1 white.whiten_cameras.la", "2 expand.k", "3 tracklets.near", "3 tracklets.eps"),
        *("5 minus.camera", "6 rerank.k1", "6 rerank.k2", "6 rerank.lambda"),
        *("10 fuse_members.weights.a", "10 fuse_members.weights.b"),
    ]
    for knob in knobs:
        assert knob.default in knob.grid
        assert list(knob.grid) == sorted(set(knob.grid))
    assert with_values(CHAIN, knobs, tuple(knob.default for knob in knobs))[:9] == CHAIN[:9]


def test_numbers_go_where_they_belong() -> None:
    knobs = find_knobs(CHAIN, ["a", "b"])
    values = {knob.title: knob.default for knob in knobs}
    values |= {"1 white.whiten_cameras.la": 0.6, "6 rerank.lambda": 0.9, "6 rerank.k1": 15}
    values |= {"10 fuse_members.weights.a": 2.0}
    made = with_values(CHAIN, knobs, tuple(values.values()))
    branches, rerank, fuse = made[0], made[5], made[9]
    assert isinstance(branches, Branches)
    assert branches.of == {"plain": (), "white": (WhitenCameras(la=0.6),)}
    assert rerank == Rerank(k1=15, k2=6, lambda_=0.9)
    assert fuse == FuseMembers(weights={"a": 2.0, "b": 0.5})
    values |= {"5 minus.camera": 0.0}
    assert not [
        one for one in with_values(CHAIN, knobs, tuple(values.values())) if isinstance(one, Minus)
    ]


def test_every_value_of_a_grid_can_be() -> None:
    for kind, options in GRIDS.items():
        for option, grid in options.items():
            base = {"punishment": 0.1} if kind.stage == "constrain" else {"orientation": 0.1}
            base = base if kind.stage in ("constrain", "minus") else {}
            for value in grid:
                try:
                    parse_chain([{"stage": kind.stage, **base, option: value}], "chain")
                except ConfigError as error:  # nothing is left of it
                    assert value == 0, error


def test_a_value_that_cannot_be_is_refused() -> None:
    knobs = find_knobs(CHAIN, ["a", "b"])
    point = tuple(2.0 if knob.option == "lambda_" else knob.default for knob in knobs)
    with pytest.raises(ConfigError, match="lambda is 2"):
        with_values(CHAIN, knobs, point)
    point = tuple(0.0 if knob.place == 10 else knob.default for knob in knobs)
    with pytest.raises(ConfigError, match="one above 0 is needed"):
        with_values(CHAIN, knobs, point)
