"""Which faults are chosen, and how the table counts; without a run."""

import datetime
import re

from chaos import table
from chaos.faults import FAULTS, cases, requests_of
from chaos.promises import Note

HOST = "https://pkgs.dev.azure.com"
LINES = [
    {"method": "GET", "url": f"{HOST}/acme/simple/acme-core/"},
    {"method": "GET", "url": f"{HOST}/acme/simple/acme-core/"},
    {"method": "POST", "url": f"{HOST}/acme/upload/"},
    {"method": "GET", "url": f"{HOST}/acme/simple/acme-core/"},
    {"method": "GET", "url": f"{HOST}/b/4ead0000-0000-4000-8000-00000000fa4e?sig=a%2Bb&comp=list"},
]


def test_a_request_is_known_by_what_it_asks() -> None:
    found = requests_of(LINES)
    assert [each.nth for each in found] == [0, 1, 0, 2, 0]
    assert len({each.kind for each in found}) == 4  # the page, the upload, the page after a write, the blob
    other = "/b/5eaf0000-0000-4000-8000-00000000fa4e?sig=c&comp=list"
    assert re.search(found[4].target, other)
    assert not re.search(found[0].target, other)
    assert found[1].fault("503 once") | {"host": ""} == {
        "method": "GET",
        "host": "",
        "path": found[0].target,
        "skip": 1,
        "status": 503,
        "times": 1,
    }


def test_each_request_has_a_fault_and_each_kind_has_all() -> None:
    requests = requests_of(LINES)
    chosen = cases(requests, everything=False, seed=1)
    assert {each.request for each in chosen} == set(requests)
    for kind in {each.kind for each in requests}:
        had = {each.fault for each in chosen if each.request.kind == kind}
        assert had >= set(FAULTS) - ({"409 of a racing release"} if kind.startswith("GET") else set())
    assert len(cases(requests, frozenset(each.kind for each in requests), everything=False, seed=1)) == len(requests)
    assert len(cases(requests, everything=True, seed=1)) == len(requests) * (len(FAULTS) - 1) + 1


def test_the_table_tells_what_broke_and_what_took_longest() -> None:
    notes = [
        Note("fault", "feed v2", "flood", "1. GET", "AW38", 12.0, brisk=True),
        Note("fault", "feed v2", "503 once", "2. GET", "AW70", 41.0),
        Note("kill", "git", "SIGKILL", "write 1", "ended", 3.0, broken=["an orphan"]),
    ]
    old = f"before\n{table._BEGIN}\nold\n{table._END}\nafter"
    page = table.written(old, table.table(notes), datetime.date(2026, 1, 2))
    assert "before\n" in page
    assert "old" not in page
    assert "As of 2026-01-02." in page
    assert "- invariant broken: 1" in page
    assert "- longest time to a clear error: 41 s" in page
    assert "| kill, SIGKILL | git | 1 | 0 | 1 | 1 | 3 s |" in page
