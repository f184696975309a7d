"""Where the token for Azure comes from: every detector, not set up, set up, or set up wrongly."""

import threading
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from amlwheel.errors.base import NoNetwork, StepError
from amlwheel.errors.sign_in import FederationRefused, SignInFailed
from amlwheel.errors.transport import BeyondBounds
from amlwheel.model.secret import Secret
from amlwheel.sign_in import github
from amlwheel.sign_in.credential import Credential
from amlwheel.sign_in.detectors import azure_cli, find, service_principal, workload_identity
from azure.core.credentials import AccessToken, TokenCredential
from azure.core.exceptions import AzureError, ClientAuthenticationError, ServiceRequestError, ServiceResponseError
from azure.identity import AzureCliCredential, ClientSecretCredential, WorkloadIdentityCredential
from unit.parts import CANARY, GUID

APPLICATION = {"AZURE_TENANT_ID": GUID, "AZURE_CLIENT_ID": GUID}
PRINCIPAL = APPLICATION | {"AZURE_CLIENT_SECRET": CANARY}
IDENTITY = APPLICATION | {"AZURE_FEDERATED_TOKEN_FILE": "/token"}
Detector = Callable[[Mapping[str, str]], TokenCredential | None]


class Source:
    """Gives numbered tokens that live for `seconds`, slowly, or fails."""

    def __init__(self, seconds: float = 3600, failure: Exception | None = None) -> None:
        """Count what is asked."""
        self.seconds, self.failure, self.count = seconds, failure, 0

    def get_token(self, *scopes: str, **_: object) -> AccessToken:
        time.sleep(0.01)
        self.count += 1
        if self.failure:
            raise self.failure
        return AccessToken(f"{CANARY}-{self.count}-{scopes[0]}", int(time.time() + self.seconds))


def credential(source: Source, mask: Callable[[Secret], None] = lambda _: None) -> Credential:
    return Credential(source, "test", mask)


# --- detecting


@pytest.mark.parametrize("detect", [service_principal, workload_identity, azure_cli])
def test_an_empty_environment_has_no_credential(detect: Detector, tmp_path: Path) -> None:
    assert detect({"PATH": str(tmp_path)}) is None
    assert detect({"PATH": str(tmp_path), **APPLICATION}) is None


@pytest.mark.parametrize(
    ("detect", "environ", "kind"),
    [
        (service_principal, PRINCIPAL, ClientSecretCredential),
        (workload_identity, IDENTITY, WorkloadIdentityCredential),
    ],
)
def test_what_the_environment_names_is_found(
    monkeypatch: pytest.MonkeyPatch, detect: Detector, environ: dict[str, str], kind: type
) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert isinstance(detect(environ), kind)


@pytest.mark.parametrize(
    ("detect", "environ"),
    [
        (service_principal, {"AZURE_CLIENT_SECRET": CANARY}),
        (service_principal, {"AZURE_CLIENT_CERTIFICATE_PATH": "/cert"}),
        (workload_identity, {"AZURE_FEDERATED_TOKEN_FILE": "/token"}),
    ],
)
def test_half_a_credential_is_an_error_that_names_the_other_half(detect: Detector, environ: dict[str, str]) -> None:
    with pytest.raises(SignInFailed, match="not AZURE_TENANT_ID and AZURE_CLIENT_ID") as caught:
        detect(environ)
    assert CANARY not in caught.value.what
    with pytest.raises(SignInFailed, match="not AZURE_CLIENT_ID"):
        detect(environ | {"AZURE_TENANT_ID": GUID})


def test_an_installed_azure_cli_is_found(tmp_path: Path) -> None:
    (tmp_path / "az").touch(mode=0o755)
    assert isinstance(azure_cli({"PATH": str(tmp_path)}), AzureCliCredential)


def test_the_most_explicit_source_goes_first(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "az").touch(mode=0o755)
    environ = PRINCIPAL | IDENTITY | {"PATH": str(tmp_path)}
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert find(environ).label == "service principal"
    assert find({key: environ[key] for key in (*IDENTITY, "PATH")}).label == "workload identity"
    assert find({"PATH": str(tmp_path)}).label == "Azure CLI"


def test_nothing_to_sign_in_with_says_what_was_looked_for(tmp_path: Path) -> None:
    for more, fix in ({}, "Sign in with the Azure CLI: az login."), ({"GITHUB_ACTIONS": "true"}, "On GitHub give"):
        with pytest.raises(SignInFailed, match="looked for service principal, workload identity, Azure CLI") as caught:
            find({"PATH": str(tmp_path)} | more)
        assert caught.value.fix.startswith(fix)


