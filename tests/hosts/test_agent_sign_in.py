"""The packed task signs in by each scheme of a service connection, and says what to do where Entra or Azure says no."""

import contextlib
import dataclasses
import datetime
import http.server
import json
import re
import threading
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from hosts import agent
from hosts.conftest import FEDERATED, PRINCIPAL, Azure
from hosts.scenarios import DRY_RUN
from hosts.test_agent_door import assert_no_token, run
from rehearsal.sign_in import entra, pipelines
from rehearsal.state import names
from rehearsal.web import tokens

pytestmark = pytest.mark.network
ARM, FEEDS = "https://management.azure.com/.default", f"{entra.DEVOPS_AUDIENCE}/.default"
LOGIN = f"https://{entra.HOST}/{names.TENANT_ID}/oauth2/v2.0/token"


def signed_in(job: agent.Job, endpoint: agent.Endpoint, azure: Azure) -> list[dict[str, Any]]:
    """Run a dry run with a service connection and another organisation's job; return the requests that it made.

    So the token for the feed comes from the service connection, too.
    """
    before = len(azure.world.requests())
    other = {**job.variables, "System.CollectionUri": "https://dev.azure.com/elsewhere/"}
    endpoints = {names.SERVICE_CONNECTION: dataclasses.replace(endpoint, name="ml-production")}
    result = run(dataclasses.replace(job, variables=other, endpoints=endpoints), DRY_RUN)
    requests = azure.world.requests()[before:]
    assert_no_token(result, tuple(handed_out(requests)))
    return requests


def handed_out(requests: list[dict[str, Any]]) -> Iterator[str]:
    """Yield each token that a stand-in handed out."""
    for each in requests:
        with contextlib.suppress(ValueError, AttributeError, TypeError):
            answer = json.loads(each["response_body"])
            yield from (answer[name] for name in ("access_token", "oidcToken") if name in answer)


def exchanges(requests: list[dict[str, Any]]) -> dict[str, dict[str, str]]:
    """Return the form of each request for a token, by its scope."""
    forms = [parse_qs(each["body"]) for each in requests if each["url"] == LOGIN]
    return {form["scope"][0]: {name: value[0] for name, value in form.items()} for form in forms}


def bearers(requests: list[dict[str, Any]], host: str) -> set[str]:
    """Return the audience of each bearer token that a host was shown."""
    headers = [each["request_headers"] for each in requests if urlsplit(each["url"]).hostname == host]
    shown = [value for each in headers for name, value in dict(each).items() if name.lower() == "authorization"]
    claims = [tokens.claims(text.removeprefix("Bearer ")) for text in shown]
    return {str(each and each["aud"]) for each in claims}


def test_workload_identity_with_a_token_asked_for(job: agent.Job, azure: Azure) -> None:
    requests = signed_in(job, FEDERATED, azure)
    asked = [each for each in requests if "/oidctoken?" in each["url"]]
    assert len(asked) == 2, "one for each exchange: never an old one"
    for each in asked:
        query = parse_qs(urlsplit(each["url"]).query)
        assert query == {"api-version": ["7.1"], "serviceConnectionId": [names.SERVICE_CONNECTION]}
        assert each["method"] == "POST"
        headers = {name.lower(): value for name, value in dict(each["request_headers"]).items()}
        assert headers["x-tfs-fedauthredirect"] == "Suppress"
    order = [each["url"] for each in requests if each in asked or each["url"] == LOGIN]
    assert [url == LOGIN for url in order] == [False, True, False, True], "exchanged at once"
    assert_federated(requests)
    assert bearers(requests, "management.azure.com") == {"https://management.azure.com"}


def assert_federated(requests: list[dict[str, Any]]) -> None:
    """Assert that a federated token for this connection was exchanged, for each of the two audiences."""
    forms = exchanges(requests)
    assert set(forms) == {ARM, FEEDS}
    for form in forms.values():
        assert form["client_id"] == names.CLIENT_ID
        assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        claims = tokens.claims(form["client_assertion"])
        assert claims
        assert (claims["aud"], claims["sub"]) == ("api://AzureADTokenExchange", names.SERVICE_CONNECTION_SUBJECT)


def late(azure: Azure, lifetime: float) -> agent.Endpoint:
    """Return a service connection that came with a federated token."""
    token = pipelines.federated_token(azure.world.store.read("entra"), names.SERVICE_CONNECTION, lifetime)
    return dataclasses.replace(FEDERATED, parameters={**PRINCIPAL, "idToken": token})


def test_workload_identity_with_a_token_that_came_along(job: agent.Job, azure: Azure) -> None:
    requests = signed_in(job, late(azure, 600), azure)
    assert not [each for each in requests if "/oidctoken?" in each["url"]]
    assert_federated(requests)


def test_a_token_that_came_along_and_has_expired_is_asked_for_anew(job: agent.Job, azure: Azure) -> None:
    requests = signed_in(job, late(azure, 30), azure)
    assert len([each for each in requests if "/oidctoken?" in each["url"]]) == 2
    assert_federated(requests)


def test_a_service_principal_with_a_secret(job: agent.Job, azure: Azure) -> None:
    parameters = {**PRINCIPAL, "authenticationType": "spnKey", "serviceprincipalkey": names.CLIENT_SECRET}
    forms = exchanges(signed_in(job, agent.Endpoint("ServicePrincipal", parameters), azure))
    assert {scope: form["client_secret"] for scope, form in forms.items()} == dict.fromkeys(
        (ARM, FEEDS), names.CLIENT_SECRET
    )


