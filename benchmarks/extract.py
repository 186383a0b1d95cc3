"""Feature extraction in images a second: ``python -m benchmarks.extract [--networks …] [--out …]``.

Networks with random weights on this machine's CPU or GPU. First the network alone, on images that
are in memory, by batch size, precision and memory layout, as ratios to the first; then at its
fastest setting the loader alone and the whole way from JPEG files to features, which shows what
decoding costs. Ways take turns in one process; the best turn counts.
"""

import argparse
import copy
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.decode import write_jpegs
from benchmarks.harness import alternate
from benchmarks.reports import Report, Table, command_line, markdown_table
from vreid.data.loader import extract_loader
from vreid.data.sample import Sample
from vreid.errors import run_command
from vreid.extract import extract
from vreid.models.backbone import build_backbone
from vreid.models.embedder import Embedder, embed
from vreid.precision import Precision, has_bf16_units

LAYOUTS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


@dataclass(frozen=True)
class Setting:
    """How a network is run: images a pass, number type, memory layout."""

    batch: int
    precision: str
    layout: str

    def __str__(self) -> str:
        return f"batch {self.batch}, {self.precision}, {self.layout}"


def main(
    networks: Sequence[str],
    *,
    size: int = 224,
    source: int = 300,
    num_images: int = 256,
    batches: Sequence[int] = (16, 64),
    precisions: Sequence[str] = (),
    workers: Sequence[int] = (0, 2),
    rounds: int = 2,
    command: str = "python -m benchmarks.extract",
) -> Report:
    """Measure and return the report.

    Args:
        networks: timm names.
        size: Side of the network's images, pixels.
        source: Side of the JPEG files, pixels.
        num_images: Images a turn.
        batches: Batch sizes.
        precisions: ``fp32``, ``bf16``, ``fp16``; none for fp32 and the fast one of this machine.
        workers: Numbers of processes that decode, for the whole way.
        rounds: Turns.
        command: For the report.
    """
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    settings = [
        Setting(batch, precision, layout)
        for batch in batches
        for precision in precisions or usual_precisions(device)
        for layout in LAYOUTS
    ]
    tables = []
    for network in networks:
        models = build_models(network, size=size, device=device)
        rates = network_rates(models, settings, size=size, num_images=num_images, rounds=rounds)
        best = max(rates, key=lambda setting: rates[setting])
        tables.append(_network_table(network, rates))
        with tempfile.TemporaryDirectory() as folder:
            samples = make_samples(Path(folder), num_images, source)
            whole = path_rates(
                models[best.layout], samples, best, size=size, workers=workers, rounds=rounds
            )
        tables.append(_path_table(network, best, whole))
    text = (
        f"{num_images} images of {size} x {size} pixels a turn on {device.type}, random weights,"
        f" {torch.get_num_threads()} threads; JPEG files of {source} x {source} pixels."
    )
    return Report(
        name="extract", title="Feature extraction", command=command, text=[text], tables=tables
    )


def usual_precisions(device: torch.device) -> tuple[str, ...]:
    """fp32, and what the device has units for."""
    if device.type == "cuda":
        return ("fp32", "fp16")
    return ("fp32", "bf16") if has_bf16_units() else ("fp32",)


def build_models(network: str, *, size: int, device: torch.device) -> dict[str, Embedder]:
    """The network in evaluation mode, once in each layout."""
    torch.manual_seed(0)
    backbone = build_backbone(network, weights="none", last_stride=1, image_size=(size, size))
    model = Embedder(backbone, num_classes=0).to(device).eval()
    return {name: copy.deepcopy(model).to(memory_format=form) for name, form in LAYOUTS.items()}


