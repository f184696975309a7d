"""Observe, plan, apply: a plan changes nothing, and a conflict comes before any effect."""

import threading
from collections.abc import Callable
from functools import partial

import pytest
from amlwheel.errors.base import NoNetwork, Several, StepError
from amlwheel.errors.build import TagMismatch
from amlwheel.errors.feed import VersionTaken
from amlwheel.errors.inputs import BadInput
from amlwheel.plan.change import Change, Verb, apply, apply_to_each, by_target
from amlwheel.plan.observe import AT_ONCE, in_background, observing


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


def test_once_a_run_is_cancelled_no_question_begins() -> None:
    asked, turn = [], threading.Event()
    with pytest.raises(KeyboardInterrupt), observing() as observer:  # noqa: PT012  # it is cancelled in the block
        for _ in range(AT_ONCE):
            observer.ask(turn.wait)
        observer.ask(lambda: asked.append("x"))
        raise KeyboardInterrupt
    turn.set()
    for future in observer.futures[:-1]:
        assert future.result(5)
    assert observer.futures[-1].cancelled()
    assert asked == []


def test_more_questions_than_threads_are_all_answered() -> None:
    before = threading.active_count()
    threads = []

    def answer(number: int) -> int:
        threads.append(threading.active_count() - before)
        return number

    with observing() as observer:
        asked = [observer.ask(partial(answer, number)) for number in range(200)]
    assert [each.result() for each in asked] == list(range(200))
    assert max(threads) <= AT_ONCE


def test_targets_are_changed_beside_each_other_and_one_that_fails_stops_only_itself() -> None:
    meet, place, done = threading.Barrier(3, timeout=5), Place("a"), []

    def change(subject: str, target: str, effect: Callable[[], object]) -> Change[str]:
        return Change(subject, Verb.CREATE, "", subject, effect, target)  # type: ignore[arg-type]

    error = BadInput("no")
    changes = [change(f"first on {each}", each, meet.wait) for each in ("one", "two", "three")]
    changes.append(change("second on two", "two", partial(fail, error)))
    changes.extend(change(f"last on {each}", each, partial(place.names.append, each)) for each in ("one", "two"))
    failed = apply_to_each(by_target(changes), quiet, lambda change: done.append(change.subject))
    assert failed == {"two": error}
    assert place.names == ["a", "one"]
    assert sorted(done) == ["first on one", "first on three", "first on two", "last on one"]


def test_a_bug_on_a_target_is_a_bug() -> None:
    broken: Change[str] = Change("x", Verb.CREATE, "", "x", lambda: 1 // 0, "one")  # type: ignore[arg-type]
    with pytest.raises(ZeroDivisionError):
        apply_to_each(by_target([broken]), quiet, quiet)
