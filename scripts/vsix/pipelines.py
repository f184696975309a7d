"""Checks pipelines and templates: the public schema of Azure Pipelines, with our task in it by its manifest."""

import functools
import importlib.util
import json
import pathlib
import re
from collections.abc import Iterator
from typing import Any

import jsonschema
import yaml

EXPRESSION = {"type": "string", "pattern": r"^(\$\{\{.*\}\}|\$\(.*\))$"}


def schema(task: dict[str, Any]) -> dict[str, Any]:
    """Return the public schema, with an alternative for our task; it knows Microsoft's own tasks only."""
    found = importlib.util.find_spec("check_jsonschema")  # not imported: only its copy of the schema is wanted
    place = pathlib.Path(str(found and found.origin)).with_name("builtin_schemas") / "vendor/azure-pipelines.json"
    made: dict[str, Any] = json.loads(place.read_text("utf-8"))
    made["definitions"]["task"]["anyOf"].append(alternative(task))
    made["definitions"]["task"]["properties"]["task"]["anyOf"].append(alternative(task)["properties"]["task"])
    # It takes texts only there, while Learn (yaml-schema/parameters) has a boolean for a parameter of that type.
    for name in ("templateParameter", "pipelineTemplateParameter"):
        made["definitions"][name]["properties"]["default"] = {}
    return made


@functools.cache
def validator(manifest: str) -> jsonschema.Draft7Validator:
    """Return what checks against the schema with the task of this manifest in it; the schema is large."""
    return jsonschema.Draft7Validator(schema(json.loads(manifest)))


