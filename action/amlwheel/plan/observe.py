"""Ask many questions at the same time; all problems are reported together, before the first change."""

import contextlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, wait
from functools import partial
from threading import Lock, Thread
from typing import Any, TypeVar

from ..errors.base import StepError, together

Answer = TypeVar("Answer")
AT_ONCE = 16  # questions at the same time


class Observer:
    """Asks questions of services outside, all at the same time.

    In threads for which nothing waits when the run is cancelled, as it would for those of a ThreadPoolExecutor: a
    server that hangs would hold a cancelled run until the host kills it. There are AT_ONCE threads at most.
    """

    def __init__(self) -> None:
        """Ask nothing yet."""
        self._lock = Lock()
        self._waiting: deque[Callable[[], None]] = deque()
        self._threads = 0
        self.futures: list[Future[Any]] = []

    def ask(self, question: Callable[[], Answer]) -> Future[Answer]:
        """Start `question` and return the future of its answer, which is there at the end of the `observing` block."""
        future: Future[Answer] = Future()
        self.futures.append(future)
        with self._lock:
            self._waiting.append(partial(_answer, question, future))
            more = self._threads < AT_ONCE
            self._threads += more
        if more:
            Thread(target=self._work, daemon=True).start()
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

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._waiting:
                    self._threads -= 1
                    return
                answer = self._waiting.popleft()
            answer()


@contextlib.contextmanager
def observing() -> Iterator[Observer]:
    """Collect questions in the block, and wait for all answers at its end; raises what `Observer.settle` raises.

    Once the run is cancelled, no question begins.
    """
    observer = Observer()
    try:
        yield observer
        observer.settle()
    finally:
        for future in observer.futures:
            future.cancel()


def results(futures: Iterable[Future[Any]]) -> tuple[Any, ...]:
    """Return the answers to questions, in the order of the questions, after the `observing` block."""
    return tuple(future.result() for future in futures)


def in_background(question: Callable[[], Answer]) -> Future[Answer]:
    """Start `question` and return the future of its answer, which nobody has to wait for: not even the process."""
    future: Future[Answer] = Future()
    Thread(target=_answer, args=(question, future), daemon=True).start()
    return future


def _answer(question: Callable[[], Answer], future: Future[Answer]) -> None:
    """Put the answer to `question` into its `future`, unless that is cancelled by then."""
    if not future.set_running_or_notify_cancel():
        return
    try:
        future.set_result(question())
    except BaseException as error:  # noqa: BLE001  # whoever asks for the answer gets it
        future.set_exception(error)
