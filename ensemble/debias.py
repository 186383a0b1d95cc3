"""De-biasing of features: ``python -m ensemble.debias Q.npz G.npz --how cameras --out FOLDER``.

``means`` subtracts the mean of each camera, ``cameras`` whitens each camera, ``pca`` whitens all
images by principal components. The statistics are those of queries and gallery together, or of the
files given with ``--fit``.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from ensemble.parts import changed, check_folder, load_pair, save_pair
from vreid.debias import check_cameras, subtract_camera_means, whiten_cameras
from vreid.errors import ConfigError, DataError, run_command
from vreid.features import Features, FloatArray, IntArray
from vreid.whitening import fit_whitening

How = Literal["means", "cameras", "pca"]


def main(
    query: Path,
    gallery: Path,
    *,
    out: Path,
    how: How,
    fit: Sequence[Path] = (),
    alpha: float = 1.0,
    la: float = 0.18,
    num_dims: int | None = None,
    eps: float = 0.0,
) -> Path:
    """De-bias features and return the folder of the new ones, at length 1.

    Args:
        query: Features of the queries, ``.npz``.
        gallery: Features of the gallery, ``.npz``.
        out: The folder for ``query.npz`` and ``gallery.npz``.
        how: See above.
        fit: Features that the statistics are taken of; none for queries and gallery.
        alpha: How much of a camera's mean is taken away, for ``means``.
        la: See `vreid.debias.whiten_cameras`, for ``cameras``.
        num_dims, eps: See `vreid.whitening.fit_whitening`, for ``pca``.

    Raises:
        ConfigError: For options out of range.
        DataError: For files that cannot be used or do not fit each other, and for cameras that are
            unknown or have a single image.
    """
    check_folder(out)
    if how not in get_args(How):
        raise ConfigError(f"how is {how!r}; choose one of {', '.join(get_args(How))}")
    parts = load_pair(query, gallery)
    width = parts[0].feats.shape[1]
    both = _stack(parts, width)
    known = _stack([Features.load(path) for path in fit], width) if fit else both
    if how != "pca":
        for path, part in zip((query, gallery), parts, strict=True):
            try:
                check_cameras(part.feats, part.camids, known)
            except DataError as error:
                raise DataError(f"{path}: {error}") from None
    options: dict[str, Any] = {"how": how}
    stats = known if fit else None
    if how == "means":
        options["alpha"] = alpha
        feats = subtract_camera_means(*both, alpha=alpha, stats=stats)
    elif how == "cameras":
        options["la"] = la
        feats = whiten_cameras(*both, la=la, stats=stats)
    else:
        options |= {"num_dims": num_dims, "eps": eps}
        feats = fit_whitening(known[0], num_dims=num_dims, eps=eps).apply(both[0])
    new = [
        changed(part, side, "ensemble.debias", options, query, gallery, *fit)
        for part, side in zip(parts, np.split(feats, [len(parts[0].names)]), strict=True)
    ]
    return save_pair(new[0], new[1], out)


def _stack(known: Sequence[Features], width: int) -> tuple[FloatArray, IntArray]:
    """The features and the cameras of several files."""
    widths = {width, *(part.feats.shape[1] for part in known)}
    if len(widths) > 1:
        raise DataError(f"the features have {sorted(widths)} columns; extract all with one run")
    return (
        np.concatenate([part.feats for part in known]),
        np.concatenate([part.camids for part in known]),
    )


def command(argv: Sequence[str] | None = None) -> None:
    """Parse the command line and run `main`."""
    parser = argparse.ArgumentParser(
        prog="python -m ensemble.debias",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("query", type=Path, help="features of the queries, .npz")
    parser.add_argument("gallery", type=Path, help="features of the gallery, .npz")
    parser.add_argument("--how", choices=get_args(How), required=True)
    parser.add_argument(
        "--fit", type=Path, nargs="+", default=[], metavar="FILE", help="take statistics of these"
    )
    parser.add_argument("--alpha", type=float, default=1.0, help="share of a mean, for means (1)")
    parser.add_argument("--la", type=float, default=0.18, help="for cameras (0.18)")
    parser.add_argument("--dims", type=int, default=None, help="axes kept, for pca (all)")
    parser.add_argument("--eps", type=float, default=0.0, help="added to variances, for pca (0)")
    parser.add_argument("--out", type=Path, required=True, help="the folder to write into")
    args = parser.parse_args(argv)
    main(
        args.query,
        args.gallery,
        out=args.out,
        how=args.how,
        fit=args.fit,
        alpha=args.alpha,
        la=args.la,
        num_dims=args.dims,
        eps=args.eps,
    )


if __name__ == "__main__":
    sys.exit(run_command(command))
