"""A colour table, built with pdm."""

import json
from importlib import resources


def colour(name: str) -> str:
    """Return a colour by name, such as ``#d7263d``; KeyError if there is none."""
    table = json.loads(resources.files(__name__).joinpath("colours.json").read_text("utf-8"))
    return table[name]
