"""The questions to Azure's public feeds, put to the stand-in: they work, and it gives the answers that it should."""

import pathlib

import requests
from public.contract import EXPECTED, Place, differences, look
from rehearsal.proxy.world import World
from rehearsal.state.names import FEED, ORGANIZATION, PROJECT
from rehearsed.steps import Step

UPSTREAM = "colorama"
"""On the public index, and in no feed."""


def test_the_stand_in_answers_what_public_feeds_are_asked(world: World, wheel: pathlib.Path) -> None:
    with world.store.edit("feeds") as document:
        (feed,) = [one for one in document[ORGANIZATION]["feeds"] if one["name"] == FEED]
        feed.update(public=True, upstream=True)
    world.seed_wheel(wheel)
    session = requests.Session()
    inside = world.environment(Step.inherited())
    session.proxies, session.verify, session.trust_env = {"https": inside["HTTPS_PROXY"]}, str(world.ca_bundle), False
    for host in (f"pkgs.dev.azure.com/{ORGANIZATION}", f"{ORGANIZATION}.pkgs.visualstudio.com"):
        place = Place(f"https://{host}/{PROJECT}/_packaging/{FEED}/pypi/simple/", "acme-features", UPSTREAM)
        assert look(session, place) == EXPECTED

    page = "<a href='/x.whl' data-core-metadata='true' data-upload-time='2026'>x</a>"  # another kind of index
    world.fail({"path": r"/simple/acme-features/$", "status": 200, "body": page})
    told = [line.partition(":")[0] for line in differences(look(session, place))]
    same = {"page, without the last slash", "page, in another spelling of the name", *list(EXPECTED)[-2:]}
    assert told == [question for question in EXPECTED if question not in same]
