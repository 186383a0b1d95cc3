"""The sample sheet of a UNIT training: the same images of both domains, every so many steps."""

from collections.abc import Sequence
from pathlib import Path

import torch

from synthetic_aug.picture_files import spread, write_picture
from synthetic_aug.unit.images import load_square, to_bytes, to_unit_range
from synthetic_aug.unit.networks import SOURCE, TARGET, Translator
from synthetic_aug.unit.options import UnitOptions
from vreid.report.sheet import contact_sheet

LABELS = ("source", "as itself", "as target", "target", "as itself", "as source")


def write_samples(
    path: Path,
    net: Translator,
    domains: Sequence[Sequence[Path]],
    *,
    options: UnitOptions,
    device: torch.device,
) -> Path:
    """Write a sheet of six columns: an image, decoded into its own and into the other domain.

    Args:
        path: The sheet.
        net: The networks.
        domains: Files of the source, and of the target.
        options: Of the training: size and rows.
        device: Where the networks are.
    """
    columns = []
    num = min(options.sheet_images, *(len(paths) for paths in domains))
    for domain, paths in zip((SOURCE, TARGET), domains, strict=True):
        chosen = [load_square(one, options.size) for one in spread(paths, num)]
        images = to_unit_range(torch.stack(chosen), device)
        codes = net.encode(images, domain)
        columns += [images, net.decode(codes, domain), net.decode(codes, 1 - domain)]
    table = torch.stack([to_bytes(column) for column in columns], dim=1)  # (num, 6, 3, H, W)
    pictures = [picture.permute(1, 2, 0).numpy() for picture in table.flatten(0, 1)]
    cell = max(96, options.size)
    return write_picture(path, contact_sheet(pictures, LABELS * num, len(LABELS), cell=cell))
