import importlib.util

import numpy as np
import pytest

from benchmarks.evaluate import Row, describe, main, make_report
from benchmarks.evaluators import ARGSORT, MEANING, OURS, PEER_MODULES, PML, build_ways
from benchmarks.features_made import find_size
from vreid.errors import ConfigError


def test_all_ways_that_are_installed_find_the_same_map() -> None:
    names = [
        name
        for name in MEANING
        if name not in PEER_MODULES or importlib.util.find_spec(PEER_MODULES[name])
    ]
    found = {name: way() for name, way in build_ways(find_size("300"), names, 32).items()}
    assert list(found) == names
    assert 0.1 < found[OURS][0] < 1
    for name in names:
        if name != PML:  # it knows no junk
            np.testing.assert_allclose(found[name][0], found[OURS][0], atol=1e-5, err_msg=name)
    np.testing.assert_array_equal(found[ARGSORT][1], found[OURS][1])


def test_what_was_left_out_says_why() -> None:
    row = Row("large", PML, 10, 20, None, 1, None, None, None, 0, 0.0, 0, "would need 88.0 GiB")
    assert describe(row).endswith("left out: would need 88.0 GiB")
    done = Row("large", OURS, 10, 20, 0.5, 3, 0.5, 0.25, None, 1 << 20, 0.1, 2, "")
    assert "0.500 s" in describe(done)
    page = make_report([done, row], command="x", dim=32).markdown()
    assert "would need 88.0 GiB" in page
    assert "25.00" in page


def test_unknown_names_are_answered_with_the_known_ones() -> None:
    with pytest.raises(ConfigError, match="no way named 'sort'; the ways are vreid, "):
        main(["300"], ["sort"])
    with pytest.raises(ConfigError, match="size 'market'"):
        main(["market"], [OURS])
