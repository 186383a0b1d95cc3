"""The plan of a recipe: which runs it has, which files its stages hand each other, in what order.

A recipe with a chain says the order itself (`scripts.graph`). Without one, per member: distance ->
minus the classifiers' distances -> k-reciprocal re-ranking; then the mean over the members. Fusing
comes before re-ranking, which looks for neighbours among queries and gallery together: it takes the
features of all and never needs their square distances.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.graph.build import Graph, build
from scripts.graph.line import Pair, Places
from scripts.stages import Stage, stage
from vreid.config import PARTS, load_config
from vreid.errors import ConfigError, DataError
from vreid.options import Config
from vreid.options.chain_distances import Minus
from vreid.options.chain_features import PredictedCameras
from vreid.runs import is_finished

SOLO = "vehicle"  # the run of a recipe that lists no members


@dataclass(frozen=True)
class Plan:
    """A recipe with its overrides, and where its results are."""

    recipe: Path
    overrides: tuple[str, ...]
    config: Config

    @classmethod
    def load(cls, recipe: Path, overrides: Sequence[str]) -> "Plan":
        """Read the recipe.

        Raises:
            ConfigError: As `load_config`, and when two parts share a name.
        """
        config = load_config(recipe, overrides)
        taken = [name for name in config.members if name in (*PARTS, "distances", "report")]
        if taken:
            raise ConfigError(f"{recipe}: a member cannot be named {taken[0]!r}; rename it")
        return cls(recipe, tuple(overrides), config)

    @property
    def base(self) -> Path:
        """Folder of everything that belongs to the recipe."""
        return Path(self.config.output) / self.config.name

    @property
    def members(self) -> list[str]:
        """Names of the vehicle models."""
        return list(self.config.members) or [SOLO]

    @property
    def classifiers(self) -> dict[str, float]:
        """Name of each classifier that takes part -> its weight; 0 if only its labels count."""
        if self.config.chain:
            return self._of_chain()
        return {
            name: getattr(self.config.fusion, name)
            for name in PARTS
            if getattr(self.config, name) and getattr(self.config.fusion, name)
        }

    def _of_chain(self) -> dict[str, float]:
        found: dict[str, float] = {}
        for one in self.config.chain:
            if isinstance(one, Minus):
                found |= one.weights()
            elif isinstance(one, PredictedCameras):
                found.setdefault("camera", 0.0)
        return {name: found[name] for name in PARTS if name in found}

    def run(self, name: str) -> Path:
        """Run directory of a classifier, or of a member: the adapted one where there is one."""
        adapt = self.config.adapt
        adapted = adapt.enabled and name in self.members
        return self.base / (f"{name}-{adapt.suffix}" if adapted else name)

    def check_trained(self) -> list[Path]:
        """Run directories of all members and fused classifiers.

        Raises:
            DataError: Naming the first run that is not finished.
        """
        runs = [self.run(name) for name in (*self.members, *self.classifiers)]
        for run in runs:
            if not is_finished(run):
                found = "has not finished" if (run / "last.pt").exists() else "does not exist"
                raise DataError(
                    f"the run {run} {found}; train first:"
                    f" {' '.join(['./scripts/train.sh', str(self.recipe), *self.overrides])}"
                )
        return runs

    def dist(self, name: str, step: str) -> Path:
        """File of a distance: a member, classifier or the ensemble, after a step."""
        return self.base / "distances" / f"{name}.{step}.npy"

    def result(self) -> Path:
        """The distance that the submission is made from."""
        return self.dist("ensemble", "final")

    @property
    def fused_step(self) -> str:
        """The step after fusing, which is none without classifiers."""
        return "fused" if self.classifiers else "plain"

    @property
    def final_step(self) -> str:
        """The step whose distances the members are averaged over."""
        if self.config.chain:
            return "final"
        return "reranked" if self.config.rerank.enabled else self.fused_step

    def stages(self) -> list[Stage]:
        """From features to `result`; stages that the data lets out are printed."""
        if self.config.chain:
            graph = self.graph()
            print("".join(f"{note}\n" for note in graph.notes), end="", flush=True)
            return graph.stages
        made = [self._distance(name) for name in (*self.members, *self.classifiers)]
        for name in self.members:
            if self.classifiers:
                made.append(self._fuse(name))
            if self.config.rerank.enabled:
                made.append(self._rerank(name, self.classifiers, "reranked"))
        return [*made, self._mean(self.final_step, "final")]

    def ablation(self) -> list[Stage]:
        """What each step brings: untrained features, and the ensemble without the later steps."""
        made = [self._distance(name, untrained=True) for name in self.members]
        if self.config.chain:
            return [*made, *self.graph().extra]
        steps = ["plain", *(["fused"] if self.classifiers else [])]
        if self.config.rerank.enabled and self.classifiers:
            made += [self._rerank(name, {}, "reranked-only") for name in self.members]
            steps.append("reranked-only")
        return [*made, *(self._mean(step, step) for step in steps)]

    def scoreboard(self) -> list[tuple[str, str, Path]]:
        """Rows of the table of scores: (group, label, distance), in order."""
        untrained = [("untrained", name, self.dist(name, "untrained")) for name in self.members]
        if self.config.chain:
            return [*untrained, *self.graph().rows]
        fused, reranked = bool(self.classifiers), self.config.rerank.enabled
        steps = [("single member", "plain")]
        if fused:
            steps.append(("fused with the classifiers", "fused"))
        if fused and reranked:
            steps.append(("re-ranked without fusing", "reranked-only"))
        if reranked:
            steps.append(("fused, then re-ranked" if fused else "re-ranked", "reranked"))
        rows = untrained
        for group, step in steps:
            rows += [(group, name, self.dist(name, step)) for name in self.members]
            if len(self.members) > 1:
                made = "final" if step == self.final_step else step
                rows.append((group, "ensemble", self.dist("ensemble", made)))
        return rows

    def graph(self, *, without: Collection[int] = ()) -> Graph:
        """The stages of the recipe's chain; those at the places ``without``, from 1, left out."""
        places = Places(
            folder=self.base / "distances",
            result=self.result(),
            features=self._pair,
            recipe=self.recipe,
            overrides=self.overrides,
        )
        return build(self.config.chain, self.members, places, without=without)

    def _pair(self, name: str) -> Pair:
        query, gallery = self._features(name)
        return query, gallery

    def _distance(self, name: str, *, untrained: bool = False) -> Stage:
        parts = self._features(name, "untrained" if untrained else "")
        output = self.dist(name, "untrained" if untrained else "plain")
        return stage("ensemble.distance", *parts, inputs=parts, output=output)

    def _features(self, name: str, kind: str = "") -> list[Path]:
        folder = self.run(name) / "features" / kind
        return [folder / "query.npz", folder / "gallery.npz"]

    def _fuse(self, name: str) -> Stage:
        words: list[object] = [self.dist(name, "plain")]
        inputs = [self.dist(name, "plain")]
        for other, weight in self.classifiers.items():
            words += ["--minus", self.dist(other, "plain"), weight]
            inputs.append(self.dist(other, "plain"))
        return stage("ensemble.fuse", *words, inputs=inputs, output=self.dist(name, "fused"))

    def _rerank(self, name: str, classifiers: Mapping[str, float], made: str) -> Stage:
        options = self.config.rerank
        words: list[object] = [*self._features(name)]
        inputs = self._features(name)
        for other, weight in classifiers.items():
            words += ["--minus", *self._features(other), weight]
            inputs += self._features(other)
        words += ["--k1", options.k1, "--k2", options.k2, "--lambda", options.lambda_]
        return stage("ensemble.rerank", *words, inputs=inputs, output=self.dist(name, made))

    def _mean(self, step: str, made: str) -> Stage:
        sources = [self.dist(name, step) for name in self.members]
        output = self.dist("ensemble", made)
        return stage("ensemble.mean", *sources, inputs=sources, output=output)
