"""Observe, plan, apply: a plan changes nothing, and a conflict comes before any effect."""

import threading
from functools import partial

import pytest
from amlwheel.errors.base import NoNetwork, Several, StepError
from amlwheel.errors.build import TagMismatch
from amlwheel.errors.feed import VersionTaken
from amlwheel.errors.inputs import BadInput
from amlwheel.plan.change import Change, Verb, apply
from amlwheel.plan.observe import in_background, observing


class Place:
    """A service outside: it holds the names that were created, and plans new ones."""

    def __init__(self, *names: str) -> None:
        """Hold `names` from the start."""
        self.names = list(names)

    def plan(self, name: str) -> Change[str]:
        if name == "taken":
            message = "taken"
            raise VersionTaken(message)
        if name in self.names:
            return Change(name, Verb.KEEP, "there", name, partial(self.names.append, "never"))
        return Change(name, Verb.CREATE, "new", name, partial(self.names.append, name))


def quiet(_: object) -> None:
    """Say nothing."""


def fail(error: Exception) -> None:
    raise error


def plan(place: Place, *names: str) -> list[Change[str]]:
    with observing() as observer:
        asked = [observer.ask(partial(place.plan, name)) for name in names]
    return [each.result() for each in asked]


def test_a_plan_changes_nothing() -> None:
    place = Place("a")
    changes = plan(place, "a", "b", "c")
    assert place.names == ["a"]
    assert [change.verb for change in changes] == [Verb.KEEP, Verb.CREATE, Verb.CREATE]
    assert [change.result for change in changes] == ["a", "b", "c"]
    assert [change.changes for change in changes] == [False, True, True]


def test_applying_runs_each_effect_in_order_after_announcing_it() -> None:
    place, announced, done = Place("a"), [], []
    changes = plan(place, "c", "a", "b")
    apply(
        changes,
        lambda change: announced.append((change.subject, list(place.names))),
        lambda change: done.append((change.told, list(place.names))),
    )
    assert place.names == ["a", "c", "b"]
    assert announced == [("c", ["a"]), ("b", ["a", "c"])]
    assert done == [("CREATE c", ["a", "c"]), ("CREATE b", ["a", "c", "b"])]


def test_a_second_run_keeps_everything() -> None:
    place = Place()
    apply(plan(place, "a", "b"), quiet, quiet)
    again = plan(place, "a", "b")
    assert {change.verb for change in again} == {Verb.KEEP}
    apply(again, quiet, quiet)
    assert place.names == ["a", "b"]


def test_a_conflict_comes_before_any_effect() -> None:
    place = Place()
    with pytest.raises(VersionTaken):
        apply(plan(place, "a", "taken", "b"), quiet, quiet)
    assert place.names == []


def test_the_first_failure_stops_the_rest() -> None:
    place = Place()
    broken: Change[str] = Change("x", Verb.UPDATE, "", "x", partial(fail, BadInput("no")))
    with pytest.raises(BadInput):
        apply([*plan(place, "a"), broken, *plan(place, "b")], quiet, quiet)
    assert place.names == ["a"]


def test_several_errors_come_together_and_unreachable_hosts_as_one() -> None:
    errors: list[StepError] = [BadInput("a"), NoNetwork("one"), TagMismatch("b"), NoNetwork("two")]
    questions = [partial(fail, error) for error in errors]
    with pytest.raises(Several) as caught, observing() as observer:
        list(map(observer.ask, questions))
    assert [each.what for each in caught.value.errors] == ["a", "b", "No connection to one, two."]


def test_one_error_comes_as_itself() -> None:
    error = BadInput("a")
    with pytest.raises(BadInput) as caught, observing() as observer:
        observer.ask(partial(fail, error))
    assert caught.value is error


def test_a_bug_comes_through_as_it_is() -> None:
    with pytest.raises(ZeroDivisionError), observing() as observer:
        observer.ask(lambda: 1 // 0)


def test_questions_are_asked_at_the_same_time() -> None:
    meet = threading.Barrier(4, timeout=5)
    with observing() as observer:
        asked = [observer.ask(meet.wait) for _ in range(4)]
    assert sorted(each.result() for each in asked) == [0, 1, 2, 3]


def test_a_question_that_hangs_does_not_hold_a_run_that_is_cancelled() -> None:
    answered = threading.Event()
    with pytest.raises(KeyboardInterrupt), observing() as observer:  # noqa: PT012  # it is cancelled in the block
        observer.ask(answered.wait)
        raise KeyboardInterrupt
    assert not observer.futures[0].done()
    answered.set()


def test_a_question_in_the_background_is_answered_or_fails_where_it_is_asked_for() -> None:
    assert in_background(lambda: 7).result(1) == 7
    with pytest.raises(ZeroDivisionError):
        in_background(lambda: 1 // 0).result(1)


def test_the_default_effect_does_nothing() -> None:
    Change("x", Verb.KEEP, "", "x").effect()


def test_a_question_that_is_cancelled_before_its_turn_never_begins() -> None:
    asked: list[str] = []
    slot, others = threading.Semaphore(0), set(threading.enumerate())
    future = in_background(lambda: asked.append("x"), slot)
    (thread,) = set(threading.enumerate()) - others
    assert future.cancel()
    slot.release()
    thread.join(5)
    assert not thread.is_alive()
    assert asked == []
