"""JSON Schemas of the payloads that a release and a job write to ARM, requests and answers.

Condensed by hand from Microsoft.MachineLearningServices, stable/2024-04-01 (azure-rest-api-specs), to what Learn
offers for a PythonFeed or Git connection and for an environment from an image and a conda file; unlike
the spec they refuse unknown fields.
"""

from typing import Any

import jsonschema

_STRINGS = {"type": ["object", "null"], "additionalProperties": {"type": "string"}}
_TEXT = {"type": "string", "minLength": 1}


def _object(required: list[str], **properties: Any) -> dict[str, Any]:  # noqa: ANN401  # a schema
    return {"type": "object", "required": required, "properties": properties, "additionalProperties": False}


_CONNECTION = {
    "category": _TEXT,
    "target": _TEXT,
    "isSharedToAll": {"type": "boolean"},
    "sharedUserList": {"type": "array", "items": {"type": "string"}},
    "expiryTime": {"type": ["string", "null"], "format": "date-time"},
    "metadata": _STRINGS,
}


def _connection(auth_type: str, **credentials: Any) -> dict[str, Any]:  # noqa: ANN401  # a schema
    fields: dict[str, Any] = {**_CONNECTION, "authType": {"const": auth_type}}
    required = ["category", "target", "authType"]
    if credentials:
        fields["credentials"] = _object(list(credentials), **credentials)
        required.append("credentials")
    return _object(required, **fields)


_CREDENTIALS: dict[str, dict[str, Any]] = {
    "PAT": {"pat": _TEXT},
    "UsernamePassword": {"username": _TEXT, "password": _TEXT},
    "None": {},
}
CONNECTION_REQUEST = {
    **_object(["properties"], properties={"type": "object", "required": ["authType"]}),
    "allOf": [
        {
            "if": {"properties": {"properties": {"properties": {"authType": {"const": auth_type}}}}},
            "then": {"properties": {"properties": _connection(auth_type, **credentials)}},
        }
        for auth_type, credentials in _CREDENTIALS.items()
    ],
}
CONNECTION_REQUEST["properties"]["properties"]["properties"] = {"authType": {"enum": list(_CREDENTIALS)}}

OLD_CONNECTION_REQUEST = _object(
    ["properties"],
    name=_TEXT,
    properties=_object(
        ["category", "target", "authType", "value"],
        category=_TEXT,
        target=_TEXT,
        authType={"enum": ["PAT", "Basic"]},
        value=_TEXT,
    ),
)
"""What azureml-core 1.61 sends at 2020-01-01 for a token alone, and for a user and a password."""

_ENVIRONMENT = {
    "description": {"type": ["string", "null"]},
    "tags": _STRINGS,
    "properties": _STRINGS,
    "isArchived": {"type": "boolean"},
    "isAnonymous": {"type": "boolean"},
    "image": {"type": ["string", "null"]},
    "condaFile": {"type": ["string", "null"]},
    "osType": {"enum": ["Linux", "Windows"]},
    "autoRebuild": {"enum": ["Disabled", "OnBaseImageUpdate"]},
    "stage": {"type": ["string", "null"]},
}

ENVIRONMENT_REQUEST = _object(["properties"], properties=_object(["image"], **{**_ENVIRONMENT, "image": _TEXT}))

_CODE = {"type": "string", "pattern": "[a-zA-Z0-9_]"}
_ARM_ID = {"type": ["string", "null"], "pattern": "^/subscriptions/"}
_OTHERS = (
    "distribution inputs limits outputs queueSettings resources identity notificationSetting services componentId"
).split()
JOB_REQUEST = _object(
    ["properties"],
    properties=_object(
        ["jobType", "command", "environmentId"],
        jobType={"const": "Command"},
        command=_CODE,
        environmentId=_CODE,
        computeId=_ARM_ID,
        codeId=_ARM_ID,
        experimentName=_TEXT,
        displayName={"type": ["string", "null"]},
        description={"type": ["string", "null"]},
        isArchived={"type": "boolean"},
        environmentVariables=_STRINGS,
        properties=_STRINGS,
        tags=_STRINGS,
        **{name: {"type": ["object", "string", "null"]} for name in _OTHERS},
    ),
)
"""CommandJob and JobBase: the one kind of job that the stand-in takes."""

_SYSTEM_DATA = {"type": "object", "required": ["createdAt", "createdBy", "createdByType"]}


def _resource(kind: str, properties: dict[str, Any]) -> dict[str, Any]:
    kinds = {"const": f"Microsoft.MachineLearningServices/workspaces/{kind}"}
    identity = {"id": {"type": "string", "pattern": "^/subscriptions/"}, "name": _TEXT, "type": kinds}
    return _object(
        ["id", "name", "type", "properties", "systemData"],
        **identity,
        properties=properties,
        systemData=_SYSTEM_DATA,
    )


CONNECTION = _resource(
    "connections",
    _object(
        ["category", "target", "authType"],
        **_CONNECTION,
        authType=_TEXT,
        credentials={"type": "null"},
        group={"type": "string"},
        createdByWorkspaceArmId={"type": "string"},
    ),
)

ENVIRONMENT_VERSION = _resource(
    "environments/versions",
    _object(
        ["provisioningState", "environmentType"],
        **_ENVIRONMENT,
        environmentType={"enum": ["Curated", "UserCreated"]},
        provisioningState={"const": "Succeeded"},
    ),
)


def problem(schema: dict[str, Any], content: Any) -> str | None:  # noqa: ANN401  # JSON
    """Return what is wrong with a payload, without its values (they may be secret); None if nothing is."""
    validator = jsonschema.Draft202012Validator(schema)
    error = jsonschema.exceptions.best_match(validator.iter_errors(content))
    if error is None:
        return None
    if error.validator == "additionalProperties" and isinstance(error.instance, dict):
        unknown = sorted(set(error.instance) - set(error.schema["properties"]))
        return f"{error.json_path}: unknown fields {', '.join(unknown)}"
    return f"{error.json_path}: fails {error.validator} {error.validator_value!r}"
