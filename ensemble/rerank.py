"""k-reciprocal re-ranking: ``python -m ensemble.rerank QUERY.npz GALLERY.npz --out R.npy``.

Fusing before re-ranking needs no square matrix on disk: ``--minus QUERY.npz GALLERY.npz 0.1`` adds
the squared distances of further features with a weight, as in D_vehicle - 0.1 D_camera. With one
argument, ``D.npy``, square distances that are there already are re-ranked.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NoReturn

from tqdm import tqdm

from ensemble.matrices import check_target, parse_weight, save
from ensemble.weighted import Weighted, load
from vreid.distance import DistMat
from vreid.errors import ConfigError, DataError, run_command
from vreid.features import Features, FloatArray
from vreid.neighbours import FeatureSets
from vreid.provenance import hash_inputs
from vreid.rerank import estimate, k_reciprocal
from vreid.rerank.variants import VARIANTS

_GIB = 2**30


def main(
    given: Path | Sequence[Weighted],
    *,
    out: Path,
    k1: int = 20,
    k2: int = 6,
    lambda_: float = 0.3,
    variant: str = "exact",
    memory: float | None = None,
    device: str | None = None,
) -> Path:
    """Re-rank and return the file of the query x gallery result.

    Args:
        given: Features with weights, all of the same images; or a file of square distances.
        out: The ``.npy`` to write.
        k1, k2, lambda_: See `vreid.rerank.k_reciprocal`.
        variant: ``exact``, or one of the other definitions in `vreid.rerank.variants`, which know
            one set of features only.
        memory: GiB that may be used beyond the features, the result included.
        device: Where neighbours are searched, such as ``cuda``; the CPU by default.

    Raises:
        ConfigError: For parameters out of range and a budget that cannot hold one block.
        DataError: For files that cannot be used or do not belong together.
    """
    check_target(out)
    record: dict[str, Any] = {"k1": k1, "k2": k2, "lambda": lambda_, "variant": variant}
    if variant != "exact" and variant not in VARIANTS:
        raise ConfigError(f"there is no variant {variant!r}; choose exact, {', '.join(VARIANTS)}")
    budget = None if memory is None else int(memory * _GIB)
    if isinstance(given, Path):
        if variant != "exact":
            raise ConfigError(
                f"the variant {variant} re-ranks features; give QUERY.npz GALLERY.npz"
            )
        return _of_distances(given, record, out)
    query, gallery, sets = load(given)
    sources = {
        "rerank": record,
        "of": [
            {"weight": one.weight, "files": hash_inputs([one.query, one.gallery])} for one in given
        ],
        "features": dict(query.meta),
    }
    if variant != "exact":
        if len(sets) > 1:
            raise ConfigError(
                f"the variant {variant} re-ranks one set of features, not {len(sets)}"
            )
        options = {"k1": k1, "k2": k2} | ({"lambda_": lambda_} if variant == "half" else {})
        dist = VARIANTS[variant](sets[0].query, sets[0].gallery, **options)
        return _save(dist, query, gallery, sources, out)
    expected = estimate(FeatureSets(tuple(sets)), k1=k1, k2=k2)
    print(f"re-ranking {len(query)} queries and {len(gallery)} gallery images: {expected}")
    with tqdm(total=100, unit="%", disable=not sys.stderr.isatty(), leave=False) as bar:
        dist = k_reciprocal(
            dist=[((one.query, one.gallery), one.weight) for one in sets],
            k1=k1,
            k2=k2,
            lambda_=lambda_,
            memory_budget=budget,
            device=device,
            progress=lambda share: _show(bar, share),
        )
    return _save(dist, query, gallery, sources, out)


def _show(bar: "tqdm[NoReturn]", share: float) -> None:
    bar.update(int(100 * share) - bar.n)


def _of_distances(path: Path, record: Mapping[str, Any], out: Path) -> Path:
    mat = DistMat.load(path, check_values=False)  # re-ranking reads and checks all of them
    if mat.num_query is None:
        raise DataError(
            f"{path}: distances of queries to gallery only; re-ranking looks for neighbours among"
            " all images: give the features, QUERY.npz GALLERY.npz, or make square distances with"
            " ensemble.distance --square"
        )
    options = {"k1": record["k1"], "k2": record["k2"], "lambda_": record["lambda"]}
    try:
        dist = k_reciprocal(dist=mat, **options)
    except DataError as error:
        raise DataError(f"{path}: {error}") from None
    reranked = DistMat(
        dist=dist,
        rows=mat.rows[: mat.num_query],
        cols=mat.cols[mat.num_query :],
        kind="rerank",
        sources={
            "rerank": dict(record),
            "of": {"label": path.as_posix(), "kind": mat.kind, "sources": dict(mat.sources)},
        },
    )
    return save(reranked, out)


def _save(
    dist: FloatArray, query: Features, gallery: Features, sources: Mapping[str, Any], out: Path
) -> Path:
    return save(DistMat(dist, query.names, gallery.names, None, "rerank", sources), out)


def command(argv: Sequence[str] | None = None) -> None:
    """Parse the command line and run `main`."""
    parser = argparse.ArgumentParser(
        prog="python -m ensemble.rerank",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "given", type=Path, nargs="+", help="QUERY.npz GALLERY.npz, or square distances D.npy"
    )
    for name, sign in (("plus", "add"), ("minus", "subtract")):
        parser.add_argument(
            f"--{name}",
            nargs=3,
            action="append",
            default=[],
            metavar=("QUERY", "GALLERY", "WEIGHT"),
            help=f"{sign} WEIGHT times the squared distances of these features before re-ranking",
        )
    parser.add_argument("--k1", type=int, default=20, help="reciprocal neighbours (default 20)")
    parser.add_argument("--k2", type=int, default=6, help="neighbours averaged (default 6)")
    parser.add_argument(
        "--lambda",
        dest="lambda_",
        type=float,
        default=0.3,
        help="weight of the given distance against the Jaccard distance (default 0.3)",
    )
    names = ["exact", *VARIANTS]
    parser.add_argument(
        "--variant", choices=names, default="exact", help="the definition (default exact)"
    )
    parser.add_argument("--memory", type=float, metavar="GIB", help="memory that may be used")
    parser.add_argument("--device", help="where neighbours are searched (default cpu)")
    parser.add_argument("--out", type=Path, required=True, help="the .npy to write")
    args = parser.parse_args(argv)
    main(
        _given(args.given, args.plus, args.minus),
        out=args.out,
        k1=args.k1,
        k2=args.k2,
        lambda_=args.lambda_,
        variant=args.variant,
        memory=args.memory,
        device=args.device,
    )


def _given(
    paths: Sequence[Path], plus: Sequence[Sequence[str]], minus: Sequence[Sequence[str]]
) -> Path | list[Weighted]:
    if len(paths) > 2:
        raise ConfigError(f"{len(paths)} files given; expected QUERY.npz GALLERY.npz, or D.npy")
    if len(paths) == 1:
        if paths[0].suffix == ".npz":
            raise ConfigError(f"{paths[0]}: features come in two files, QUERY.npz GALLERY.npz")
        if plus or minus:
            raise ConfigError(
                f"{paths[0]}: --plus and --minus add features to features; fuse distances with"
                " ensemble.fuse"
            )
        return paths[0]
    terms = [Weighted(paths[0], paths[1])]
    for group, sign in ((plus, 1), (minus, -1)):
        terms += [
            Weighted(Path(query), Path(gallery), sign * parse_weight(weight, query))
            for query, gallery, weight in group
        ]
    return terms


if __name__ == "__main__":
    sys.exit(run_command(command))
