"""From an image's tag to its digest, through any registry."""

import contextlib
import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
import requests
from amlwheel.environment.image import Found, pin
from amlwheel.environment.registry import Login
from amlwheel.errors.base import NoNetwork
from amlwheel.errors.environment import (
    ImageDenied,
    ImageNotFound,
    ImageRefused,
    NoConda,
    OtherPlatform,
    RealmElsewhere,
)
from amlwheel.model.environment import Image
from amlwheel.model.secret import Secret
from amlwheel.transport import http
from unit.parts import IMAGE, answer

TAGGED = Image("registry.example", "team/base", "1.0")
BASE = "https://registry.example/v2/team/base"
CHALLENGE = 'Bearer realm="https://auth.example/token",service="registry",scope="repository:team/base:pull",x="y"'
OWN = CHALLENGE.replace("auth.example", "registry.example")
ASKED = "token?service=registry&scope=repository%3Ateam%2Fbase%3Apull"
# Entra's token: {"alg": "none"}, {"tid": "contoso"}
ENTRA = "eyJhbGciOiJub25lIn0.eyJ0aWQiOiJjb250b3NvIn0.x"
NOBODY = Login(Secret(""), lambda: Secret(ENTRA))
USER = Login(Secret("fake-registry", "puller"), lambda: Secret(ENTRA))


def digest(text: str) -> str:
    return "sha256:" + hashlib.sha256(text.encode()).hexdigest()


def config(architecture: str = "amd64", path: str = "/opt/conda/bin:/bin", made: str = "COPY") -> str:
    return json.dumps(
        {
            "architecture": architecture,
            "os": "linux",
            "created": "2026-01-02T03:04:05Z",
            "config": {"Env": [f"PATH={path}"]},
            "history": [{"created_by": made}],
            "rootfs": {"diff_ids": ["a"]},
        }
    )


def manifest(of: str = config()) -> str:
    return json.dumps({"config": {"digest": digest(of)}})


def given(text: str, **headers: str) -> requests.Response:
    return answer(200, text, Content_Type="application/json", Docker_Content_Digest=digest(text), **headers)


@dataclass
class Registry:
    """Answers by address; `asked` lists the addresses of the requests, each with its credential."""

    answers: dict[str, Any]
    asked: list[tuple[str, str]] = field(default_factory=list)
    forms: list[Mapping[str, str]] = field(default_factory=list)

    def get(
        self, url: str, *, accept: str, bearer: Secret | None = None, token: Secret | None = None
    ) -> requests.Response:
        assert "json" in accept
        secret = bearer or token
        self.asked.append((url, secret.reveal() if secret else ""))
        return self._next(url)

    def send(
        self, method: str, url: str, *, token: None, headers: Mapping[str, str], form: Mapping[str, str]
    ) -> requests.Response:
        assert (method, token, headers["Accept"]) == ("POST", None, "application/json")
        self.forms.append(form)
        self.asked.append((url, "form"))
        return self._next(url)

    @contextlib.contextmanager
    def stream(
        self, url: str, token: Secret | None, headers: Mapping[str, str], *, repeated: bool
    ) -> Iterator[requests.Response]:
        assert not repeated
        said = token.reveal() if token else headers.get("Authorization", "")
        self.asked.append((url, said))
        yield self._next(url)

    def _next(self, url: str) -> requests.Response:
        found = self.answers.get(url, answer(404, "{}"))
        if isinstance(found, Exception):
            raise found
        if isinstance(found, list):
            found = found.pop(0) if len(found) > 1 else found[0]
        assert isinstance(found, requests.Response)
        return found

    def has(self, text: str, of: str = "") -> None:
        """Have the image with this manifest and configuration."""
        self.answers[f"{BASE}/manifests/1.0"] = given(text)
        self.answers[f"{BASE}/blobs/{digest(of)}"] = answer(200, of)

    def demands(self, challenge: str, then: requests.Response | None = None) -> None:
        """Have the manifest for those who meet the challenge."""
        denied = answer(401, "denied", WWW_Authenticate=challenge)
        self.answers[f"{BASE}/manifests/1.0"] = [denied, then] if then else denied


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    made = Registry({})
    made.has(manifest(), config())
    for name in ("get", "send", "stream"):
        monkeypatch.setattr(http, name, getattr(made, name))
    return made


