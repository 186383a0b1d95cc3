"""How near samples of attribute distributions lie to a target: rendered, measured, kept in a file.

Each candidate is rendered from the same seed, so that all show the same vehicles on the same roads,
one picture of each, and compared with the same target features. Fréchet and kernel distance are
those of `vreid.image_distance`.
"""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from functools import lru_cache
from multiprocessing import get_context
from pathlib import Path
from shutil import rmtree
from typing import Any

from tqdm import tqdm

from synthetic_aug.city.attributes import MOST_MEANS, Attributes
from synthetic_aug.city.options import CityOptions
from synthetic_aug.city.plan import draw_vehiclex
from synthetic_aug.city.records import Tracklet, folder_path
from synthetic_aug.city.scene import Stage
from synthetic_aug.city.worker import Painter, leave_interrupts
from synthetic_aug.picture_files import check_same
from synthetic_aug.set_features import Extractor
from vreid.features import FloatArray
from vreid.files import hash_text, read_json, write_json
from vreid.image_distance import DoubleArray, frechet_distance, mmd_squared


@dataclass(frozen=True)
class Score:
    """Distances of a sample from the target; the kernel distance is that of the whole sets."""

    kernel: float
    frechet: float


class SampleJudge:
    """Scores candidates; those in the record are not rendered again.

    Args:
        out: Folder of the descent, in which ``scores.json`` is the record.
        options: Of the sample: seed, number and size of pictures, light paths.
        extractor: Makes features of pictures.
        target: (N, D), the target's features.
        facts: What else the scores depend on, as plain values.
        jobs: Candidates rendered at a time.

    Raises:
        DataError: When the record was made otherwise.
    """

    def __init__(
        self,
        out: Path,
        options: CityOptions,
        *,
        extractor: Extractor,
        target: FloatArray,
        facts: Mapping[str, Any],
        jobs: int,
    ) -> None:
        self.out, self.options, self.jobs = out, options, jobs
        self._extractor, self._target = extractor, target
        self._facts = {"sample": options.table(), **facts}
        self._record = out / "scores.json"
        self.found: dict[str, Score] = {}
        if self._record.exists():
            record = read_json(self._record)
            old = record.get("facts") if isinstance(record, dict) else None
            check_same(old, self._facts, out, what="a descent")
            self.found = {text: Score(**score) for text, score in record["scores"].items()}
        self._write()  # a folder with pictures of candidates always says what they are

    def scores(self, candidates: Sequence[Attributes]) -> list[Score]:
        """A score each, in the order of the candidates."""
        missing = [one.text() for one in candidates if one.text() not in self.found]
        wanted = {self._folder(text): text for text in missing}
        samples = {path: replace(self.options, attributes=text) for path, text in wanted.items()}
        with tqdm(total=len(samples), unit="set", disable=None, leave=False) as bar:
            for root in render_samples(samples, jobs=self.jobs):
                folder = root / folder_path("sys_image_train")
                feats = self._extractor.read(folder)
                self.found[wanted[root]] = score(feats, self._target)
                self._write()
                rmtree(root)
                bar.update()
        return [self.found[one.text()] for one in candidates]

    def _folder(self, text: str) -> Path:
        return self.out / "candidates" / hash_text(text)[:12]

    def _write(self) -> None:
        scores = {
            text: {"kernel": one.kernel, "frechet": one.frechet} for text, one in self.found.items()
        }
        write_json(self._record, {"facts": self._facts, "scores": scores})


def score(feats: FloatArray, target: FloatArray) -> Score:
    """Distances of (N, D) from (M, D); covariances are shrunk, as samples are small."""
    kernel = mmd_squared(_double(feats), _double(target))
    return Score(kernel, frechet_distance(feats, target, shrink=True))


def render_samples(samples: Mapping[Path, CityOptions], *, jobs: int) -> Iterator[Path]:
    """Render a sample of each city, and yield the city's root as soon as it is there."""
    if jobs == 1 or len(samples) < 2:
        for root, options in samples.items():
            yield render_sample(root, options)
        return
    context = get_context("spawn")
    with ProcessPoolExecutor(jobs, context, initializer=leave_interrupts) as pool:
        futures = [pool.submit(render_sample, root, options) for root, options in samples.items()]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BaseException:
            pool.shutdown(cancel_futures=True)
            raise


def render_sample(root: Path, options: CityOptions) -> Path:
    """Render what is missing of a sample of a city's VehicleX part and return the city's root."""
    painter = Painter(root, options, _stage(replace(options, attributes="")))
    for tracklet in sample_tracklets(options):
        painter.paint([tracklet])
    return root


def sample_tracklets(options: CityOptions) -> list[Tracklet]:
    """One picture of each of ``vehiclex_images`` vehicles, of each shot in turn.

    Pictures of one vehicle are alike: as many pictures of more vehicles say more of a distribution.
    """
    shots: dict[int, list[Tracklet]] = {}
    wide = replace(options, vehiclex_images=MOST_MEANS * options.vehiclex_images)
    for tracklet in draw_vehiclex(wide):
        shots.setdefault(tracklet.vehicle.index, []).append(tracklet)
    return [several[index % len(several)] for index, several in sorted(shots.items())]


@lru_cache(maxsize=1)
def _stage(options: CityOptions) -> Stage:
    """The stage of all candidates of a search: a third of what a small sample costs."""
    return Painter(Path(), options).stage


def _double(feats: FloatArray) -> DoubleArray:
    doubles: DoubleArray = feats.astype("float64")
    return doubles
