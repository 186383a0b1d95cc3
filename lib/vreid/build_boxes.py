"""The door to boxes in training: which images have one."""

from collections.abc import Sequence
from pathlib import Path

from vreid.data.box_views import BoxViews
from vreid.data.boxes import boxes_path, read_boxes
from vreid.data.sample import Sample
from vreid.errors import DataError
from vreid.options import Config


def build_boxes(config: Config, samples: Sequence[Sample]) -> BoxViews | None:
    """The boxes of a training's images; None when they are off.

    Images of further data sets, ``extra``, are always seen whole: their boxes have no place in the
    table, since their names are given in the training.

    Args:
        config: The options of this training.
        samples: Its images; those of ``extra`` are named after it.

    Raises:
        DataError: When the table cannot be used or has no box of an image.
    """
    options = config.input
    if options.box_rate == 0:
        return None
    path = boxes_path(Path(options.boxes), "train")
    table = read_boxes(path)
    further = tuple(f"{name}/" for name in config.extra)
    boxes = [table.get(sample.name) for sample in samples]
    missing = [
        sample.name
        for sample, box in zip(samples, boxes, strict=True)
        if box is None and not sample.name.startswith(further)
    ]
    if missing:
        raise DataError(
            f"{path}: no box of {len(missing)} of {len(samples)} training images (first:"
            f" {missing[0]}); write the boxes with the data set of this training, or set"
            " input.box_rate 0 for it"
        )
    return BoxViews(boxes, options.box_rate)
