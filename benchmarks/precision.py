"""fp32 against bf16, with and without channels_last: ``python -m benchmarks.precision NETWORK``.

Images a second of training steps and of inference on this machine's CPU or GPU, each as a ratio to
contiguous fp32. Rounds alternate between the ways; the best counts, since noise only slows down.
"""

import argparse
import time
from collections.abc import Callable

import torch

from vreid.losses.identity import identity_loss
from vreid.losses.triplet import triplet_loss
from vreid.models.backbone import build_backbone
from vreid.models.embedder import Embedder
from vreid.precision import Precision

WAYS = [
    ("fp32", torch.contiguous_format),
    ("fp32", torch.channels_last),
    ("bf16", torch.contiguous_format),
    ("bf16", torch.channels_last),
]


def main(network: str, *, size: int = 160, batch: int = 64, rounds: int = 4) -> None:
    """Measure all ways and print the table."""
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    torch.manual_seed(0)
    images = torch.randint(0, 256, (batch, 3, size, size), dtype=torch.uint8, device=device)
    labels = torch.arange(batch, device=device) // 4
    runs: list[tuple[str, Callable[[], None], Callable[[], None]]] = []
    for name, layout in WAYS:
        backbone = build_backbone(network, weights="none", last_stride=1)
        model = Embedder(backbone, num_classes=batch // 4).to(device).to(memory_format=layout)
        steps = build_steps(model, images, labels, Precision(name, device))
        runs.append((f"{name} {'channels_last' if 'last' in str(layout) else ''}", *steps))
    best = [[float("inf"), float("inf")] for _ in runs]
    for _ in range(rounds):
        for times, (_, train, infer) in zip(best, runs, strict=True):
            for idx, step in enumerate((train, infer)):
                times[idx] = min(times[idx], seconds(step, device))
    print(f"{network}, {size} px, batch {batch}, {device}, {torch.get_num_threads()} threads")
    for (title, *_), (fit, use) in zip(runs, best, strict=True):
        ratios = f"x {best[0][0] / fit:.2f} and x {best[0][1] / use:.2f}"
        print(f"{title:20} train {batch / fit:6.0f} img/s, infer {batch / use:6.0f}  {ratios}")


def build_steps(
    model: Embedder, images: torch.Tensor, labels: torch.Tensor, precision: Precision
) -> tuple[Callable[[], None], Callable[[], None]]:
    """A training step (without the optimizer's update) and a step of inference."""

    def train() -> None:
        model.train()
        with precision.autocast():
            found = model(images)
            total = identity_loss(found.logits, labels) + triplet_loss(found.feat, labels)
        torch.autograd.backward(total)
        model.zero_grad(set_to_none=True)

    def infer() -> None:
        model.eval()
        with torch.inference_mode(), precision.autocast():
            model(images)

    return train, infer


def seconds(step: Callable[[], None], device: torch.device) -> float:
    """How long a step takes, waiting for the device."""
    start = time.perf_counter()
    step()
    if device.type == "cuda":
        torch.cuda.synchronize()
    return time.perf_counter() - start


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m benchmarks.precision", description=__doc__)
    parser.add_argument("network", nargs="?", default="mobilenetv2_100", help="a timm name")
    parser.add_argument("--size", type=int, default=160, help="pixels")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=4)
    options = parser.parse_args()
    main(options.network, size=options.size, batch=options.batch, rounds=options.rounds)