def test_a_tag_becomes_its_digest_and_the_configuration_is_read(registry: Registry) -> None:
    found = pin(TAGGED, NOBODY)
    assert found.image.pinned == f"registry.example/team/base@{digest(manifest())}"
    assert found.image.tagged == "registry.example/team/base:1.0"
    assert found.config
    assert (found.config.platform, found.config.conda, found.warning) == ("linux/amd64", "/opt/conda/bin", "")
    assert registry.asked == [(f"{BASE}/manifests/1.0", ""), (f"{BASE}/blobs/{digest(config())}", "")]


def test_a_digest_needs_no_question(registry: Registry) -> None:
    assert pin(IMAGE, USER) == Found(IMAGE)
    assert Found(IMAGE).warning == ""
    assert registry.asked == []


def test_docker_hub_is_served_by_another_host_and_signs_in_at_a_third(registry: Registry) -> None:
    hub = "https://registry-1.docker.io/v2/library/ubuntu/manifests/22.04"
    challenge = 'Bearer realm="https://auth.docker.io/token",service="registry.docker.io"'
    registry.answers = {
        hub: [answer(401, WWW_Authenticate=challenge), given(manifest())],
        "https://auth.docker.io/token?service=registry.docker.io": answer(200, '{"token": "fake-bearer"}'),
    }
    found = pin(Image("docker.io", "library/ubuntu", "22.04"), USER)
    assert found.image.pinned == f"docker.io/library/ubuntu@{digest(manifest())}"
    assert registry.asked[1][1] == "fake-registry"


# --- sign-in


@pytest.mark.parametrize("name", ["token", "access_token"])
def test_a_registry_that_asks_for_a_token_gets_an_anonymous_one(registry: Registry, name: str) -> None:
    registry.demands(CHALLENGE, given(manifest()))
    registry.answers[f"https://auth.example/{ASKED}"] = answer(200, f'{{"{name}": "fake-anonymous"}}')
    assert pin(TAGGED, NOBODY).image.digest == digest(manifest())
    assert registry.asked == [
        (f"{BASE}/manifests/1.0", ""),
        (f"https://auth.example/{ASKED}", ""),
        (f"{BASE}/manifests/1.0", "fake-anonymous"),
        (f"{BASE}/blobs/{digest(config())}", "Bearer fake-anonymous"),
    ]


@pytest.mark.parametrize(
    "challenge", ["Basic realm=x", 'basic realm="x, y"', "Basic", 'Negotiate realm="x", Basic realm="y"']
)
def test_a_user_signs_in_with_a_password_where_the_registry_asks_for_it(registry: Registry, challenge: str) -> None:
    registry.demands(challenge, given(manifest()))
    assert pin(TAGGED, USER).config
    assert [secret for _, secret in registry.asked] == ["", "fake-registry", "fake-registry"]


@pytest.mark.parametrize(
    ("host", "realm"),
    [
        ("registry.example", "registry.example"),
        ("registry.example:5050", "registry.example"),
        ("registry.gitlab.example", "gitlab.example"),
    ],
)
def test_a_user_gets_a_token_of_the_registrys_own_realm(registry: Registry, host: str, realm: str) -> None:
    base = f"https://{host}/v2/team/base"
    challenge = f'{CHALLENGE.replace("auth.example", realm)}, Basic realm="https://elsewhere.example/"'
    denied = answer(401, WWW_Authenticate=challenge)
    registry.answers |= {
        f"{base}/manifests/1.0": [denied, given(manifest())],
        f"https://{realm}/{ASKED}": answer(200, '{"token": "fake-bearer"}'),
    }
    masked: list[Secret] = []
    assert pin(Image(host, "team/base", "1.0"), replace(USER, mask=masked.append)).image.digest
    assert [secret for _, secret in registry.asked][:3] == ["", "fake-registry", "fake-bearer"]
    assert masked == [Secret("fake-bearer")]


