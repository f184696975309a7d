"""How uv reaches the feed: directly with its token, or by a door and without one."""

from pathlib import Path

from amlwheel.environment.sources import Door, Sources
from unit.parts import CANARY, FEED, TOKEN


def test_by_a_door_uv_gets_no_token_of_the_feed() -> None:
    door = Door("http://127.0.0.1:1/x/", {"NO_PROXY": "127.0.0.1"}, lambda text: text.replace("door", "feed"))
    direct, behind = (Sources(FEED, TOKEN, None, only=True, door=each) for each in (None, door))
    assert (direct.feed_url, behind.feed_url) == (FEED.index_url, door.url)
    assert CANARY in direct.variables(Path("x")).values()
    assert behind.variables(Path("x")) == {"NO_PROXY": "127.0.0.1", "UV_CACHE_DIR": str(Path("x/cache"))}
    assert (direct.original("a door"), behind.original("a door")) == ("a door", "a feed")