def network_rates(
    models: dict[str, Embedder],
    settings: Sequence[Setting],
    *,
    size: int,
    num_images: int,
    rounds: int,
) -> dict[Setting, float]:
    """Images a second of the network alone, by setting."""
    device = next(models["contiguous"].parameters()).device
    images = torch.randint(0, 256, (num_images, 3, size, size), dtype=torch.uint8, device=device)
    ways = {str(key): partial(_embed_all, models[key.layout], images, key) for key in settings}
    seconds = alternate(ways, rounds=rounds)
    return {key: num_images / seconds[str(key)] for key in settings}


def _embed_all(model: Embedder, images: Tensor, setting: Setting) -> None:
    precision = Precision(setting.precision, images.device)
    for batch in images.split(setting.batch):  # type: ignore[no-untyped-call]
        with precision.autocast():
            embed(model, batch, flip=False).cpu()


def path_rates(
    model: Embedder,
    samples: Sequence[Sample],
    setting: Setting,
    *,
    size: int,
    workers: Sequence[int],
    rounds: int,
) -> dict[str, float]:
    """Images a second of the network alone, and of loader and whole way by number of workers."""
    device = next(model.parameters()).device
    images = torch.randint(0, 256, (len(samples), 3, size, size), dtype=torch.uint8, device=device)
    ways: dict[str, Callable[[], object]] = {
        "network alone": partial(_embed_all, model, images, setting)
    }
    for count in workers:
        label = f"{count} workers"
        ways[f"loader alone, {label}"] = partial(_load_all, samples, setting, size, count)
        ways[f"JPEG files to features, {label}"] = partial(
            extract,
            model,
            samples,
            size=(size, size),
            batch_size=setting.batch,
            flip=False,
            precision=Precision(setting.precision, device),
            workers=count,
        )
    return {name: len(samples) / time for name, time in alternate(ways, rounds=rounds).items()}


def _load_all(samples: Sequence[Sample], setting: Setting, size: int, workers: int) -> None:
    loader = extract_loader(samples, size=(size, size), batch_size=setting.batch, workers=workers)
    for _ in loader:
        pass


def make_samples(folder: Path, count: int, size: int) -> list[Sample]:
    """Write JPEG files and return their samples."""
    return [Sample(path, path.name) for path in write_jpegs(folder, count, size)]


def _network_table(network: str, rates: dict[Setting, float]) -> Table:
    base = next(iter(rates.values()))
    rows = [
        [str(setting), f"{rate:.1f}", f"x {rate / base:.2f}"] for setting, rate in rates.items()
    ]
    return Table(f"{network} alone", ["setting", "images/s", "to the first"], rows)


def _path_table(network: str, best: Setting, rates: dict[str, float]) -> Table:
    base = rates["network alone"]
    rows = [[name, f"{rate:.1f}", f"{100 * rate / base:.0f} %"] for name, rate in rates.items()]
    title = f"{network} from JPEG files ({best})"
    return Table(title, ["way", "images/s", "of the network's rate"], rows)


def command() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.extract", description=__doc__)
    parser.add_argument("--networks", nargs="+", default=["resnet50", "mobilenetv2_100"])
    parser.add_argument("--size", type=int, default=224, help="pixels")
    parser.add_argument("--source", type=int, default=300, help="side of the JPEG files, pixels")
    parser.add_argument("--images", type=int, default=256, help="images a turn")
    parser.add_argument("--batches", nargs="+", type=int, default=[16, 64])
    parser.add_argument("--precisions", nargs="+", default=[], help="fp32, bf16, fp16")
    parser.add_argument("--workers", nargs="+", type=int, default=[0, 2])
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--out", type=Path, help="JSON file for benchmarks.document")
    options = parser.parse_args()
    report = main(
        options.networks,
        size=options.size,
        source=options.source,
        num_images=options.images,
        batches=options.batches,
        precisions=options.precisions,
        workers=options.workers,
        rounds=options.rounds,
        command=command_line("benchmarks.extract", sys.argv[1:]),
    )
    print("\n\n".join(markdown_table(table) for table in report.tables))
    if options.out is not None:
        report.save(options.out)


if __name__ == "__main__":
    sys.exit(run_command(command))
