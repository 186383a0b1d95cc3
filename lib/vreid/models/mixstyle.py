"""MixStyle: while training, features take on the mean and deviation of another image's.

Zhou et al., "Domain Generalization with MixStyle", ICLR 2021, arXiv:2104.02008. A style is the mean
and the deviation of each channel over the map; it holds light, camera and renderer. In the form
``halves`` the partner comes from the other half of the batch, which is worth something only where
the sampler puts one domain (real) into the first half and the other (synthetic) into the second;
``shuffle`` takes any image of the batch. It sits after the first two stages and has no weights.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from vreid.errors import ConfigError

FORMS = ("halves", "shuffle")
REDUCTIONS = (4, 8)  # pixels a step of the map behind stage 1 and stage 2
EPS = 1e-6  # of the paper's code, on the variance


@dataclass(frozen=True)
class MixStyle:
    """A forward hook that mixes the styles of a stage's maps while that stage is training.

    The random numbers come from torch's generator of the host, which checkpoints save, also where
    the maps are on a GPU; every call decides anew whether to mix.

    Attributes:
        form: ``halves`` or ``shuffle``.
        prob: Probability of mixing at a call.
        alpha: Both parameters of the Beta distribution that the weights are drawn from; small ones
            give weights near 0 or 1.
    """

    form: str = "shuffle"
    prob: float = 0.5
    alpha: float = 0.1

    def __post_init__(self) -> None:
        if self.form not in FORMS:
            raise ConfigError(f"model.mixstyle is {self.form!r}; expected {' or '.join(FORMS)}")
        if not 0 <= self.prob <= 1 or self.alpha <= 0:
            raise ConfigError(
                f"MixStyle with probability {self.prob} and alpha {self.alpha}; expected a"
                " probability in [0, 1] and an alpha above 0"
            )

    def __call__(self, stage: nn.Module, inputs: tuple[Any, ...], maps: Tensor) -> Tensor:
        """Mixed maps (B, C, h, w); the maps as they are in evaluation mode."""
        if not stage.training or torch.rand((), device="cpu").item() >= self.prob:
            return maps
        partners = draw_partners(len(maps), halves=self.form == "halves")
        # float64: a Gamma number of parameter 0.1 can be too small for float32.
        alpha = torch.tensor(self.alpha, dtype=torch.float64, device="cpu")
        weights = torch.distributions.Beta(alpha, alpha).sample((len(maps),)).float()
        return mix_styles(maps, partners.to(maps.device), weights=weights.to(maps.device))


def draw_partners(batch: int, *, halves: bool, generator: torch.Generator | None = None) -> Tensor:
    """For each image of a batch the one whose style it takes on, as (B,) indices.

    - ``halves``: the first half draws from the second and the second from the first, each image
      once; the one in the middle of an odd batch keeps its own.
    - else: a permutation of the batch.

    >>> sorted(draw_partners(4, halves=True)[:2].tolist())
    [2, 3]
    """
    if not halves:
        return torch.randperm(batch, generator=generator, device="cpu")
    half = batch // 2
    first, second = (
        torch.randperm(half, generator=generator, device="cpu") + start
        for start in (batch - half, 0)
    )
    return torch.cat([first, torch.arange(half, batch - half, device="cpu"), second])


def mix_styles(maps: Tensor, partners: Tensor, *, weights: Tensor) -> Tensor:
    """Give maps a style between their own and their partner's.

    (λσ + (1 - λ)σ') · (x - μ)/σ + λμ + (1 - λ)μ', where no gradient flows through the styles.

    Args:
        maps: (B, C, h, w), more than one pixel each.
        partners: (B,) indices into the batch.
        weights: (B,) λ in [0, 1]; 1 keeps the own style.

    Returns:
        (B, C, h, w) of the maps' type, computed in float32.
    """
    with torch.autocast(maps.device.type, enabled=False):
        values = maps.float()
        with torch.no_grad():
            mean = values.mean(dim=(2, 3), keepdim=True)  # (B, C, 1, 1)
            std = (values.var(dim=(2, 3), keepdim=True) + EPS).sqrt()
            lam = weights.float().view(-1, 1, 1, 1)
            mixed_mean = lam * mean + (1 - lam) * mean[partners]
            mixed_std = lam * std + (1 - lam) * std[partners]
        return ((values - mean) / std * mixed_std + mixed_mean).to(maps.dtype)


def attach_mixstyle(net: nn.Module, mixstyle: MixStyle, *, images: Tensor, name: str) -> None:
    """Put MixStyle behind the first two stages of a timm network.

    Args:
        net: In evaluation mode; its names and weights stay as they are.
        mixstyle: The hook; networks copied from this one get a copy of it.
        images: (1, 3, H, W) to try it on.
        name: The network's name for the message.

    Raises:
        ConfigError: When the network has no such stages, or they do not give maps.
    """
    stages = [
        next((info for info in _feature_info(net) if info["reduction"] == reduction), None)
        for reduction in REDUCTIONS
    ]
    shapes: dict[str, torch.Size] = {}
    hooks = [
        net.get_submodule(info["module"]).register_forward_hook(_note(info["module"], shapes))
        for info in stages
        if info is not None
    ]
    with torch.no_grad():
        net.forward_features(images)  # type: ignore[operator]
    for hook in hooks:
        hook.remove()
    for info in stages:
        shape = shapes.get(info["module"]) if info is not None else None
        if info is None or shape is None or len(shape) != 4 or shape[1] != info["num_chs"]:
            raise ConfigError(
                f"model.mixstyle: {name} has no two stages that give maps of a fourth and an eighth"
                " of the image; take a convolutional network or set model.mixstyle none"
            )
        net.get_submodule(info["module"]).register_forward_hook(mixstyle)


def _feature_info(net: nn.Module) -> list[dict[str, Any]]:
    """What timm says of the stages; that of HRNet names modules which it does not have."""
    infos: list[dict[str, Any]] = list(getattr(net, "feature_info", ()))
    modules = dict(net.named_modules())
    return [info for info in infos if info.get("module") in modules and info["module"]]


def _note(path: str, shapes: dict[str, torch.Size]) -> Any:
    def note(_: nn.Module, inputs: tuple[object, ...], output: object) -> None:
        if isinstance(output, Tensor):
            shapes[path] = output.shape

    return note
