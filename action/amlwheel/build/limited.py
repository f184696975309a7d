"""A build as of a day: uv, which installs what it requires, takes no file that was uploaded later."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path

from ..model import limit
from ..transport import process
from ..transport.sandbox import Sandbox


def run(
    command: Sequence[str | Path],
    env: Mapping[str, str],
    seconds: float,
    echo: Callable[[str], None],
    sandbox: Sandbox,
) -> process.Finished:
    """Run a build with the variables `env`; once more without a limit where the index tells no upload times.

    To uv a file without an upload time was uploaded later than any limit.
    """
    finished = process.run(command, env=env, seconds=seconds, echo=echo, sandbox=sandbox)
    lacking = re.findall(r"`([^`]+)`ismissinganuploaddate", _plain(finished.output))
    if finished.status == 0 or limit.VARIABLE not in env or not lacking:
        return finished
    echo(f"no limit to the time of uploads for this build: the index has no upload time of {lacking[0]}")
    unlimited = {name: value for name, value in env.items() if name != limit.VARIABLE}
    return process.run(command, env=unlimited, seconds=seconds, echo=echo, sandbox=sandbox)


def check(folder: Path, output: str, env: Mapping[str, str]) -> None:
    """Raise UploadedLater if a build failed since what it requires was uploaded after the limit."""
    later = limit.later(_plain(output))
    if limit.VARIABLE in env and later:
        # uv tells when the first file of a release was uploaded; others may be uploaded for hours.
        wait = timedelta(days=1)
        raise limit.too_late(f"the build of {folder}", later, env[limit.VARIABLE], output[-3000:], wait)


def _plain(output: str) -> str:
    """Return `output` without its spaces: pypa/build breaks uv's lines, also within words."""
    return re.sub(r"\n[<>] ?|\s", "", output)
