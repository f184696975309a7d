"""YAML that others wrote, such as a registered conda file: read within limits, and without aliases."""

from typing import Any

import yaml

LARGEST = 2**21  # characters; a lock of a thousand packages has a tenth of it
DEEPEST = 20  # levels; a conda file has four


class _Loader(yaml.SafeLoader):
    """Refuses aliases, a few of which stand for billions of lines, and what is deeper than anybody writes by hand."""

    _depth = 0

    def compose_node(self, parent: Any, index: Any) -> Any:  # noqa: ANN401  # as PyYAML has it
        if self.check_event(yaml.AliasEvent):
            raise yaml.YAMLError("it has an alias")
        self._depth += 1
        if self._depth > DEEPEST:
            raise yaml.YAMLError(f"it has more than {DEEPEST} levels")
        node = super().compose_node(parent, index)
        self._depth -= 1
        return node


def load(text: str) -> Any:  # noqa: ANN401  # YAML
    """Return the data of a YAML text; raise ValueError for what isn't YAML, or is beyond the limits."""
    if len(str(text)) > LARGEST:
        raise ValueError(f"it has more than {LARGEST} characters")
    try:
        return yaml.load(text, _Loader)  # noqa: S506  # a SafeLoader
    except (yaml.YAMLError, RecursionError, TypeError, AttributeError) as error:
        raise ValueError(str(error)[:200]) from None
