"""YAML of others, read under a bound: nine lines of aliases stand for a billion values."""

from typing import Any

import yaml
from typing_extensions import override

LARGEST = 2**22  # characters; a lock of 500 packages with all hashes has a million

DEEPEST = 100  # brackets within brackets
ERROR = yaml.YAMLError
_DEEP = "is nested without an end"


class BeyondBounds(yaml.YAMLError):
    """A text has an alias, or is larger or nested deeper than any environment. It says what it has, for people."""


class _Loader(yaml.SafeLoader):
    @override
    def compose_node(self, parent: yaml.Node | None, index: int) -> yaml.Node | None:
        if self.check_event(yaml.AliasEvent):
            event: yaml.AliasEvent = self.peek_event()  # type: ignore[no-untyped-call]
            raise BeyondBounds(f"has the alias *{event.anchor}, which must be written out")
        return super().compose_node(parent, index)

    @override
    def fetch_flow_collection_start(self, TokenClass: Any) -> None:  # PyYAML's name
        if self.flow_level > DEEPEST:  # its scanner takes time by the square of the depth
            raise BeyondBounds(_DEEP)
        super().fetch_flow_collection_start(TokenClass)


def load(text: str) -> Any:  # noqa: ANN401  # YAML
    """Return what `text` says; raise yaml.YAMLError, and ValueError for values such as a date that doesn't exist."""
    if len(text) > LARGEST:
        raise BeyondBounds(f"has more than {LARGEST >> 20} million characters")
    try:
        return yaml.load(text, _Loader)  # noqa: S506  # a SafeLoader
    except RecursionError:
        raise BeyondBounds(_DEEP) from None
