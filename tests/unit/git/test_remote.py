"""The repository that images are built from: the checkout, the hosts' responses, and the calls of git."""

import base64
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
import requests
from amlwheel.errors.base import NoNetwork, StepError
from amlwheel.errors.git import (
    BadRepository,
    CommitIncomplete,
    CommitNotPushed,
    NoRepository,
    RepositoryNotFound,
    RepositoryRefused,
    UncommittedChanges,
)
from amlwheel.git import checkout, remote
from amlwheel.git.remote import Remote
from amlwheel.model.feed import NO_SIGN_IN_PAGE
from amlwheel.model.repository import Repository
from amlwheel.model.secret import Secret
from amlwheel.transport import http, process, tools, variables
from unit.parts import CANARY, TOKEN, answer

SHA, OTHER = "a" * 40, "b" * 40
URL = "https://github.com/acme/churn"
GITHUB = Repository(URL, SHA)
AZURE = Repository("https://dev.azure.com/acme/ml/_git/churn", SHA)
SOURCE = Remote(GITHUB, ("",), checked_out=True)
ADVERTISED = {"Content_Type": "application/x-git-upload-pack-advertisement"}


@pytest.fixture
def answers(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Return git's answers about every checkout, by the first argument that has one; a test may change them."""
    texts = {"--show-toplevel": "/src", "HEAD^{commit}": SHA, "get-url": URL, "--show-prefix": "", "status": ""}
    monkeypatch.setattr(
        tools, "git", lambda _, *words: next((text for word, text in texts.items() if word in words), "")
    )
    return texts


# --- which repository and commit


def test_a_checkout_says_repository_and_commit(answers: dict[str, str]) -> None:
    assert remote.locate(None, ["."], {}) == SOURCE
    answers["--show-prefix"] = "packages/churn/"
    assert remote.locate(None, ["packages/churn"], {}).folders == ("packages/churn",)


@pytest.mark.parametrize(
    ("origin", "environ"),
    [
        ("git@github.com:acme/churn.git", {"GITHUB_REPOSITORY": "acme/another"}),
        ("", {"GITHUB_REPOSITORY": "acme/churn"}),
        ("/srv/mirror.git", {"GITHUB_REPOSITORY": "acme/churn", "GITHUB_SERVER_URL": "https://github.com"}),
        ("", {"BUILD_REPOSITORY_URI": "https://x:token@github.com/acme/churn.git"}),
    ],
)
def test_the_origin_comes_before_what_the_host_says(
    answers: dict[str, str], origin: str, environ: dict[str, str]
) -> None:
    answers["get-url"] = origin
    assert remote.locate(None, ["."], environ).repository == GITHUB


@pytest.mark.parametrize(
    ("name", "ref", "trial"),
    [
        ("GITHUB_REF", "refs/pull/7/merge", True),
        ("BUILD_SOURCEBRANCH", "refs/pull/7/merge", True),
        ("GITHUB_REF", "refs/heads/pull/7/merge", False),
        ("GITHUB_REF", "refs/tags/v1", False),
    ],
)
def test_a_trial_merge_is_known(name: str, ref: str, *, trial: bool) -> None:
    assert remote.is_trial(SOURCE, {name: ref}) is trial
    assert not remote.is_trial(Remote(GITHUB, ("",), checked_out=False), {name: ref})


def test_what_is_given_comes_first(answers: dict[str, str]) -> None:
    assert remote.locate(AZURE.at(""), ["."], {}) == Remote(AZURE, ("",), checked_out=True)
    answers["status"] = " M of another commit"
    assert remote.locate(AZURE.at(OTHER), ["."], {}) == Remote(AZURE.at(OTHER), ("",), checked_out=False)


def test_without_a_checkout_folders_are_those_below(
    answers: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers.clear()
    monkeypatch.chdir(tmp_path)
    assert remote.locate(GITHUB, [".", "packages/b"], {}).folders == ("", "packages/b")
    with pytest.raises(BadRepository):
        remote.locate(GITHUB, [".."], {})


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"HEAD^{commit}": ""}, NoRepository),
        ({"--show-toplevel": ""}, NoRepository),
        ({"get-url": ""}, NoRepository),
        ({"get-url": "/srv/mirror.git"}, NoRepository),
        ({"get-url": "https://github.com/acme"}, BadRepository),
        ({"status": " M pyproject.toml"}, UncommittedChanges),
        ({"--show-prefix": "Data Science/churn/"}, BadRepository),
        ({"--show-prefix": "a#b/"}, BadRepository),
    ],
)
def test_what_nobody_else_could_fetch_is_refused(
    answers: dict[str, str], changes: dict[str, str], error: type[StepError]
) -> None:
    answers |= changes
    with pytest.raises(error):
        remote.locate(None, ["."], {})


