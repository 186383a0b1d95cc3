from collections import Counter

import numpy as np
import pytest

from vreid.data.samplers import pk_batches, shuffle_batches
from vreid.errors import ConfigError, DataError
from vreid.features import IntArray


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def uneven(num_classes: int, seed: int = 0) -> IntArray:
    """Shuffled labels of classes with 1 to 20 samples, whose numbers have gaps."""
    counts = rng(seed).integers(1, 21, num_classes)
    return rng(seed).permutation(np.repeat(3 * np.arange(num_classes), counts)).astype(np.int64)


@pytest.mark.parametrize("p", [1, 2, 7, 16])
@pytest.mark.parametrize("k", [1, 3, 4, 25])
@pytest.mark.parametrize("seed", [0, 1])
def test_every_batch_has_p_classes_of_k_samples_side_by_side(p: int, k: int, seed: int) -> None:
    labels = uneven(16, seed)
    batches = pk_batches(labels, p=p, k=k, generator=rng(seed))
    assert len(batches) == max(1, len(labels) // (p * k))
    for batch in batches:
        blocks = labels[batch].reshape(p, k)
        assert (blocks == blocks[:, :1]).all()
        assert len(set(blocks[:, 0])) == p


@pytest.mark.parametrize(("p", "k"), [(4, 4), (7, 3), (16, 2)])
def test_classes_are_visited_equally(p: int, k: int) -> None:
    labels = uneven(23)
    visits: Counter[int] = Counter({int(label): 0 for label in labels})
    for batch in pk_batches(labels, p=p, k=k, generator=rng()):
        visits.update(labels[batch][::k].tolist())
    assert max(visits.values()) - min(visits.values()) <= 1


def test_samples_are_all_used_before_one_comes_again() -> None:
    labels = np.repeat(np.arange(4), [6, 10, 16, 8])
    used: Counter[int] = Counter(dict.fromkeys(range(len(labels)), 0))
    for batch in pk_batches(labels, p=2, k=4, generator=rng()):
        assert len(set(batch)) == 8  # these classes are large enough for distinct samples
        used.update(batch)
        for label in range(4):
            counts = [used[int(idx)] for idx in np.flatnonzero(labels == label)]
            assert max(counts) - min(counts) <= 1


@pytest.mark.parametrize("size", [1, 2, 3])
def test_small_classes_give_all_their_samples_and_some_again(size: int) -> None:
    labels = np.repeat(np.arange(10), size)
    for batch in pk_batches(labels, p=2, k=4, generator=rng()):
        for block in np.reshape(batch, (2, 4)):
            counts = Counter(block.tolist())
            assert len(counts) == size
            assert max(counts.values()) - min(counts.values()) <= 1


@pytest.mark.parametrize(
    ("num_classes", "classes", "samples"), [(8, 8, 8), (6, 6, 10), (1, 1, 64), (16, 16, 4)]
)
def test_few_classes_keep_the_batch_and_the_epoch_long(
    num_classes: int, classes: int, samples: int
) -> None:
    labels = np.arange(960) % num_classes
    batches = pk_batches(labels, p=16, k=4, generator=rng())
    assert len(batches) == 960 // (classes * samples)
    for batch in batches:
        assert Counter(labels[batch].tolist()) == dict.fromkeys(range(num_classes), samples)


def test_the_generator_decides() -> None:
    labels = uneven(20)
    one = pk_batches(labels, p=4, k=4, generator=rng(1))
    assert one == pk_batches(labels, p=4, k=4, generator=rng(1))
    assert one != pk_batches(labels, p=4, k=4, generator=rng(2))


def test_fewer_samples_than_a_batch_make_one() -> None:
    assert len(pk_batches(np.array([0, 0, 1, 1]), p=2, k=4, generator=rng())) == 1


@pytest.mark.parametrize("batch_size", [1, 3, 5, 10, 50])
@pytest.mark.parametrize("drop_last", [True, False])
def test_shuffling_visits_each_sample_once(batch_size: int, drop_last: bool) -> None:
    batches = shuffle_batches(10, batch_size=batch_size, generator=rng(), drop_last=drop_last)
    visited = [idx for batch in batches for idx in batch]
    assert len(set(visited)) == len(visited)
    if drop_last and batch_size <= 10:
        assert {len(batch) for batch in batches} == {batch_size}
    else:
        assert sorted(visited) == list(range(10))
        assert all(len(batch) == batch_size for batch in batches[:-1])


def test_shuffling_depends_on_the_generator() -> None:
    one, same, other = (
        shuffle_batches(40, batch_size=8, generator=rng(seed), drop_last=True) for seed in (1, 1, 2)
    )
    assert one == same
    assert one != other


def test_senseless_sizes_and_labels_are_refused() -> None:
    labels = np.array([0, 1, 1])
    with pytest.raises(ConfigError, match="P x K is 0 x 4"):
        pk_batches(labels, p=0, k=4, generator=rng())
    with pytest.raises(DataError, match=r"sample 1 has no label \(-1\)"):
        pk_batches(np.array([0, -1]), p=1, k=1, generator=rng())
    with pytest.raises(DataError, match="no samples to make batches of"):
        pk_batches(np.array([], dtype=np.int64), p=1, k=1, generator=rng())
    with pytest.raises(ConfigError, match="the batch size is 0"):
        shuffle_batches(3, batch_size=0, generator=rng(), drop_last=False)
    with pytest.raises(DataError, match="no samples to make batches of"):
        shuffle_batches(0, batch_size=2, generator=rng(), drop_last=False)
