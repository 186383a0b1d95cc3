from dataclasses import replace

import pytest
import yaml

from vreid.config import dump_config
from vreid.files import hash_text
from vreid.forward_hash import hash_options
from vreid.options import Config, EvaluationOptions, SolverOptions, forward_options

LATER = {"test": ["scales", "crops", "boxes"], "input": ["boxes", "box_rate"]}


def test_options_at_their_defaults_leave_older_outputs_current() -> None:
    options = yaml.safe_load(dump_config(forward_options(Config())))
    for section, keys in LATER.items():
        options[section] = {key: one for key, one in options[section].items() if key not in keys}
    text = yaml.safe_dump(options, sort_keys=False, allow_unicode=True)
    assert hash_options(Config()) == hash_text(text)


@pytest.mark.parametrize(
    ("test", "same"),
    [
        (EvaluationOptions(flip=False), False),
        (EvaluationOptions(scales=(1.0, 1.25)), False),
        (EvaluationOptions(crops=("whole", "centre")), False),
        (EvaluationOptions(boxes="elsewhere"), True),  # boxes have a hash of their own
    ],
)
def test_what_changes_the_outputs_changes_the_hash(test: EvaluationOptions, same: bool) -> None:
    assert (hash_options(Config(test=test)) == hash_options(Config())) is same


def test_the_rest_of_a_recipe_does_not_count() -> None:
    assert hash_options(Config(name="a", output="b")) == hash_options(Config())
    other = replace(Config(), solver=SolverOptions(seed=1))
    assert hash_options(other) != hash_options(Config())