def test_one_release_is_of_one_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tools, "git", lambda folder, *_: f"/src/{folder}")
    with pytest.raises(BadRepository, match="several repositories"):
        remote.locate(None, ["a", "b"], {})


# --- what the hosts answer

TITLE = "<html><title>Sign In</title></html>"


def test_a_host_without_the_history_is_not_fetched_from(monkeypatch: pytest.MonkeyPatch) -> None:
    """Git 2.39 would start itself again and again; the response is that of `git upload-pack --advertise-refs`."""
    said = f"003f{SHA} refs/heads/main\n0035shallow {SHA}\n0000"
    monkeypatch.setattr(http, "get", lambda *_, **__: answer(200, said, **ADVERTISED))
    monkeypatch.setattr(process, "run", lambda *_, **__: pytest.fail("fetched"))
    with pytest.raises(CommitIncomplete, match="shallow clone itself"):
        remote.check(SOURCE, TOKEN)


@pytest.mark.parametrize(("repository", "headers"), [(GITHUB, {}), (AZURE, NO_SIGN_IN_PAGE)])
def test_azure_devops_alone_is_asked_for_no_sign_in_page(
    monkeypatch: pytest.MonkeyPatch, repository: Repository, headers: Mapping[str, str]
) -> None:
    sent: list[Mapping[str, str]] = []

    def get(_: str, *, token: object, headers: Mapping[str, str]) -> requests.Response:
        assert token == TOKEN
        sent.append(headers)
        return answer(401)

    monkeypatch.setattr(http, "get", get)
    with pytest.raises(RepositoryRefused):
        remote.check(Remote(repository, ("",), checked_out=True), TOKEN)
    assert sent == [headers]


@pytest.mark.parametrize(
    ("response", "repository", "error", "said"),
    [
        (answer(401), GITHUB, RepositoryRefused, "has expired"),
        (answer(403), GITHUB, RepositoryRefused, "single sign-on"),
        (answer(403), AZURE, RepositoryRefused, "may not read code here."),
        (answer(404), GITHUB, RepositoryNotFound, "may not read the repository"),
        (answer(203, TITLE, Content_Type="text/html"), AZURE, RepositoryRefused, "doesn't know the token"),
        (answer(200, TITLE, Content_Type="text/html; charset=utf-8"), AZURE, RepositoryRefused, "doesn't know"),
        (
            answer(302, Location="https://spsprodweu1.vssps.visualstudio.com/_signin?x=1"),
            AZURE,
            RepositoryRefused,
            "know",
        ),
        (answer(301, Location=f"{URL}-new/info/refs?service=x"), GITHUB, RepositoryNotFound, "misspelt"),
        (answer(503), GITHUB, RepositoryRefused, "is failing"),
        (answer(200, "# service", Content_Type="text/plain"), GITHUB, RepositoryRefused, "is failing"),
    ],
)
def test_each_refusal_is_told_apart(
    monkeypatch: pytest.MonkeyPatch,
    response: object,
    repository: Repository,
    error: type[StepError],
    said: str,
) -> None:
    monkeypatch.setattr(http, "get", lambda *_, **__: response)
    with pytest.raises(error) as caught:
        remote.check(Remote(repository, ("",), checked_out=True), TOKEN)
    assert said in caught.value.cause
    assert caught.value.fix


class Git:
    """Takes the place of git: records its calls, and fails at the command in `failure`."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Let every command succeed, and every first request."""
        self.calls: list[tuple[list[str], dict[str, str]]] = []
        self.failure, self.words = "", "fatal"
        self.then: Callable[[Path], object] = str
        monkeypatch.setattr(process, "run", self.run)
        monkeypatch.setattr(http, "get", lambda *_, **__: answer(200, **ADVERTISED))

    def run(self, command: list[object], *, env: dict[str, str], seconds: float) -> process.Finished:
        assert seconds > 0
        self.calls.append((list(map(str, command)), env))
        self.then(Path(str(command[2])))
        failed = bool(self.failure) and self.failure in command
        return process.Finished(128 if failed else 0, self.words if failed else "")


@pytest.fixture
def git(monkeypatch: pytest.MonkeyPatch) -> Git:
    return Git(monkeypatch)


