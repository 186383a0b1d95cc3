"""A member on its way through the chain: where it stands, and where its files are."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from scripts.stages import Stage, stage

Pair = tuple[Path, Path]  # query.npz, gallery.npz
Made = list[Stage]


@dataclass(frozen=True)
class Line:
    """A member, or a branch of one, on its way through the chain.

    Attributes:
        title: What its files begin with, such as ``a`` or ``a.whitened``.
        member: The member's name.
        images: Features of the images, with the cameras and tracks that count.
        feats: The features now, of images or of tracklets.
        dist: The distances now.
        minus: Classifiers whose distances were subtracted, with their weights.
        pooled: Whether the gallery is tracklets.
    """

    title: str
    member: str
    images: Pair
    feats: Pair
    dist: Path | None = None
    minus: tuple[tuple[str, float], ...] = ()
    pooled: bool = False

    @classmethod
    def of_member(cls, name: str, pair: Pair) -> "Line":
        """A member at the start."""
        return cls(name, name, pair, pair)

    @property
    def labels(self) -> Pair:
        """Features whose names are those of the distances."""
        return self.feats if self.pooled else self.images

    def made(self) -> Path:
        """The distances, which the order of the chain promises."""
        assert self.dist is not None
        return self.dist


@dataclass(frozen=True)
class Places:
    """Where the files of a recipe are.

    Attributes:
        folder: Of the distances and of changed features.
        result: The last distance.
        features: Features of a member or classifier.
        recipe, overrides: The words that name the recipe's data set.
        last: The last step, whose distance is the result.
    """

    folder: Path
    result: Path
    features: Callable[[str], Pair]
    recipe: Path
    overrides: tuple[str, ...] = ()
    last: str = ""

    def dist(self, title: str, step: str) -> Path:
        """The distances of a line after a step."""
        return self.result if step == self.last else self.folder / f"{title}.{step}.npy"

    def feats(self, title: str, step: str) -> Pair:
        """The features of a line after a step."""
        folder = self.folder / f"{title}.{step}"
        return folder / "query.npz", folder / "gallery.npz"

    def folder_stage(
        self, module: str, *words: object, inputs: Sequence[Path], target: Pair
    ) -> Stage:
        """A stage that writes a folder with both features; the gallery's are written last."""
        texts = (module, *(str(word) for word in words), "--out", str(target[0].parent))
        return Stage(texts, tuple(inputs), target[1])


def classifier_plain(name: str, places: Places) -> Stage:
    """Distances of a member's or classifier's features as they were extracted."""
    pair = places.features(name)
    return stage("ensemble.distance", *pair, inputs=pair, output=places.dist(name, "plain"))


def to_images(line: Line, step: str, places: Places) -> tuple[Path, Made]:
    """Distances to images with which a line can be scored, and the verbs that make them."""
    made: Made = []
    path = line.dist
    if path is None:
        path = places.folder / f"{line.title}.{step}.npy"
        made.append(stage("ensemble.distance", *line.feats, inputs=line.feats, output=path))
    if line.pooled:
        inputs = [path, line.images[1]]
        path = places.folder / f"{line.title}.{step}.images.npy"
        made.append(stage("ensemble.spread", *inputs, inputs=inputs, output=path))
    return path, made
