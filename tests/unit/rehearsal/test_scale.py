"""The table of docs/scale.md: by what was counted, and what the page shows."""

import pytest
from rehearsal import scale
from rehearsal.scale import READS, WRITES, Fleet, Shared
from unit.parts import ROOT


@pytest.mark.parametrize(
    ("fleet", "reads", "writes"),
    [
        (Fleet(1, 1), 7, 2),  # a first release, as scripts/rehearse leaves it in requests.jsonl
        (Fleet(1, 2), 14, 4),
        (Fleet(1, 2, new=0, connects=False), 10, 0),  # the same again
    ],
)
def test_it_counts_what_a_rehearsal_counts(fleet: Fleet, reads: int, writes: int) -> None:
    assert (fleet.reads, fleet.writes) == (reads, writes)


def test_a_registry_leaves_azure_resource_manager_alone_and_makes_one_after_another() -> None:
    one, many = Shared(1), Shared(1000, environments=1000, new=1000)
    assert (many.reads, many.writes, many.limited) == (1, 0, 0)
    assert many.sent > 1000 > 10 * one.sent
    assert (one.binds, many.binds) == ("round trips", "one after another")


def test_the_feed_is_read_as_in_a_rehearsal_and_again_by_each_job() -> None:
    assert (Fleet(1, 1).feed_reads, Fleet(10, 1).feed_reads) == (9, 63)
    assert Fleet(10, 1, jobs=3).feed_reads == 63 + 2 * 33


def test_a_bucket_gives_what_it_holds_at_once_and_the_rest_bit_by_bit() -> None:
    assert (WRITES.seconds(200), WRITES.seconds(300)) == (0, 10)
    assert READS.seconds(12_250) == 480


def test_more_jobs_send_faster_and_only_other_subscriptions_or_identities_raise_the_limits() -> None:
    one, jobs, apart = (Fleet(1, 200, jobs=jobs, buckets=buckets) for jobs, buckets in ((1, 1), (10, 1), (10, 10)))
    assert one.sent == pytest.approx(10 * jobs.sent)
    assert one.limited == jobs.limited > apart.limited


@pytest.mark.parametrize(("seconds", "text"), [(0, "0 s"), (119, "119 s"), (120, "2 min"), (7200, "2.0 h")])
def test_times_are_shown_in_a_fitting_unit(seconds: float, text: str) -> None:
    assert scale.shown(seconds) == text


def test_the_page_has_the_table() -> None:
    assert scale.table() in (ROOT / "docs/scale.md").read_text("utf-8")
