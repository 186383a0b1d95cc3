import numpy as np
import pytest

from vreid.ranking import nearest


@pytest.mark.parametrize("k", [1, 3, 7, 19, 20, 50])
@pytest.mark.parametrize("num_values", [2, 5, 1000])
def test_is_a_stable_sort(k: int, num_values: int) -> None:
    rng = np.random.default_rng(k)
    dist = rng.integers(0, num_values, (30, 20)).astype(np.float32)
    dist[0] = 0
    expected = np.argsort(dist, axis=1, kind="stable")[:, :k]
    np.testing.assert_array_equal(nearest(dist, k), expected)
