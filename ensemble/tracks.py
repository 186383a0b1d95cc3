"""Pooling over tracklets: ``python -m ensemble.tracks GALLERY.npz --how smooth --out NEW.npz``.

``smooth`` and ``blend`` give every image a new feature; ``mean`` and ``near`` give one feature for
each tracklet, named after its first image: distances to these become distances to images with
``python -m ensemble.spread``.
"""

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from ensemble.parts import changed, check_file, load_pair
from vreid.distance import normalize
from vreid.errors import ConfigError, DataError, run_command
from vreid.features import Features
from vreid.tables import read_columns
from vreid.tracks.groups import group_tracks
from vreid.tracks.named import tracklet_features
from vreid.tracks.pooling import blend, pool_mean, pool_near_queries, smooth

How = Literal["smooth", "blend", "mean", "near"]


def main(
    gallery: Path,
    *,
    out: Path,
    how: How,
    query: Path | None = None,
    keep: float = 0.3,
    near: float = 0.6,
    eps: float = 0.01,
    quality: Path | None = None,
    renormalize: bool = True,
) -> Path:
    """Pool features over tracklets and return the file of the new ones.

    Args:
        gallery: Features of images with their tracklets, ``.npz``.
        out: The ``.npz`` to write.
        how: See `vreid.tracks.pooling`; ``mean`` and ``near`` give a row a tracklet.
        query: Features of the queries, for ``near``.
        keep: How much of an image's own feature stays, for ``blend``.
        near: The squared distance below which a query is near, for ``near``.
        eps: Bounds the weights, for ``smooth`` and ``near``.
        quality: A CSV with columns ``name,weight``, for ``blend`` and ``mean``.
        renormalize: Whether the results are scaled to length 1.

    Raises:
        ConfigError: For options out of range or that do not go together.
        DataError: For files that cannot be used or do not fit each other.
    """
    check_file(out)
    _check_options(how, query, quality)
    queries, images = (None, Features.load(gallery)) if query is None else load_pair(query, gallery)
    track_idx = group_tracks(images.trackids)
    weights = None if quality is None else read_quality(quality, images)
    options: dict[str, Any] = {"how": how, "renormalize": renormalize}
    if how == "smooth":
        feats = smooth(images.feats, track_idx, eps=eps, renormalize=renormalize)
        options["eps"] = eps
    elif how == "blend":
        feats = blend(images.feats, track_idx, keep=keep, weights=weights, renormalize=renormalize)
        options["keep"] = keep
    elif queries is None:
        feats = pool_mean(images.feats, track_idx, weights=weights)
    else:
        feats = pool_near_queries(queries.feats, images.feats, track_idx, near=near, eps=eps)
        options |= {"near": near, "eps": eps}
    if how in ("mean", "near"):
        images = tracklet_features(images, normalize(feats) if renormalize else feats)
        feats = images.feats
    sources = [path for path in (gallery, query, quality) if path is not None]
    pooled = changed(images, feats, "ensemble.tracks", options, *sources)
    pooled.save(out)
    rows = "tracklets" if how in ("mean", "near") else "images"
    print(f"wrote {out} ({len(pooled)} {rows} of {len(set(track_idx.tolist()))} tracklets)")
    return out


def _check_options(how: str, query: Path | None, quality: Path | None) -> None:
    if how not in get_args(How):
        raise ConfigError(f"how is {how!r}; choose one of {', '.join(get_args(How))}")
    if (query is not None) != (how == "near"):
        raise ConfigError(f"how is {how}; --query is given with near, and with near only")
    if quality is not None and how not in ("blend", "mean"):
        raise ConfigError(f"how is {how}; --quality counts for blend and mean only")


def read_quality(path: Path, images: Features) -> npt.NDArray[np.float64]:
    """The weight of each image from a CSV with columns ``name,weight``.

    Raises:
        DataError: For a file that cannot be used, and naming the image whose weight is missing or
            is not a number, at least 0.
    """
    weights = {row[0]: row[1] for row in read_columns(path, ["name", "weight"])}
    quality = np.empty(len(images))
    for row, name in enumerate(images.names):
        if name not in weights:
            raise DataError(f"{path}: no weight of {name}; give one for every gallery image")
        try:
            quality[row] = float(weights[name])
        except ValueError:
            quality[row] = math.nan
        if not 0 <= quality[row] < math.inf:
            raise DataError(
                f"{path}: the weight of {name} is {weights[name]!r}; expected a number, at least 0"
            )
    return quality


def command(argv: Sequence[str] | None = None) -> None:
    """Parse the command line and run `main`."""
    parser = argparse.ArgumentParser(
        prog="python -m ensemble.tracks",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("gallery", type=Path, help="features with tracklets, .npz")
    parser.add_argument("--how", choices=get_args(How), required=True)
    parser.add_argument("--query", type=Path, help="features of the queries, for near")
    parser.add_argument(
        "--keep", type=float, default=0.3, help="share of an image's own feature, for blend (0.3)"
    )
    parser.add_argument(
        "--near", type=float, default=0.6, help="squared distance of a near query, for near (0.6)"
    )
    parser.add_argument(
        "--eps", type=float, default=0.01, help="bounds the weights of smooth and near (0.01)"
    )
    parser.add_argument("--quality", type=Path, help="CSV with name,weight, for blend and mean")
    parser.add_argument(
        "--unscaled", action="store_true", help="leave the results' lengths as they come"
    )
    parser.add_argument("--out", type=Path, required=True, help="the .npz to write")
    args = parser.parse_args(argv)
    main(
        args.gallery,
        out=args.out,
        how=args.how,
        query=args.query,
        keep=args.keep,
        near=args.near,
        eps=args.eps,
        quality=args.quality,
        renormalize=not args.unscaled,
    )


if __name__ == "__main__":
    sys.exit(run_command(command))
