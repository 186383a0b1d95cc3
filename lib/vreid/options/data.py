"""Options of the data set, and of how its images become tensors."""

from dataclasses import dataclass
from typing import Literal

from vreid.options.check import require


@dataclass(frozen=True)
class DataOptions:
    """Which images are trained on, searched for and searched in."""

    dataset: Literal[
        "cityflow",
        "vehiclex",
        "veri776",
        "vehicleid",
        "veri-wild",
        "vru",
        "vric",
        "vveri901",
        "csv",
    ] = "cityflow"
    root: str = "data/aicity21"  # folder of the data set
    split: str = ""  # cityflow only: folder of a split's files, from root; empty: the challenge's
    images: str = "sys_image_train"  # vehiclex only: image folder; another one if translated
    test_size: str = "small"  # vehicleid, veri-wild, vru: small, medium or large; also 13164
    check_counts: bool = True  # say where a copy differs from the published counts
    table: str = ""  # csv only: the table of crops; empty means <root>/samples.csv
    test_fraction: float = 0.3  # csv without a split column: share of the vehicles held for testing
    query_camera: str = ""  # csv without a split column: camera of the queries; empty: the first
    holdout: float = 0.0  # share of the training vehicles held out to choose the best checkpoint
    split_seed: int = 0  # of the two splits above
    combine_all: bool = False  # train on query and gallery as well, which are no test set then
    min_images: int = 1  # scripts.train leaves vehicles with fewer training images out
    synthetic: Literal["auto", "all", "none"] = "auto"  # rendered images; auto: as the set says
    masks: str = ""  # folder of the training images' masks, for input.swap
    plates: str = ""  # folder of background plates, for input.swap
    label: Literal["pid", "color", "type"] = "pid"  # what scripts.train tells apart; pid: vehicles
    bins: int = 36  # orientation.train only: classes of 360 / bins degrees each

    def __post_init__(self) -> None:
        for key in ("test_fraction", "holdout"):
            value = getattr(self, key)
            require(0 <= value < 1, f"data.{key}", value, "a share in [0, 1) is needed")
        require(self.min_images >= 1, "data.min_images", self.min_images, "at least 1 is needed")
        require(2 <= self.bins <= 360, "data.bins", self.bins, "2 to 360 bins are needed")


@dataclass(frozen=True)
class InputOptions:
    """How an image becomes a tensor, and the augmentations of training (probability 0: off)."""

    size: tuple[int, int] = (320, 320)  # height, width in pixels
    boxes: str = ""  # folder whose train.csv has a box for each training image, for box_rate
    box_rate: float = 0.0  # share of the images of which only the box is seen
    swap: float = 0.0  # probability of another background; needs data.masks and data.plates
    swap_plates: Literal["camera", "any"] = "any"  # backgrounds of the image's camera, or of all
    swap_feather: float = 0.02  # width of the vehicle's soft edge: share of the shorter side
    swap_color: float = 0.3  # how much of the background's light the vehicle takes over; 0: none
    swap_shadow: float = 0.5  # darkness of the shadow below the vehicle; 0: none
    flip: float = 0.5  # probability of a horizontal flip
    perspective: float = 0.0  # probability of a change of perspective
    perspective_scale: float = 0.1  # its strength: share of half a side that corners move inwards
    pad: int = 10  # pixels of border before the random crop back to `size`; 0: no crop
    zoom: float = 0.0  # probability of a random resized crop
    zoom_area: float = 0.75  # smallest share of the area that it keeps
    rotation: float = 0.0  # probability of a rotation
    rotation_degrees: float = 10.0  # furthest to either side
    patch: float = 0.0  # probability of a patch of another training image
    jitter: float = 0.25  # probability of a colour change
    brightness: float = 0.2  # strength of the colour change
    contrast: float = 0.15
    saturation: float = 0.0
    hue: float = 0.0
    augmix: float = 0.0  # probability of AugMix
    blur: float = 0.25  # probability of a 5x5 Gaussian blur
    erasing: float = 0.5  # probability of random erasing
    erasing_max: float = 0.4  # largest share of the area that it covers; the smallest is 0.02
    erasing_fill: Literal["mean", "zero", "pixel"] = "mean"  # ImageNet's; black; noise

    def __post_init__(self) -> None:
        require(min(self.size) >= 16, "input.size", self.size, "at least 16 pixels are needed")
        rate, folder = self.box_rate, self.boxes
        require(0 <= rate <= 1, "input.box_rate", rate, "a share in [0, 1] is needed")
        rule = "input.box_rate needs the folder that python -m synthetic_aug.crop writes"
        require(rate == 0 or bool(folder), "input.boxes", folder, rule)
        shapes = ("swap", "flip", "perspective", "zoom", "rotation")
        for key in (*shapes, "patch", "jitter", "augmix", "blur", "erasing"):
            value = getattr(self, key)
            require(0 <= value <= 1, f"input.{key}", value, "a probability in [0, 1] is needed")
        for key in ("swap_feather", "swap_color", "swap_shadow"):
            value = getattr(self, key)
            require(0 <= value <= 1, f"input.{key}", value, "a share in [0, 1] is needed")
        area = self.zoom_area
        require(0 < area <= 1, "input.zoom_area", area, "a share in (0, 1] is needed")
        require(self.pad >= 0, "input.pad", self.pad, "a number of pixels >= 0 is needed")
        scale = self.perspective_scale
        require(0 <= scale <= 1, "input.perspective_scale", scale, "a share in [0, 1] is needed")
        turn = self.rotation_degrees
        require(0 <= turn <= 180, "input.rotation_degrees", turn, "0 to 180 degrees are needed")
        most = self.erasing_max
        require(0.02 <= most <= 1, "input.erasing_max", most, "a share in [0.02, 1] is needed")
