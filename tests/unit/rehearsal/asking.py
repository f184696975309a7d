"""Ask a stand-in without a proxy and without a socket, the way the proxy would."""

import json
import urllib.parse
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any

import pytest
from rehearsal.arm import host as arm
from rehearsal.azureml import host as azureml
from rehearsal.azureml.builds import Build, Builds
from rehearsal.proxy.scope import repaired
from rehearsal.sign_in import entra
from rehearsal.state import names
from rehearsal.state.store import Store
from starlette.types import ASGIApp

AML_HOST = "westeurope.api.azureml.ms"
WORKSPACE = names.workspace_id()


@dataclass
class Answer:
    status: int
    headers: list[tuple[str, str]]
    content: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 - JSON
        return json.loads(self.content)

    def header(self, name: str) -> str:
        return ", ".join(value for key, value in self.headers if key == name)


def finish(work: Awaitable[None]) -> None:
    """Run a coroutine that never has to wait: no event loop, so no socket."""
    with pytest.raises(StopIteration):
        work.__await__().send(None)


def ask(app: ASGIApp, method: str, url: str, body: bytes = b"", **headers: str) -> Answer:
    """Send a request the way the proxy does, its odd scope included."""
    answer = Answer(0, [], b"")
    parts = urllib.parse.urlsplit(url)
    target = parts._replace(scheme="", netloc="").geturl()

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body}

    async def send(event: MutableMapping[str, Any]) -> None:
        if event["type"] == "http.response.start":
            answer.status = event["status"]
            answer.headers = [(name.decode(), value.decode()) for name, value in event["headers"]]
        else:
            answer.content += event.get("body", b"")

    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "HTTPS",
        "path": urllib.parse.quote(target.partition("?")[0]),
        "raw_path": target,
        "query_string": b"",
        "headers": [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()],
        "extensions": {},
    }
    finish(repaired(app, parts.netloc)(scope, receive, send))
    return answer


def entra_token(store: Store, audience: str = "https://management.azure.com", **fields: str) -> Answer:
    form = {
        "client_id": names.CLIENT_ID,
        "client_secret": names.CLIENT_SECRET,
        "grant_type": "client_credentials",
        "scope": f"{audience}/.default",
        **fields,
    }
    url = f"https://{entra.HOST}/{form.pop('tenant', names.TENANT_ID)}/oauth2/v2.0/token"
    body = urllib.parse.urlencode(form).encode()
    return ask(entra.app(store), "POST", url, body, content_type="application/x-www-form-urlencoded")


def aml_caller(store: Store, build: Build) -> Callable[..., Answer]:
    """Return a function that calls the services behind azureml-core as it does."""
    audience = "https://management.core.windows.net/"
    app, token = azureml.app(store, Builds(store, build)), entra_token(store, audience).json["access_token"]

    def ask_service(method: str, path: str, content: object = None, **headers: str) -> Answer:
        body = b"" if content is None else json.dumps(content).encode()
        return ask(app, method, f"https://{AML_HOST}{path}", body, **{"authorization": f"Bearer {token}", **headers})

    return ask_service


def message(answer: Answer) -> tuple[int, str]:
    """Return the status and the words of an error."""
    return answer.status, str(answer.json["error"]["message"])


def arm_caller(store: Store) -> Callable[..., Answer]:
    """Return a function that calls ARM as the pipeline does."""
    app, token = arm.app(store), entra_token(store).json["access_token"]

    def ask_arm(method: str, path: str, content: object = None, version: str = "2024-04-01", **headers: str) -> Answer:
        joiner = "&" if "?" in path else "?"
        query = f"{joiner}api-version={version}" if version else ""
        body = b"" if content is None else json.dumps(content).encode()
        return ask(
            app, method, f"https://{arm.HOST}{path}{query}", body, **{"authorization": f"Bearer {token}", **headers}
        )

    return ask_arm
