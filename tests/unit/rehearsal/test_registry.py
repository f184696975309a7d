"""The container registries: one open to all, one with its token flow, two private ones."""

import base64
import json
import urllib.parse
from typing import Any

from rehearsal.registry import host as registry
from rehearsal.state import names
from rehearsal.state.store import Store
from unit.rehearsal.asking import ask, entra_token


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
    app, url = registry.app(store, host, "token"), f"https://{host}/v2/ml/base/manifests/1.0"
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


def test_blobs_of_the_open_registry_are_elsewhere(store: Store) -> None:
    base = "https://mcr.microsoft.com/v2/azureml/openmpi4.1.0-ubuntu22.04"
    app = registry.app(store, "mcr.microsoft.com")
    config = ask(app, "GET", f"{base}/manifests/latest").json["config"]["digest"]
    moved = ask(app, "GET", f"{base}/blobs/{config}")
    assert (moved.status, moved.header("location")) == (307, f"https://{registry.FILES}/{config}")
    files = registry.files_app(store)
    assert ask(files, "GET", moved.header("location")).json["architecture"] == "amd64"
    assert ask(files, "GET", f"https://{registry.FILES}/sha256:0").status == 404


def form(**fields: str) -> bytes:
    return urllib.parse.urlencode(fields).encode()


def test_azures_private_registry_gives_tokens_for_entras(store: Store) -> None:
    host = names.PRIVATE_REGISTRY
    app, scope = registry.app(store, host, "entra"), "repository:ml/base:pull"

    def post(path: str, **fields: str) -> Any:  # noqa: ANN401  # an answer
        kind = {"content_type": "application/x-www-form-urlencoded"}
        return ask(app, "POST", f"https://{host}/oauth2/{path}", form(**fields), **kind)

    def exchange(of: str, service: str = host) -> Any:  # noqa: ANN401  # an answer
        return post("exchange", grant_type="access_token", service=service, access_token=of, tenant=names.TENANT_ID)

    ours = entra_token(store).json["access_token"]
    login = {"client_id": names.READER_CLIENT_ID, "client_secret": names.READER_CLIENT_SECRET}
    others = entra_token(store, **login).json["access_token"]
    assert [exchange(each).status for each in (ours, others, "x.y.z")] == [200, 401, 401]
    assert exchange(ours, "another.azurecr.io").status == 400
    refresh = exchange(ours).json["refresh_token"]
    grant = {"grant_type": "refresh_token", "service": host, "scope": scope}
    access = post("token", **grant, refresh_token=refresh).json["access_token"]
    assert post("token", **grant, refresh_token=access).status == 401
    url = f"https://{host}/v2/ml/base/manifests/1.0"
    assert ask(app, "GET", url, authorization=f"Bearer {access}").status == 200
    assert ask(app, "GET", f"https://{host}/oauth2/token?service={host}&scope={scope}").status == 401


def test_a_companys_registry_knows_its_user_and_has_indexes(store: Store) -> None:
    host = names.OTHER_REGISTRY
    app, base = registry.app(store, host, "password"), f"https://{host}/v2/ml/base"
    basic = base64.b64encode(f"{names.REGISTRY_USER}:{names.REGISTRY_TOKEN}".encode()).decode()
    asked = f"https://{host}/oauth2/token?scope=repository:ml/base:pull"
    assert ask(app, "GET", asked, authorization="Basic eDp5").status == 401
    bearer = f"Bearer {ask(app, 'GET', asked, authorization=f'Basic {basic}').json['access_token']}"
    single, record = ask(app, "GET", f"{base}/manifests/1.0", authorization=bearer).json["manifests"]
    assert (single["platform"]["architecture"], record["platform"]["os"]) == ("amd64", "unknown")
    read = ask(app, "GET", f"{base}/manifests/{single['digest']}", authorization=bearer).json
    config = ask(app, "GET", f"{base}/blobs/{read['config']['digest']}", authorization=bearer)
    assert json.loads(config.content)["os"] == "linux"
    assert ask(app, "GET", f"{base}/blobs/sha256:0", authorization=bearer).status == 404
