"""The parameters that ``python -m scripts.search`` chose, and whether they are still those to use.

``<output>/<name>/chosen.yml`` holds the chain with its numbers and how they were found. It is used
while the recipe's chain, the protocol, the views of an image and the weights are those that it was
made with.
"""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from scripts.graph.memory import plain_chain
from scripts.plan import Plan
from vreid.config_tree import plain
from vreid.errors import DataError
from vreid.files import hash_file, hash_text, write_text
from vreid.options.chain import parse_chain
from vreid.options.chain_features import Stage
from vreid.options.chain_order import check_order

SCHEMA = 1
_VIEWS = ("flip", "scales", "crops", "checkpoint", "protocol")  # options that the scores follow


@dataclass(frozen=True)
class Chosen:
    """What a search has found.

    Attributes:
        path: Its file.
        chain: The stages with the numbers to use.
        changed: What differs from the recipe, such as ``4 rerank.k1 20 -> 7``; empty when the
            recipe's own numbers are kept.
        inputs: See `inputs_hash`.
    """

    path: Path
    chain: tuple[Stage, ...]
    changed: tuple[str, ...]
    inputs: str


def chosen_path(plan: Plan) -> Path:
    """Where the parameters of a recipe are."""
    return plan.base / "chosen.yml"


def inputs_hash(plan: Plan) -> str:
    """SHA-256 over all that a choice of parameters rests on and that may change behind it."""
    test = plan.config.test
    weights = {
        name: hash_file(plan.run(name) / f"{test.checkpoint}.pt")
        for name in (*plan.members, *plan.classifiers)
    }
    facts = {
        "chain": plain(plain_chain(plan.config)),
        "test": {key: plain(getattr(test, key)) for key in _VIEWS},
        "weights": weights,
    }
    return hash_text(str(yaml.safe_dump(facts)))


def write_chosen(plan: Plan, chain: tuple[Stage, ...], record: dict[str, Any]) -> Path:
    """Write the chain to use with the record of how it was found."""
    lines = [
        "# Written by python -m scripts.search; python -m scripts.test uses the chain while the",
        "# recipe and its runs are those that it was searched with. Remove the file to go back.",
    ]
    facts = {"schema": SCHEMA, "inputs": inputs_hash(plan), **record, "chain": plain(chain)}
    text = yaml.safe_dump(facts, sort_keys=False, allow_unicode=True, width=100)
    return write_text(chosen_path(plan), "\n".join([*lines, str(text)]))


def read_chosen(path: Path) -> Chosen:
    """Read the file of a search.

    Raises:
        DataError: When it is not such a file.
    """
    try:
        facts = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise DataError(f"{path}: cannot be read ({' '.join(str(error).split())})") from None
    if not isinstance(facts, dict) or facts.get("schema") != SCHEMA or "chain" not in facts:
        raise DataError(
            f"{path}: not a file of chosen parameters; remove it, or search again with python -m"
            " scripts.search"
        )
    chain = parse_chain(facts["chain"], f"{path}: chain")
    check_order(chain)
    changed = facts.get("changed") or {}
    lines = [f"{key} {one['recipe']} -> {one['chosen']}" for key, one in changed.items()]
    return Chosen(path, chain, tuple(lines), str(facts.get("inputs")))


def with_chosen(plan: Plan, *, use: bool = True) -> Plan:
    """The plan with the parameters that a search chose, if there are any; says which are used.

    Args:
        plan: The recipe, whose runs are trained.
        use: Whether chosen parameters are looked for at all.

    Raises:
        DataError: When the file of a search cannot be used.
    """
    path = chosen_path(plan)
    if not path.exists():
        return plan
    if not use:
        print(f"parameters: the recipe's own; {path} is passed over, as asked")
        return plan
    chosen = read_chosen(path)
    if chosen.inputs != inputs_hash(plan):
        print(
            f"note: {path} was searched with other options or weights, so the recipe's own"
            " parameters are used; search again with python -m scripts.search"
        )
        return plan
    if not chosen.changed:
        print(f"parameters: the recipe's own; no others were surely better on validation ({path})")
        return plan
    print(f"chosen parameters: {', '.join(chosen.changed)} from {path}")
    return dataclasses.replace(plan, config=dataclasses.replace(plan.config, chain=chosen.chain))
