"""Something that is done again and again while a block runs."""

import contextlib
import threading
from collections.abc import Callable, Iterator


@contextlib.contextmanager
def ticking(every: float, tick: Callable[[], None]) -> Iterator[None]:
    """Call `tick` each `every` seconds, and not after the block."""
    ended = threading.Event()

    def run() -> None:
        while not ended.wait(every):
            tick()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
