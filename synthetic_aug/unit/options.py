"""Options of a UNIT training, and how they are read from YAML and the command line."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, get_type_hints

import yaml

from vreid.config_keys import coerce, literal
from vreid.errors import ConfigError
from vreid.options.check import require


@dataclass(frozen=True)
class UnitOptions:
    """Everything a training depends on. The weights of the losses are the paper's."""

    name: str = "unit"
    output: str = "runs/unit"  # the run is <output>/<name>
    device: str = "auto"  # cuda, cpu; auto: cuda where there is one
    precision: Literal["auto", "fp32", "bf16", "fp16"] = "auto"
    seed: int = 0

    source: str = ""  # folder of images to be translated, the rendered ones
    target: str = ""  # folder of images that they shall look like
    held_out: float = 0.0  # share of both, by name, that is not trained on, to measure distance
    size: int = 128  # pixels of the square that images are resized to
    flip: bool = True  # mirror every other image
    workers: int = 2  # threads that decode images
    cache_mb: int = 2048  # megabytes of decoded images to keep

    channels: int = 64  # of the first layer; each halving of the size doubles them
    downsamples: int = 2  # halvings of the size on the way to the latent space
    blocks: int = 3  # residual blocks of a domain's own, in encoder and decoder
    shared_blocks: int = 1  # residual blocks that the domains share, in encoder and decoder
    critic_channels: int = 64  # of a discriminator's first layer; each layer doubles them to x 8
    critic_layers: int = 4  # of a discriminator, each halves the size
    critic_scales: int = 3  # sizes of the image that are judged; 1: one patch discriminator

    gan_weight: float = 10.0
    kl_weight: float = 0.1
    reconstruction_weight: float = 100.0
    cycle_kl_weight: float = 0.1
    cycle_weight: float = 100.0

    steps: int = 100_000
    decay_steps: int = 0  # last steps, in which the learning rate falls to 0 in a line
    batch_size: int = 1  # images of each domain
    lr: float = 1e-4
    beta1: float = 0.5
    beta2: float = 0.999

    log_every: int = 50  # steps between lines of the log
    sheet_every: int = 1000  # steps between sample sheets
    checkpoint_every: int = 1000  # steps between checkpoints
    sheet_images: int = 6  # rows of a sample sheet

    def __post_init__(self) -> None:
        self._check_numbers()
        rule = "a folder's name without slashes is needed"
        require(bool(self.name) and "/" not in self.name, "name", self.name, rule)
        multiple = 2**self.downsamples
        rule = f"a multiple of {multiple} from 16 on is needed (2^downsamples)"
        require(self.size >= 16 and self.size % multiple == 0, "size", self.size, rule)
        least = 2 ** (self.critic_layers + self.critic_scales - 1)
        rule = f"at most size = {self.size} is needed; lower critic_layers or critic_scales"
        found = f"2^(critic_layers + critic_scales - 1) = {least}"
        require(least <= self.size, "critic_layers", found, rule)

    def _check_numbers(self) -> None:
        counts = ("channels", "blocks", "critic_channels", "critic_layers", "critic_scales")
        periods = ("batch_size", "log_every", "sheet_every", "checkpoint_every", "sheet_images")
        for key in (*counts, *periods, "steps", "shared_blocks", "downsamples", "workers"):
            value = getattr(self, key)
            require(value >= 1, key, value, "at least 1 is needed")
        weights = ("gan_weight", "kl_weight", "reconstruction_weight", "cycle_kl_weight")
        for key in (*weights, "cycle_weight", "cache_mb", "seed", "decay_steps"):
            value = getattr(self, key)
            require(value >= 0, key, value, "0 or more is needed")
        for key in ("held_out", "beta1", "beta2"):
            value = getattr(self, key)
            require(0 <= value < 1, key, value, "[0, 1) is needed")
        require(self.lr > 0, "lr", self.lr, "a positive rate is needed")
        rule = f"at most steps = {self.steps} is needed"
        require(self.decay_steps <= self.steps, "decay_steps", self.decay_steps, rule)

    @property
    def run_dir(self) -> Path:
        """The directory of the run."""
        return Path(self.output) / self.name


# These say how a run is carried out, not what it computes: they may change between two starts.
FREE_KEYS = frozenset(
    {"output", "name", "device", "workers", "cache_mb"}
    | {"log_every", "sheet_every", "checkpoint_every", "sheet_images"}
)


def load_options(path: Path, overrides: Sequence[str] = ()) -> UnitOptions:
    """Read options from YAML; ``key value`` pairs win over the file.

    Raises:
        ConfigError: For a missing file, YAML that does not parse, an unknown key (answered with the
            nearest), a value of a wrong type or out of its range.
    """
    try:
        loaded = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        beside = ", ".join(sorted(str(other) for other in path.parent.glob("*.yml"))) or "none"
        raise ConfigError(f"{path}: no such configuration file; there are: {beside}") from None
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: not a YAML file: {' '.join(str(error).split())}") from None
    if not isinstance(loaded, dict | None):
        raise ConfigError(f"{path}: found {type(loaded).__name__}; expected options as key: value")
    if len(overrides) % 2:
        raise ConfigError(f"overrides are pairs of key and value; {overrides[-1]!r} has no value")
    values = _checked(loaded or {}, str(path))
    pairs = zip(overrides[::2], overrides[1::2], strict=True)
    values |= _checked({key: literal(text) for key, text in pairs}, "command line")
    try:
        return UnitOptions(**values)
    except ConfigError as error:
        raise ConfigError(f"{path}: {error}") from None


def dump_options(options: UnitOptions) -> str:
    """The options as YAML text; `load_options` of it gives equal ones."""
    return str(yaml.safe_dump(asdict(options), sort_keys=False, allow_unicode=True))


def differences(old: UnitOptions, new: UnitOptions) -> list[str]:
    """What differs and matters, as ``key: old -> new``.

    A run may go on to more steps, unless its learning rate was falling to the old end.
    """
    free = FREE_KEYS | ({"steps"} if old.decay_steps == 0 and new.steps >= old.steps else set())
    left, right = asdict(old), asdict(new)
    return [
        f"{key}: {left[key]} -> {right[key]}"
        for key in left
        if key not in free and left[key] != right[key]
    ]


def _checked(layer: Mapping[Any, Any], where: str) -> dict[str, Any]:
    hints = get_type_hints(UnitOptions)
    for key in layer:
        if key not in hints:
            near = difflib.get_close_matches(str(key), hints, n=1, cutoff=0.5)
            hint = f"did you mean {near[0]}?" if near else f"the options are {', '.join(hints)}"
            raise ConfigError(f"{where}: there is no option {key}; {hint}")
    return {key: coerce(value, hints[key], f"{where}: {key}") for key, value in layer.items()}
