"""Make images of one folder look like those of another, unpaired; names, and so labels, stay.

    python -m synthetic_aug.translate color SOURCE --target IMAGES --method reinhard --out DIR
    python -m synthetic_aug.translate train CONFIG [key value …]
    python -m synthetic_aug.translate apply RUN SOURCE --out DIR

``color`` changes colour statistics alone: seconds on one core, nothing to train. ``train`` and
``apply`` are UNIT, a network that is trained on both folders. `synthetic_aug.distance` measures
what they are worth.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from synthetic_aug.color.folder import translate_color
from synthetic_aug.color.options import METHODS, ColorOptions
from synthetic_aug.unit.apply import apply
from synthetic_aug.unit.options import load_options
from synthetic_aug.unit.training import train
from vreid.errors import run_command


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m synthetic_aug.translate",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    verbs = parser.add_subparsers(dest="verb", required=True)
    _add_color(verbs.add_parser("color", help="colour statistics of a target folder"))
    training = verbs.add_parser("train", help="train UNIT, or go on with a training")
    training.add_argument("config", type=Path, help="YAML, such as configs/unit/toycity.yml")
    training.add_argument("overrides", nargs="*", metavar="key value", help="such as steps 2000")
    applying = verbs.add_parser("apply", help="translate a folder with a trained UNIT")
    applying.add_argument("run", type=Path, help="directory of a training")
    applying.add_argument("source", type=Path, help="folder of images")
    applying.add_argument("--out", type=Path, required=True, help="folder for the results")
    applying.add_argument("--batch-size", type=int, default=8, help="images a forward pass")
    applying.add_argument(
        "--keep-detail", action="store_true", help="add the change to the image at its own size"
    )
    applying.add_argument("--device", default="auto", help="auto, cpu or cuda")
    return parser


def _add_color(parser: argparse.ArgumentParser) -> None:
    default = ColorOptions()
    parser.add_argument("source", type=Path, help="folder of images")
    parser.add_argument("--target", type=Path, required=True, help="folder they shall look like")
    parser.add_argument("--out", type=Path, required=True, help="folder for the results")
    parser.add_argument("--method", choices=METHODS, default=default.method)
    parser.add_argument(
        "--per-camera",
        type=Path,
        metavar="CONFIG",
        help="recipe of the target's data set: each image goes to a camera drawn by its name",
    )
    parser.add_argument(
        "--source-statistics",
        choices=("set", "image"),
        default=default.source_statistics,
        help="set: one map for all images (default); image: one for each",
    )
    parser.add_argument(
        "--target-statistics",
        choices=("set", "image"),
        default=default.target_statistics,
        help="of the set or camera (default), or of one image drawn from it",
    )
    parser.add_argument("--beta", type=float, default=default.beta, help="fda: window, a share")
    parser.add_argument(
        "--held-out",
        type=float,
        default=default.held_out,
        metavar="SHARE",
        help="of the target images that is not looked at, to measure the distance on",
    )
    parser.add_argument("--seed", type=int, default=default.seed, help="of every draw")
    parser.add_argument("--jobs", type=int, default=1, help="images worked on at a time")


def _command(arguments: Sequence[str] | None = None) -> None:
    values = vars(_parser().parse_args(arguments))
    verb = values.pop("verb")
    if verb == "train":
        train(load_options(values["config"], values["overrides"]))
    elif verb == "apply":
        apply(values.pop("run"), values.pop("source"), **values)
    else:
        source, target, out = (values.pop(key) for key in ("source", "target", "out"))
        recipe, jobs = values.pop("per_camera"), values.pop("jobs")
        options = ColorOptions(**values)
        translate_color(source, target, out=out, options=options, recipe=recipe, jobs=jobs)


if __name__ == "__main__":
    sys.exit(run_command(_command))
