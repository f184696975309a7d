"""Foreign text in Markdown."""

from html import escape


def cell(text: str) -> str:
    """Escape foreign text for a cell of a Markdown table."""
    return escape(text.replace("\n", " ")).replace("|", "&#124;").replace("`", "&#96;").replace("[", "&#91;")
