"""Every spelling of a feed that people paste."""

from urllib.parse import quote, urlsplit

import pytest
from amlwheel.errors.inputs import BadFeed
from amlwheel.hosts.host import _OUTPUT
from amlwheel.model.azure import Connection
from amlwheel.model.feed import Feed
from amlwheel.model.feed_spelling import parse_feed, parse_upload_url
from hypothesis import given
from hypothesis import strategies as st

ORGANISATIONS = st.from_regex(r"[a-z0-9]+(-[a-z0-9]+)?", fullmatch=True)
NAMES = st.from_regex(r"[A-Za-z0-9äé_-]([A-Za-z0-9ä ._-]{0,12}[A-Za-z0-9ä_-])?", fullmatch=True)
PROJECTS = NAMES.filter(lambda name: name.lower() not in ("_packaging", "_artifacts", "_apis", "defaultcollection"))


def spellings(organisation: str, project: str | None, feed: str) -> list[str]:
    """Return what Azure's pages, tools and addresses call the feed."""
    inside = "" if project is None else f"{quote(project, safe='')}/"
    name = quote(feed, safe="@")
    legacy = f"{organisation}.pkgs.visualstudio.com"
    return [
        "/".join(filter(None, (organisation, project, feed))),
        f" /{organisation}/{inside}{name}/ ",
        f"https://pkgs.dev.azure.com/{organisation}/{inside}_packaging/{name}/pypi/simple/",
        f"https://pkgs.dev.azure.com/{organisation}/{inside}_packaging/{name}/pypi/simple",
        f"HTTPS://PKGS.DEV.AZURE.COM/{organisation}/{inside}_packaging/{name}/pypi/upload/",
        f"https://{legacy}/{inside}_packaging/{name}/pypi/simple/",
        f"https://{legacy}/DefaultCollection/{inside}_packaging/{name}/pypi/simple/",
        f"https://{organisation}.feeds.visualstudio.com/{inside}_apis/packaging/Feeds/{name}",
        f"https://feeds.dev.azure.com/{organisation}/{inside}_apis/Packaging/Feeds/{name}/Packages?protocolType=PyPi",
        f"https://dev.azure.com/{organisation}/{inside}_artifacts/feed/{name}",
        f"https://dev.azure.com/{organisation}/{inside}_packaging?_a=feed&feed={quote(feed, safe='')}",
        f"https://{organisation}.visualstudio.com/{inside}_artifacts/feed/{name}/PyPI/some-package",
    ]


@given(ORGANISATIONS, st.none() | PROJECTS, NAMES, st.none() | NAMES)
def test_all_spellings_of_one_feed_are_equal(
    organisation: str, project: str | None, name: str, view: str | None
) -> None:
    expected = Feed.artifacts(organisation, project, name, view)
    for text in spellings(organisation, project, f"{name}@{view}" if view else name):
        assert parse_feed(text) == expected, text


HOSTS = st.sampled_from(
    ["pkgs.dev.azure.com", "dev.azure.com", "acme.visualstudio.com", "pypi.example:8080", "localhost", "[::1]", "[x"]
)
PIECES = st.sampled_from(["_packaging", "_artifacts", "feed", "_apis", "packaging", "feeds", "@", "%", "?feed=", "#"])
PATHS = st.lists(st.one_of(PIECES, NAMES, st.text(max_size=4)), max_size=6).map("/".join)
ADDRESSES = st.tuples(st.sampled_from(["https://", "http://", ""]), HOSTS, st.just("/"), PATHS).map("".join)
ANYTHING = st.text(st.characters(codec=None)) | ADDRESSES


@given(ANYTHING)
def test_anything_is_a_sound_feed_or_a_bad_one(text: str) -> None:
    try:
        feed = parse_feed(text)
    except BadFeed:
        return
    assert parse_feed(feed.label) == feed
    index, upload, target = map(urlsplit, (feed.index_url, feed.upload_url, feed.target))
    assert index.netloc == upload.netloc == target.netloc == feed.host
    assert Connection.of(feed).covers(feed.index_url)
    assert feed.index_url.endswith("/")
    assert _OUTPUT.fullmatch(feed.index_url)
    assert not set(feed.label) & set("\r\n\0")


def test_another_repository_takes_uploads_beside_its_index() -> None:
    feed = parse_feed("https://pypi.example:8443/team/+simple")
    assert feed.index_url == "https://pypi.example:8443/team/+simple/"
    assert feed.upload_url == "https://pypi.example:8443/team/"
    assert feed.target == "https://pypi.example:8443"
    assert not feed.is_artifacts
    assert feed.label == feed.index_url


