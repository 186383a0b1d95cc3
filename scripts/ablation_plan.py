"""The plan of an ablation: a recipe, what all trainings share, and one ingredient a variant.

A plan is a YAML file of ``configs/ablations/``:

    recipe: ../recipes/toycity.yml       # from the plan's folder
    base: {solver: {max_epochs: 12}}     # options over the recipe that all share; may be left out
    mode: on                             # on: variants add to the base; off: they take away
    variants:
      ibn: {model: {ibn: true}}          # options over the base
    seeds: [0, 1, 2]                     # solver.seed of the trainings of each variant
    target: {data: {root: data/other}}   # options over the base: what is measured on; may be empty

Every variant becomes an ordinary recipe whose members are its seeds, so that each training is one
of `scripts.train`. All variants must be measured on the same images by the same protocol: those of
the base, which no variant may change then, or those of ``target``, whatever a variant trains on.
"""

import re
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import yaml

from vreid.config import diff_configs, dump_config, load_config
from vreid.errors import ConfigError
from vreid.files import write_text
from vreid.options import Config

Mode = Literal["on", "off"]

BASE = "base"  # the variant that all others are compared with
COMMON = "common"  # the file of the options that all variants share
TARGET = "target"  # the file of what is measured, where that is not the base
KEYS = ("recipe", "base", "mode", "variants", "seeds", "target")
# What is measured, not what is compared.
SAME = (
    *("data.dataset", "data.root", "data.split", "data.test_size", "data.table"),
    *("data.test_fraction", "data.query_camera", "data.split_seed"),
    *("test.protocol", "test.truth"),
)
NOT_HERE = ("_base_", "name", "output", "members", "orientation", "camera", "chain")


@dataclass(frozen=True)
class Ablation:
    """A plan that was read and checked.

    Attributes:
        path: The plan's file.
        mode: Whether the variants add to the base or take away from it.
        seeds: Of the trainings asked for.
        configs: The options by variant, the base first; their seed is the recipe's.
        given: What the plan says of each variant, the base left out: ``key value`` texts.
        recipes: Text of each variant's recipe file, and of the files they share.
        target: The options by which all are measured: whose data, truth and protocol.
    """

    path: Path
    mode: Mode
    seeds: tuple[int, ...]
    configs: Mapping[str, Config]
    given: Mapping[str, tuple[str, ...]]
    recipes: Mapping[str, str]
    target: Config

    @property
    def name(self) -> str:
        """The name of the plan's file."""
        return self.path.stem

    @property
    def target_recipe(self) -> Path:
        """The recipe file of what is measured."""
        return self.recipe(TARGET if TARGET in self.recipes else BASE)

    @property
    def folder(self) -> Path:
        """Where the trainings are: ``<output>/ablation/<plan>``."""
        return Path(self.configs[BASE].output) / self.name

    def recipe(self, variant: str) -> Path:
        """The recipe file of a variant, which `write_recipes` writes."""
        return self.folder / f"{variant}.yml"

    def run_dir(self, variant: str, seed: int) -> Path:
        """The run directory of one training."""
        return self.folder / f"{variant}-{seed}"

    def config(self, variant: str, seed: int) -> Config:
        """The options of one training."""
        config = self.configs[variant]
        return replace(config, solver=replace(config.solver, seed=seed))

    def write_recipes(self) -> None:
        """Write the recipes that the trainings are started from."""
        for name, text in self.recipes.items():
            write_text(self.recipe(name), text)


def read_ablation(
    path: Path, overrides: Sequence[str] = (), *, seeds: Sequence[int] = ()
) -> Ablation:
    """Read a plan and check all its variants, before anything is trained.

    Args:
        path: The YAML file.
        overrides: ``key, value, …`` over the base; a variant's own options win over them.
        seeds: Instead of the plan's.

    Raises:
        ConfigError: For a plan without a part it needs, an option that does not exist or has a
            wrong value, a variant that changes nothing, or one that changes what is measured.
    """
    plan = _load(path)
    chosen = _seeds(seeds or plan["seeds"], "--seeds" if seeds else f"{path}: seeds")
    variants = _variants(plan["variants"], path)
    with tempfile.TemporaryDirectory() as folder:
        files = _Files(Path(folder), path)
        recipe = (path.parent / plan["recipe"]).resolve()
        shared = {"_base_": str(recipe), **_options(plan["base"], f"{path}: base")}
        common = files.load("base", _yaml(shared), overrides)
        common = replace(
            common,
            name=path.stem,
            output=str(Path(common.output) / "ablation"),
            members={},
            orientation={},
            camera={},
            chain=(),
        )
        recipes = {COMMON: dump_config(common)}
        write_text(Path(folder) / f"{COMMON}.yml", recipes[COMMON])
        target = common
        if plan["target"] is not None:
            given = _options(plan["target"], f"{path}: target")
            recipes[TARGET] = _yaml({"_base_": f"{COMMON}.yml", **given})
            target = files.load(TARGET, recipes[TARGET])
        configs, not_moved = {}, plan["target"] is None
        for name, options in {BASE: {}, **variants}.items():
            members = {f"{name}-{seed}": {"solver": {"seed": seed}} for seed in chosen}
            recipes[name] = _yaml({"_base_": f"{COMMON}.yml", **options, "members": members})
            config = files.load(name, recipes[name])
            seed = common.solver.seed  # that of the trainings is the plan's business
            config = replace(config, solver=replace(config.solver, seed=seed), members={})
            if name != BASE:
                _check_change(config, common, f"{path}: variant {name}", same=not_moved)
            configs[name] = config
    given = {name: tuple(_words(options)) for name, options in variants.items()}
    return Ablation(path, plan["mode"], chosen, configs, given, recipes, target)


