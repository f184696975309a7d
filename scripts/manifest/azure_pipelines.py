"""The manifest of the Azure Pipelines task, that of its extension, and the blocks of the steps templates."""

import json
import pathlib
from collections.abc import Iterable

from amlwheel import __version__
from amlwheel.errors.base import HOME
from amlwheel.inputs.knob import Knob, camel, knobs
from amlwheel.inputs.reading import AZURE_NAMES, spell
from amlwheel.inputs.step import Inputs
from amlwheel.report.outputs import OUTPUTS

TASK_ID = "6b0b2ed4-9a0f-4c31-8d7e-0c6a2f4f8f57"  # for ever: the id by which Azure Pipelines knows the task
LINKS = {
    "getstarted": "/blob/main/docs/azure-pipelines.md",
    "learn": "/blob/main/docs/errors.md",
    "license": "/blob/main/LICENSE",
    "privacypolicy": "/blob/main/extension/privacy.md",
    "support": "/blob/main/docs/publishing.md#versions-and-support",
    "repository": "",
    "issues": "/issues",
}
LABELS = {
    "package-dir": "Package folder",
    "output-dir": "Output folder",
    "sdk": "SDK",
    "dry-run": "Dry run",
    "azure-subscription": "Azure Resource Manager connection",
}
SIGN_IN = ("client-id", "tenant-id")  # on Azure Pipelines the service connection does
GROUPS = {
    "package": "Package",
    "feed": "Feed",
    "workspace": "Workspace",
    "environment": "Environment",
    "more": "More",
}


def task() -> dict[str, object]:
    """Return the manifest of the Azure Pipelines task (schema: azure-pipelines-task-lib, tasks.schema.json)."""
    major, minor, patch = __version__.split(".")
    target = {"target": "action/launch.js"}
    return {
        "$schema": "https://raw.githubusercontent.com/microsoft/azure-pipelines-task-lib/master/tasks.schema.json",
        "id": TASK_ID,
        "name": "AmlWheel",
        "friendlyName": "Release a wheel to Azure ML",
        "description": "Build a wheel, publish it to a feed, and register a pinned Azure Machine Learning environment.",
        "helpMarkDown": "Needs Python 3.10 or newer: where the agent has none, put UsePythonVersion@0 before it. The "
        "build identity must be a Feed Publisher (Contributor) of the feed.",
        "helpUrl": f"{HOME}/blob/v{__version__}/docs/azure-pipelines.md",
        "category": "Package",
        "visibility": ["Build", "Release"],
        "author": "amlwheel contributors",
        "version": {"Major": int(major), "Minor": int(minor), "Patch": int(patch)},
        "minimumAgentVersion": "4.248.0",
        "instanceNameFormat": "Release $(packageDir) to Azure ML",
        "groups": [{"name": name, "displayName": text, "isExpanded": name != "more"} for name, text in GROUPS.items()],
        "inputs": [task_input(each) for each in knobs(Inputs, "azure")],
        "outputVariables": [{"name": camel(name), "description": text} for name, text in OUTPUTS.items()],
        # Not restricted: that would block the summary, too. Nothing foreign gets as far as a command (docs/design.md).
        "restrictions": {"settableVariables": {"allowed": [camel(name) for name in OUTPUTS]}},
        "execution": {"Node20_1": target, "Node24": target},
    }


def task_input(each: Knob) -> dict[str, object]:
    """Return one input of the task. A secret is a plain string there: the user feeds it from a secret variable."""
    kind = "multiLine" if each.lines else "boolean" if each.boolean else "pickList" if each.choices else "string"
    made: dict[str, object] = {"name": each.camel, "type": kind}
    if each.name in AZURE_NAMES:
        made |= {"name": AZURE_NAMES[each.name], "aliases": [each.camel], "type": "connectedService:AzureRM"}
    label = LABELS.get(each.name) or each.name.replace("-", " ").capitalize()
    made |= {"label": label, "defaultValue": each.filled}
    made |= {"required": each.required and not each.own, "groupName": each.group}
    if each.choices:
        made["options"] = {choice: choice for choice in each.choices}
    if each.shown:
        made["visibleRule"] = each.shown
    return made | {"helpMarkDown": spell(each.explained, "azure")}


def extension(root: pathlib.Path) -> str:
    """Return the extension's manifest: written by hand, but for version, links and the pictures that are there.

    Learn, extend/develop/manifest. The Marketplace takes `screenshots` in the order of their names.
    """
    folder = root / "extension"
    made = json.loads((folder / "vss-extension.json").read_text("utf-8"))
    made |= {"version": __version__, "repository": {"type": "git", "uri": HOME}}
    made["links"] = {name: {"uri": HOME + path} for name, path in LINKS.items()}
    pictures = [{"path": path.relative_to(folder).as_posix()} for path in sorted(folder.glob("screenshots/*.png"))]
    made.pop("screenshots", None)
    made |= {"screenshots": pictures} if pictures else {}
    return json.dumps(made, indent=2, ensure_ascii=False) + "\n"


def parameters(of: type, needed: str) -> Iterable[str]:
    """Yield the parameters of a steps template, which can't do without the one that is `needed`."""
    for each in knobs(of, "azure"):
        if each.name not in SIGN_IN:
            yield f"- name: {each.camel}"
            switch = each.boolean and not each.own  # a boolean parameter is always given
            yield f"  type: {'boolean' if switch else 'string'}"
            if each.name != needed and (each.own or not each.required):
                yield f"  default: {each.filled if switch else json.dumps(each.filled)}"
            if each.choices:
                choices = ['""', *each.choices] if each.own else each.choices
                yield f"  values: [{', '.join(choices)}]"


def task_uses() -> Iterable[str]:
    """Yield the inputs that the steps template gives to the task."""
    for each in knobs(Inputs, "azure"):
        yield f"{each.camel}: ${{{{ parameters.{each.camel} }}}}"


def script_uses(of: type) -> Iterable[str]:
    """Yield the variables that a steps template gives to the script, which is used as on a command line."""
    for each in knobs(of, "azure"):
        if "terminal" in each.styles and each.name not in SIGN_IN:
            yield f"{each.variable}: ${{{{ parameters.{each.camel} }}}}"
