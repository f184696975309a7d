"""The door of the services behind azureml-core: ARM's checks and roles, and errors in a shape of their own."""

import json
import re
import time
import uuid
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from ..arm import guard
from ..arm.guard import Operation
from ..state.store import Store
from ..web.answers import Refusal, json_answer
from ..web.moments import moment
from ..web.routes import Handler

HOST = re.compile(r"(?P<region>[a-z0-9-]+)\.api\.azureml\.ms", re.IGNORECASE)

_UNUSED = ("severity", "messageFormat", "messageParameters", "referenceCode", "detailsUri", "target")


def guarded(store: Store, kind: str, **by_method: Operation) -> Handler:
    """Return a handler as ARM's are, for paths without an api-version."""
    inner = guard.guarded(store, kind, versioned=False, **by_method)

    async def handle(request: Request) -> Response:
        try:
            return await inner(request)
        except Refusal as refusal:
            message = json.loads(bytes(refusal.response.body))["error"]["message"]
            return error(request, refusal.response.status_code, message)

    return handle


def user_error(message: str) -> dict[str, Any]:
    """Return the part of an error that says what went wrong, as in azure-docs#65770."""
    return {**dict.fromkeys(_UNUSED), "code": "UserError", "message": message, "details": [], "innerError": None}


def error(request: Request, status: int, message: str) -> Response:
    """Return an error; the example is a 400 (azure-docs#65770), that 401 to 409 look alike is our model."""
    region = (request.url.hostname or "").partition(".")[0]
    content = {
        "error": user_error(message),
        "correlation": {"operation": uuid.uuid4().hex, "request": uuid.uuid4().hex[:16]},
        "environment": region,
        "location": region,
        "time": moment(time.time()),
        "componentName": request.url.path.split("/")[1],
    }
    return json_answer(status, content)
