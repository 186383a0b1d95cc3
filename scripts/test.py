"""From trained runs to a submission: ``python -m scripts.test CONFIG [key value …]``.

Extracts, fuses, re-ranks and averages as the recipe says. On CityFlow it writes, checks and,
where the truth is known, scores ``submissions/out/<name>/track2.txt``; on data sets with known
identities, such as a split of its training images, it writes ``matches.csv`` there and prints the
scores. Parameters that `scripts.search` chose are used, with a line that says so;
``--recipe-parameters`` passes them over.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from scripts.chosen import with_chosen
from scripts.plan import Plan
from scripts.stages import run_stages, run_verb
from vreid.build_data import build_split
from vreid.cli import recipe_parser
from vreid.errors import run_command
from vreid.features import Features
from vreid.files import write_text
from vreid.options.chain_features import PredictedCameras

OUT = Path("submissions/out")


def main(recipe: Path, overrides: Sequence[str] = (), *, chosen: bool = True) -> Path:
    """Run the chain and return the file of its answer.

    Args:
        recipe: A recipe whose runs are trained.
        overrides: ``key, value, …`` over it.
        chosen: Whether parameters that a search chose take the place of the recipe's.

    Raises:
        DataError: When the data set is missing or a run is not trained.
        StageError: When a stage fails.
    """
    plan = Plan.load(recipe, overrides)
    build_split(plan.config.data)  # a missing data set is the first thing to hear about
    runs = plan.check_trained()
    words = [str(run) for run in runs]
    run_verb(["scripts.extract", *words, "--data", str(recipe), *overrides])
    if any(isinstance(stage, PredictedCameras) for stage in plan.config.chain):
        run_verb(["camera.predict", str(plan.run("camera")), "--data", str(recipe), *overrides])
    plan = with_chosen(plan, use=chosen)
    run_stages(plan.stages())
    data = plan.config.data
    hidden = data.dataset == "cityflow" and not data.split  # the challenge's own test set
    write = write_submission if hidden else write_matches
    target = write(plan, runs)
    print(f"result: {target}")
    return target


def write_submission(plan: Plan, runs: Sequence[Path]) -> Path:
    """Write and check ``track2.txt`` with a manifest of all that made it; score it if possible."""
    target = OUT / plan.config.name / "track2.txt"
    lists = {part: write_names(plan, part) for part in ("query", "gallery")}
    sides = ["--queries", str(lists["query"]), "--gallery", str(lists["gallery"])]
    inputs = [plan.recipe]
    for run in runs:
        used = plan.config.test.checkpoint
        inputs += [run / "config.yml", run / f"{used}.pt"]
        inputs += [run / "features" / f"{part}.npz" for part in ("query", "gallery")]
    words = [str(path) for path in inputs]
    run_verb(
        ["submissions.write", str(plan.result()), *sides, "--out", str(target), "--inputs", *words]
    )
    run_verb(["submissions.check", str(target), *sides])
    if plan.config.test.truth:
        truth = Path(plan.config.test.truth)
        tables = ["--query", str(truth / "query.csv"), "--gallery", str(truth / "gallery.csv")]
        run_verb(["submissions.score", str(target), *tables])
    return target


def write_matches(plan: Plan, runs: Sequence[Path]) -> Path:
    """Write ``matches.csv`` and print the scores of all steps."""
    target = OUT / plan.config.name / "matches.csv"
    run_verb(["submissions.matches", str(plan.result()), "--out", str(target)])
    rows = [str(plan.dist(name, "plain")) for name in plan.members]
    if len(plan.members) > 1 or plan.final_step != "plain":
        rows.append(str(plan.result()))
    words = ["--data", str(plan.recipe), "--protocol", plan.config.test.protocol]
    run_verb(["scripts.evaluate", *rows, *words, *plan.overrides])
    return target


def write_names(plan: Plan, part: str) -> Path:
    """List the images of a part in the order of the data set's own list."""
    features = Features.load(plan.run(plan.members[0]) / "features" / f"{part}.npz")
    path = plan.base / "distances" / f"{part}_names.txt"
    return write_text(path, "".join(f"{name}\n" for name in features.names))


def _command() -> None:
    parser = recipe_parser("scripts.test", __doc__)
    parser.add_argument(
        "--recipe-parameters",
        action="store_true",
        help="the recipe's own, whatever a search has chosen",
    )
    parsed = parser.parse_intermixed_args()
    main(parsed.config, parsed.overrides, chosen=not parsed.recipe_parameters)


if __name__ == "__main__":
    sys.exit(run_command(_command))
