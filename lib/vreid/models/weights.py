"""Weights for a backbone: from a file, or from the model hub through timm.

Loading is strict: every tensor of the network is filled and every tensor of the file is used,
except for the classifier that was trained with it.
"""

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url
from huggingface_hub.errors import LocalEntryNotFoundError
from safetensors import SafetensorError
from safetensors.torch import load_file
from timm.models import get_pretrained_cfg
from torch import Tensor, nn

from vreid.errors import ConfigError

HUB_TIMEOUT = 5.0  # seconds; enough for one HEAD request wherever a download makes sense
CLASSIFIERS = ("fc", "classifier", "head.fc", "head", "aux_head")  # torchvision, timm, IBN-Net
WRAPPERS = ("state_dict", "model")  # where training scripts put the weights beside other things


def read_weights(path: Path) -> dict[str, Tensor]:
    """Read a file of named tensors.

    A ``state_dict`` inside a larger dictionary is unwrapped, and the prefix ``module.`` of
    DataParallel, if all names have it, is taken off. Nothing but tensors is ever unpickled.

    Args:
        path: ``.safetensors``, or anything that ``torch.save`` wrote.

    Raises:
        ConfigError: When the file is missing or is neither.
    """
    if not path.is_file():
        raise ConfigError(
            f"model.weights: no such file {path}; give a .safetensors or .pth file, 'timm' for the"
            " model hub, or 'none'"
        )
    try:
        if path.suffix == ".safetensors":
            held: Any = load_file(path)
        else:
            held = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, SafetensorError, RuntimeError, EOFError, ValueError) as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise ConfigError(
            f"model.weights: {path} cannot be read ({reason}); expected a .safetensors file or a"
            " file of tensors written by torch.save; is the download complete?"
        ) from None
    for wrapper in WRAPPERS:
        if isinstance(held, Mapping) and isinstance(held.get(wrapper), Mapping):
            held = held[wrapper]
    if not isinstance(held, Mapping) or not all(isinstance(v, Tensor) for v in held.values()):
        raise ConfigError(
            f"model.weights: {path} holds {type(held).__name__}, not a dictionary of tensors by"
            " name; save the network's state_dict"
        )
    prefix = "module." if held and all(key.startswith("module.") for key in held) else ""
    return {key[len(prefix) :]: value for key, value in held.items()}


def is_ibn(state: Mapping[str, Tensor]) -> bool:
    """Whether the tensors belong to a network that has been converted to IBN-a."""
    return any(".IN." in key for key in state)


def load_weights(net: nn.Module, path: Path) -> None:
    """Read a file and copy it into a network; see `read_weights` and `copy_weights`."""
    copy_weights(net, read_weights(path), source=str(path))


def copy_weights(net: nn.Module, state: Mapping[str, Tensor], *, source: str) -> None:
    """Copy tensors into a network by name, cast to the network's own type (float16 to float32).

    Args:
        net: The network, without classifier.
        state: Its tensors; those of a classifier are left out, and the step counters of batch
            normalisation, which old files lack, may be missing.
        source: Where they come from, for the message.

    Raises:
        ConfigError: When a name is missing, unknown or of another shape; nothing is copied then.
    """
    ours = net.state_dict()
    theirs = {
        key: value
        for key, value in state.items()
        if key in ours or key.rpartition(".")[0] not in CLASSIFIERS
    }
    missing = [key for key in ours if key not in theirs and not key.endswith("num_batches_tracked")]
    unknown = [key for key in theirs if key not in ours]
    shapes = [
        f"{key} {tuple(value.shape)} for {tuple(ours[key].shape)}"
        for key, value in theirs.items()
        if key in ours and ours[key].shape != value.shape
    ]
    if missing or unknown or shapes:
        raise ConfigError(
            f"model.weights: {source} holds the weights of another architecture than"
            f" {type(net).__name__} as configured: {_count('missing', missing)};"
            f" {_count('unknown', unknown)}; {_count('of another shape', shapes)};"
            f" {_advice(is_ibn(state), is_ibn(ours))}"
        )
    net.load_state_dict(theirs, strict=False)


def _count(word: str, entries: list[str]) -> str:
    first = ", ".join(entries[:3]) + (", ..." if len(entries) > 3 else "")
    return f"{len(entries)} {word}" + (f" ({first})" if entries else "")


def _advice(file_has_ibn: bool, net_has_ibn: bool) -> str:
    if file_has_ibn and not net_has_ibn:
        return "the file is of an IBN-a network: set model.ibn true"
    return "set model.backbone to the network that the file was made for, or give another file"


def fetch_pretrained(name: str) -> Path:
    """Path of timm's pretrained weights for a network, downloaded unless they are in the cache.

    The hub's library tries for almost a minute before it admits that there is no network; one short
    request goes ahead of it, so that a machine without a network gets its answer in seconds.

    Raises:
        ConfigError: When timm has no weights for the network or the hub cannot be reached.
    """
    cfg = get_pretrained_cfg(name)
    if cfg is None or not cfg.hf_hub_id:
        raise ConfigError(
            f"{name}: timm has no pretrained weights on the model hub; set model.weights to a file,"
            " or to 'none' to start from random weights"
        )
    file = cfg.hf_hub_filename or "model.safetensors"
    try:
        return Path(hf_hub_download(cfg.hf_hub_id, file, local_files_only=True))
    except LocalEntryNotFoundError:
        pass
    try:
        get_hf_file_metadata(hf_hub_url(cfg.hf_hub_id, file), timeout=HUB_TIMEOUT)
        return Path(hf_hub_download(cfg.hf_hub_id, file))
    except Exception as error:  # the HTTP library, and so the class, changes between hub versions
        raise ConfigError(
            f"{name}: its pretrained weights ({file} of {cfg.hf_hub_id}) are not on this machine"
            f" and could not be fetched from the model hub ({type(error).__name__}: {error}); check"
            " the network, or set model.weights to a file that you have, or to 'none' to start"
            " from random weights"
        ) from None
