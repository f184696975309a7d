"""What all of ARM's records have in common: who changed them when, and payloads that keep to the contract."""

import time
from typing import Any

from ..web.moments import moment
from . import schemas
from .guard import Caller, error


def system_data(caller: Caller, before: dict[str, Any] | None) -> dict[str, str]:
    """Return a record's `systemData`; of the record `before` it keeps who created it."""
    now = moment(time.time())
    created = (before or {}).get("systemData") or {
        "createdAt": now,
        "createdBy": caller.object_id,
        "createdByType": "Application",
    }
    changed = {"lastModifiedAt": now, "lastModifiedBy": caller.object_id, "lastModifiedByType": "Application"}
    return {**created, **changed}


def check(schema: dict[str, Any], content: Any) -> None:  # noqa: ANN401  # JSON
    """Refuse a payload that its schema doesn't allow."""
    problem = schemas.problem(schema, content)
    if problem:
        raise error(400, "ValidationError", f"The request is invalid: {problem}")


def answer(schema: dict[str, Any], content: dict[str, Any]) -> dict[str, Any]:
    """Return an answer that was checked, so that a stand-in which strays from the contract is noticed."""
    problem = schemas.problem(schema, content)
    if problem:
        raise AssertionError(f"the stand-in would answer wrongly: {problem}")
    return content
