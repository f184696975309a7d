"""What the agent hands over: which token is whose, and each scheme of a service connection, whole or not."""

import time
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

import pytest
from amlwheel.errors.base import Several
from amlwheel.errors.feed import FeedForbidden
from amlwheel.errors.inputs import BadInput, MissingToken
from amlwheel.errors.sign_in import UnusableServiceConnection
from amlwheel.hosts import azure_variables
from amlwheel.hosts.azure_variables import advise, feed_token, is_task
from amlwheel.inputs.reading import read
from amlwheel.model.secret import Secret
from amlwheel.sign_in.credential import Credential
from amlwheel.sign_in.service_connection import _Federated, _is_valid, service_connection
from azure.identity import AzurePipelinesCredential, ClientSecretCredential, ManagedIdentityCredential
from rehearsal.web import tokens
from unit.parts import CANARY, GUID

ORGANISATION = {"SYSTEM_COLLECTIONURI": "https://dev.azure.com/Acme/"}
JOB = {**ORGANISATION, "ENDPOINT_AUTH_PARAMETER_SYSTEMVSSCONNECTION_ACCESSTOKEN": CANARY, "TF_BUILD": "True"}
URI = {"SYSTEM_OIDCREQUESTURI": "https://dev.azure.com/acme/oidctoken"}
PARAMETERS = {"TENANTID": GUID, "SERVICEPRINCIPALID": GUID}


def connected(
    scheme: str, parameters: Mapping[str, str] = PARAMETERS, more: Mapping[str, str] = MappingProxyType({})
) -> dict[str, str]:
    """Return the variables of a job with a service connection."""
    told = {f"ENDPOINT_AUTH_PARAMETER_{GUID}_{name}": value for name, value in parameters.items()}
    return {**JOB, azure_variables.CONNECTION: GUID, f"ENDPOINT_AUTH_SCHEME_{GUID}": scheme, **told, **more}


@pytest.mark.parametrize(
    ("feed", "environ", "token"),
    [
        ("acme/ml/wheels", JOB, CANARY),
        ("https://pkgs.dev.azure.com/acme/_packaging/shared/pypi/simple/", JOB, CANARY),
        ("acme/ml/wheels", {**JOB, "SYSTEM_COLLECTIONURI": "https://acme.visualstudio.com/"}, CANARY),
        ("acme/ml/wheels", {**ORGANISATION, "SYSTEM_ACCESSTOKEN": CANARY}, CANARY),
        ("other/ml/wheels", JOB, ""),
        ("https://pypi.example/simple/", JOB, ""),
        ("?", JOB, ""),
        ("acme/ml/wheels", {}, ""),
        ("acme/ml/wheels", ORGANISATION, ""),
    ],
)
def test_the_jobs_token_is_for_feeds_of_its_organisation(feed: str, environ: dict[str, str], token: str) -> None:
    assert feed_token(feed, environ) == token


def test_a_task_is_told_from_a_script() -> None:
    assert is_task({"TF_BUILD": "True", "INPUT_FEED": ""})
    assert is_task({"TF_BUILD": "True", "INPUT_WORKSPACE": "s/g/w"})
    assert is_task({"TF_BUILD": "True", "INPUT_DRYRUN": "false"})  # Windows, and all else in the project's table
    assert not is_task({"TF_BUILD": "True", "AMLWHEEL_FEED": "a/b"})
    assert not is_task({"INPUT_FEED": "a/b"})  # act sets INPUT_* for a composite Action


def test_all_that_the_agent_hands_over_is_secret_a_certificate_line_by_line() -> None:
    pem = "-----BEGIN PRIVATE KEY-----\nfake1\nfake2\n-----END PRIVATE KEY-----\n"
    held = {**PARAMETERS, "SERVICEPRINCIPALKEY": "fake-key", "SERVICEPRINCIPALCERTIFICATE": pem, "IDTOKEN": "fake-id"}
    assert set(azure_variables.secrets(connected("ServicePrincipal", held))) >= {
        "fake-key",
        "fake1",
        "fake2",
        "fake-id",
        CANARY,
    }
    assert not {GUID, "PRIVATE", "-----BEGIN PRIVATE KEY-----"} & set(
        azure_variables.secrets(connected("ServicePrincipal", held))
    )
    assert azure_variables.secrets({}) == ()


LEAST = {"workspace": f"{GUID}/rg/research", "connection-token": CANARY, "azure-subscription": GUID}


def test_a_service_connection_stands_in_for_the_feeds_token() -> None:
    assert read({**LEAST, "feed": "acme/ml/wheels"}).feed_token == Secret("")


def test_but_not_for_another_repositorys() -> None:
    with pytest.raises(MissingToken, match="`feed-token` is empty"):
        read({**LEAST, "feed": "https://pypi.example/simple/"})


# --- schemes


def test_without_a_service_connection_it_is_somebody_elses_turn() -> None:
    assert service_connection(JOB) is None
    assert service_connection({**JOB, azure_variables.CONNECTION: "  "}) is None


