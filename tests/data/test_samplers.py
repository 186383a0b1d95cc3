from collections import Counter

import numpy as np
import pytest

from vreid.data.joined import BoolArray
from vreid.data.samplers import domain_batches, pk_batches, shuffle_batches
from vreid.errors import ConfigError, DataError
from vreid.features import IntArray


def rng(seed: int = 0) -> np.random.Generator:
    return np.random.default_rng(seed)


def uneven(num_classes: int, seed: int = 0) -> IntArray:
    """Shuffled labels of classes with 1 to 20 samples, whose numbers have gaps."""
    counts = rng(seed).integers(1, 21, num_classes)
    return rng(seed).permutation(np.repeat(3 * np.arange(num_classes), counts)).astype(np.int64)


def two_domains(num_real: int, num_synthetic: int, seed: int = 0) -> tuple[IntArray, BoolArray]:
    """Labels as `uneven`, the real classes even, the synthetic ones odd, in one random order."""
    real, rendered = 2 * uneven(num_real, seed), 2 * uneven(num_synthetic, seed + 1) + 1
    labels = rng(seed).permutation(np.concatenate([real, rendered]))
    return labels, labels % 2 == 1


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


@pytest.mark.parametrize("p", [2, 3, 8, 16])
@pytest.mark.parametrize("k", [1, 4, 25])
@pytest.mark.parametrize("share", [0.0, 0.25, 0.5, 0.7, 1.0])
def test_real_classes_come_first_and_synthetic_ones_last(p: int, k: int, share: float) -> None:
    labels, synthetic = two_domains(16, 23)
    num_real = p - min(max(round(p * share), 1), p - 1)
    batches = domain_batches(labels, synthetic, p=p, k=k, synthetic_share=share, generator=rng())
    assert len(batches) == max(1, int((~synthetic).sum()) // (num_real * k))
    for batch in batches:
        blocks = labels[batch].reshape(p, k)
        assert (blocks == blocks[:, :1]).all()
        assert len(set(blocks[:, 0])) == p
        expected = [False] * num_real * k + [True] * (p - num_real) * k
        assert synthetic[batch].tolist() == expected


@pytest.mark.parametrize("share", [0.25, 0.5])
def test_classes_of_each_domain_are_visited_equally(share: float) -> None:
    labels, synthetic = two_domains(30, 50)
    batches = domain_batches(labels, synthetic, p=8, k=2, synthetic_share=share, generator=rng())
    for domain in (False, True):
        visits = Counter(dict.fromkeys(labels[synthetic == domain].tolist(), 0))
        for batch in batches:
            visits.update(label for label in labels[batch][::2].tolist() if label % 2 == domain)
        assert max(visits.values()) - min(visits.values()) <= 1


def test_samples_of_a_class_are_dealt_from_a_deck_through_the_whole_epoch() -> None:
    labels = np.repeat(np.arange(8), [6, 10, 16, 8, 5, 7, 40, 4])
    synthetic = labels >= 4
    used = Counter(dict.fromkeys(range(len(labels)), 0))
    for batch in domain_batches(labels, synthetic, p=4, k=4, synthetic_share=0.5, generator=rng()):
        used.update(batch)
        for label in range(8):
            counts = [used[int(idx)] for idx in np.flatnonzero(labels == label)]
            assert max(counts) - min(counts) <= 1


@pytest.mark.parametrize(("num_real", "num_synthetic"), [(1, 1), (3, 20), (20, 3), (5, 7)])
def test_a_domain_of_few_classes_fills_its_half_all_the_same(
    num_real: int, num_synthetic: int
) -> None:
    labels = np.repeat(np.arange(num_real + num_synthetic), 40)
    synthetic = labels >= num_real
    batches = domain_batches(labels, synthetic, p=16, k=4, synthetic_share=0.5, generator=rng())
    assert len(batches) == max(1, 40 * num_real // 32)
    totals: Counter[int] = Counter()
    for batch in batches:
        assert synthetic[batch].tolist() == [False] * 32 + [True] * 32
        for domain, num_classes in ((False, num_real), (True, num_synthetic)):
            counts = Counter(labels[[idx for idx in batch if synthetic[idx] == domain]].tolist())
            assert len(counts) == min(num_classes, 8)
            assert max(counts.values()) - min(counts.values()) <= (num_classes < 8)
            if domain is False:
                totals.update(counts)
    if num_real < 8:
        assert max(totals.values()) - min(totals.values()) <= 1


def test_a_class_of_both_domains_counts_in_both() -> None:
    labels = np.repeat(np.arange(2), 20)
    synthetic = np.arange(40) % 2 == 1
    for batch in domain_batches(labels, synthetic, p=4, k=2, synthetic_share=0.5, generator=rng()):
        assert synthetic[batch].tolist() == [False] * 4 + [True] * 4
        assert [len(set(half)) for half in np.reshape(labels[batch], (2, 4)).tolist()] == [2, 2]


def test_the_generator_decides_in_both_domains() -> None:
    labels, synthetic = two_domains(20, 20)
    one, same, other = (
        domain_batches(labels, synthetic, p=4, k=4, synthetic_share=0.5, generator=rng(seed))
        for seed in (1, 1, 2)
    )
    assert one == same
    assert one != other


@pytest.mark.parametrize(("value", "name"), [(True, "real"), (False, "synthetic")])
def test_a_domain_without_images_is_refused(value: bool, name: str) -> None:
    labels = np.arange(12) % 3
    with pytest.raises(DataError, match=f"none of the 12 training images is {name}, and the samp"):
        domain_batches(labels, np.full(12, value), p=2, k=2, synthetic_share=0.5, generator=rng())


@pytest.mark.parametrize(
    ("p", "k", "share", "message"),
    [
        (1, 4, 0.5, "P is 1 and the share of synthetic classes 0.5"),
        (4, 4, 1.5, "P is 4 and the share of synthetic classes 1.5"),
        (4, 0, 0.5, "P x K is 4 x 0"),
    ],
)
def test_senseless_shares_are_refused(p: int, k: int, share: float, message: str) -> None:
    labels, synthetic = two_domains(4, 4)
    with pytest.raises(ConfigError, match=message):
        domain_batches(labels, synthetic, p=p, k=k, synthetic_share=share, generator=rng())
