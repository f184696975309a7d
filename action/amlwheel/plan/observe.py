"""Ask many questions at once; all their problems are told together, before the first effect."""

import contextlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, TypeVar

from ..errors.base import StepError, together

Answer = TypeVar("Answer")
AT_ONCE = 16  # questions on their way at the same time


class Observer:
    """Asks questions of the outside world, all at once."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        """Ask in the threads of `pool`."""
        self._pool = pool
        self.asked: list[Future[Any]] = []

    def ask(self, question: Callable[[], Answer]) -> Future[Answer]:
        """Start `question`; its answer is there when the `observing` block has ended."""
        future = self._pool.submit(question)
        self.asked.append(future)
        return future


@contextlib.contextmanager
def observing() -> Iterator[Observer]:
    """Collect questions in the block and wait for all answers at its end.

    Raises the one StepError that came up, or `Several` with all of them, so that one run tells everything that is
    wrong. Any other exception is a bug and comes through as it is.
    """
    with ThreadPoolExecutor(max_workers=AT_ONCE) as pool:
        observer = Observer(pool)
        yield observer
    errors: list[StepError] = []
    for future in observer.asked:
        try:
            future.result()
        except StepError as error:
            errors.append(error)
    if errors:
        raise together(errors)


def results(futures: Iterable[Future[Any]]) -> tuple[Any, ...]:
    """Return the answers to questions, in their order, once the `observing` block has ended."""
    return tuple(future.result() for future in futures)
