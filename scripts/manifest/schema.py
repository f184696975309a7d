"""The JSON Schema of `[tool.amlwheel]`, by which editors complete and check pyproject.toml."""

from amlwheel.inputs.knob import Knob, knobs
from amlwheel.inputs.step import Inputs


def table() -> dict[str, object]:
    """Return the schema of the table alone: SchemaStore's schema of pyproject.toml takes such a part for each tool."""
    return {
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "[tool.amlwheel] in pyproject.toml",
        "description": "Inputs of amlwheel that describe the project. What the pipeline gives wins over them. Secrets "
        "never stand here.",
        "type": "object",
        "additionalProperties": False,
        "properties": {each.name: _value(each) for each in knobs(Inputs) if each.own},
    }


def _value(each: Knob) -> dict[str, object]:
    """Return the schema of one input's values, which is as strict as the step about their type."""
    text: dict[str, object] = {"type": "string"}
    made: dict[str, object] = {"description": each.help}
    if each.boolean:
        return made | {"type": "boolean", "default": each.default == "true"}
    if each.default:
        made["default"] = each.default
    if each.choices:
        return made | {"enum": list(each.choices)}
    return made | ({"anyOf": [text, {"type": "array", "items": text}]} if each.lines else text)
