"""Markdown as GitHub shows it, on a page of a given width: the renderer is marked, the style github-markdown-css.

Diagrams are drawn by mermaid, as GitHub does. Links within a page lead nowhere.
"""

import functools
import html as entities
import pathlib
import re
import subprocess
from dataclasses import dataclass

from vsix import node

PINS = pathlib.Path(__file__).resolve().parent / "web.txt"
BACKGROUND = {"light": "#ffffff", "dark": "#0d1117"}
MARGIN = 32  # GitHub's own, around a README; half of it on a phone
_PHONE = 600
_DIAGRAM = re.compile(r"(?ms)^```mermaid\n(.*?)^```$")
# What is wider than its place can be read only by who scrolls; a picture that isn't there is as bad.
MEASURE = """
(async () => {
  const undrawn = [];
  if (window.mermaid) await mermaid.run().catch((error) => undrawn.push([0, `diagram: ${error}`.slice(0, 60)]));
  const missing = (each) => each.scrollWidth - each.clientWidth;
  const named = (each) => [missing(each), (each.innerText || each.textContent).trim().split('\\n')[0].slice(0, 60)];
  const wide = (what) => [...document.querySelectorAll(what)].filter((each) => missing(each) > 0).map(named);
  const broken = [...document.images].filter((each) => !each.naturalWidth).map((each) => [0, each.src]);
  const height = document.documentElement.scrollHeight;
  return {height, tables: [...wide('table'), ...broken, ...undrawn], code: wide('pre')};
})()
"""


@dataclass(frozen=True)
class Look:
    """How a page is looked at."""

    theme: str
    width: int
    """Pixels that the text has."""

    @property
    def margin(self) -> int:
        """Pixels on each side of the text."""
        return MARGIN // 2 if self.width < _PHONE else MARGIN

    @property
    def window(self) -> int:
        """Pixels of the whole page, from side to side."""
        return self.width + 2 * self.margin

    def __str__(self) -> str:
        """Return how files are named by it."""
        return f"{self.theme}-{self.window if self.width < _PHONE else self.width}"


# GitHub's column, and a phone of 390 pixels.
LOOKS = tuple(Look(theme, width) for width in (816, 358) for theme in ("light", "dark"))


@functools.cache
def html(source: pathlib.Path) -> str:
    """Return what GitHub makes of the Markdown in a file, without its frame."""
    text = _DIAGRAM.sub(_drawn, source.read_text("utf-8"))
    words = [str(node.node(24)), str(node.modules(PINS) / "marked/bin/marked.js"), "--gfm"]
    return subprocess.run(words, input=text, encoding="utf-8", stdout=subprocess.PIPE, check=True, timeout=60).stdout


def _drawn(diagram: re.Match[str]) -> str:
    return f'<pre class="mermaid">\n{entities.escape(diagram[1])}</pre>\n'


def _painter(body: str, look: Look) -> str:
    """Return what draws the diagrams of a page; empty for a page without one."""
    if 'class="mermaid"' not in body:
        return ""
    script = (node.modules(PINS) / "mermaid/dist/mermaid.min.js").as_uri()
    theme = "dark" if look.theme == "dark" else "default"
    return (
        f"<script src='{script}'></script><script>mermaid.initialize({{startOnLoad: false, theme: '{theme}'}})</script>"
    )


def framed(source: pathlib.Path, look: Look) -> str:
    """Return a whole page; pictures in it are found from the folder of `source`."""
    body = html(source)
    style = (node.modules(PINS) / f"github-markdown-css/github-markdown-{look.theme}.css").read_text("utf-8")
    return (
        f"<!DOCTYPE html><html><head><meta charset='utf-8'><base href='{source.parent.as_uri()}/'><style>{style}"
        f"body {{ margin: 0; background: {BACKGROUND[look.theme]}; overflow-x: hidden }}"
        f".markdown-body {{ box-sizing: border-box; width: {look.window}px; padding: {look.margin}px }}</style></head>"
        f"<body><article class='markdown-body'>{body}</article>{_painter(body, look)}</body></html>"
    )
