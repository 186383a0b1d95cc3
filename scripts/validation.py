"""Features of validation vehicles: those of the training set that the members never trained on.

They are cut off as in training, by ``data.holdout`` and ``data.split_seed``, with more queries a
vehicle if asked for, and extracted to ``RUN/features/validation/{query,gallery}.npz``.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from scripts.extract import extract_run
from scripts.graph.memory_stages import Pair
from scripts.plan import Plan
from vreid.build_data import build_holdout, build_split, build_training, build_vehicle_holdout
from vreid.classify import Classifier
from vreid.config import load_config
from vreid.data.fingerprint import fingerprint
from vreid.data.holdout import hold_out_vehicles
from vreid.data.images import read_image
from vreid.data.sample import Sample, Split
from vreid.errors import ConfigError, DataError
from vreid.features import Features, IntArray
from vreid.options import DataOptions
from vreid.options.chain_features import Blend, PredictedCameras, Stage, Tracklets

FOLDER = "validation"
LEAST = 8  # vehicles of a half


@dataclass(frozen=True, eq=False)
class Validation:
    """What a chain is judged on.

    Attributes:
        members: Name -> features of the queries and of the gallery.
        classifiers: The same, of those that take part.
        areas: Name of each gallery image -> its pixels; empty where no stage looks at them.
    """

    members: Mapping[str, Pair]
    classifiers: Mapping[str, Pair]
    areas: Mapping[str, int]

    @property
    def first(self) -> Pair:
        """Features of one member, whose identities and cameras are those of all."""
        return next(iter(self.members.values()))

    def of_vehicles(self, pids: IntArray) -> "Validation":
        """Queries and gallery of some vehicles alone."""

        def cut(pairs: Mapping[str, Pair]) -> dict[str, Pair]:
            return {
                name: (_of_vehicles(pair[0], pids), _of_vehicles(pair[1], pids))
                for name, pair in pairs.items()
            }

        return replace(self, members=cut(self.members), classifiers=cut(self.classifiers))


def load_validation(plan: Plan, *, queries: int) -> Validation:
    """Extract what is not there yet, and load it.

    Args:
        plan: A recipe whose runs are trained.
        queries: Most query images of a vehicle.

    Raises:
        ConfigError: When the recipe holds no vehicles out.
        DataError: When they are too few, or a member has trained on some of them.
    """
    split = validation_split(plan.config.data, queries=queries)
    check_enough(len({sample.pid for sample in split.query}), plan.config.data.holdout)
    check_unseen(plan, split)
    sides = (("query", split.query), ("gallery", split.gallery))
    loaded = {plan.config.data: [(name, part, fingerprint(part)) for name, part in sides]}
    names = (*plan.members, *plan.classifiers)
    pairs: dict[str, Pair] = {}
    for name in names:
        folder = extract_run(
            plan.run(name),
            loaded,
            data=plan.recipe,
            overrides=plan.overrides,
            checkpoint="",
            kind=FOLDER,
        )
        pairs[name] = Features.load(folder / "query.npz"), Features.load(folder / "gallery.npz")
    if any(isinstance(one, PredictedCameras) for one in plan.config.chain):
        pairs["camera"] = _with_cameras(plan, pairs["camera"], split)
    return Validation(
        members={name: pairs[name] for name in plan.members},
        classifiers={name: pairs[name] for name in plan.classifiers},
        areas=_areas(plan.config.chain, split.gallery),
    )


def validation_split(options: DataOptions, *, queries: int) -> Split:
    """The held-out vehicles of training, with at most so many queries each.

    Raises:
        ConfigError: When the options hold none out.
    """
    if options.holdout == 0:
        raise ConfigError(
            "data.holdout is 0: every training vehicle was trained on, so there is none to judge"
            " parameters by; train with data.holdout 0.2 or so"
        )
    train = build_training(options, build_split(options))
    return hold_out_vehicles(
        train, fraction=options.holdout, seed=options.split_seed, queries=queries
    )


def check_enough(num_vehicles: int, holdout: float) -> None:
    """Refuse vehicles that are too few to be halved.

    Raises:
        DataError: With the share that would be enough.
    """
    if num_vehicles // 2 >= LEAST:
        return
    wanted = min(0.5, math.ceil(100 * 2 * LEAST * holdout / max(1, num_vehicles)) / 100)
    raise DataError(
        f"there are {num_vehicles} validation vehicles (data.holdout {holdout:g}), halves of"
        f" {num_vehicles // 2}; at least {LEAST} in each are needed to tell a gain from chance, and"
        f" 20 are better: train with data.holdout {wanted:g} or more"
    )


def check_unseen(plan: Plan, split: Split) -> None:
    """Refuse vehicles that a member has trained on; say it of a classifier.

    Raises:
        DataError: Naming the run and one of the vehicles.
    """
    held = {sample.name: sample.pid for sample in (*split.query, *split.gallery)}
    for name in (*plan.members, *plan.classifiers):
        run = plan.base / name  # of an adapted member too: the target is all that it saw more
        seen = {held[one] for one in _trained_on(run, plan) if one in held}
        if not seen:
            continue
        num = len(set(held.values()))
        sentence = f"{run} was trained on {len(seen)} of the {num} validation vehicles"
        if name in plan.members:
            raise DataError(
                f"{sentence}, such as {min(seen)}: its data.holdout or data.split_seed is not that"
                " of the recipe; train all members with the recipe's"
            )
        print(f"note: {sentence}; its features fit them better than they will fit the test set")


def _trained_on(run: Path, plan: Plan) -> set[str]:
    """Names of the images that a run learnt from, as far as they are of the recipe's data set."""
    options = load_config(run / "config.yml").data
    ours = plan.config.data
    if options.dataset != ours.dataset:
        return set()
    options = replace(options, root=ours.root, check_counts=False)
    train = build_training(options, build_split(options))
    if run.name in plan.classifiers:
        train = build_vehicle_holdout(options, train)[0]
    else:
        held = build_holdout(options, train)
        train = train if held is None else held.train
    return {sample.name for sample in train}


def _with_cameras(plan: Plan, pair: Pair, split: Split) -> Pair:
    """The camera classifier's features with the cameras that it predicts in their record."""
    classifier = Classifier.load(
        plan.run("camera"), "camera", data=plan.recipe, overrides=plan.overrides
    )
    model, known = classifier.restore(), classifier.classes.array()
    sides = []
    for features, samples in zip(pair, (split.query, split.gallery), strict=True):
        probs = classifier.probs(model, samples, {**features.meta, "part": FOLDER})
        predicted = known[probs.argmax(axis=1)].tolist()
        sides.append(replace(features, meta={**features.meta, "predicted": predicted}))
    classifier.remove_parts()
    return sides[0], sides[1]


def _areas(chain: Sequence[Stage], samples: Sequence[Sample]) -> dict[str, int]:
    gated = [one for one in chain if isinstance(one, Blend | Tracklets) and one.min_area]
    if not gated:
        return {}
    shapes = {sample.name: read_image(sample.path).shape for sample in samples}
    return {name: shape[0] * shape[1] for name, shape in shapes.items()}


def _of_vehicles(part: Features, pids: IntArray) -> Features:
    rows = np.flatnonzero(np.isin(part.pids, pids))
    meta = dict(part.meta)
    if "predicted" in meta:
        meta["predicted"] = [meta["predicted"][row] for row in rows]
    return Features(
        names=tuple(part.names[row] for row in rows),
        feats=part.feats[rows],
        pids=part.pids[rows],
        camids=part.camids[rows],
        trackids=part.trackids[rows],
        meta=meta,
    )
