"""Every spelling of a repository, and what is refused of it."""

import pytest
from amlwheel.errors.git import BadRepository, NotACommit
from amlwheel.model.azure import Connection
from amlwheel.model.repository import Repository

SHA = "0123456789abcdef" * 2 + "01234567"
GITHUB = "https://github.com/acme/churn"
AZURE = "https://dev.azure.com/acme/Data%20Science/_git/churn"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        (GITHUB, GITHUB),
        (f"{GITHUB}.git", GITHUB),
        (f"{GITHUB}/", GITHUB),
        ("https://www.github.com/acme/churn", GITHUB),
        ("git@github.com:acme/churn.git", GITHUB),
        ("ssh://git@github.com/acme/churn.git", GITHUB),
        ("ssh://git@ssh.github.com:443/acme/churn.git", GITHUB),
        ("org-1@github.com:acme/churn.git", GITHUB),
        (AZURE, AZURE),
        ("https://dev.azure.com/acme/Data Science/_git/churn", AZURE),
        ("https://acme@dev.azure.com/acme/Data%20Science/_git/churn", AZURE),
        ("https://acme.visualstudio.com/Data%20Science/_git/churn", AZURE),
        ("https://acme.visualstudio.com/DefaultCollection/Data%20Science/_git/churn", AZURE),
        ("git@ssh.dev.azure.com:v3/acme/Data%20Science/churn", AZURE),
        ("acme@vs-ssh.visualstudio.com:v3/acme/Data%20Science/churn", AZURE),
        ("https://dev.azure.com/acme/_git/churn", "https://dev.azure.com/acme/churn/_git/churn"),
        ("https://acme.visualstudio.com/_git/churn", "https://dev.azure.com/acme/churn/_git/churn"),
        ("https://git.acme.example:8443/ml/churn.git", "https://git.acme.example:8443/ml/churn.git"),
    ],
)
def test_every_spelling_has_one_address(text: str, url: str) -> None:
    assert Repository.parse(text) == Repository(url)
    assert Repository.parse(f"{text}@{SHA.upper()}") == Repository(url, SHA)
    assert Repository.parse(text, remote=True) == Repository(url)


@pytest.mark.parametrize(
    "text",
    [
        "acme/churn",
        "churn",
        "../churn",
        "file:///srv/churn.git",
        "http://github.com/acme/churn",
        "https://github.com/acme",
        f"{GITHUB}/tree/main",
        f"{GITHUB}?tab=readme",
        f"{GITHUB}#readme",
        "https://dev.azure.com/acme/ml",
        "https://[acme/churn",
        "https://git.acme.example/../churn",
        "https://git.acme.example",
        "https://git acme/churn",
    ],
)
def test_what_is_no_repository_is_refused(text: str) -> None:
    with pytest.raises(BadRepository):
        Repository.parse(text)


@pytest.mark.parametrize("ref", ["main", "v1.0", "feature/x", SHA[:7], SHA[:-1], SHA + "0", "", "refs/heads/main"])
def test_what_may_move_is_refused(ref: str) -> None:
    with pytest.raises(NotACommit):
        Repository.parse(f"{GITHUB}@{ref}")


@pytest.mark.parametrize("user", ["fake-token", "x:fake-token", "x-access-token:fake-token"])
def test_a_credential_in_an_address_is_neither_taken_nor_shown(user: str) -> None:
    text = GITHUB.replace("https://", f"https://{user}@")
    with pytest.raises(BadRepository) as caught:
        Repository.parse(text)
    assert "fake-token" not in f"{caught.value.what}{caught.value.fix}"
    assert Repository.parse(text, remote=True) == Repository(GITHUB)
    with pytest.raises(BadRepository) as caught:
        Repository.parse(f"http://{user}@github.com/acme/churn")
    assert "fake-token" not in caught.value.what


def test_a_requirement_is_pinned_by_the_commit() -> None:
    found = Repository(AZURE, SHA)
    assert found.requirement("churn", "") == f"churn @ git+{AZURE}@{SHA}"
    assert found.requirement("churn", "a/b") == f"churn @ git+{AZURE}@{SHA}#subdirectory=a/b"


def test_a_connection_is_as_wide_as_its_token() -> None:
    assert Repository(GITHUB).connection() == Connection("git-acme-churn", GITHUB, "Git", GITHUB)
    azure = Repository(AZURE).connection()
    assert azure == Connection("git-acme", "https://dev.azure.com/acme", "Git", AZURE)
    assert azure.covers(AZURE)
    assert Repository(GITHUB).connection("mine").name == "mine"


def test_long_names_stay_different_and_acceptable() -> None:
    names = {Repository(f"{GITHUB}-with-a-very-long-name-{each}").connection().name for each in ("a", "b")}
    assert len(names) == 2
    assert all(3 <= len(each) <= 33 for each in names)
    dotted = Repository("https://git.acme.example/a.b/c").connection().name
    assert dotted == "git-git-acme-example-a-b-c"


@pytest.mark.parametrize(
    ("url", "told"),
    [
        (GITHUB, "acme/churn with the permission Contents (read-only)"),
        (AZURE, "of acme with the scope Code (read)"),
        ("https://git.acme.example/a/b", "may read https://git.acme.example/a/b"),
    ],
)
def test_the_permission_is_named_as_the_host_names_it(url: str, told: str) -> None:
    assert told in Repository(url).permission