# --- asking once


def test_a_token_is_asked_for_once_for_each_scope_and_shown_to_be_masked() -> None:
    source, masked = Source(), list[Secret]()
    asked = credential(source, masked.append)
    tokens = [asked.get_token(scope).token for scope in ("a", "a", "b", "a")]
    assert tokens == [f"{CANARY}-1-a", f"{CANARY}-1-a", f"{CANARY}-2-b", f"{CANARY}-1-a"]
    assert masked == [Secret(f"{CANARY}-1-a"), Secret(f"{CANARY}-2-b")]


def test_many_threads_ask_once() -> None:
    source = Source()
    asked, meet = credential(source), threading.Barrier(8, timeout=5)

    def ask(_: int) -> str:
        meet.wait()
        return asked.get_token("a").token

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(ask, range(8))) == {f"{CANARY}-1-a"}
    assert source.count == 1


@pytest.mark.parametrize(("seconds", "count"), [(3600, 1), (299, 2), (-1, 2)])
def test_a_token_near_its_end_is_fetched_anew(seconds: float, count: int) -> None:
    source = Source(seconds)
    asked = credential(source)
    asked.get_token("a")
    asked.get_token("a")
    assert source.count == count


def test_a_demand_for_a_newer_token_is_not_answered_with_the_old_one() -> None:
    asked = credential(Source())
    assert asked.get_token("a").token != asked.get_token("a", claims="eyJ...").token
    assert asked.get_token("a", claims=None).token == f"{CANARY}-2-a"


def wrapped() -> AzureError:
    """Return a failure as azure-identity tells it: the network's wrapped in its own."""
    failure = ClientAuthenticationError("Authentication failed")
    failure.__cause__ = ServiceRequestError(CANARY, error=OSError(CANARY))
    return failure


def beyond() -> AzureError:
    """Return how azure-identity tells that an answer of Entra's was beyond the bounds."""
    failure = ClientAuthenticationError("Authentication failed")
    failure.__cause__ = BeyondBounds("login.example answered with more than 32 MiB.")
    return failure


@pytest.mark.parametrize(
    ("failure", "kind", "details"),
    [
        (ClientAuthenticationError("AADSTS7000215: bad"), SignInFailed, "AADSTS7000215: bad"),
        (ServiceRequestError(CANARY, error=OSError(CANARY)), NoNetwork, "OSError"),
        (ServiceResponseError(CANARY), NoNetwork, "NoneType"),
        (wrapped(), NoNetwork, "OSError"),
        (beyond(), BeyondBounds, ""),
        (FileNotFoundError("no token file"), SignInFailed, "no token file"),
        (ValueError("not a certificate"), SignInFailed, "not a certificate"),
    ],
)
def test_a_failed_sign_in_is_named_once_without_the_request(
    failure: Exception, kind: type[StepError], details: str
) -> None:
    source = Source(failure=failure)
    asked = credential(source)
    for _ in range(2):
        with pytest.raises(kind) as caught:
            asked.get_token("a")
        assert caught.value.details == details
        assert CANARY not in caught.value.what
        assert caught.value.__cause__ is None
    assert source.count == 1


def test_a_refusal_that_has_its_code_already_is_kept_as_it_is() -> None:
    source = Source(failure=FederationRefused("GitHub gave no token."))
    asked = credential(source)
    for _ in range(2):
        with pytest.raises(FederationRefused, match="GitHub gave no token"):
            asked.get_token("a")
    assert source.count == 1


def test_what_cannot_be_a_credential_is_a_failed_sign_in() -> None:
    with pytest.raises(SignInFailed, match="Sign-in by service principal has an invalid setting") as caught:
        find({**APPLICATION, "AZURE_CLIENT_CERTIFICATE_PATH": "/no/such/file"})
    assert "/no/such/file" in caught.value.details


def test_white_space_around_a_pasted_id_does_not_count() -> None:
    assert find({name: f" {value}\n" for name, value in PRINCIPAL.items()}).label == "service principal"


