"""Ask many questions at the same time; all problems are reported together, before the first change."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from threading import Semaphore, Thread
from typing import Any, TypeVar

from ..errors.base import StepError, together

Answer = TypeVar("Answer")
AT_ONCE = 16  # questions at the same time


class Observer:
    """Asks questions of services outside, all at the same time.

    In threads for which nothing waits when the run is cancelled, as it would for those of a ThreadPoolExecutor: a
    server that hangs would hold a cancelled run until the host kills it.
    """

    def __init__(self) -> None:
        """Ask at most AT_ONCE at the same time."""
        self._slots = Semaphore(AT_ONCE)
        self.futures: list[Future[Any]] = []

    def ask(self, question: Callable[[], Answer]) -> Future[Answer]:
        """Start `question` and return the future of its answer, which is there at the end of the `observing` block."""
        future = in_background(question, self._slots)
        self.futures.append(future)
        return future

    def settle(self) -> None:
        """Wait for all answers.

        Raises the StepError of a question, or one `Several` with those of all questions, so that one run reports every
        problem. Any other exception is a bug and is raised as it is.
        """
        wait(self.futures)
        errors: list[StepError] = []
        for future in self.futures:
            try:
                future.result()
            except StepError as error:
                errors.append(error)
        if errors:
            raise together(errors)


@contextlib.contextmanager
def observing() -> Iterator[Observer]:
    """Collect questions in the block, and wait for all answers at its end; raises what `Observer.settle` raises."""
    observer = Observer()
    yield observer
    observer.settle()


def results(futures: Iterable[Future[Any]]) -> tuple[Any, ...]:
    """Return the answers to questions, in the order of the questions, after the `observing` block."""
    return tuple(future.result() for future in futures)


def in_background(question: Callable[[], Answer], slots: Semaphore | None = None) -> Future[Answer]:
    """Start `question` and return the future of its answer, which nobody has to wait for: not even the process.

    It begins when one of the `slots` is free, unless it is cancelled by then.
    """
    future: Future[Answer] = Future()

    def run() -> None:
        with slots or contextlib.nullcontext():
            if not future.set_running_or_notify_cancel():
                return
            try:
                future.set_result(question())
            except BaseException as error:  # noqa: BLE001  # whoever asks for the answer gets it
                future.set_exception(error)

    Thread(target=run, daemon=True).start()
    return future
