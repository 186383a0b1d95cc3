"""The hash by which outputs of a trained model know the options that they were made with."""

import yaml

from vreid.config_tree import plain
from vreid.files import hash_text
from vreid.options import Config, forward_options

# Options that came after the first features were written, by section. They count only away from
# their defaults, which change nothing, so that those features stay current.
_LATER = {"test": ("scales", "crops"), "input": ("boxes", "box_rate")}


def hash_options(config: Config) -> str:
    """SHA-256 over `forward_options` in hexadecimal.

    ``test.boxes`` does not count: whoever uses the boxes records those of the images themselves.
    """
    options, usual = plain(forward_options(config)), plain(Config())
    del options["test"]["boxes"]
    for section, keys in _LATER.items():
        for key in keys:
            if options[section][key] == usual[section][key]:
                del options[section][key]
    return hash_text(str(yaml.safe_dump(options, sort_keys=False, allow_unicode=True)))
