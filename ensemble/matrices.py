"""Distance files on the way in and out of this room's verbs."""

from pathlib import Path

from vreid.distance import DistMat
from vreid.errors import ConfigError


def check_target(out: Path) -> None:
    """Refuse a target whose names could not lie beside it.

    Raises:
        ConfigError: When the suffix is not ``.npy``.
    """
    if out.suffix != ".npy":
        raise ConfigError(f"{out}: distances are written as .npy with a .json beside; add .npy")


def parse_weight(text: str, path: str) -> float:
    """The weight that the command line gives to a file.

    Raises:
        ConfigError: When it is not a number.
    """
    try:
        return float(text)
    except ValueError:
        raise ConfigError(f"the weight of {path} is {text!r}; expected a number") from None


def describe(mat: DistMat) -> str:
    """Kind and size in a few words, such as ``fused, 10 queries x 40 gallery images``."""
    if mat.num_query is None:
        return f"{mat.kind}, {len(mat.rows)} queries x {len(mat.cols)} gallery images"
    return f"{mat.kind}, square: {mat.num_query} queries + {len(mat.rows) - mat.num_query} gallery"


def save(mat: DistMat, out: Path) -> Path:
    """Write a matrix, print what it is and return its path."""
    mat.save(out)
    return announce(mat, out)


def announce(mat: DistMat, out: Path) -> Path:
    """Print what was written and return its path."""
    print(f"wrote {out} ({describe(mat)})")
    return out