@pytest.mark.parametrize("place", ["auth.example", "evil.registry.example", "example", "registry.example.evil.example"])
def test_a_user_is_never_sent_to_another_host(registry: Registry, place: str) -> None:
    registry.demands(CHALLENGE.replace("auth.example", place))
    with pytest.raises(RealmElsewhere, match=rf"to be sent to {place}, so it was sent nowhere"):
        pin(TAGGED, USER)
    assert registry.asked == [(f"{BASE}/manifests/1.0", "")]


@pytest.mark.parametrize(
    ("challenge", "token"),
    [
        ("", answer(200)),
        ("Basic realm=x", answer(200)),
        (CHALLENGE.replace("https:", "http:"), answer(200)),
        (CHALLENGE.replace("https://", "https://user@"), answer(200)),
        (CHALLENGE, answer(403)),
        (CHALLENGE, answer(200, "{}")),
        (CHALLENGE, answer(200, "<html>")),
        (CHALLENGE, answer(200, "[]")),
        (CHALLENGE, answer(200, '{"token": "fake-anonymous"}')),
    ],
)
def test_a_registry_that_lets_nobody_read_says_how_to_sign_in(
    registry: Registry, challenge: str, token: requests.Response
) -> None:
    registry.demands(challenge)
    if not challenge:
        registry.answers[f"{BASE}/manifests/1.0"] = answer(403, "denied", Content_Type="application/json")
    registry.answers[f"https://auth.example/{ASKED}"] = token
    with pytest.raises(ImageDenied, match=r"let the step read registry\.example/team/base:1\.0 \(40[13]\)") as caught:
        pin(TAGGED, NOBODY)
    assert (caught.value.details, caught.value.fix) == ("denied", ImageDenied.fix)
    assert len(registry.asked) <= 3  # not for ever


def test_a_user_who_is_refused_is_told_so(registry: Registry) -> None:
    registry.demands(OWN)
    registry.answers[f"https://registry.example/{ASKED}"] = answer(401, "{}")
    with pytest.raises(ImageDenied) as caught:
        pin(TAGGED, USER)
    assert "doesn't take `base-image-token`" in caught.value.cause


AZURE = Image("acme.azurecr.io", "team/base", "1.0")
ACR = "https://acme.azurecr.io"
ACR_CHALLENGE = f'Bearer realm="{ACR}/oauth2/token",service="acme.azurecr.io",scope="repository:team/base:pull"'
REFRESH, ACCESS = '{"refresh_token": "fake-refresh"}', '{"access_token": "fake-access"}'


def acr(registry: Registry, exchange: requests.Response, token: requests.Response, then: requests.Response) -> None:
    registry.answers = {
        f"{ACR}/v2/team/base/manifests/1.0": [answer(401, "who?", WWW_Authenticate=ACR_CHALLENGE), then],
        f"{ACR}/oauth2/exchange": exchange,
        f"{ACR}/oauth2/token": token,
    }


def test_azures_registry_takes_the_identity_that_signs_in(registry: Registry) -> None:
    acr(registry, answer(200, REFRESH), answer(200, ACCESS), given(manifest()))
    assert pin(AZURE, NOBODY).image.digest == digest(manifest())
    assert registry.forms == [
        {"grant_type": "access_token", "service": "acme.azurecr.io", "access_token": ENTRA, "tenant": "contoso"},
        {
            "grant_type": "refresh_token",
            "service": "acme.azurecr.io",
            "refresh_token": "fake-refresh",
            "scope": "repository:team/base:pull",
        },
    ]
    assert [secret for _, secret in registry.asked] == ["", "", "form", "form", "fake-access", "Bearer fake-access"]


