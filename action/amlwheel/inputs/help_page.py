"""What `--help` prints: examples, the inputs that most runs need, then the others by what one wants to do."""

import shutil
import textwrap
from collections.abc import Iterator

from .consumed import Consumed
from .knob import Knob, knobs
from .reading import spell

FIRST = ("package-dir", "feed", "feed-token", "workspace", "connection-token", "dry-run")
TITLES = {
    "package": "What is built",
    "feed": "Where it is published",
    "workspace": "Which workspaces use it, and who signs in",
    "environment": "What is in the environment",
    "more": "How it is done",
}
RELEASE = """\
usage: amlwheel [--INPUT VALUE ...]
       amlwheel consume --help

Turn a Python project into a pinned Azure Machine Learning environment: build
the wheel, lock all that it needs by sha256, prove that it can be installed and
imported, publish it to the feed, and register the environment.

Sign in to Azure first (az login). Secrets are environment variables. An input
that takes several lines may be given several times. What stands in
[tool.amlwheel] of the project's pyproject.toml needs no option.

Show what a release would do, and change nothing:
  amlwheel --feed acme/wheels --workspace SUBSCRIPTION/rg/dev --dry-run
Release without a feed, through the workspace's own storage:
  amlwheel --route workspace --workspace SUBSCRIPTION/rg/dev
Store a new token on the workspace, before the old one ends:
  amlwheel --command connect --feed acme/wheels --workspace SUBSCRIPTION/rg/dev
"""
CHECK = """\
usage: amlwheel consume [--INPUT VALUE ...]

Check before a training job that a release is still as its receipt describes
it. Nothing is changed.
"""
TERMINAL = {
    "--no-color": "No colours. NO_COLOR=1 says the same, FORCE_COLOR=1 the opposite.",
    "AMLWHEEL_DEBUG=1": "Show each request, each tool that runs, and what was decided.",
    "--help": "This page.",
}
NAMES = 28  # columns that the names take


def page(of: type) -> str:
    """Return the help for a class of inputs, as wide as the terminal, but at most 120 columns."""
    width = min(shutil.get_terminal_size().columns, 120) - 1
    opening = CHECK if of is Consumed else RELEASE
    lines = [opening.rstrip()]
    for title, entries in _groups(of):
        lines += ["", title, *(_entry(*each, width) for each in entries.items())]
    return "\n".join(lines) + "\n"


def _groups(of: type) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the titles of the groups with what is in them, by name."""
    known = {each.name: each for each in knobs(of, "terminal")}
    if of is Consumed:
        yield "Inputs", dict(map(_described, known.values()))
    else:
        yield "What most runs need", dict(_described(known.pop(name)) for name in FIRST)
        for group, title in TITLES.items():
            yield title, dict(_described(each) for each in known.values() if each.group == group)
    yield "At a terminal", TERMINAL


def _described(each: Knob) -> tuple[str, str]:
    value = "" if each.secret or each.boolean else " VALUE"
    default = f" (default: {each.default})" if each.default and not each.boolean else ""
    return f"{each.spelled('terminal')}{value}", spell(each.help, "terminal").replace("`", "") + default


def _entry(name: str, text: str, width: int) -> str:
    """Return a name with its text beside it, in a column; a name that is too long has a line of its own."""
    margin = " " * (NAMES + 2)
    lines = textwrap.fill(
        text, max(width, NAMES + 30), initial_indent=margin, subsequent_indent=margin, break_on_hyphens=False
    )
    beside = f"  {name}".ljust(len(margin))
    return beside + lines[len(margin) :] if len(name) < NAMES else f"  {name}\n{lines}"