@pytest.mark.parametrize(
    ("environ", "kind"),
    [
        (connected("ServicePrincipal", {**PARAMETERS, "SERVICEPRINCIPALKEY": CANARY}), ClientSecretCredential),
        (connected("ManagedServiceIdentity", {}), ManagedIdentityCredential),
        (connected("WorkloadIdentityFederation", more=URI), _Federated),
        (
            connected("workloadidentityfederation", {**PARAMETERS, "IDTOKEN": CANARY}),
            _Federated,
        ),
    ],
)
def test_each_scheme_has_its_credential(environ: dict[str, str], kind: type) -> None:
    assert isinstance(service_connection(environ), kind)


def test_a_certificate_is_read_where_the_connection_holds_one() -> None:
    held = {**PARAMETERS, "AUTHENTICATIONTYPE": "spnCertificate", "SERVICEPRINCIPALCERTIFICATE": "no certificate"}
    with pytest.raises(ValueError, match="certificate"):
        service_connection(connected("ServicePrincipal", held))


@pytest.mark.parametrize(
    ("environ", "said"),
    [
        ({**JOB, azure_variables.CONNECTION: GUID}, "The agent has no service connection"),
        (connected("Token"), "has the scheme Token"),
        (connected("ServicePrincipal"), "has no SERVICEPRINCIPALKEY"),
        (connected("ServicePrincipal", {"TENANTID": GUID}), "has no SERVICEPRINCIPALID"),
        (connected("WorkloadIdentityFederation", {}), "has no TENANTID"),
        (connected("WorkloadIdentityFederation"), "gives no federated token"),
        (connected("ManagedServiceIdentity", {}, {f"ENDPOINT_DATA_{GUID}_ENVIRONMENT": "AzureUSGovernment"}), "Gov"),
    ],
)
def test_a_connection_that_will_not_do_is_refused_by_what_it_lacks(environ: dict[str, str], said: str) -> None:
    with pytest.raises(UnusableServiceConnection, match=said) as caught:
        service_connection(environ)
    assert CANARY not in caught.value.what


@pytest.mark.parametrize("seconds", [600, 70, 30, -10])
def test_a_federated_token_is_used_while_it_is_valid(seconds: float) -> None:
    token = tokens.issue({"exp": time.time() + seconds}, "key")
    assert _is_valid(token) is (seconds > 60)


@pytest.mark.parametrize("token", ["", "x", "a.b.c", "a.e30.c", "a.bnVsbA.c"])
def test_what_is_no_token_does_not_live(token: str) -> None:
    assert not _is_valid(token)


def test_a_new_token_of_azure_pipelines_is_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    masked: list[str] = []
    environ = connected("workloadidentityfederation", PARAMETERS, URI)
    monkeypatch.setattr(AzurePipelinesCredential, "_get_oidc_token", lambda _: CANARY)
    made: Any = service_connection(environ, lambda token: masked.append(token.reveal()))
    assert made._with_new_token._client_assertion_credential._func() == CANARY
    assert masked == [CANARY]


def test_a_token_that_came_along_is_used_while_it_lives_and_else_a_new_one_asked_for() -> None:
    class Asked:
        def __init__(self, name: str) -> None:
            self.get_token = lambda *scopes, **_: (name, *scopes)

    for seconds, source in ((600, "held"), (10, "new")):
        held = {**PARAMETERS, "IDTOKEN": tokens.issue({"exp": time.time() + seconds}, "key")}
        credential: Any = service_connection(connected("WorkloadIdentityFederation", held, URI))
        credential._with_id_token, credential._with_new_token = Asked("held"), Asked("new")
        assert credential.get_token("scope") == (source, "scope")
        assert set(Credential(credential, "service connection", print).presented()) == {"exp"}


# --- advice


TASK = {**JOB, "INPUT_FEED": "acme/ml/wheels", "SYSTEM_TEAMPROJECT": "ml"}


def advised(
    environ: Mapping[str, str],
    what: str = "The feed forbids this to `feed-token`: 403.",
    feed: str = "acme/ml/wheels",
) -> str:
    error = FeedForbidden(what)
    assert advise(Several([BadInput("x"), error]), environ, feed)
    return error.fix


def test_the_build_identity_is_named_where_its_token_was_refused() -> None:
    assert advised(TASK).startswith(
        "In Artifacts > feed settings > Permissions add 'ml Build Service (Acme)' (or 'Project Collection Build "
        "Service (Acme)', if"
    )


def test_the_connections_application_is_named_where_its_token_was_refused() -> None:
    other = {**TASK, **connected("WorkloadIdentityFederation")}
    assert f"add the service connection's identity {GUID}" in advised(other, feed="other/ml/wheels")
    machine = {**TASK, **connected("ManagedServiceIdentity", {})}
    assert "identity of the agent's machine" in advised(machine, feed="other/ml/wheels")


def test_of_a_token_that_was_given_nobody_knows_whose_it_is() -> None:
    assert advised({**TASK, "INPUT_FEEDTOKEN": CANARY}) == FeedForbidden.fix
    assert advised({**TASK, "AMLWHEEL_FEED_TOKEN": CANARY}) == FeedForbidden.fix
    assert advised(TASK, "The feed forbids this to `connection-token`: 403.") == FeedForbidden.fix
