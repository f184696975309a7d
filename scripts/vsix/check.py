"""What must hold of the task's and the extension's manifests. tfx says most of it as a warning only, and packs."""

import json
import pathlib
import re
import struct
from collections.abc import Iterator
from typing import Any

import jsonschema

ID = "6b0b2ed4-9a0f-4c31-8d7e-0c6a2f4f8f57"  # for ever: with another, every pipeline would lose the task
NEEDED = (
    "name friendlyName description category author version minimumAgentVersion instanceNameFormat execution".split()
)
ICON = 128  # pixels (Learn, extend/develop/manifest)
FLAGS = {"Public", "Preview", "Paid"}  # likewise


def problems(root: pathlib.Path) -> list[str]:
    """Return what is wrong with the manifests, one sentence each; none if they are good."""
    task = json.loads((root / "azure-pipelines-task.json").read_text("utf-8"))
    extension = json.loads((root / "extension/vss-extension.json").read_text("utf-8"))
    return [*schema(root, task), *inputs(task), *contents(root, task), *listing(root, extension, task)]


def schema(root: pathlib.Path, task: dict[str, Any]) -> Iterator[str]:
    """Yield what the public schema refuses (azure-pipelines-task-lib)."""
    known = json.loads((root / "tests/schemas/tasks.schema.json").read_text("utf-8"))
    for each in jsonschema.Draft4Validator(known).iter_errors(task):
        yield f"task, {'/'.join(map(str, each.path))}: {each.message}"


def inputs(task: dict[str, Any]) -> Iterator[str]:
    """Yield what the schema doesn't see in the inputs: names, groups, defaults, rules."""
    known = {each["name"]: each for each in task["inputs"]}
    names = [name for each in task["inputs"] for name in (each["name"], *each.get("aliases", []))]
    yield from (f"task: the input {name} is there twice" for name in sorted(set(names)) if names.count(name) > 1)
    groups = {each["name"] for each in task["groups"]}
    for name, each in known.items():
        if each.get("groupName") not in groups:
            yield f"task, {name}: no group {each.get('groupName')}"
        if not each.get("helpMarkDown"):
            yield f"task, {name}: no help"
        if each["type"] == "filePath":
            yield f"task, {name}: an empty filePath arrives as the sources' folder (TaskRunner.cs); use string"
        # Without a default the project's table may decide.
        if each["type"] == "pickList" and each["defaultValue"] not in {"", *each["options"]}:
            yield f"task, {name}: the default isn't among the options"
        yield from (f"task, {name}: {text}" for text in rule(each.get("visibleRule", ""), known))


def rule(text: str, known: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with a visibleRule; our own only compare one pick list with one option."""
    if not text:
        return
    found = re.fullmatch(r"(\w+) = (\w+)", text)
    if not found or found[2] not in known.get(found[1], {}).get("options", {}):
        yield f"the rule {text!r} doesn't compare a pick list with one of its options"


def contents(root: pathlib.Path, task: dict[str, Any]) -> Iterator[str]:
    """Yield what the schema lets be absent, what the agent wouldn't find, and what a user would see cut off."""
    yield from (f"task: {key} is missing" for key in NEEDED if not task.get(key))
    if task.get("id") != ID:
        yield "task: it has another id"
    if len(task["friendlyName"]) > 40:  # noqa: PLR2004  # the schema's own words: it has no rule for them
        yield "task: friendlyName is longer than 40 characters"
    for name, handler in task["execution"].items():
        if not (root / handler["target"]).is_file():
            yield f"task, {name}: there is no {handler['target']}"
    outputs = [each["name"] for each in task["outputVariables"]]
    if task["restrictions"]["settableVariables"]["allowed"] != outputs:
        yield "task: settableVariables aren't the output variables"


def listing(root: pathlib.Path, extension: dict[str, Any], task: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the extension's manifest (Learn, extend/develop/manifest)."""
    version = ".".join(str(task["version"][part]) for part in ("Major", "Minor", "Patch"))
    if extension["version"] != version:
        yield f"extension: version {extension['version']}, but the task has {version}"
    folders = [each["path"] for each in extension["files"]]
    for each in extension["contributions"]:
        if each["properties"]["name"] not in folders or each["properties"]["name"] != task["name"]:
            yield f"extension, {each['id']}: its folder must have the task's name"
    shown = [*extension["content"].values(), *extension.get("screenshots", [])]
    for path in (*extension["icons"].values(), *(each["path"] for each in shown)):
        if not any((folder / path).is_file() for folder in (root / "extension", root)):
            yield f"extension: there is no {path}"
    head = (root / "extension" / extension["icons"]["default"]).read_bytes()[16:24]
    if struct.unpack(">II", head) != (ICON, ICON):
        yield f"extension: the icon isn't {ICON} pixels wide and high"
    if not set(extension.get("galleryFlags", [])) <= FLAGS:
        yield f"extension: galleryFlags are some of {', '.join(sorted(FLAGS))}"
    places = [extension["repository"]["uri"], *(each["uri"] for each in extension["links"].values())]
    yield from (f"extension: {each} is no https address" for each in places if not each.startswith("https://"))
