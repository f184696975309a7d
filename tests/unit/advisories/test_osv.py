"""The database's answers: read as its format says, and nothing else counts as one."""

import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from amlwheel.advisories import osv
from amlwheel.advisories.osv import NoAnswer, Question
from amlwheel.errors.base import NoNetwork, TooSlow
from amlwheel.model.advisory import Advisory, Package
from amlwheel.transport import http
from packaging.version import Version

IDNA, NUMPY = Package("idna", "3.6"), Package("numpy", "1.0")
GHSA: dict[str, Any] = {
    "id": "GHSA-jjg7-2v4v-x38h",
    "aliases": ["CVE-2024-3651", 7, "x\n::error::"],
    "database_specific": {"severity": "MODERATE"},
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "IDNA"},
            "ranges": [
                {"type": "GIT", "events": [{"introduced": "0"}, {"fixed": "1d365e17"}]},
                {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "3.7"}, {"fixed": "no version"}]},
            ],
        },
        {"package": {"ecosystem": "npm", "name": "idna"}, "ranges": None},
    ],
}


@dataclass
class Osv:
    """Answers in the place of the database: `pages` to the questions, in order, then records by id."""

    pages: list[Any] = field(default_factory=list)
    records: dict[str, Any] = field(default_factory=dict)
    status: int = 200
    failure: Exception | None = None
    asked: list[Any] = field(default_factory=list)

    def ask(self, url: str, *, until: float, most: int, body: object = None) -> tuple[int, bytes]:
        assert until <= time.monotonic() + osv.WITHIN
        assert most
        path = url.removeprefix("https://api.osv.dev/v1/")
        self.asked.append(body if path == "querybatch" else path)
        if self.failure:
            raise self.failure
        found = self.pages.pop(0) if path == "querybatch" else self.records[path.removeprefix("vulns/")]
        return self.status, found if isinstance(found, bytes) else json.dumps(found).encode()


@pytest.fixture
def database(monkeypatch: pytest.MonkeyPatch) -> Osv:
    made = Osv()
    monkeypatch.setattr(http, "ask", made.ask)
    return made


def results(*ids: str) -> dict[str, Any]:
    """Return the answer for two packages: the first one has these ids."""
    return {"results": [{"vulns": [{"id": each} for each in ids]}, {}]}


def test_one_question_for_all_then_one_for_each_id(database: Osv) -> None:
    database.pages, database.records = [results(GHSA["id"])], {GHSA["id"]: GHSA}
    found = Question([NUMPY, IDNA]).answer()
    fixed = {"idna": (Version("3.7"),)}
    assert found == {IDNA: (Advisory("GHSA-jjg7-2v4v-x38h", frozenset({"CVE-2024-3651"}), "medium", fixed),)}
    first = {"package": {"name": "idna", "ecosystem": "PyPI"}, "version": "3.6"}
    assert database.asked[0]["queries"][0] == first
    assert database.asked[1:] == ["vulns/GHSA-jjg7-2v4v-x38h"]


def test_pages_are_asked_for_until_there_are_none(database: Osv) -> None:
    page = {"results": [{"vulns": [{"id": "A-1"}], "next_page_token": "more"}, {}]}
    database.pages = [page, {"results": [{"vulns": [{"id": "A-2"}], "next_page_token": ""}]}]
    database.records = {"A-1": {"id": "A-1"}, "A-2": {"id": "A-2", "withdrawn": "2024-05-09T19:49:08Z"}}
    assert Question([IDNA, NUMPY]).answer() == {IDNA: (Advisory("A-1"),)}
    (query,) = database.asked[1]["queries"]
    assert (query["package"]["name"], query["page_token"]) == ("idna", "more")


def test_more_packages_than_one_request_takes(database: Osv) -> None:
    database.pages = [{"results": [{}] * 1000}, {"results": [{}]}]
    assert Question([Package(f"p{number}", "1") for number in range(1001)]).answer() == {}
    assert [len(each["queries"]) for each in database.asked] == [1000, 1]


def test_a_withdrawn_advisory_does_not_count(database: Osv) -> None:
    database.pages, database.records = [results("A-1")], {"A-1": {"id": "A-1", "withdrawn": "2024-05-09T19:49:08Z"}}
    assert Question([IDNA, NUMPY]).answer() == {}


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (b"<html>Sign in</html>", "answered no JSON"),
        (b"[" * 100_000, "answered no JSON"),
        ([], "answered another format"),
        ({"results": {}}, "answered another format"),
        ({"results": [{}]}, "answered another number of packages"),
        ({"results": [{"vulns": [None]}, {}]}, "answered another format"),
        (results("../../x"), "answered an id of another form"),
        (results(""), "answered an id of another form"),
        (results("A-" + "1" * 100), "answered an id of another form"),
        (results("GHSA-1\n::error::"), "answered an id of another form"),
    ],
)
def test_another_format_is_no_answer(database: Osv, answer: Any, said: str) -> None:  # noqa: ANN401  # JSON
    database.pages = [answer]
    with pytest.raises(NoAnswer) as caught:
        Question([IDNA, NUMPY]).answer()
    assert str(caught.value) == f"api.osv.dev {said}"


def fail(failure: Exception | None, status: int = 200) -> Callable[[Osv], None]:
    return lambda database: database.__dict__.update(failure=failure, status=status, pages=[results()])


@pytest.mark.parametrize(
    ("act", "said"),
    [
        (fail(NoNetwork("api.osv.dev")), "there is no connection to api.osv.dev"),
        (fail(TooSlow("x")), "api.osv.dev gave no whole answer within 5 s"),
        (fail(None, 503), "api.osv.dev answered 503"),
    ],
)
def test_a_database_that_does_not_answer(database: Osv, act: Callable[[Osv], None], said: str) -> None:
    act(database)
    with pytest.raises(NoAnswer, match=said):
        Question([IDNA, NUMPY]).answer()


def test_nobody_waits_longer_than_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(osv, "WITHIN", 0.02)
    monkeypatch.setattr(http, "ask", lambda *_, **__: time.sleep(0.1))
    with pytest.raises(NoAnswer, match="no whole answer"):
        Question([IDNA]).answer()


def test_ids_are_told_where_their_records_are_missing(database: Osv) -> None:
    database.pages, database.records = [results("A-1", "A-2")], {"A-1": {"id": "A-1"}, "A-2": b"-"}
    with pytest.raises(NoAnswer, match=r"answered no JSON, but it has A-1 for idna 3\.6, A-2 for idna 3\.6"):
        Question([IDNA, NUMPY]).answer()
