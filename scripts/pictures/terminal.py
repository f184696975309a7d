"""The log of a release as a small picture, which README shows: text on a dark ground, sharp at any size."""

import html
import re

COLUMNS = 100
_ADVANCE, _LINE, _MARGIN = 7.8, 19, 18  # pixels, at a size of 13
_SHOWN = re.compile(r"ok |  +(CREATE|UPDATE) ")  # a stage that has ended; a change in the plan
_COLOURS = (
    (re.compile(r"ok "), "#7ee787"),
    (re.compile(r" +(CREATE|UPDATE) "), "#79c0ff"),
    (re.compile("Released "), "#ffffff"),
)
_FONT = "ui-monospace, SFMono-Regular, Menlo, Consolas, 'Liberation Mono', monospace"


def lines(log: str) -> list[str]:
    """Return the lines of a rehearsal's log that tell a stranger what happened: stages, plan and end."""
    body, _, end = log.partition("\nReleased ")
    told = [line for line in body.splitlines() if _SHOWN.match(line)]
    ending = re.sub(r"(?m)(files +)/.*", r"\1aml-environment/", f"Released {end}".partition("\n\n")[0])
    shown = [*told, "", *ending.splitlines()]
    return [line if len(line) <= COLUMNS else f"{line[: COLUMNS - 1]}…" for line in shown]


def svg(shown: list[str]) -> str:
    """Return the picture. Each line has its length written in it, so that no font makes it wider."""
    width, height = round(COLUMNS * _ADVANCE) + 2 * _MARGIN, len(shown) * _LINE + 2 * _MARGIN
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img">',
        "<title>The log of a release: eight stages, the plan with its three changes, and what was released</title>",
        f'<rect width="{width}" height="{height}" rx="8" fill="#0d1117" stroke="#30363d"/>',
        f'<g font-family="{_FONT}" font-size="13" fill="#c9d1d9">',
    ]
    for number, line in enumerate(shown):
        text = line.strip()
        if text:
            left = _MARGIN + (len(line) - len(line.lstrip())) * _ADVANCE
            colour = next((f' fill="{shade}"' for pattern, shade in _COLOURS if pattern.match(line)), "")
            parts.append(
                f'<text x="{left:.1f}" y="{_MARGIN + number * _LINE + 13}" textLength="{len(text) * _ADVANCE:.1f}"'
                f' lengthAdjust="spacingAndGlyphs" xml:space="preserve"{colour}>{html.escape(text)}</text>'
            )
    return "\n".join([*parts, "</g>", "</svg>", ""])
