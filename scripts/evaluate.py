"""Score runs or distances: ``python -m scripts.evaluate RUN|DIST.npy … [--protocol market]``.

Identities come from the features of a run, from ``--data CONFIG``, or from ``--query`` and
``--gallery``: CSV tables ``name,vehicle_id,camera_id`` such as a data set's truth.
"""

import argparse
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from vreid.build import build_split
from vreid.cli import split_words
from vreid.config import load_config
from vreid.data.sample import UNKNOWN, Sample
from vreid.data.truth import read_truth
from vreid.distance import DistMat, distance
from vreid.errors import ConfigError, DataError, run_command
from vreid.features import Features, IntArray
from vreid.files import write_json
from vreid.metrics import Scores, evaluate
from vreid.protocol import PROTOCOLS, Protocol

Identity = tuple[int, int]  # pid, camid


@dataclass(frozen=True)
class Result:
    """The scores of one source."""

    label: str
    scores: Scores


def main(
    sources: Sequence[Path],
    *,
    protocol: Protocol,
    query: Path | None = None,
    gallery: Path | None = None,
    data: Path | None = None,
    overrides: Sequence[str] = (),
    out: Path | None = None,
) -> list[Result]:
    """Score each source and print one table with its protocol line.

    Args:
        sources: Run directories with features, or ``.npy`` distance files.
        protocol: How to score.
        query: Table of the queries' identities.
        gallery: Table of the gallery's identities.
        data: Recipe whose data set knows the identities.
        overrides: ``key, value, …`` over that recipe.
        out: Where to write the numbers as JSON.

    Raises:
        DataError: When identities are missing.
    """
    known: dict[str, Identity] = {}
    if query is not None and gallery is not None:
        known = read_truth(query, gallery)
    elif data is not None:
        split = build_split(load_config(data, overrides).data)
        known = identities((*split.query, *split.gallery))
    results = [Result(str(source), score(source, known, protocol)) for source in sources]
    print_table(results, protocol)
    if out is not None:
        rows = [{"label": one.label, **one.scores.as_dict()} for one in results]
        write_json(out, {"protocol": str(protocol), "results": rows})
    return results


def identities(samples: Sequence[Sample]) -> dict[str, Identity]:
    """Name -> (pid, camid)."""
    return {sample.name: (sample.pid, sample.camid) for sample in samples}


def score(source: Path, known: Mapping[str, Identity], protocol: Protocol) -> Scores:
    """Score one run directory or distance file."""
    if source.is_dir():
        parts = [Features.load(source / "features" / f"{part}.npz") for part in PARTS]
        mat = distance(*parts)
        if not known:
            known = {
                name: (int(pid), int(camid))
                for part in parts
                for name, pid, camid in zip(part.names, part.pids, part.camids, strict=True)
            }
    else:
        mat = DistMat.load(source).query_gallery()
        if not known:
            raise ConfigError(
                f"{source}: a distance file holds names only; give --data CONFIG, or --query and"
                " --gallery with the tables of the identities"
            )
    query_pids, query_camids = columns(mat.rows, known, source)
    gallery_pids, gallery_camids = columns(mat.cols, known, source)
    return evaluate(
        np.asarray(mat.dist),
        query_pids=query_pids,
        gallery_pids=gallery_pids,
        query_camids=query_camids,
        gallery_camids=gallery_camids,
        protocol=protocol,
    )


PARTS = ("query", "gallery")


def columns(
    names: Sequence[str], known: Mapping[str, Identity], source: Path
) -> tuple[IntArray, IntArray]:
    """Identities and cameras of names.

    Raises:
        DataError: Naming the first image whose identity is not known.
    """
    for name in names:
        if known.get(name, (UNKNOWN, UNKNOWN))[0] == UNKNOWN:
            raise DataError(
                f"{source}: the identity of {name} is not known, so there is nothing to score"
                " against; give --query and --gallery with the tables of the identities"
            )
    pairs = np.array([known[name] for name in names], dtype=np.int64)  # (N, 2)
    return pairs[:, 0], pairs[:, 1]


def print_table(results: Sequence[Result], protocol: Protocol) -> None:
    """One row a source in per cent, the protocol below."""
    width = max(len(one.label) for one in results)
    print(heading(results[0], width))
    for one in results:
        print(row(one, width))
    print(f"per cent; {protocol}")
    for one in results:
        if one.scores.num_skipped:
            print(f"{one.label}: {one.scores.num_skipped} queries without a match were skipped")


def heading(result: Result, width: int) -> str:
    """Names of the scores over their columns, behind labels of ``width`` characters."""
    return " ".join([" " * width, *(f"{name:>8}" for name in result.scores.fractions())])


def row(result: Result, width: int, *, indent: str = "") -> str:
    """A label and its scores in per cent."""
    cells = [f"{100 * value:8.2f}" for value in result.scores.fractions().values()]
    return " ".join([f"{indent + result.label:{width}}", *cells])


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m scripts.evaluate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("words", nargs="+", metavar="RUN|DIST.npy … [key value …]")
    parser.add_argument("--protocol", choices=list(PROTOCOLS), default="market")
    parser.add_argument("--query", type=Path, help="CSV name,vehicle_id,camera_id of the queries")
    parser.add_argument("--gallery", type=Path, help="the same of the gallery")
    parser.add_argument("--data", type=Path, help="recipe whose data set knows the identities")
    parser.add_argument("--out", type=Path, help="write the numbers as JSON")
    return parser.parse_intermixed_args()


def _command() -> None:
    parsed = _parse()
    sources, pairs = split_words(
        parsed.words,
        lambda word: Path(word).is_dir() or word.endswith(".npy"),
        wanted="neither a run directory nor a distance file (.npy)",
    )
    main(
        sources,
        protocol=PROTOCOLS[parsed.protocol],
        query=parsed.query,
        gallery=parsed.gallery,
        data=parsed.data,
        overrides=pairs,
        out=parsed.out,
    )


if __name__ == "__main__":
    sys.exit(run_command(_command))