@pytest.mark.parametrize(
    ("environ", "application"),
    [
        (PRINCIPAL, ("", "")),
        (APPLICATION | {"AZURE_FEDERATED_TOKEN_FILE": __file__}, ("", "")),
        ({"AZURE_FEDERATED_TOKEN_FILE": __file__}, (GUID, GUID)),
        (
            {"GITHUB_ACTIONS": "true", github.REQUEST_URL: "https://x.example/?a=b", github.REQUEST_TOKEN: "x"},
            (GUID, GUID),
        ),
    ],
)
def test_entra_is_not_waited_for_for_long(
    monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], application: tuple[str, str]
) -> None:
    limits = set()

    def hang(_: object, request: requests.PreparedRequest, **more: Any) -> None:  # noqa: ANN401
        limits.add(more["timeout"])
        raise requests.exceptions.ReadTimeout(request=request)

    monkeypatch.setattr(requests.adapters.HTTPAdapter, "send", hang)
    monkeypatch.setattr(github.GitHubCredential, "_fetch", lambda _: "e30.e30.x")
    monkeypatch.setattr("time.sleep", lambda _: None)
    with pytest.raises(NoNetwork):
        find(environ, application=application).get_token("https://management.azure.com/.default")
    assert limits == {(10, 20)}


# --- refusals with a code of their own


def of_the_host() -> ClientAuthenticationError:
    """Return what azure-identity says when the pipeline's host gave it no federated token."""
    error = ClientAuthenticationError("No service connection found")
    url = "https://dev.azure.com/acme/x/_apis/distributedtask/hubs/build/plans/y/jobs/z/oidctoken?api-version=7.1"
    error.response = SimpleNamespace(request=SimpleNamespace(url=url))
    return error


@pytest.mark.parametrize(
    ("failure", "code", "said"),
    [
        (
            ClientAuthenticationError("AADSTS700213: presented assertion subject 'sc://A/b'. Check"),
            "AW63",
            "'sc://A/b'",
        ),
        (ClientAuthenticationError("AADSTS70021: no matching record"), "AW63", "no federated credential for test"),
        (ClientAuthenticationError("AADSTS700212: wrong audience"), "AW63", "no federated credential for test"),
        (
            ClientAuthenticationError("AADSTS700024: not within its valid time range"),
            "AW64",
            "isn't valid (yet, or any more)",
        ),
        (of_the_host(), "AW65", "gave no federated token"),
        (ClientAuthenticationError("AADSTS700016: unknown application"), "AW40", "Sign-in by test failed"),
        (ClientAuthenticationError("AADSTS7000215: wrong secret"), "AW40", "Sign-in by test failed"),
    ],
)
def test_what_entra_refuses_is_told_by_its_own_code(failure: Exception, code: str, said: str) -> None:
    with pytest.raises(StepError) as caught:
        credential(Source(failure=failure)).get_token("a")
    assert caught.value.code == code
    assert said in caught.value.what


def test_a_service_connection_goes_before_everything_else() -> None:
    environ = {"TF_BUILD": "True", "INPUT_CONNECTEDSERVICENAMEARM": GUID, f"ENDPOINT_AUTH_SCHEME_{GUID}": "x"}
    with pytest.raises(StepError, match="has the scheme x"):
        find({**PRINCIPAL, **environ})
    assert find({**PRINCIPAL, "TF_BUILD": "True"}).label == "service principal"


def test_on_azure_pipelines_the_fix_is_a_service_connection(tmp_path: Path) -> None:
    with pytest.raises(SignInFailed) as caught:
        find({"PATH": str(tmp_path), "TF_BUILD": "True"})
    assert "looked for service connection, service principal" in caught.value.what
    assert "azureSubscription" in caught.value.fix


def test_a_broken_service_connection_is_fixed_there() -> None:
    source = Source(failure=ClientAuthenticationError("AADSTS7000222: expired secret"))
    with pytest.raises(SignInFailed) as caught:
        Credential(source, "service connection", lambda _: None).get_token("a")
    assert "renew its secret or certificate" in caught.value.fix


@pytest.mark.parametrize("said", ["AADSTS700016: unknown application", "AADSTS90002: no tenant", "<html>fault</html>"])
def test_who_named_an_application_is_sent_to_no_other_way_of_signing_in(said: str) -> None:
    source = Source(failure=ClientAuthenticationError(said))
    with pytest.raises(SignInFailed) as caught:
        Credential(source, "OIDC", lambda _: None).get_token("a")
    assert "`client-id`" in caught.value.fix
    assert "`tenant-id`" in caught.value.fix
    assert "azure/login" not in caught.value.fix


def test_a_job_of_github_whose_variables_are_not_set_hears_of_them(tmp_path: Path) -> None:
    with pytest.raises(SignInFailed) as caught:
        find({"PATH": str(tmp_path), "GITHUB_ACTIONS": "true"})
    assert "`client-id` and `tenant-id`" in caught.value.fix
