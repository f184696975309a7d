"""Azure DevOps' ways to say no, which are the same on all of its hosts."""

import uuid

from starlette.responses import Response

from .answers import Refusal, json_answer, with_reason


def devops_error(status: int, kind: str, message: str) -> Refusal:
    """Return an error as Azure DevOps words it: JSON with `typeKey`; the reason phrase repeats it (uv#8817)."""
    content = {
        "$id": "1",
        "innerException": None,
        "message": message,
        "typeName": f"Microsoft.VisualStudio.Services.Packaging.{kind}, Microsoft.VisualStudio.Services.Packaging",
        "typeKey": kind,
        "errorCode": 0,
        "eventId": 3000,
    }
    return Refusal(with_reason(json_answer(status, content, ActivityId=str(uuid.uuid4())), message))


def sign_in_page() -> Response:
    """Return what a core REST host answers to a bad token: 203 and a page (vsts-rest-api-specs#97)."""
    page = "<!DOCTYPE html>\n<html><head><title>Azure DevOps Services | Sign In</title></head><body></body></html>\n"
    return Response(page, 203, media_type="text/html")
