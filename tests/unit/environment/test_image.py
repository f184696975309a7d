"""From an image's tag to its digest, through any registry."""

from dataclasses import dataclass, field

import pytest
import requests
from amlwheel.environment.image import pin
from amlwheel.errors.environment import ImageNotFound, ImageRefused
from amlwheel.model.environment import Image
from amlwheel.model.secret import Secret
from amlwheel.transport import http
from unit.parts import DIGEST, IMAGE, answer

TAGGED = Image("registry.example", "team/base", "1.0")
BASE = "https://registry.example/v2/team/base"
MANIFEST = answer(200, "{}", Docker_Content_Digest=DIGEST)
CHALLENGE = 'Bearer realm="https://auth.example/token",service="registry",scope="repository:team/base:pull",x="y"'


@dataclass
class Registry:
    """Answers by address; `asked` lists the addresses of the requests, each with its token."""

    answers: dict[str, list[requests.Response]]
    asked: list[tuple[str, str]] = field(default_factory=list)

    def get(self, url: str, *, accept: str, bearer: Secret | None = None) -> requests.Response:
        assert "json" in accept
        self.asked.append((url, bearer.reveal() if bearer else ""))
        given = self.answers[url]
        return given.pop(0) if len(given) > 1 else given[0]


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch) -> Registry:
    made = Registry({f"{BASE}/manifests/1.0": [MANIFEST]})
    monkeypatch.setattr(http, "get", made.get)
    return made


def test_a_tag_becomes_its_digest(registry: Registry) -> None:
    found = pin(TAGGED)
    assert found.pinned == f"registry.example/team/base@{DIGEST}"
    assert found.tagged == "registry.example/team/base:1.0"
    assert registry.asked == [(f"{BASE}/manifests/1.0", "")]


def test_a_digest_needs_no_question(registry: Registry) -> None:
    assert pin(IMAGE) is IMAGE
    assert registry.asked == []


def test_docker_hub_is_served_by_another_host(registry: Registry) -> None:
    registry.answers = {"https://registry-1.docker.io/v2/library/ubuntu/manifests/22.04": [MANIFEST]}
    assert pin(Image("docker.io", "library/ubuntu", "22.04")).pinned == f"docker.io/library/ubuntu@{DIGEST}"


@pytest.mark.parametrize("name", ["token", "access_token"])
def test_a_registry_that_asks_for_a_token_gets_an_anonymous_one(registry: Registry, name: str) -> None:
    token = "https://auth.example/token?service=registry&scope=repository%3Ateam%2Fbase%3Apull"
    registry.answers[f"{BASE}/manifests/1.0"] = [answer(401, WWW_Authenticate=CHALLENGE), MANIFEST]
    registry.answers[token] = [answer(200, f'{{"{name}": "fake-anonymous"}}')]
    assert pin(TAGGED).digest == DIGEST
    assert registry.asked == [
        (f"{BASE}/manifests/1.0", ""),
        (token, ""),
        (f"{BASE}/manifests/1.0", "fake-anonymous"),
    ]


def test_a_registry_that_refuses_its_own_token_is_not_asked_for_ever(registry: Registry) -> None:
    registry.answers[f"{BASE}/manifests/1.0"] = [answer(401, WWW_Authenticate=CHALLENGE)]
    token = "https://auth.example/token?service=registry&scope=repository%3Ateam%2Fbase%3Apull"
    registry.answers[token] = [answer(200, '{"token": "fake-anonymous"}')]
    with pytest.raises(ImageRefused):
        pin(TAGGED)
    assert len(registry.asked) == 3


@pytest.mark.parametrize(
    ("challenge", "token"),
    [
        ("", answer(200)),
        ("Basic realm=x", answer(200)),
        (CHALLENGE.replace("https:", "http:"), answer(200)),
        (CHALLENGE, answer(403)),
        (CHALLENGE, answer(200, "{}")),
        (CHALLENGE, answer(200, "<html>")),
        (CHALLENGE, answer(200, "[]")),
    ],
)
def test_a_registry_that_gives_no_token_refused(registry: Registry, challenge: str, token: requests.Response) -> None:
    registry.answers[f"{BASE}/manifests/1.0"] = [answer(401, "denied", WWW_Authenticate=challenge)]
    address = "https://auth.example/token?service=registry&scope=repository%3Ateam%2Fbase%3Apull"
    registry.answers[address] = [token]
    with pytest.raises(ImageRefused, match=r"answered 401 for registry\.example/team/base:1\.0") as caught:
        pin(TAGGED)
    assert caught.value.details == "denied"


@pytest.mark.parametrize("given", [answer(500), answer(200), answer(200, Docker_Content_Digest="sha256:short")])
def test_an_answer_without_a_digest_is_refused(registry: Registry, given: requests.Response) -> None:
    registry.answers[f"{BASE}/manifests/1.0"] = [given]
    with pytest.raises(ImageRefused):
        pin(TAGGED)


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
    registry.answers = {f"{BASE}/manifests/1.0": [answer(404)], f"{BASE}/tags/list": [listed]}
    with pytest.raises(ImageNotFound) as caught:
        pin(TAGGED)
    assert fix in caught.value.fix
