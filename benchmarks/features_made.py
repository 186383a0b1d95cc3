"""Made features: clusters of vehicles seen by biased cameras, in the sizes of the public data sets.

An image's feature is the mean of all images, plus the place of its vehicle, plus a vector of its
camera's own, plus what differs from image to image, scaled to length 1. Vehicles and differences
lie mostly in a few dozen of the dimensions, as features of trained networks do: spread evenly over
2,048 dimensions, all distances would be alike and retrieval would be solved or hopeless. Here two
thirds of it is: see the mean average precision that ``python -m benchmarks.features_made`` prints.

Features are made a block of rows after another into their place, so that the largest set (138,517
images, 1.1 GB) never exists twice. Same seed, same numbers.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from vreid.errors import ConfigError
from vreid.features import FloatArray, IntArray

LATENT = 96  # dimensions in which vehicles differ
BLOCK = 4096  # rows made at once; part of the recipe, as each block has its own random numbers
CAMERA, WITHIN, REST = 0.7, 1.1, 0.9  # lengths, of which the vehicles' is 1
OFFSET = 2.0  # length of the common mean where it is asked for, in lengths of the rest: cosine 0.8


@dataclass(frozen=True)
class Size:
    """How many images, of how many vehicles and cameras.

    Attributes:
        name: The data set's name.
        num_query, num_gallery: Q and G.
        num_ids: Vehicles; each is in the queries as evenly as possible.
        num_cams: Cameras.
    """

    name: str
    num_query: int
    num_gallery: int
    num_ids: int
    num_cams: int = 20

    @property
    def num_all(self) -> int:
        """N = Q + G."""
        return self.num_query + self.num_gallery


SIZES = {
    size.name: size
    for size in (
        Size("veri776", 1678, 11579, 200, 20),
        Size("cityflowv2", 1103, 31238, 440, 40),
        Size("veri-wild-small", 3000, 38861, 3000, 174),
        Size("veri-wild-medium", 5000, 64389, 5000, 174),
        Size("veri-wild-large", 10000, 128517, 10000, 174),
    )
}


@dataclass(frozen=True)
class Made:
    """Features with what is known of each image.

    Attributes:
        query, gallery: (Q, D) and (G, D) float32.
        query_pids, gallery_pids: (Q,) and (G,) int64 vehicles.
        query_camids, gallery_camids: (Q,) and (G,) int64 cameras.
    """

    query: FloatArray
    gallery: FloatArray
    query_pids: IntArray
    gallery_pids: IntArray
    query_camids: IntArray
    gallery_camids: IntArray


def find_size(name: str) -> Size:
    """A size by the name of its data set, or by a number N of images.

    Of N images, a tenth are queries but at most 1,000, so that results grow in proportion to N and
    not to its square; there are about 30 images a vehicle.

    Raises:
        ConfigError: When it is neither.
    """
    if name in SIZES:
        return SIZES[name]
    if name.isdecimal() and int(name) >= 10:
        num_all = int(name)
        num_query = min(num_all // 10, 1000)
        return Size(name, num_query, num_all - num_query, max(2, num_all // 30))
    raise ConfigError(
        f"size {name!r}: expected a number of images (10 or more) or one of {', '.join(SIZES)}"
    )


def make_features(
    size: Size, *, dim: int = 2048, offset: bool = False, seed: int = 0, normalized: bool = True
) -> Made:
    """Make the features of a size.

    Args:
        size: How many.
        dim: D.
        offset: Whether to add the common mean, which gives a mean cosine of about 0.8, as features
            of real networks have before they are centred; without it the mean cosine is about 0.
        seed: Of all random numbers.
        normalized: Whether to scale rows to length 1; else their lengths vary around the model's.
    """
    generator = np.random.default_rng([seed, size.num_ids, size.num_cams, dim])
    query_pids = np.arange(size.num_query, dtype=np.int64) % size.num_ids
    gallery_pids = _gallery_pids(size, generator)
    camids = generator.integers(0, size.num_cams, size.num_all)  # (N,)
    latent = min(LATENT, dim)
    axes = gaussian(generator, latent, dim, length=1.0)  # (L, D), nearly at right angles
    vehicles = gaussian(generator, size.num_ids, latent, length=1.0)
    cameras = gaussian(generator, size.num_cams, dim, length=CAMERA)
    common = gaussian(generator, 1, dim, length=1.0)[0]
    length = float(np.sqrt(1 + CAMERA**2 + WITHIN**2 + REST**2))
    common *= np.float32(OFFSET * length / np.linalg.norm(common)) if offset else np.float32(0)

    def fill(out: FloatArray, pids: IntArray, cams: IntArray, part: int) -> None:
        for number, rows in enumerate(_blocks(len(out))):
            own = np.random.default_rng([seed, part, number])
            within = gaussian(own, rows.stop - rows.start, latent, length=WITHIN)
            block = out[rows]
            own.standard_normal(out=block, dtype=np.float32)
            block *= np.float32(REST / np.sqrt(dim))
            block += (vehicles[pids[rows]] + within) @ axes
            block += cameras[cams[rows]]
            block += common
            if normalized:
                block /= np.linalg.norm(block, axis=1, keepdims=True)

    query_camids, gallery_camids = camids[: size.num_query], camids[size.num_query :]
    query = np.empty((size.num_query, dim), dtype=np.float32)
    gallery = np.empty((size.num_gallery, dim), dtype=np.float32)
    fill(query, query_pids, query_camids, 0)
    fill(gallery, gallery_pids, gallery_camids, 1)
    return Made(query, gallery, query_pids, gallery_pids, query_camids, gallery_camids)


def _gallery_pids(size: Size, generator: np.random.Generator) -> IntArray:
    """(G,) vehicles: each at least once as far as they go, some many times as often as others."""
    popularity = generator.gamma(2.0, size=size.num_ids)
    drawn = generator.choice(size.num_ids, size.num_gallery, p=popularity / popularity.sum())
    each_once = min(size.num_ids, size.num_gallery)
    drawn[:each_once] = np.arange(each_once)
    return generator.permutation(drawn).astype(np.int64)


def gaussian(
    generator: np.random.Generator, rows: int, cols: int, *, length: float
) -> npt.NDArray[np.float32]:
    """(rows, cols) independent Gaussian numbers; rows have about the given length."""
    values = generator.standard_normal((rows, cols), dtype=np.float32)
    values *= np.float32(length / np.sqrt(cols))
    return values


def _blocks(num_rows: int) -> Iterator[slice]:
    for start in range(0, num_rows, BLOCK):
        yield slice(start, min(start + BLOCK, num_rows))


def mean_average_precision(made: Made) -> float:
    """mAP of the Euclidean rank lists without junk rules, in [0, 1]; features of length 1."""
    precisions = []
    for query, pid in zip(made.query, made.query_pids, strict=True):
        order = np.argsort(-(made.gallery @ query), kind="stable")
        ranks = np.flatnonzero(made.gallery_pids[order] == pid) + 1
        if len(ranks):
            precisions.append(float(np.mean(np.arange(1, len(ranks) + 1) / ranks)))
    return float(np.mean(precisions))


def main(names: list[str], *, dim: int = 2048, queries: int = 200) -> None:
    """Print how hard the retrieval of each size is, by some of its queries."""
    for name in names:
        size = find_size(name)
        for offset in (False, True):
            made = make_features(size, dim=dim, offset=offset)
            part = Made(
                made.query[:queries],
                made.gallery,
                made.query_pids[:queries],
                made.gallery_pids,
                made.query_camids[:queries],
                made.gallery_camids,
            )
            cosine = float(made.gallery.mean(axis=0) @ made.query.mean(axis=0))
            score = mean_average_precision(part)
            print(f"{name:18} mAP {100 * score:5.1f} %  mean cosine {cosine:.2f}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.features_made", description=__doc__)
    parser.add_argument("names", nargs="*", default=["3000"], help="data sets or numbers of images")
    parser.add_argument("--dim", type=int, default=2048)
    options = parser.parse_args()
    main(options.names, dim=options.dim)
