"""A whole folder through a colour method."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Protocol, TypeVar

from synthetic_aug.color.fourier import fourier_adapt
from synthetic_aug.color.histogram import DoubleArray, histograms, match_histograms
from synthetic_aug.color.options import ColorOptions
from synthetic_aug.color.reinhard import LabStatistics, lab_statistics, reinhard
from synthetic_aug.color.targets import Targets, read_targets
from synthetic_aug.translated import begin, digest_of, finish, progress, translate_all
from vreid.data.images import ImageArray, read_image
from vreid.data.sample import UNKNOWN
from vreid.errors import ConfigError

S = TypeVar("S")  # statistics of a set of images
Translate = Callable[[str], ImageArray]


def translate_color(
    source: Path,
    target: Path,
    *,
    out: Path,
    options: ColorOptions,
    recipe: Path | None = None,
    jobs: int = 1,
) -> Path:
    """Bring a folder's images to the colours of a target folder and return the new folder.

    Each result follows from the options, the two folders and the image's name.

    Args:
        source: Folder of images.
        target: Folder of images.
        out: Folder for the results; one of the same translation goes on.
        options: What is changed, and how.
        recipe: Recipe of the data set that the target belongs to, for statistics by camera.
        jobs: Images worked on at a time, at least 1; without influence on the result.

    Raises:
        ConfigError: When ``jobs`` is out of range or the recipe cannot be used.
        DataError: When a folder is empty, an image cannot be read, or ``out`` holds something else.
    """
    if jobs < 1:
        raise ConfigError(f"--jobs is {jobs}; give at least 1")
    targets = read_targets(target, seed=options.seed, held_out=options.held_out, recipe=recipe)
    names = targets.names()
    facts = asdict(options) | {
        "target": str(target),
        "target_files": digest_of(target, names),
        "cameras": [str(camera) for camera in targets.groups] if recipe else [],
    }
    translation = begin(source, out, facts=facts)
    if translation.missing():
        paths = [source / name for name in translation.names]
        translate_all(translation, _translator(options, paths, targets), jobs=jobs)
    drawn = None if options.whole_target and recipe is None else targets.neighbour
    return finish(translation, [target / name for name in names], neighbour=drawn)


def _translator(options: ColorOptions, sources: Sequence[Path], targets: Targets) -> Translate:
    """The method as a function of the source image's name."""
    folder = sources[0].parent
    if options.method == "fda":

        def adapt(name: str) -> ImageArray:
            wanted = read_image(targets.neighbour(name))
            return fourier_adapt(read_image(folder / name), wanted, beta=options.beta)

        return adapt
    if options.method == "reinhard":
        return _by_statistics(options, sources, targets, _Moving())
    return _by_statistics(options, sources, targets, _Matching())


class _Moving:
    """Reinhard's method."""

    def measure(self, images: Iterable[ImageArray]) -> LabStatistics:
        return lab_statistics(images)

    def change(self, image: ImageArray, source: LabStatistics, target: LabStatistics) -> ImageArray:
        return reinhard(image, source=source, target=target)


class _Matching:
    """Histogram matching."""

    def measure(self, images: Iterable[ImageArray]) -> DoubleArray:
        return histograms(images)

    def change(self, image: ImageArray, source: DoubleArray, target: DoubleArray) -> ImageArray:
        return match_histograms(image, source=source, target=target)


class _Method(Protocol[S]):
    """Statistics of images, and the change from some statistics to others."""

    def measure(self, images: Iterable[ImageArray]) -> S: ...

    def change(self, image: ImageArray, source: S, target: S) -> ImageArray: ...


def _by_statistics(
    options: ColorOptions, sources: Sequence[Path], targets: Targets, method: _Method[S]
) -> Translate:
    folder = sources[0].parent
    own = method.measure(_read_all(sources, "source")) if options.one_map else None
    wanted: dict[int, S] = {}
    if options.whole_target:
        for camera, names in targets.groups.items():
            title = "target" if camera == UNKNOWN else f"camera {camera}"
            paths = [targets.folder / name for name in names]
            wanted[camera] = method.measure(_read_all(paths, title))

    def translate(name: str) -> ImageArray:
        image = read_image(folder / name)
        source = method.measure([image]) if own is None else own
        if options.whole_target:
            target = wanted[targets.camera(name)]
        else:
            target = method.measure([read_image(targets.neighbour(name))])
        return method.change(image, source, target)

    return translate


def _read_all(paths: Sequence[Path], title: str) -> Iterator[ImageArray]:
    with progress(len(paths), f"statistics of {title}") as bar:
        for path in paths:
            yield read_image(path)
            bar.update()
