"""Read inputs from the command line and the environment, and spell their names as a host does."""

import argparse
import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Any

from typing_extensions import override

from ..errors.base import Several, StepError, together
from ..errors.inputs import BadInput
from . import rules
from .consumed import Consumed
from .knob import Knob, Style, knobs
from .step import Inputs
from .table import NO_TABLE, Table


def spell(text: str, style: Style) -> str:
    """Rewrite every input in backticks to the name that a user of the host writes."""
    names = {each.name: each.spelled(style) for each in (*knobs(Consumed), *knobs(Inputs))}
    return re.sub(r"`([a-z-]+)`", lambda match: f"`{names.get(match[1], match[1])}`", text)


class _Parser(argparse.ArgumentParser):
    """A parser with a help page of ours."""

    inputs: type = Inputs

    @override
    def format_help(self) -> str:
        from . import help_page  # noqa: PLC0415  # a run that is no call for help doesn't need it

        return help_page.page(self.inputs)


def parser(of: type = Inputs) -> argparse.ArgumentParser:
    """Return the command line's parser. It has no option for a secret: secrets come from the environment."""
    made = _Parser(argument_default=argparse.SUPPRESS, allow_abbrev=False, exit_on_error=False)
    made.inputs = of
    for each in knobs(of, "terminal"):
        if not each.secret:
            shape: dict[str, Any] = {"action": "append"} if each.lines else {}
            shape = {"nargs": "?", "const": "true"} if each.boolean else shape
            made.add_argument(f"--{each.name}", **shape)
    return made


def from_command_line(arguments: Sequence[str], of: type = Inputs) -> dict[str, str]:
    """Return the texts on the command line by input name; an option that is given several times becomes several lines.

    Raises BadInput for an unknown option, with the option that was probably meant.
    """
    try:
        options, unknown = parser(of).parse_known_args(arguments)
    except argparse.ArgumentError as problem:
        raise BadInput(f"{problem.argument_name}: {problem.message}.") from None
    if unknown:
        near = difflib.get_close_matches(unknown[0].split("=")[0], [f"--{each.name}" for each in knobs(of)], n=1)
        meant = f" Did you mean {near[0]}?" if near else ""
        shown = unknown[0].split("=")[0]
        if shown in [f"--{each.name}" for each in knobs(of) if each.secret]:
            meant = " Secrets are given by environment variable, never as an option."
        raise BadInput(f"{shown} is not an option.{meant}")
    return {
        name.replace("_", "-"): value if isinstance(value, str) else "\n".join(value)
        for name, value in vars(options).items()
    }


def from_environment(environ: Mapping[str, str], style: Style, of: type = Inputs) -> dict[str, str]:
    """Return the texts in the environment by input name: `AMLWHEEL_*`, or an Azure Pipelines task's `INPUT_*`.

    The agent upper-cases the names (azure-pipelines-task-lib, `getInput`).
    """
    if style != "azure":
        return {each.name: environ[each.variable] for each in knobs(of, style) if each.variable in environ}
    variables = {each.name: f"INPUT_{AZURE_NAMES.get(each.name, each.camel).upper()}" for each in knobs(of, "azure")}
    return {name: environ[variable] for name, variable in variables.items() if variable in environ}


# The convention of Microsoft's own tasks: users write the alias, and the agent passes the value under this name.
AZURE_NAMES = {"azure-subscription": "connectedServiceNameARM"}


def check_text(given: Mapping[str, str]) -> None:
    """Raise BadInput for texts by input name that aren't UTF-8: Python has surrogates in place of their bytes."""
    broken = [name for name, text in given.items() if re.search("[\0\ud800-\udfff]", text)]
    if broken:
        raise BadInput(
            f"{', '.join(f'`{name}`' for name in broken)}: the text isn't UTF-8.",
            cause="A file in another encoding, or a binary one, was put into a variable.",
            fix="Give the text in UTF-8.",
        )


def read(given: Mapping[str, str], own: Table = NO_TABLE) -> Inputs:
    """Turn texts by input name into the step's `Inputs`.

    `own` are those that the project's table gives. Raises one StepError with every problem of every input; nothing in
    it repeats the value of a secret.
    """
    values = rules.complete(_values(Inputs, {**own.texts, **given}, own))
    return Inputs(**values, folders=dict.fromkeys(own.texts, own.folder))


def read_consumed(given: Mapping[str, str]) -> Consumed:
    """Turn texts by input name into the inputs of the companion; raises like `read`."""
    return Consumed(**_values(Consumed, given))


def _values(of: type, given: Mapping[str, str], own: Table = NO_TABLE) -> dict[str, Any]:
    """Return the checked values of the class `of` by field; problems of those in the table `own` name it."""
    values: dict[str, Any] = {}
    problems: list[StepError] = []
    for each in knobs(of):
        try:
            optional = given.get("route", "").strip() in each.unless
            values[each.field] = _value(each, given.get(each.name, "").strip(), optional=optional)
        except StepError as problem:
            problems.append(_placed(problem, each, own) if each.name in own.texts else problem)
    problems += rules.problems(of, values, given)
    if problems:
        raise together(problems)
    return values


def _placed(problem: StepError, each: Knob, own: Table) -> StepError:
    """Return `problem`, of a value that stands in the table `own`, with the names that stand there."""
    for one in problem.errors if isinstance(problem, Several) else (problem,):
        one.what = f"{own.label}: {one.what.replace(f'`{each.name}`', repr(each.name))}"
        one.fix = one.fix.replace(f"`{each.name}`", repr(each.name))
    return problem


def _value(each: Knob, text: str, *, optional: bool) -> Any:  # noqa: ANN401  # each knob has its own type
    """Read one input; raise a StepError that names it."""
    if re.fullmatch(r"\$\(.*\)", text):
        message = f"`{each.name}` is the literal text of a variable that was never set"
        raise BadInput(message + (f": {text}." if not each.secret else "."))
    unset = re.search(r"\$\([\w.]+\)", text)
    if unset and not each.secret:
        raise BadInput(f"`{each.name}` holds the literal text of a variable that was never set: {unset[0]}.")
    text = text or each.default
    if each.required and not text and not optional:
        fix = f"Give `{each.name}` in the pipeline, or {each.name} in [tool.amlwheel] of the project's pyproject.toml."
        raise BadInput(f"`{each.name}` is required.", fix=fix)
    if each.choices and text not in each.choices:
        near = difflib.get_close_matches(text.lower(), each.choices, n=1)
        raise BadInput(
            f"`{each.name}` can't be {text!r}; it is one of {', '.join(each.choices)}.",
            fix=f"Did you mean {near[0]!r}?" if near else "",
        )
    try:
        return each.read(text)
    except BadInput as problem:
        raise BadInput(f"`{each.name}`: {problem.what}", fix=problem.fix) from None