def test_an_anonymous_token_that_opens_nothing_is_replaced_by_entras(registry: Registry) -> None:
    acr(registry, answer(200, REFRESH), answer(200, ACCESS), given(manifest()))
    registry.answers[f"{ACR}/v2/team/base/manifests/1.0"].insert(
        1, answer(401, "still", WWW_Authenticate=ACR_CHALLENGE)
    )
    asked = f"{ACR}/oauth2/token?service=acme.azurecr.io&scope=repository%3Ateam%2Fbase%3Apull"
    registry.answers[asked] = answer(200, '{"access_token": "fake-anonymous"}')
    assert pin(AZURE, NOBODY).image.digest
    assert [secret for _, secret in registry.asked][:6] == ["", "", "fake-anonymous", "form", "form", "fake-access"]


def test_a_runner_outside_of_a_registrys_firewall_is_told_so(registry: Registry) -> None:
    said = '{"errors": [{"message": "client with IP \'203.0.113.7\' is not allowed access"}]}'
    acr(registry, answer(403, said), answer(200, ACCESS), answer(401, "who?", WWW_Authenticate=ACR_CHALLENGE))
    with pytest.raises(ImageDenied) as caught:
        pin(AZURE, NOBODY)
    assert caught.value.fix.endswith("az acr network-rule add --name acme --ip-address 203.0.113.7")


@pytest.mark.parametrize(
    ("exchange", "token", "details"),
    [
        (answer(401, "no role"), answer(200, ACCESS), "no role"),
        (answer(200, REFRESH), answer(403, "no token"), "no token"),
        (answer(200, REFRESH), answer(200, ACCESS), "still no"),
    ],
)
def test_an_identity_without_the_role_is_told_the_command(
    registry: Registry, exchange: requests.Response, token: requests.Response, details: str
) -> None:
    acr(registry, exchange, token, answer(403, "still no", Content_Type="application/json"))
    if details != "still no":
        registry.answers[f"{ACR}/v2/team/base/manifests/1.0"] = answer(401, "who?", WWW_Authenticate=ACR_CHALLENGE)
    with pytest.raises(ImageDenied) as caught:
        pin(AZURE, Login(Secret(""), lambda: Secret("opaque")))
    assert "--role AcrPull --assignee CLIENT-ID --scope $(az acr show --name acme --query id" in caught.value.fix
    assert caught.value.details == details
    assert "tenant" not in registry.forms[0]


def test_a_token_that_is_given_takes_the_place_of_entras(registry: Registry) -> None:
    acr(registry, answer(200, REFRESH), answer(200, ACCESS), given(manifest()))
    asked = f"{ACR}/oauth2/token?service=acme.azurecr.io&scope=repository%3Ateam%2Fbase%3Apull"
    registry.answers[asked] = answer(200, ACCESS)
    assert pin(AZURE, USER).image.digest
    assert registry.forms == []


# --- what is no manifest


@pytest.mark.parametrize("bad", ["sha256:short", "", digest("another")])
def test_an_answer_with_another_digest_or_none_is_refused(registry: Registry, bad: str) -> None:
    headers = {"Docker_Content_Digest": bad} if bad else {}
    registry.answers[f"{BASE}/manifests/1.0"] = answer(200, "{}", Content_Type="application/json", **headers)
    with pytest.raises(ImageRefused, match="another manifest than its digest says" if bad else "without a digest"):
        pin(TAGGED, NOBODY)


def test_a_failing_registry_is_told(registry: Registry) -> None:
    registry.answers[f"{BASE}/manifests/1.0"] = answer(503, "<html>later</html>")
    with pytest.raises(ImageRefused, match=r"answered 503 for registry\.example/team/base:1\.0"):
        pin(TAGGED, NOBODY)


@pytest.mark.parametrize(
    ("page", "said"),
    [
        (answer(200, "<html>"), r"answered with a page for people \(200\)"),
        (answer(404, "<html>"), r"answered with a page for people \(404\)"),
        (answer(302, Location="https://login.example/?next=x"), r"sends to login\.example \(302\)"),
        (answer(302, Location="/login"), r"sends to another address \(302\)"),
    ],
)
def test_a_page_for_people_is_no_registry(registry: Registry, page: requests.Response, said: str) -> None:
    registry.answers[f"{BASE}/manifests/1.0"] = page
    with pytest.raises(ImageRefused, match=said) as caught:
        pin(TAGGED, NOBODY)
    assert caught.value.details == ""


