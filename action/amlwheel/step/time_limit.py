"""`timeout-minutes`: a run that takes longer ends its tools, says how far it came, and ends."""

import _thread
import contextlib
import os
import signal
import threading
import time
from collections.abc import Iterator

from ..errors.base import OutOfTime
from ..hosts.host import Host
from ..inputs.step import Inputs
from ..transport import process
from ..workspace.azureml.image_build import IMAGE_SECONDS

GRACE = 10.0  # seconds in which a run may end by itself and remove its temporary files
CHECK_MINUTES = 20  # of `consume`, which has no such input


def seconds(inputs: Inputs) -> float:
    """Return for how long a run may go on. Images that it waits for have their own time, on top."""
    images = len(inputs.workspace) if inputs.verify == "image" else 0
    return inputs.timeout_minutes * 60 + images * IMAGE_SECONDS


@contextlib.contextmanager
def within(limit: float, host: Host) -> Iterator[None]:
    """Raise OutOfTime when the block takes longer than `limit` seconds; end the process if it doesn't end then."""
    over, ended = threading.Event(), threading.Event()

    def end() -> None:
        over.set()
        process.end_all()
        interrupt()
        time.sleep(GRACE)  # for ever, to a process that has ended meanwhile
        error = out_of_time(limit, host)
        if not ended.is_set():
            host.error(error)
        os._exit(host.finish(error.status, f"amlwheel {error.code} {error.title}"))

    timer = threading.Timer(limit, end)
    timer.daemon = True
    timer.start()
    try:
        yield
    except BaseException:
        if over.is_set():
            raise out_of_time(limit, host) from None
        raise
    finally:
        ended.set()
        timer.cancel()


def out_of_time(limit: float, host: Host) -> OutOfTime:
    """Return the error that says how far the run came."""
    ended = host.progress.done
    done = f"Done before: {'; '.join(ended)}." if ended else "Nothing outside was changed before."
    minutes = f"{limit / 60:.0f} minute{'s' if limit > 60 else ''}"  # noqa: PLR2004
    return OutOfTime(f"The step was ended after {minutes}, in the stage '{host.title or 'Read'}'. {done}")


def interrupt() -> None:
    """Raise KeyboardInterrupt in the main thread, also where it waits (Windows: as soon as it doesn't)."""
    if hasattr(signal, "pthread_kill"):
        signal.pthread_kill(threading.main_thread().ident or 0, signal.SIGINT)
    else:
        _thread.interrupt_main()
