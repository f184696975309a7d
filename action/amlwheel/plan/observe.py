"""Ask many questions at the same time; all problems are reported together, before the first change."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Thread
from typing import Any, TypeVar

from ..errors.base import StepError, together

Answer = TypeVar("Answer")
AT_ONCE = 16  # questions at the same time


class Observer:
    """Asks questions of services outside, all at the same time."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        """Ask in the threads of `pool`."""
        self._pool = pool
        self.futures: list[Future[Any]] = []

    def ask(self, question: Callable[[], Answer]) -> Future[Answer]:
        """Start `question` and return the future of its answer, which is there at the end of the `observing` block."""
        future = self._pool.submit(question)
        self.futures.append(future)
        return future


@contextlib.contextmanager
def observing() -> Iterator[Observer]:
    """Collect questions in the block, and wait for all answers at its end.

    Raises the StepError of a question, or one `Several` with those of all questions, so that one run reports every
    problem. Any other exception is a bug and is raised as it is.
    """
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        observer = Observer(pool)
        yield observer
    errors: list[StepError] = []
    for future in observer.futures:
        try:
            future.result()
        except StepError as error:
            errors.append(error)
    if errors:
        raise together(errors)


def results(futures: Iterable[Future[Any]]) -> tuple[Any, ...]:
    """Return the answers to questions, in the order of the questions, after the `observing` block."""
    return tuple(future.result() for future in futures)


def in_background(question: Callable[[], Answer]) -> Future[Answer]:
    """Start `question` and return the future of its answer, which nobody has to wait for: not even the process."""
    future: Future[Answer] = Future()

    def run() -> None:
        try:
            future.set_result(question())
        except BaseException as error:  # noqa: BLE001  # whoever asks for the answer gets it
            future.set_exception(error)

    Thread(target=run, daemon=True).start()
    return future