@pytest.mark.parametrize(
    ("listed", "fix"),
    [
        (answer(200, '{"tags": ["1.0.1", "0.9", "2.0"]}'), "the nearest are 1.0.1"),
        (answer(200, '{"tags": ["zz", "yy", "xx", "ww"]}'), "xx, yy, zz"),
        (answer(200, '{"tags": null}'), ImageNotFound.fix),
        (answer(404), ImageNotFound.fix),
        (answer(200, "<html>"), ImageNotFound.fix),
        (answer(200, "[]"), ImageNotFound.fix),
    ],
)
def test_an_unknown_tag_comes_with_the_nearest_ones(registry: Registry, listed: requests.Response, fix: str) -> None:
    unknown = answer(404, "{}", Content_Type="application/json")
    registry.answers = {f"{BASE}/manifests/1.0": unknown, f"{BASE}/tags/list": listed}
    with pytest.raises(ImageNotFound) as caught:
        pin(TAGGED, NOBODY)
    assert fix in caught.value.fix


# --- what the image is


def index(*platforms: str, of: str = "") -> str:
    named = [dict(zip(("os", "architecture"), each.split("/"), strict=True)) for each in platforms]
    return json.dumps({"manifests": [{"digest": digest(of or manifest()), "platform": each} for each in named]})


def test_of_an_index_the_manifest_for_the_platform_is_read(registry: Registry) -> None:
    listed = index("linux/arm64", "linux/amd64", "unknown/unknown")
    registry.answers[f"{BASE}/manifests/1.0"] = given(listed)
    registry.answers[f"{BASE}/manifests/{digest(manifest())}"] = given(manifest())
    found = pin(TAGGED, NOBODY)
    assert found.image.digest == digest(listed)
    assert found.config


@pytest.mark.parametrize(
    ("text", "of", "said"),
    [
        (index("linux/arm64", "windows/amd64", "unknown/unknown"), "", "for linux/arm64, windows/amd64 only"),
        ('{"manifests": [1]}', "", "for None/None only"),
        ('{"manifests": []}', "", "for no platform only"),
        (manifest(config("arm64")), config("arm64"), "for linux/arm64 only"),
    ],
)
def test_an_image_for_another_platform_stops_the_run(registry: Registry, text: str, of: str, said: str) -> None:
    registry.has(text, of)
    with pytest.raises(OtherPlatform, match=said):
        pin(TAGGED, NOBODY)


def test_an_image_that_surely_has_no_conda_stops_the_run(registry: Registry) -> None:
    bare = config(path="/usr/bin:/bin")
    registry.has(manifest(bare), bare)
    with pytest.raises(NoConda, match="none of its layers speaks of it"):
        pin(TAGGED, NOBODY)


def test_an_image_that_may_have_conda_is_warned_of(registry: Registry) -> None:
    perhaps = config(path="/bin", made="RUN bash Miniforge3.sh")
    registry.has(manifest(perhaps), perhaps)
    assert "Conda command not found" in pin(TAGGED, NOBODY).warning


@pytest.mark.parametrize(
    "blob",
    [
        answer(404),
        answer(200, "x" * (2**22 + 1)),
        answer(200, config("arm64")),  # of another digest
        NoNetwork("files.example"),
    ],
)
def test_a_configuration_that_cannot_be_read_stops_nobody(registry: Registry, blob: object) -> None:
    registry.answers[f"{BASE}/blobs/{digest(config())}"] = blob
    assert pin(TAGGED, NOBODY).config is None


@pytest.mark.parametrize("text", ['{"config": 1}', '{"config": {"digest": "sha256:../../x"}}', "{}", "[]"])
def test_a_manifest_without_a_configuration_stops_nobody(registry: Registry, text: str) -> None:
    registry.has(text)
    assert pin(TAGGED, NOBODY).config is None
    assert len(registry.asked) == 1
