"""Foreign text in Markdown."""

import re
from html import escape

_CODE = re.compile("&#96;((?:(?!&#96;).)+)&#96;")


def cell(text: str) -> str:
    """Escape foreign text for a cell of a Markdown table; what stands between two backticks is shown as code."""
    escaped = escape(text.replace("\n", " ")).replace("|", "&#124;").replace("`", "&#96;").replace("[", "&#91;")
    return _CODE.sub(r"<code>\1</code>", escaped)
