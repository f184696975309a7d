"""The container registries: one open to all, one with its token flow."""

import urllib.parse

from rehearsal.registry import host as registry
from rehearsal.state import names
from rehearsal.state.store import Store
from unit.rehearsal.asking import ask


def test_registry_tells_the_digest(store: Store) -> None:
    base = "https://mcr.microsoft.com/v2/azureml/openmpi4.1.0-ubuntu22.04"
    app = registry.app(store, "mcr.microsoft.com")
    tagged = ask(app, "HEAD", f"{base}/manifests/20251130.v1")
    digest = tagged.header("docker-content-digest")
    assert ask(app, "GET", f"{base}/manifests/{digest}").header("docker-content-digest") == digest
    assert "20251130.v1" in ask(app, "GET", f"{base}/tags/list").json["tags"]
    assert ask(app, "GET", f"{base}/manifests/nope").json["errors"][0]["code"] == "MANIFEST_UNKNOWN"
    assert ask(app, "GET", f"{base}/manifests/latest", accept="application/json").status == 404
    assert ask(app, "GET", f"{base}-nope/manifests/latest").json["errors"][0]["code"] == "NAME_UNKNOWN"


def test_registry_with_token_flow(store: Store) -> None:
    host = names.TOKEN_REGISTRY
    app, url = registry.app(store, host, wants_token=True), f"https://{host}/v2/ml/base/manifests/1.0"
    challenge = ask(app, "GET", url)
    assert (
        challenge.status,
        f'Bearer realm="https://{host}/oauth2/token"' in challenge.header("www-authenticate"),
    ) == (401, True)

    def token(scope: str) -> str:
        asked = f"https://{host}/oauth2/token?service={host}&scope={urllib.parse.quote(scope, safe='')}"
        return str(ask(app, "GET", asked).json["access_token"])

    statuses = [
        ask(app, "GET", url, authorization=f"Bearer {token(scope)}").status
        for scope in ("repository:ml/base:pull", "repository:ml/other:pull")
    ]
    assert statuses == [200, 401]
