"""Sign-in by GitHub's OIDC: no secret publishes, and each way to fail says what mends it."""

import base64
import os
import pathlib
from urllib.parse import parse_qs

import pytest
from rehearsal.proxy.world import World
from rehearsal.sign_in import github
from rehearsal.sign_in.entra import DEVOPS_AUDIENCE
from rehearsal.state.names import CLIENT_ID, OUTSIDER_CLIENT_ID, TENANT_ID
from rehearsal.web import tokens
from rehearsed.steps import DEBUG, Result, Step, in_feed, refused, shown, write_wheel

NO_OTHER = {"AZURE_CLIENT_ID": "", "AZURE_TENANT_ID": "", "AZURE_CLIENT_SECRET": "", "AMLWHEEL_FEED_TOKEN": ""}


def release(step: Step, subject: str = github.SUBJECT, env: dict[str, str] | None = None, **given: object) -> Result:
    """Run the step as a job of GitHub Actions does that has this subject and no secret to publish with."""
    wheel = write_wheel(step.scratch / "built", "acme-oidc", "1.0")
    runner = {"GITHUB_ACTIONS": "true", **github.request_environment(step.world.store, subject)}
    given = {"wheel": wheel, "verify": "none", "client_id": CLIENT_ID, "tenant_id": TENANT_ID, **given}
    return step(env={**NO_OTHER, **runner, **(env or {})}, **given)  # type: ignore[arg-type]  # inputs alone


def forms(result: Result) -> list[dict[str, str]]:
    """Return what Entra was asked."""
    asked = [line for line in result.requests if line["url"].endswith("/oauth2/v2.0/token")]
    return [{name: value for name, (value, *_) in parse_qs(line["body"]).items()} for line in asked]


def test_a_release_without_a_secret(step: Step, world: World) -> None:
    result = release(step, env=DEBUG)
    assert result.status == 0, result.output
    assert "eyJ" not in shown(result.output)  # no token, in whatever form
    assert f"::debug::GET https://{github.HOST}/" in result.output
    assert "signed in by OIDC" in result.told
    assert "acme_oidc-1.0-py3-none-any.whl" in in_feed(world)
    scopes = {form["scope"]: form for form in forms(result)}
    assert set(scopes) == {f"{DEVOPS_AUDIENCE}/.default", "https://management.azure.com/.default"}
    for form in scopes.values():
        assert form["client_id"] == CLIENT_ID
        assert "client_secret" not in form
        claims = tokens.claims(form["client_assertion"]) or {}
        assert (claims["aud"], claims["sub"]) == ("api://AzureADTokenExchange", github.SUBJECT)
        assert form["client_assertion"] not in result.output.replace("::add-mask::" + form["client_assertion"], "")
    (upload,) = [line for line in result.writes if "/upload/" in line["url"]]
    password = (
        base64.b64decode(upload["request_headers"]["authorization"].removeprefix("Basic ")).decode().partition(":")[2]
    )
    assert (tokens.claims(password) or {})["aud"] == DEVOPS_AUDIENCE


def test_a_job_that_may_not_ask_for_a_token(step: Step) -> None:
    nothing = dict.fromkeys(github.request_environment(step.world.store), "")
    result = release(step, env=nothing)
    assert result.status == 66, result.output
    assert "permissions: {id-token: write, contents: read}" in result.told
    assert result.writes == []


def test_the_token_service_refuses(step: Step) -> None:
    result = release(step, env={"ACTIONS_ID_TOKEN_REQUEST_TOKEN": "fake.token.refused"})
    assert result.status == 65, result.output
    assert "answered 401" in result.told
    assert "service connection" not in result.told
    assert result.writes == []


def test_entra_does_not_know_the_subject(step: Step) -> None:
    subject = "repo:fork/demo:ref:refs/heads/main"
    result = release(step, subject)
    assert result.status == 63, result.output
    assert f"with the subject '{subject}'" in result.told
    assert f"az ad app federated-credential create --id {CLIENT_ID}" in result.told
    assert f'"subject": "{subject}"' in result.told
    assert result.writes == []


def test_the_organisation_does_not_know_the_identity(step: Step, world: World) -> None:
    entra = world.store.read("entra")
    entra["applications"][OUTSIDER_CLIENT_ID]["federated"] = entra["applications"][CLIENT_ID]["federated"]
    world.store.write("entra", entra)
    result = release(step, client_id=OUTSIDER_CLIENT_ID)
    assert result.status == 67, result.output
    assert OUTSIDER_CLIENT_ID in result.told
    assert "serviceprincipalentitlements" in result.told
    assert "Feed Publisher (Contributor)" in result.told
    assert result.writes == []


def test_an_earlier_azure_login_publishes_too(step: Step, world: World, tmp_path: pathlib.Path) -> None:
    entra = world.store.read("entra")
    folder = tmp_path / "bin"
    folder.mkdir()
    said = {"appid": CLIENT_ID, "exp": 4102444800, "oid": "x", "idtyp": "app"}
    feeds, arm = (
        tokens.issue({"aud": audience, **said}, entra["signing_key"])
        for audience in (DEVOPS_AUDIENCE, "https://management.azure.com")
    )
    (folder / "az").write_text(
        "#!/bin/sh\n"
        f'case "$*" in *{DEVOPS_AUDIENCE}*) token={feeds};; *) token={arm};; esac\n'
        'echo "{\\"accessToken\\": \\"$token\\", \\"expires_on\\": 4102444800, \\"tokenType\\": \\"Bearer\\"}"\n'
    )
    (folder / "az").chmod(0o755)
    path = os.pathsep.join([str(folder), os.environ["PATH"]])
    result = release(step, client_id="", tenant_id="", env={"PATH": path, "GITHUB_ACTIONS": ""})
    assert result.status == 0, result.output
    assert "signed in by Azure CLI" in result.told
    assert "acme_oidc-1.0-py3-none-any.whl" in in_feed(world)


@pytest.mark.parametrize(("given", "told"), [({"tenant_id": ""}, "belong together"), ({"client_id": "me"}, "a GUID")])
def test_half_a_sign_in_is_refused(step: Step, given: dict[str, str], told: str) -> None:
    refused(release(step, env={"GITHUB_ACTIONS": ""}, **given), 10, told)
