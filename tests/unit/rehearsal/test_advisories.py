"""The stand-in of OSV: ids for a batch of queries, and the record of an id."""

import json

from rehearsal.advisories import host
from rehearsal.advisories.known import IDNA, IDNA_PYSEC, RECORDS
from rehearsal.state.store import Store
from unit.rehearsal.asking import Answer, ask

API = f"https://{host.HOST}/v1"


def batch(store: Store, *packages: tuple[str, str]) -> Answer:
    queries = [{"package": {"ecosystem": "PyPI", "name": name}, "version": version} for name, version in packages]
    return ask(host.app(store), "POST", f"{API}/querybatch", json.dumps({"queries": queries}).encode())


def test_it_finds_what_was_put_there_and_nothing_before(store: Store) -> None:
    assert batch(store, ("idna", "3.6")).json == {"results": [{}]}
    with store.edit("advisories") as document:
        document.update({each["id"]: each for each in RECORDS})
        document["OLD-1"] = {**RECORDS[0], "id": "OLD-1", "withdrawn": "2024-05-09T19:49:08Z"}
    first, second, third = batch(store, ("IDNA", "3.6"), ("idna", "3.7"), ("numpy", "1.0")).json["results"]
    assert [each["id"] for each in first["vulns"]] == [IDNA, IDNA_PYSEC]
    assert (second, third) == ({}, {})
    assert ask(host.app(store), "GET", f"{API}/vulns/{IDNA}").json == RECORDS[0]
    assert "withdrawn" in ask(host.app(store), "GET", f"{API}/vulns/OLD-1").json


def test_it_refuses_as_grpc_does(store: Store) -> None:
    answers = [
        ask(host.app(store), "GET", f"{API}/vulns/NO-1"),
        ask(host.app(store), "GET", f"{API}/elsewhere"),
        batch(store, *[("idna", "3.6")] * 1001),
    ]
    assert [(each.status, each.json["code"]) for each in answers] == [(404, 5), (404, 5), (400, 3)]
