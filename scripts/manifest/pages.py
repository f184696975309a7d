"""The tables of inputs and outputs, and the page of errors."""

import html
import math
import re
from collections.abc import Iterable, Sequence

from amlwheel.errors.base import StepError, catalogue
from amlwheel.inputs.knob import Knob, camel, knobs
from amlwheel.inputs.step import Inputs
from amlwheel.report.outputs import OUTPUTS

GOALS = {
    "First of all": "feed workspace connection-token connection-token-expires client-id tenant-id azure-subscription",
    "What is built": "package-dir wheel build-env",
    "What the environment holds": "environment-name environment-per-package python-version "
    "base-image base-image-user base-image-token requirements conda",
    "Which versions, from which index": "lock exclude-newer index package-indexes torch-backend from-source",
    "Known vulnerabilities": "audit audit-accept",
    "The feed and its credentials": "feed-token feed-user feed-upload-url feed-view connection-name connection-user",
    "Another route than a feed": "route storage-container mirror git-repository",
    "How a run goes": "command dry-run verify timeout-minutes sdk output-dir",
}
"""What one wants to do, and the inputs for it. One that stands nowhere here comes last in the goal of its group."""
ONLY = " *Pipeline only.*"  # docs/inputs.md says what it means
LONG = 18  # letters
ERRORS = """\
Every failed run names a code, such as AW34, in its log and in its summary. This page says of each code what it means,
what is the likely cause, and the one thing to do. The exit status is the number in the code.
"""
SUBJECTS = {
    "inputs": "Inputs",
    "sign_in": "Sign-in",
    "build": "Build",
    "feed": "Feed",
    "workspace": "Workspace and its image build",
    "environment": "Lock, base image and proof",
    "base": "Anywhere",
    "team_lock": "Your own lock",
    "consume": "Training on a release",
    "origins": "Where packages come from",
    "bootstrap": "Start of the step",
    "storage": "Container of blobs",
    "declared": "Requirements and conda files",
    "git": "Git",
    "advisories": "Known vulnerabilities",
    "tools": "Hostile or broken surroundings",
    "foreign": "Hostile or broken surroundings",
    "transport": "Hostile or broken surroundings",
    "planned": "Plan files",
}
"""What the errors of a file in `errors` are about, for people."""
OF_GROUP = {
    "package": "What is built",
    "feed": "The feed and its credentials",
    "workspace": "The feed and its credentials",
    "environment": "What the environment holds",
    "more": "How a run goes",
}


def goals() -> dict[str, list[Knob]]:
    """Return every input once, by what one wants to do."""
    place = {name: goal for goal, names in GOALS.items() for name in names.split()}
    order = list(place)
    found: dict[str, list[Knob]] = {goal: [] for goal in GOALS}
    for each in sorted(knobs(Inputs), key=lambda knob: order.index(knob.name) if knob.name in place else len(order)):
        found[place.get(each.name) or OF_GROUP[each.group]].append(each)
    return found


def first_inputs() -> Iterable[str]:
    """Yield the README's table of the inputs that most need."""
    for line in input_table(goals()["First of all"]):
        yield line.replace(ONLY, "")


def more_inputs() -> Iterable[str]:
    """Yield the README's table of the others: only their names, by what one wants to do."""
    yield "| more | inputs |"
    yield "|---|---|"
    for goal, inputs in list(goals().items())[1:]:
        yield f"| [{goal}](docs/inputs.md#{anchor(goal)}) | {', '.join(f'`{each.name}`' for each in inputs)} |"


def anchor(heading: str) -> str:
    """Return the fragment by which GitHub knows a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")


def all_inputs() -> Iterable[str]:
    """Yield the page of inputs: a heading and a table for each goal."""
    for goal, inputs in goals().items():
        yield f"## {goal}"
        yield ""
        yield from input_table(inputs)
        yield ""


def input_table(inputs: Sequence[Knob]) -> Iterable[str]:
    """Yield a table of inputs, whose one column of names has both hosts': a page is 816 pixels wide."""
    yield f"| {head('input', [each.name for each in inputs])} | meaning |"
    yield "|---|---|"
    for each in inputs:
        yield f"| {names(each)} | {explained(each)} |"


def head(word: str, column: Iterable[str]) -> str:
    """Return a column's head, so wide that no browser breaks a name below it at a hyphen, unless it is a long one.

    A letter of code is 8.2 pixels wide, a blank of a head 4.4; `word` is 24 pixels wider than the code's own frame.
    """
    longest = max(len(name) for name in column if len(name) <= LONG)
    blanks = "&nbsp;" * max(0, math.ceil((longest * 8.2 - 24) / 8.8))
    return f"{blanks}{word}{blanks}"


def names(each: Knob) -> str:
    """Return an input's name on GitHub and, below it, on Azure Pipelines where that differs."""
    if "azure" not in each.styles:
        return f"`{each.name}`<br>(GitHub)"
    if "github" not in each.styles:
        return f"`{each.camel}`<br>(Azure Pipelines)"
    return spelled(each.name, each.camel)


def spelled(github: str, azure: str) -> str:
    """Return both hosts' names of one thing, once if they are one. A phone may break a long one at its capitals."""
    below = re.sub("(?=[A-Z])", "<wbr>", azure) if len(azure) > LONG else azure
    return f"`{github}`" if github == azure else f"`{github}`<br><code>{below}</code>"


def explained(each: Knob) -> str:
    """Return an input's help, with what is special about it before and behind it."""
    before = "**Required.** " if each.required else ""
    before += "**Secret.** " if each.secret else ""
    default = f" Default: `{each.default}`." if each.default else ""
    text = f"{before}{each.help}{default}{ONLY if each.pipeline else ''}".replace("|", r"\|")
    return re.sub(rf"`([^`]{{{LONG},}})`", breakable, text)


def breakable(code: re.Match[str]) -> str:
    """Return an address in code, so that a phone may break it behind slashes and dots."""
    return f"<code>{re.sub('(?<=[/.])(?=[^/.])', '<wbr>', html.escape(code[1]))}</code>" if "/" in code[1] else code[0]


def output_table() -> Iterable[str]:
    """Yield the table of outputs."""
    yield f"| {head('output', OUTPUTS)} | meaning |"
    yield "|---|---|"
    for name, text in OUTPUTS.items():
        yield f"| {spelled(name, camel(name))} | {text} |"


def error_page() -> str:
    """Return docs/errors.md."""
    parts = ["# Errors\n\n<!-- Written by scripts/manifests. -->\n", ERRORS, *error_index()]
    parts += [
        f"## AW{kind.status}\n\n**{kind.title[0].upper()}{kind.title[1:]}.** {meaning(kind)}\n\n"
        f"*Likely cause:* {kind.cause}\n\n*What to do:* {kind.fix}\n"
        for kind in catalogue()
    ]
    return "\n".join(parts)


def error_index() -> Iterable[str]:
    """Yield a list of links, a line for what the errors are about, in the order of its first code."""
    subjects: dict[str, list[str]] = {}
    for kind in catalogue():
        room = kind.__module__.rpartition(".")[2]
        link = f"[AW{kind.status}](#aw{kind.status})&nbsp;{kind.title}"
        subjects.setdefault(SUBJECTS.get(room, room), []).append(link)
    for subject, links in subjects.items():
        yield f"- **{subject}**: {', '.join(links)}"
    yield ""


def meaning(kind: type[StepError]) -> str:
    """Return the first paragraph of an error's docstring on one line."""
    return " ".join((kind.__doc__ or "").split("\n\n")[0].split())