def test_a_service_principal_with_a_certificate(job: agent.Job, azure: Azure) -> None:
    certificate, key = certified()
    with azure.world.store.edit("entra") as known:
        known["applications"][names.CLIENT_ID]["certificates"] = [certificate]
    parameters = {
        **PRINCIPAL,
        "authenticationType": "spnCertificate",
        "servicePrincipalCertificate": key + certificate,
    }
    forms = exchanges(signed_in(job, agent.Endpoint("ServicePrincipal", parameters), azure))
    assert set(forms) == {ARM, FEEDS}
    assert not [form for form in forms.values() if "client_secret" in form]


def certified() -> tuple[str, str]:
    """Return a certificate and its key, as PEM."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "fake")])
    now = datetime.datetime.now(datetime.timezone.utc)
    made = x509.CertificateBuilder().subject_name(name).issuer_name(name).public_key(key.public_key())
    made = made.serial_number(1).not_valid_before(now).not_valid_after(now + datetime.timedelta(days=1))
    form, plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    pem = key.private_bytes(serialization.Encoding.PEM, form, plain).decode()
    return made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode(), pem


def test_a_managed_identity(job: agent.Job, azure: Azure) -> None:
    """Through the endpoint that azure-identity finds by variables (App Service's); IMDS itself has a fixed address."""
    with identity_endpoint(azure.world.store.read("entra")) as (url, asked):
        env = {**job.env, "IDENTITY_ENDPOINT": url, "IDENTITY_HEADER": "fake-header"}
        endpoint = agent.Endpoint("ManagedServiceIdentity", {"tenantid": names.TENANT_ID})
        requests = signed_in(dataclasses.replace(job, env=env), endpoint, azure)
    assert sorted(asked) == sorted(["https://management.azure.com", entra.DEVOPS_AUDIENCE])
    assert exchanges(requests) == {}
    assert bearers(requests, "management.azure.com") == {"https://management.azure.com"}


@contextlib.contextmanager
def identity_endpoint(known: Mapping[str, Any]) -> Iterator[tuple[str, list[str]]]:
    """Answer for a machine's managed identity, on loopback; give the address and the resources asked for."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            resource = parse_qs(urlsplit(self.path).query)["resource"][0]
            assert self.headers["X-IDENTITY-HEADER"] == "fake-header"
            asked.append(resource)
            claims = entra._claims(names.TENANT_ID, names.CLIENT_ID, resource)
            answer = {"access_token": tokens.issue(claims, known["signing_key"]), "token_type": "Bearer"}
            body = json.dumps({**answer, "expires_on": str(claims["exp"]), "resource": resource}).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}/msi/token", asked
        server.shutdown()


# --- refused


def refused(job: agent.Job, code: str, endpoint: agent.Endpoint | None, given: Mapping[str, str] | None = None) -> str:
    """Return the one error of a run that can't sign in."""
    endpoints = {names.SERVICE_CONNECTION: endpoint} if endpoint else {}
    scenario = dataclasses.replace(DRY_RUN, status=int(code[2:]), codes=(code,), outputs={})
    ((_, text),) = run(dataclasses.replace(job, endpoints=endpoints), scenario, 24, given).errors
    return text


def test_no_service_connection(job: agent.Job) -> None:
    text = refused(job, "AW40", None, {"azureSubscription": ""})
    assert "Name an Azure Resource Manager service connection in azureSubscription" in text


def test_a_service_connection_that_the_pipeline_may_not_use(job: agent.Job) -> None:
    text = refused(job, "AW16", None, {"azureSubscription": names.guid("unknown")})
    assert "the pipeline hasn't been permitted to use it" in text


def test_a_service_connection_of_another_kind(job: agent.Job) -> None:
    text = refused(job, "AW16", agent.Endpoint("UsernamePassword", {"username": "fake-user"}, name="ml-production"))
    assert "`azureSubscription` has the scheme UsernamePassword, which isn't one of Azure Resource Manager." in text


def test_another_cloud(job: agent.Job) -> None:
    endpoint = dataclasses.replace(FEDERATED, data={"environment": "AzureChinaCloud"})
    assert "AzureChinaCloud" in refused(job, "AW16", endpoint)


def test_a_subject_that_entra_does_not_know(job: agent.Job, azure: Azure) -> None:
    with azure.world.store.edit("entra") as known:
        known["service_connections"][names.SERVICE_CONNECTION] = "sc://acme/ml/Renamed"
    text = refused(job, "AW63", FEDERATED)
    assert "no federated credential with the subject 'sc://acme/ml/Renamed'" in text
    assert "Federated credentials" in text


def test_a_federated_token_that_has_expired(job: agent.Job, azure: Azure) -> None:
    variables = {name: value for name, value in job.variables.items() if name != "System.OidcRequestUri"}
    text = refused(dataclasses.replace(job, variables=variables), "AW64", late(azure, -30))
    assert "clock" in text


def test_a_federated_token_that_is_not_handed_out(job: agent.Job, azure: Azure) -> None:
    with azure.world.store.edit("entra") as known:
        known["service_connections"] = {}
    text = refused(job, "AW65", FEDERATED)
    assert re.search("permit the pipeline", text)
