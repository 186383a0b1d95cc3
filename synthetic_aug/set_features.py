"""Features of a set of images for measuring its distance: from a folder or from a file."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from vreid.data.image_folder import list_images
from vreid.data.images import read_image, resize_to_tensor
from vreid.errors import ConfigError, DataError, UserError
from vreid.features import Features, FloatArray
from vreid.files import hash_file
from vreid.image_distance import held_out_mask
from vreid.models.backbone import Backbone, build_backbone
from vreid.runs import choose_device

_BATCH = 32  # images a forward pass


@dataclass(frozen=True)
class DistanceOptions:
    """How distances are measured.

    Attributes:
        network: A timm network; its last map is averaged. Unused where all sets are ``.npz``.
        weights: ``timm`` for the model hub, ``none`` for random ones, else a file.
        size: Pixels of the square that images are resized to.
        held_out: Share of each set's images, chosen by name, that are measured; 1 for all.
        most: Images of a set, at most, drawn at random; 0 for all.
        shrink: Fréchet distance with shrunk covariances, for few images.
        subsets: Pairs of subsets that the kernel distance averages over.
        subset_size: Images of each; 0 for half of the smaller set, at most 1000. The spread over
            halves is about the standard error of the whole set's value.
        seed: Of every draw.
        device: ``auto``, ``cpu`` or ``cuda``.
    """

    network: str = "mobilenetv2_100"
    weights: str = "timm"
    size: int = 128
    held_out: float = 1.0
    most: int = 0
    shrink: bool = False
    subsets: int = 100
    subset_size: int = 0
    seed: int = 0
    device: str = "auto"

    def __post_init__(self) -> None:
        """Check every range.

        Raises:
            ConfigError: Naming the flag, the value found and the range.
        """
        ranges = {
            "size": (32, 1024),
            "held_out": (0, 1),
            "most": (0, 10**9),
            "subsets": (1, 10**6),
            "subset_size": (0, 10**6),
        }
        for name, (low, high) in ranges.items():
            value = getattr(self, name)
            if not low <= value <= high:
                flag = "--" + name.replace("_", "-")
                raise ConfigError(f"{flag} is {value}; give a value from {low} to {high}")


class Extractor:
    """Reads sets; the network is made when the first folder of images asks for it."""

    def __init__(self, options: DistanceOptions) -> None:
        self.options = options
        self._net: Backbone | None = None
        self._device = choose_device(options.device)
        self._dim = 0
        self._given: list[str] = []
        self._kinds: dict[str, Path] = {}  # what made features -> the first set of them

    def read(self, path: Path) -> FloatArray:
        """Features of a set, (N, D)."""
        names = list_images(path) if path.suffix != ".npz" else []
        feats = None if names else Features.load(path)
        kind = "images"
        if feats is not None:
            names = list(feats.names)
            model = feats.meta.get("model", "an unnamed model")
            kind = (
                f"features of {model}, weights {feats.meta.get('weights_sha256', 'unknown')[:12]}"
            )
            self._given.append(f"{path}: {kind}, {feats.feats.shape[1]} an image")
        self._check_kind(kind, path)
        chosen = self._choose(names, path)
        if feats is not None:
            return feats.feats[chosen]
        return self._extract([path / names[idx] for idx in chosen], str(path))

    def _check_kind(self, kind: str, path: Path) -> None:
        self._kinds.setdefault(kind, path)
        if len(self._kinds) > 1:
            found = " and ".join(f"{one} holds {what}" for what, one in self._kinds.items())
            raise DataError(
                f"{path}: cannot be compared: {found}; give folders of images alone, or features"
                " that one run extracted"
            )

    def facts(self) -> list[str]:
        """What measured, in words."""
        options = self.options
        lines = list(self._given)
        if self._net is not None:
            origin = {"none": f"random weights of seed {options.seed}", "timm": "timm's weights"}
            file = Path(options.weights)
            weights = origin.get(options.weights) or (
                f"weights {file} (sha256 {hash_file(file)[:12]}…)"
            )
            lines.append(
                f"network {options.network}, its last map averaged, {self._dim} features;"
                f" {weights}; images of {options.size} x {options.size} pixels"
            )
        if options.held_out < 1:
            share = f"{options.held_out:g} of each set, by name and seed {options.seed}"
            lines.append(f"held-out images only: {share}")
        return lines

    def _choose(self, names: Sequence[str], path: Path) -> list[int]:
        options = self.options
        files = [name.rsplit("/", 1)[-1] for name in names]
        mask = held_out_mask(files, share=options.held_out, seed=options.seed)
        kept = np.flatnonzero(mask)
        if options.most and len(kept) > options.most:
            generator = np.random.default_rng(options.seed)
            kept = np.sort(generator.choice(kept, options.most, replace=False))
        if len(kept) < 2:
            raise DataError(
                f"{path}: {len(kept)} of its {len(names)} images are measured; a covariance needs"
                " at least 2, a useful one some hundreds (--held-out, --most)"
            )
        return [int(idx) for idx in kept]

    def _extract(self, paths: Sequence[Path], title: str) -> FloatArray:
        if self._net is None:
            self._net = _network(self.options).to(self._device)
        net, rows = self._net, []
        side = (self.options.size, self.options.size)
        mean, std = (torch.tensor(value).view(3, 1, 1) for value in (net.mean, net.std))
        with tqdm(total=len(paths), desc=title, unit="img", disable=None, leave=False) as bar:
            for first in range(0, len(paths), _BATCH):
                batch = paths[first : first + _BATCH]
                stack = torch.stack([resize_to_tensor(read_image(path), side) for path in batch])
                images = ((stack / 255 - mean) / std).to(self._device)  # (B, 3, size, size)
                with torch.inference_mode():
                    rows.append(net(images).mean(dim=(2, 3)).float().cpu().numpy())
                bar.update(len(batch))
        feats: FloatArray = np.concatenate(rows)
        self._dim = feats.shape[1]
        return feats


def _network(options: DistanceOptions) -> Backbone:
    """The network in evaluation mode; random weights follow from the seed."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(options.seed)
        try:
            net = build_backbone(
                options.network,
                last_stride=2,
                weights=options.weights,
                image_size=(options.size, options.size),
            )
        except UserError as error:
            text = str(error).replace("model.weights", "--weights")
            raise ConfigError(text.replace("model.backbone", "--network")) from None
    return net.eval()
