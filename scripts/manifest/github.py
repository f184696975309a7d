"""The blocks of the actions and of the reusable workflow on GitHub."""

import json
from collections.abc import Iterable, Mapping

from amlwheel.inputs.knob import Knob, knobs
from amlwheel.inputs.step import Inputs
from amlwheel.report.outputs import OUTPUTS


def action_inputs(of: type) -> Iterable[str]:
    """Yield the inputs block of an action.

    The runner doesn't enforce `required`; the step does, since the project's table may have what is required.
    """
    for each in knobs(of, "github"):
        yield f"{each.name}:"
        yield f"  description: {json.dumps(each.explained, ensure_ascii=False)}"
        if each.required and not each.own:
            yield "  required: true"
        if each.filled:
            yield f"  default: {json.dumps(each.filled)}"


def action_outputs(outputs: Mapping[str, str], step: str) -> Iterable[str]:
    """Yield the outputs block of an action."""
    for name, text in outputs.items():
        yield f"{name}:"
        yield f"  description: {json.dumps(text)}"
        yield f"  value: ${{{{ steps.{step}.outputs.{name} }}}}"


def action_env(of: type) -> Iterable[str]:
    """Yield the env block of an action: a composite's steps don't get INPUT_* (actions/runner)."""
    for each in knobs(of, "github"):
        yield f"{each.variable}: ${{{{ inputs.{each.name} }}}}"


_ELSEWHERE = ("command", "plan-file", "apply", "shard")  # the reusable workflow releases, and in one job
_INHERITED = {"connection-token": " || secrets.FEED_READ_TOKEN"}  # what `secrets: inherit` brings, from the environment


def workflow_blocks() -> Mapping[str, Iterable[str]]:
    """Return the blocks of the reusable workflow: it takes what the action takes, secrets apart."""
    plain = [each for each in knobs(Inputs, "github") if not each.secret and each.name not in _ELSEWHERE]
    secrets = [each for each in knobs(Inputs, "github") if each.secret]
    return {
        "workflow inputs": [line for each in plain for line in workflow_input(each)],
        "workflow secrets": [
            line
            for each in secrets
            for line in (
                f"{each.name}:",
                f"  description: {json.dumps(each.help, ensure_ascii=False)}",
                "  required: false",
            )
        ],
        "workflow outputs": [
            line
            for name, text in OUTPUTS.items()
            for line in (
                f"{name}:",
                f"  description: {json.dumps(text)}",
                f"  value: ${{{{ jobs.release.outputs.{name} }}}}",
            )
        ],
        "job outputs": [f"{name}: ${{{{ steps.release.outputs.{name} }}}}" for name in OUTPUTS],
        "workflow with": [
            *(f"{each.name}: ${{{{ inputs.{each.name} }}}}" for each in plain),
            *(f"{each.name}: ${{{{ secrets.{each.name}{_INHERITED.get(each.name, '')} }}}}" for each in secrets),
        ],
    }


def workflow_input(each: Knob) -> Iterable[str]:
    """Yield one input of the reusable workflow. A boolean one is false where nobody gave it, and a string is empty."""
    yield f"{each.name}:"
    yield f"  description: {json.dumps(each.explained, ensure_ascii=False)}"
    yield f"  type: {'boolean' if each.boolean and not each.own else 'string'}"
    if each.required and not each.own:
        yield "  required: true"
    elif each.filled:
        yield f"  default: {each.filled if each.boolean else json.dumps(each.filled)}"


def consume_run(action: str) -> Iterable[str]:
    """Yield the companion's script: the way to a Python of action.yml, and then the same core."""
    script = action.partition("      run: |\n")[2].replace('action/bootstrap.py"', '../bootstrap.py" consume')
    yield from (line.removeprefix("        ") for line in script.splitlines())
