"""Keys and values of the configuration: their spellings, and the check of a value's type."""

import ast
from typing import Any, Literal, get_args, get_origin

from vreid.errors import ConfigError

ALIASES = {
    "model.device": "device",
    "model.name": "model.backbone",
    "model.pretrain_path": "model.weights",
    "model.pooling_method": "model.pooling",
    "model.id_loss_weight": "loss.id_weight",
    "model.triplet_loss_weight": "loss.triplet_weight",
    "model.id_loss_type": "loss.id",
    "model.metric_loss_type": "loss.metric",
    "loss.id_loss_weight": "loss.id_weight",
    "loss.triplet_loss_weight": "loss.triplet_weight",
    "loss.triplet_loss_margin": "loss.margin",
    "loss.center_loss_weight": "loss.center_weight",
    "input.size_train": "input.size",
    "input.prob": "input.flip",
    "input.padding": "input.pad",
    "input.re_prob": "input.erasing",
    "input.re_sh": "input.erasing_max",
    "input.colorjit_prob": "input.jitter",
    "input.augmix_prob": "input.augmix",
    "input.random_patch_prob": "input.patch",
    "input.random_blur_prob": "input.blur",
    "input.longtailed_thr": "data.min_images",
    "datasets.root_dir": "data.root",
    "datasets.combineall": "data.combine_all",
    "dataloader.num_instance": "solver.num_instance",
    "dataloader.num_workers": "solver.num_workers",
    "solver.optimizer_name": "solver.optimizer",
    "solver.fc_lr_factor": "solver.classifier_lr_factor",
    "solver.lr_scheduler": "solver.schedule",
    "solver.cycle_epoch": "solver.cycle_epochs",
    "solver.margin": "loss.margin",
    "solver.hard_example_mining_method": "loss.mining",
    "solver.cosine_scale": "loss.id_scale",
    "solver.cosine_margin": "loss.id_margin",
    "solver.center_lr": "loss.center_lr",
    "solver.xbm_size": "loss.memory_size",
    "test.ims_per_batch": "test.batch_size",
    "test.flip_test": "test.flip",
    "output_dir": "output",
}


def canonical(key: str) -> str:
    """Lower case, and the name of this program for a name of another."""
    head, *rest = key.split(".")
    if head.lower() == "members":  # the names of members are the user's own
        return ".".join([head.lower(), *rest])
    if head.lower() == "extra":  # and those of further data sets
        return ".".join([head.lower(), *rest[:1], *(name.lower() for name in rest[1:])])
    lower = key.lower()
    return ALIASES.get(lower, lower)


def coerce(value: Any, hint: Any, where: str) -> Any:
    """Check a leaf against its declared type; an int serves as a float, "3.5e-4" as a number."""
    if get_origin(hint) is Literal:
        choices = get_args(hint)
        if value not in choices:
            raise ConfigError(f"{where} is {value!r}; one of {', '.join(map(str, choices))} needed")
        return value
    if get_origin(hint) is tuple:
        kinds = get_args(hint)
        items = value if isinstance(value, list | tuple) else ()
        wanted = f"{len(kinds)} values like [320, 320]"
        if kinds[-1] is Ellipsis:  # any number of them
            first = get_args(kinds[0])[0] if get_origin(kinds[0]) is Literal else "rank1"
            is_word = kinds[0] is str or get_origin(kinds[0]) is Literal
            wanted = "a list like " + (f"[{first}]" if is_word else "[30, 55]")
            kinds = kinds[:1] * (len(items) if isinstance(value, list | tuple) else 1)
        if len(items) != len(kinds):
            raise ConfigError(f"{where} is {value!r}; expected {wanted}")
        return tuple(
            coerce(item, kind, f"{where}[{idx}]")
            for idx, (item, kind) in enumerate(zip(items, kinds, strict=True))
        )
    if hint is float and isinstance(value, str):
        value = literal(value)  # YAML 1.1 reads 1e-3 as a text
    if hint is float and type(value) is int:
        value = float(value)
    if hint is str and type(value) in (int, float):
        value = str(value)
    if type(value) is not hint:
        raise ConfigError(
            f"{where} is {value!r} of type {type(value).__name__}; expected {hint.__name__}"
        )
    return value


def literal(text: Any) -> Any:
    """The value that a text on the command line spells; the text itself when it spells none."""
    if not isinstance(text, str):
        return text
    if text.lower() in ("true", "yes", "on"):
        return True
    if text.lower() in ("false", "no", "off"):
        return False
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text
