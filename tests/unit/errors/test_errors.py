"""The catalogue of errors, and how several become one."""

import re

import pytest
from amlwheel.errors.base import NoNetwork, Several, StepError, catalogue, together
from amlwheel.errors.build import TagMismatch
from amlwheel.errors.inputs import BadInput
from amlwheel.inputs.consumed import Consumed
from amlwheel.inputs.knob import knobs
from amlwheel.inputs.step import Inputs
from unit.parts import ROOT

KINDS = list(catalogue())
NAMES = {each.name for each in (*knobs(Inputs), *knobs(Consumed))}


def test_every_status_is_one_errors_own_and_a_shells() -> None:
    statuses = [kind.status for kind in KINDS]
    assert len(statuses) > 30
    assert statuses == sorted(set(statuses))
    # 126 to 165 are the shell's own, and what it says of a program that a signal ended.
    assert all(10 <= status < 126 or 165 < status < 256 for status in statuses)
    assert Several not in KINDS


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_has_title_meaning_cause_and_fix(kind: type[StepError]) -> None:
    assert kind.title
    assert not kind.title.endswith(".")
    assert (kind.__doc__ or "").strip().split("\n\n")[0].endswith(".")
    assert kind.cause.endswith(".")
    assert kind.fix.endswith(".")


@pytest.mark.parametrize("kind", KINDS)
def test_an_error_names_only_inputs_that_exist_and_in_backticks(kind: type[StepError]) -> None:
    text = f"{kind.title} {kind.cause} {kind.fix}"
    assert set(re.findall(r"`([^`]*)`", text)) <= NAMES
    bare = re.sub(r"`[^`]*`", "", text)
    assert [name for name in NAMES if "-" in name and re.search(rf"(?<![\w-]){name}(?![\w-])", bare)] == []


# Inputs that are agreed on and come with other parts of the same issue.
COMING = {"exclude-newer"}


def test_messages_name_only_inputs_that_exist() -> None:
    """What looks like an input in a message (an f-string with a backtick and a dash) is one."""
    for path in (ROOT / "action/amlwheel").rglob("*.py"):
        for line in path.read_text("utf-8").splitlines():
            if re.search(r"message = |raise \w+\(f?\"|fix=", line):
                assert set(re.findall(r"`([a-z]+-[a-z-]+)`", line)) <= NAMES | COMING, line


def test_an_error_keeps_the_catalogues_words_unless_it_has_better_ones() -> None:
    plain = BadInput("what")
    assert (plain.cause, plain.fix, plain.details, plain.code) == (BadInput.cause, BadInput.fix, "", "AW10")
    special = BadInput("what", cause="why.", fix="do.", details="said")
    assert (special.cause, special.fix, special.details, str(special)) == ("why.", "do.", "said", "what")


def test_one_error_stays_itself_also_when_found_twice() -> None:
    one = BadInput("a")
    assert together([one]) is one
    assert together([BadInput("a"), BadInput("a")]).what == "a"


def test_several_errors_keep_their_order_and_end_with_the_firsts_status() -> None:
    found = together([TagMismatch("a"), BadInput("b"), TagMismatch("a"), BadInput("c")])
    assert isinstance(found, Several)
    assert [each.what for each in found.errors] == [*"abc"]
    assert (found.status, found.code, found.what) == (TagMismatch.status, "AW23", "3 problems were found.")
    assert Several not in catalogue()


def test_unreachable_hosts_become_one_error() -> None:
    found = together([NoNetwork("one", "refused"), NoNetwork("two", "no name"), NoNetwork("one", "refused")])
    assert isinstance(found, NoNetwork)
    assert found.what == "No connection to one, two."
    assert found.details == "refused\nno name"
    alone = NoNetwork("one", "refused")
    assert together([alone, NoNetwork("one", "again")]) is alone


def test_unreachable_hosts_stand_beside_other_errors() -> None:
    found = together([NoNetwork("one"), BadInput("a"), NoNetwork("two")])
    assert isinstance(found, Several)
    assert [each.what for each in found.errors] == ["a", "No connection to one, two."]


def test_problems_that_came_together_are_told_one_by_one() -> None:
    inner = together([TagMismatch("a"), BadInput("b")])
    found = together([inner, BadInput("b"), NoNetwork("one")])
    assert isinstance(found, Several)
    assert [each.what for each in found.errors] == ["a", "b", NoNetwork("one").what]