def test_the_token_is_in_no_argument_and_only_for_its_host(git: Git, tmp_path: Path) -> None:
    remote.check(SOURCE, TOKEN)
    checkout.checkout(SOURCE.repository, TOKEN, tmp_path / "tree")
    basic = base64.b64encode(f"{http.USER}:{CANARY}".encode()).decode()
    for command, env in git.calls:
        assert CANARY not in " ".join(command)
        assert basic not in " ".join(command)
        count = int(env["GIT_CONFIG_COUNT"])
        settings = {env[f"GIT_CONFIG_KEY_{each}"]: env[f"GIT_CONFIG_VALUE_{each}"] for each in range(count)}
        assert settings.pop("http.https://github.com/.extraHeader") == f"Authorization: Basic {basic}"
        assert settings["http.followRedirects"] == "false"
        assert settings["core.hooksPath"] == os.devnull
        assert (settings["http.lowSpeedLimit"], settings["http.lowSpeedTime"]) == ("10", "40")  # a host that hangs
        assert env["GIT_ALLOW_PROTOCOL"] == "https"
        assert env["GIT_CONFIG_GLOBAL"] == os.devnull
        assert (env["GIT_TERMINAL_PROMPT"], env["GIT_CONFIG_NOSYSTEM"]) == ("0", "1")
    fetches = [command for command, _ in git.calls if "fetch" in command]
    assert all(command[-2:] == ["origin", SHA] for command in fetches)
    assert len(fetches) == 2


@pytest.mark.parametrize("name", ["GIT_SSL_CAINFO", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"])
def test_git_trusts_what_the_step_trusts(git: Git, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    for each in ("GIT_SSL_CAINFO", "REQUESTS_CA_BUNDLE", "SSL_CERT_FILE"):
        monkeypatch.delenv(each, raising=False)
    monkeypatch.setenv(name, "/etc/acme.pem")
    monkeypatch.setattr(variables, "for_tool", lambda: dict(os.environ))
    remote.check(SOURCE, TOKEN)
    assert {env["GIT_SSL_CAINFO"] for _, env in git.calls} == {"/etc/acme.pem"}


@pytest.mark.parametrize(
    ("words", "error"),
    [
        (f"fatal: remote error: upload-pack: not our ref {SHA}", CommitNotPushed),
        (f"fatal: remote error: TF401035: The object '{SHA}' does not exist.", CommitNotPushed),
        (f"fatal: reference is not a tree: {SHA}", CommitNotPushed),
        ("fatal: expected 'packfile'", RepositoryRefused),
        (f"error: Server does not allow request for unadvertised object {SHA}", CommitNotPushed),
        ("fatal: could not read Username for 'https://github.com': terminal prompts disabled", RepositoryRefused),
        ("fatal: unable to access 'https://x/': Could not resolve host: x", NoNetwork),
        ("error: RPC failed; HTTP 500", RepositoryRefused),
    ],
)
def test_what_git_says_is_understood(git: Git, words: str, error: type[StepError]) -> None:
    git.failure, git.words = "fetch", words
    with pytest.raises(error):
        remote.check(SOURCE, TOKEN)


def test_a_machine_without_git_is_told_so(monkeypatch: pytest.MonkeyPatch, git: Git) -> None:
    def absent(*_: object, **__: object) -> None:
        raise FileNotFoundError

    del git
    monkeypatch.setattr(process, "run", absent)
    with pytest.raises(NoRepository, match="no git"):
        remote.check(SOURCE, TOKEN)


def test_submodules_are_fetched_without_the_token(git: Git, tmp_path: Path) -> None:
    git.then = lambda folder: (folder / ".gitmodules").write_text("")
    checkout.checkout(SOURCE.repository, TOKEN, tmp_path / "one")
    (env,) = [env for command, env in git.calls if "submodule" in command]
    assert not any(re.search("Authorization", value) for value in env.values())
    git.failure = "submodule"
    with pytest.raises(CommitIncomplete, match="submodules"):
        checkout.checkout(SOURCE.repository, Secret("x"), tmp_path / "two")


def test_a_commit_that_the_fetch_did_not_bring_is_not_pushed(git: Git, tmp_path: Path) -> None:
    git.failure, git.words = "checkout", f"fatal: reference is not a tree: {SHA}"
    with pytest.raises(CommitNotPushed, match=SHA):
        checkout.checkout(SOURCE.repository, TOKEN, tmp_path / "tree")