def test_loopback_needs_no_encryption() -> None:
    assert parse_feed("http://localhost:8080/simple/").host == "localhost:8080"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("acme", "1 part"),
        ("a/b/c/d", "4 part"),
        ("acme/-.?", "can't be the name of a feed"),
        ("acme/new\nline", "can't be the name of a feed"),
        ("https://pkgs.dev.azure.com/acme/_packaging/feed%20/pypi/simple/", "can't be the name of a feed"),
        ("acme//feed", "can't be the name of a project"),
        ("https://pkgs.dev.azure.com/ac.me/_packaging/feed/pypi/simple/", "can't be the name of an organisation"),
        ("acme/feed@", "can't be the name of a view"),
        ("https://dev.azure.com/acme/ml/_git/churn", "names no feed"),
        ("https://dev.azure.com/", "names no feed"),
        ("http://pypi.example/simple/", "isn't encrypted"),
        ("https://pypi.example/simple/?page=1", "isn't the address of a simple index"),
        ("https://pypi.example/sim ple/", "isn't the address of a simple index"),
        ("https://pypi.example/$(id)/", "isn't the address of a simple index"),
        ("https://[pypi/simple/", "invalid host"),
        ("http://[::1]:8080/simple/", "has an IPv6 address as its host"),
        ("pypi.example/simple/", "without https://"),
    ],
)
def test_what_is_no_feed_is_refused_with_the_reason(text: str, said: str) -> None:
    with pytest.raises(BadFeed) as caught:
        parse_feed(text)
    assert said in caught.value.what
    assert "`feed`" in caught.value.what


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("https://pkg.dev.azure.com/acme/_packaging/f/pypi/simple/", "https://pkgs.dev.azure.com/acme/_packaging/f/"),
        ("https://pkgs.azure.com/acme/_packaging/f/pypi/simple/", "https://pkgs.dev.azure.com/acme/_packaging/f/"),
        ("pkgs.dev.azure.com/acme/_packaging/f/pypi/simple/", "https://pkgs.dev.azure.com/acme/_packaging/f/"),
        ("http://pypi.example/simple/", "https://"),
    ],
)
def test_the_fix_says_what_was_meant(text: str, meant: str) -> None:
    with pytest.raises(BadFeed) as caught:
        parse_feed(text)
    assert meant in caught.value.fix


@pytest.mark.parametrize(
    "text",
    [
        "https://me:fake-pat-0123@pkgs.dev.azure.com/acme/_packaging/f/pypi/simple/",
        "https://fake-pat-0123@pypi.example/simple/",
        "https://me:fake-pat-0123@[broken/simple/",
        "me:fake-pat-0123@pkgs.dev.azure.com/acme/_packaging/f/pypi/simple/",
    ],
)
def test_a_credential_in_the_address_is_refused_and_not_repeated(text: str) -> None:
    with pytest.raises(BadFeed) as caught:
        parse_feed(text)
    assert "fake-pat" not in f"{caught.value.what} {caught.value.fix} {caught.value.details}"


# What pip and twine are given, by the manuals of each; the base, which people paste as well, and how both end.
REPOSITORIES = [
    ("https://acme.jfrog.io/artifactory/api/pypi/ml-local", "/simple/", ""),
    ("https://repo.acme.example:8443/api/pypi/ml-local", "/simple/", ""),
    ("https://nexus.acme.example/repository/ml-hosted", "/simple/", "/"),
    ("https://nexus.acme.example/nexus/repository/ml-hosted", "/simple/", "/"),
    ("https://gitlab.com/api/v4/projects/42/packages/pypi", "/simple/", ""),
    ("https://acme.example/gitlab/api/v4/projects/ml%2Fchurn/packages/pypi", "/simple/", ""),
    ("https://europe-west4-python.pkg.dev/acme-ml/wheels", "/simple/", "/"),
    ("https://acme-111122223333.d.codeartifact.eu-west-1.amazonaws.com/pypi/wheels", "/simple/", "/"),
    ("https://acme-111122223333.d.codeartifact.eu-west-1.on.aws/pypi/wheels", "/simple/", "/"),
    ("http://localhost:8080", "/simple/", "/"),  # pypiserver
]


@pytest.mark.parametrize(("base", "index", "upload"), REPOSITORIES)
@pytest.mark.parametrize("end", ["", "/", "/simple", "/simple/"])
def test_all_spellings_of_another_repository_are_equal(base: str, index: str, upload: str, end: str) -> None:
    feed = parse_feed(base + end)
    assert (feed.index_url, feed.upload_url) == (base + index, base + upload)
    assert parse_feed(feed.label) == feed
    assert Connection.of(feed).covers(feed.index_url)


@pytest.mark.parametrize("end", ["", "/"])
def test_a_devpi_index_takes_uploads_beside_its_simple_pages(end: str) -> None:
    feed = parse_feed(f"https://devpi.example/ci/prod/+simple{end}")
    assert (feed.index_url, feed.upload_url) == (
        "https://devpi.example/ci/prod/+simple/",
        "https://devpi.example/ci/prod/",
    )


def test_where_tokens_are_of_one_repository_each_has_its_own_connection() -> None:
    one, two = (parse_feed(f"https://gitlab.com/api/v4/projects/{number}/packages/pypi") for number in (42, 421))
    assert one.target == "https://gitlab.com/api/v4/projects/42/packages/pypi"
    assert Connection.of(one).name != Connection.of(two).name
    assert not Connection.of(one).covers(two.index_url)
    nexus = [parse_feed(f"https://nexus.example/repository/{name}/") for name in ("a", "b")]
    assert len({Connection.of(each).name for each in nexus}) == 1


def test_a_group_of_gitlab_takes_no_uploads() -> None:
    feed = parse_feed("https://gitlab.com/api/v4/groups/acme/-/packages/pypi/simple")
    assert (feed.index_url.endswith("/acme/-/packages/pypi/simple/"), feed.upload_url) == (True, "")


@pytest.mark.parametrize("text", ["https://pypi.example/up", "http://localhost:1/", "http://127.0.0.1:8080"])
def test_an_upload_address_is_taken_as_it_is(text: str) -> None:
    assert parse_upload_url(text) == text


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("http://pypi.example/up", "isn't encrypted"),
        ("https://me:fake-pat-0123@pypi.example/up", "a user name or token in it"),
        ("https://pypi.example/up?x=1", "isn't an address that takes uploads"),
        ("https://[pypi/up", "isn't an address that takes uploads"),
        ("pypi.example/up", "isn't an address that takes uploads"),
    ],
)
def test_an_upload_address_to_which_no_token_may_go_is_refused(text: str, said: str) -> None:
    with pytest.raises(BadFeed, match=f"`feed-upload-url`.*{said}") as caught:
        parse_upload_url(text)
    assert "fake-pat" not in f"{caught.value.what} {caught.value.fix}"