def alternative(task: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of a step that uses our task: its inputs by name or alias, no other, the required ones."""
    inputs: dict[str, Any] = {}
    required: list[str] = []
    for each in task["inputs"]:
        name = (each.get("aliases") or [each["name"]])[0]
        inputs |= dict.fromkeys([each["name"], name], value(each))
        required += [name] if each["required"] else []
    return {
        "properties": {
            "task": {"pattern": rf"^{task['name']}@{task['version']['Major']}$"},
            "inputs": {"type": "object", "properties": inputs, "additionalProperties": False, "required": required},
        },
        "required": ["task", "inputs"],
    }


def value(each: dict[str, Any]) -> dict[str, Any]:
    """Return what an input may be: a text, a truth value, one of its options; or an expression."""
    if each["type"] == "boolean":
        return {"anyOf": [{"type": "boolean"}, {"enum": ["true", "false"]}, EXPRESSION]}
    return {"anyOf": [{"enum": [*each["options"]]}, EXPRESSION]} if "options" in each else {"type": "string"}


def problems(root: pathlib.Path, path: pathlib.Path) -> list[str]:
    """Return what is wrong with a pipeline or a template, one sentence each."""
    manifest = (root / "azure-pipelines-task.json").read_text("utf-8")
    try:
        task, content = json.loads(manifest), flat(yaml.safe_load(path.read_text("utf-8")))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        return [f"it can't be read: {error}"]
    found = validator(manifest).iter_errors(content)
    said = [text for each in found for text in explain(each, task)]
    said += [text for each in steps(content) for text in references(root, each)]
    return [*dict.fromkeys([*said, *unknown(root, content, task)])]


def flat(content: Any) -> Any:  # noqa: ANN401  # YAML
    """Return `content` as if every `${{ if }}` held, and its numbers as texts, as the service has them."""
    if isinstance(content, dict):
        return {name: flat(each) for name, each in content.items()}
    if isinstance(content, list):
        return [one for each in content for one in unfolded(each)]
    return str(content) if isinstance(content, (int, float)) and not isinstance(content, bool) else content


def unfolded(item: Any) -> list[Any]:  # noqa: ANN401  # YAML
    """Return the items that stand for `item` in a list: those below an expression, or itself."""
    name = next(iter(item), "") if isinstance(item, dict) and len(item) == 1 else ""
    if str(name).startswith("${{"):
        return [*flat(item[name])]
    return [flat(item)]


def explain(error: jsonschema.ValidationError, task: dict[str, Any]) -> list[str]:
    """Return what is wrong: of the many alternatives, that of our task, or else the one that came furthest."""
    said = []
    for step in walk(error.instance):
        if str(step.get("task", "")).startswith(f"{task['name']}@"):
            errors = jsonschema.Draft7Validator(alternative(task)).iter_errors(step)
            said += [f"{step['task']}, {'/'.join(map(str, each.path))}: {each.message}" for each in errors]
    # An alternative that only says "another task" has come as far as the right one that knows what is wrong.
    furthest = max(leaves(error), key=lambda each: (len(each.absolute_path), [*each.absolute_path][-1:] != ["task"]))
    return said or [f"{'/'.join(map(str, furthest.absolute_path))}: {furthest.message}"]


def leaves(error: jsonschema.ValidationError) -> Iterator[jsonschema.ValidationError]:
    """Yield the innermost errors."""
    if not error.context:
        yield error
    for each in error.context or ():
        yield from leaves(each)


def walk(content: object) -> Iterator[dict[str, Any]]:
    """Yield every mapping in `content`."""
    if isinstance(content, dict):
        yield content
    for each in content.values() if isinstance(content, dict) else content if isinstance(content, list) else ():
        yield from walk(each)


def steps(content: object) -> Iterator[dict[str, Any]]:
    """Yield every use of a template."""
    return (each for each in walk(content) if "template" in each)


def references(root: pathlib.Path, use: dict[str, Any]) -> Iterator[str]:
    """Yield what is wrong with the use of a template of ours: Azure Pipelines refuses it when the pipeline starts."""
    name = str(use["template"]).partition("@")[0]
    if not (root / name).is_file():
        yield f"there is no template {name}"
        return
    known = {each["name"]: each for each in yaml.safe_load((root / name).read_text("utf-8"))["parameters"]}
    given = use.get("parameters", {})
    yield from (f"{name} has no parameter {each}" for each in given if each not in known)
    yield from (f"{name} needs {each}" for each, one in known.items() if "default" not in one and each not in given)
    for each, text in given.items():
        options = known.get(each, {}).get("values")
        if options and text not in options and "$" not in str(text):
            yield f"{name}, {each}: {text} isn't one of {', '.join(options)}"


def unknown(root: pathlib.Path, content: dict[str, Any], task: dict[str, Any]) -> Iterator[str]:
    """Yield the names in a pipeline that it doesn't define: Azure Pipelines finds them out when it runs, or never.

    A macro that stands for nothing stays in the text as it is (Learn, process/variables).
    """
    if "jobs" not in content:  # a template, which is used where they are defined
        return
    resources = content.get("resources", {})
    pipelines = {each["pipeline"] for each in resources.get("pipelines", ())}
    repositories = {each["repository"] for each in resources.get("repositories", ())}
    for each in walk(content):
        if "template" in each and str(each["template"]).partition("@")[2] not in {"", *repositories}:
            yield f"no repository resource for {each['template']}"
        if "download" in each and each["download"] not in {"current", "none", *pipelines}:
            yield f"no pipeline resource for download: {each['download']}"
    outputs = {"release": [each["name"] for each in task["outputVariables"]], "consume": consumed(root)}
    for name, rest in re.findall(r"\$\((\w+)\.([\w.]+)\)", json.dumps(content)):
        alias = re.fullmatch(r"pipeline\.([\w-]+)\.(?:runID|runName|sourceBranch|sourceCommit)", rest)
        if name == "resources" and (not alias or alias[1] not in pipelines):
            yield f"no resource has a variable {name}.{rest}"
        if name in outputs and rest not in outputs[name]:
            yield f"{name} has no output {rest}"


def consumed(root: pathlib.Path) -> list[str]:
    """Return the companion's outputs as Azure Pipelines spells them."""
    action = yaml.safe_load((root / "action/consume/action.yml").read_text("utf-8"))
    return [re.sub(r"-(.)", lambda match: match[1].upper(), name) for name in action["outputs"]]
