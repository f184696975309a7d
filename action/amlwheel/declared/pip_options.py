"""The options of a line of a requirements file, read by the same parser as pip's."""

import optparse
import re
import shlex
from dataclasses import dataclass
from typing import NoReturn

# pip, `_internal/req/req_file.py`, SUPPORTED_OPTIONS and SUPPORTED_OPTIONS_REQ; `--group` is pip's on its command line
# alone, but is what a list that stands in place of that line needs.
_WITH_VALUE = (
    ("-i", "--index-url", "--pypi-url"),
    ("--extra-index-url",),
    ("-c", "--constraint"),
    ("-r", "--requirement"),
    ("-e", "--editable"),
    ("-f", "--find-links"),
    ("--no-binary",),
    ("--only-binary",),
    ("--trusted-host",),
    ("--use-feature",),
    ("--uploaded-prior-to",),
    ("--group",),
    ("--hash",),
    ("-C", "--config-settings", "--config-setting"),
    ("--global-option",),
)
_FLAGS = ("--no-index", "--prefer-binary", "--require-hashes", "--pre")


class UnreadableError(Exception):
    """pip's parser would refuse the line."""


class _Parser(optparse.OptionParser):
    def error(self, msg: str) -> NoReturn:
        raise UnreadableError(msg)


@dataclass(frozen=True)
class Parsed:
    """A line's words before its options, and the options in order: long name (`--index-url`) and value."""

    words: str
    options: tuple[tuple[str, str], ...]

    def values(self, name: str) -> list[str]:
        """Return the values of an option."""
        return [value for option, value in self.options if option == name]


def parse(line: str) -> Parsed:
    """Split `line` into a requirement and its options; raise UnreadableError for an unknown option."""
    words = re.split(r"\s+(?=-)", f" {line}", maxsplit=1)  # pip: what follows the first word with a dash is options
    found: list[tuple[str, str]] = []

    def keep(_option: optparse.Option, name: str, value: str | None, _parser: optparse.OptionParser) -> None:
        found.append((name, value or ""))

    parser = _Parser(add_help_option=False, prog="")
    for names in _WITH_VALUE:
        long = next(each for each in names if each.startswith("--"))
        parser.add_option(*names, action="callback", type="string", callback=_named(keep, long))
    for name in _FLAGS:
        parser.add_option(name, action="callback", callback=_named(keep, name))
    try:
        _, rest = parser.parse_args(shlex.split(words[1]) if len(words) > 1 else [])
    except ValueError as error:  # an open quote
        raise UnreadableError(str(error)) from None
    if rest:
        raise UnreadableError(f"unexpected {rest[0]!r} behind an option")
    return Parsed(words[0].strip(), tuple(found))


def _named(keep: "optparse._Callback", name: str) -> "optparse._Callback":  # type: ignore[name-defined]
    """Return `keep` with an option's long name in place of the one that was written."""
    return lambda option, _written, value, parser: keep(option, name, value, parser)
