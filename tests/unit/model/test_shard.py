"""Parts of a plan: together they have everything once."""

from amlwheel.model.shard import Shard
from hypothesis import given
from hypothesis import strategies as st


@given(st.integers(0, 40), st.integers(1, 9))
def test_all_parts_together_have_each_item_once_and_are_about_equal(count: int, of: int) -> None:
    parts = [Shard(part, of).take(range(count)) for part in range(1, of + 1)]
    assert sorted(item for part in parts for item in part) == list(range(count))
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_it_is_written_as_the_input_has_it() -> None:
    assert str(Shard(2, 3)) == "2/3"
