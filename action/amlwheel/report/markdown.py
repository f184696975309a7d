"""Text in Markdown: foreign one, and what is too long to be read."""

import re
from html import escape

_CODE = re.compile("&#96;((?:(?!&#96;).)+)&#96;")


def cell(text: str) -> str:
    """Escape foreign text for a cell of a Markdown table; what stands between two backticks is shown as code."""
    escaped = escape(text.replace("\n", " ")).replace("|", "&#124;").replace("`", "&#96;").replace("[", "&#91;")
    return _CODE.sub(lambda found: _code(found[1]), escaped)


def short(text: str) -> str:
    """Return a text with only the beginnings of digests."""
    return re.sub(r"(sha256:[0-9a-f]{12})[0-9a-f]{52}", r"\1…", text)


def _code(escaped: str) -> str:
    """Return text as code. Between backticks, as hosts look for names of inputs, nothing escaped would be shown."""
    return f"<code>{escaped}</code>" if "&" in escaped else f"`{escaped}`"