class _Files:
    """Recipes in a temporary folder, whose errors name the plan instead."""

    def __init__(self, folder: Path, plan: Path) -> None:
        self.folder, self.plan = folder, plan

    def load(self, name: str, text: str, overrides: Sequence[str] = ()) -> Config:
        file = write_text(self.folder / f"{name}.yml", text)
        place = name if name in (BASE, TARGET) else f"variant {name}"
        try:
            return load_config(file, overrides)
        except ConfigError as error:
            raise ConfigError(str(error).replace(str(file), f"{self.plan}: {place}")) from None


def _load(path: Path) -> dict[str, Any]:
    try:
        plan = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise ConfigError(f"{path}: not a YAML file: {' '.join(str(error).split())}") from None
    if not isinstance(plan, dict):
        raise ConfigError(f"{path}: not a plan of an ablation; it needs {', '.join(KEYS)}")
    unknown = [key for key in plan if key not in KEYS]
    if unknown:
        raise ConfigError(f"{path}: a plan has no {unknown[0]!r}; it has {', '.join(KEYS)}")
    plan.setdefault("base", {})
    plan.setdefault("target", None)
    missing = [key for key in KEYS if key not in plan]
    if missing:
        raise ConfigError(f"{path}: {missing[0]} is missing; a plan has {', '.join(KEYS)}")
    if not isinstance(plan["recipe"], str):
        raise ConfigError(f"{path}: recipe is {plan['recipe']!r}; the path of a recipe is needed")
    if isinstance(plan["mode"], bool):
        plan["mode"] = "on" if plan["mode"] else "off"  # YAML 1.1 reads the two as truth values
    if plan["mode"] not in get_args(Mode):
        raise ConfigError(f"{path}: mode is {plan['mode']!r}; on or off is needed")
    return plan


def _seeds(seeds: object, where: str) -> tuple[int, ...]:
    found = list(seeds) if isinstance(seeds, list | tuple) else []
    is_number = all(type(seed) is int and seed >= 0 for seed in found)
    if not found or not is_number or len(set(found)) != len(found):
        raise ConfigError(f"{where} is {seeds!r}; different whole numbers like [0, 1, 2] needed")
    return tuple(found)


def _variants(variants: object, path: Path) -> dict[str, dict[str, Any]]:
    if not isinstance(variants, dict) or not variants:
        raise ConfigError(
            f"{path}: variants is {variants!r}; at least one NAME: {{options}} is needed"
        )
    for name in variants:
        if not isinstance(name, str) or not re.fullmatch(r"\w[\w-]*", name):
            raise ConfigError(
                f"{path}: a variant is named {name!r}; letters, digits, _ and - are needed"
            )
        if name in (BASE, COMMON, TARGET):
            raise ConfigError(f"{path}: a variant cannot be named {name}; rename it")
    return {name: _options(given, f"{path}: variant {name}") for name, given in variants.items()}


def _options(given: object, where: str) -> dict[str, Any]:
    if given is None:
        return {}
    if not isinstance(given, dict):
        raise ConfigError(f"{where} is {given!r}; options by section are needed")
    taken = [key for key in given if key in NOT_HERE]
    if taken:
        raise ConfigError(f"{where} sets {taken[0]}, which is not for a plan to choose")
    return dict(given)


def _check_change(config: Config, base: Config, where: str, *, same: bool) -> None:
    """See that a variant changes something, and if asked nothing of what is measured."""
    changes = diff_configs(base, config)
    if not changes:
        raise ConfigError(f"{where} changes nothing: the base has the same options")
    moved = [line for line in changes if line.startswith(tuple(f"{key}:" for key in SAME))]
    if moved and same:
        raise ConfigError(
            f"{where} changes what is measured ({'; '.join(moved)}), so that its scores cannot be"
            " compared; put that into the base, or give the plan a target"
        )


def _words(options: Mapping[str, Any], prefix: str = "") -> Iterator[str]:
    for key, value in options.items():
        if isinstance(value, Mapping):
            yield from _words(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key} {str(value).lower() if isinstance(value, bool) else value}"


def _yaml(options: Mapping[str, Any]) -> str:
    return str(yaml.safe_dump(dict(options), sort_keys=False, allow_unicode=True))
