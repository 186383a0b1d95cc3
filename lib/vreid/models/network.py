"""timm's networks with their weights: from the model hub, from a file, or random.

A file's learned positions are resampled to the image's size; those of the hub too.
"""

import difflib
from pathlib import Path
from typing import Any

import timm
from safetensors import SafetensorError
from timm.models import get_pretrained_cfg
from torch import nn

from vreid.errors import ConfigError, UserError
from vreid.models.ibn import convert_ibn_a
from vreid.models.transformer import drop_pooling, fit_state, spread_drop_path
from vreid.models.weights import copy_weights, fetch_pretrained, is_ibn, read_weights


def create_network(
    name: str,
    *,
    ibn: bool = False,
    weights: str = "timm",
    image_size: tuple[int, int] | None = None,
    drop_path: float = 0.0,
    token_dropout: float = 0.0,
    attention_dropout: float = 0.0,
) -> Any:
    """A network without pooling and classifier; see `vreid.models.backbone.build_backbone`.

    Raises:
        ConfigError: When the network is unknown, has no such rates, or the weights are missing or
            belong to another network.
    """
    rates = {
        "drop_path_rate": drop_path,
        "pos_drop_rate": token_dropout,
        "attn_drop_rate": attention_dropout,
    }
    file = weights if weights not in ("timm", "none") else ""
    if weights == "timm" and name.startswith("volo_"):  # timm does not resample its positions
        file = str(fetch_pretrained(name))
    net = _create(name, image_size, fetch=weights == "timm" and not file, rates=rates)
    _prepare(net, ibn, file)
    spread_drop_path(net, drop_path)
    return net


def _create(
    name: str, image_size: tuple[int, int] | None, *, fetch: bool, rates: dict[str, float]
) -> Any:
    """timm's network, with pretrained weights when they are to be fetched."""
    if not timm.is_model(name):
        near = difflib.get_close_matches(name, timm.list_models(), n=3)
        hint = f"did you mean {' or '.join(near)}?" if near else "see timm.list_models()"
        raise ConfigError(
            f"model.backbone: timm {timm.__version__} has no network {name!r}; {hint}"
        )
    options: dict[str, Any] = {"num_classes": 0, "global_pool": ""}
    options |= {key: rate for key, rate in rates.items() if rate > 0}
    try:
        cfg = get_pretrained_cfg(name)
        if cfg is not None and cfg.fixed_input_size:
            if image_size is not None:
                options["img_size"] = image_size
            if fetch:  # the weights of its own pooling are a part of the file
                del options["global_pool"]
        if fetch:
            options["pretrained"] = True
            options["pretrained_cfg_overlay"] = {"file": str(fetch_pretrained(name))}
        net = timm.create_model(name, **options)
        drop_pooling(net)
        return net
    except UserError:
        raise
    except (RuntimeError, TypeError, AssertionError, ValueError, SafetensorError) as error:
        raise ConfigError(
            f"model.backbone: timm cannot build {name} as a backbone ({error}); take another"
            " network or tag"
        ) from None


def _prepare(net: nn.Module, ibn: bool, file: str) -> None:
    """Load a file, if one is given, and convert to IBN-a, in the order that fits the file."""
    if not file:
        if ibn:
            convert_ibn_a(net)
        return
    state = fit_state(net, read_weights(Path(file).expanduser()))
    if ibn and is_ibn(state):
        convert_ibn_a(net)
        copy_weights(net, state, source=file)
        return
    copy_weights(net, state, source=file)
    if ibn:
        convert_ibn_a(net)
