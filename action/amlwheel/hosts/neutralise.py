"""Make text from outside harmless: CI hosts execute the commands that they find in a log.

Grammar: actions/runner `ActionCommand.cs`, azure-pipelines-agent `Command.cs`.
"""

import re

GUTTER = "| "
# Control, direction and invisible characters, and surrogates, which can't be encoded.
CONTROL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    r"\u2060-\u206f\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\U000e0000-\U000e0fff]"
)
_COMMAND = re.compile(r"##(?=\[|vso)", re.IGNORECASE)


def neutralise(text: str) -> list[str]:
    """Split hostile `text` into lines that no CI host takes for a command, each behind a visible gutter.

    Lines end at CR, LF or both, as on the runners; control and direction characters become U+FFFD; `##[` and `##vso`
    are broken up by a visible character, because culture-sensitive comparisons skip invisible ones.
    """
    return [GUTTER + plain(line) for line in re.split(r"\r\n|\r|\n", text)]


def plain(line: str) -> str:
    """Return `line` as one line without control characters, and without anything that could start a command."""
    return _COMMAND.sub("#_#", CONTROL.sub("\ufffd", line.replace("\r", " ").replace("\n", " ")))
