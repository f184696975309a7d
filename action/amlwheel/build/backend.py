"""The requirements of a project's build: its backend, and what the backend requires, as pip asks for them."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from ..errors.build import BuildFailed
from ..errors.git import CommitIncomplete
from ..model.limit import NO_LIMIT, Limit
from ..transport import variables
from ..transport.sandbox import Sandbox
from . import failure, limited

SECONDS = 600.0
# PEP 517: the static requirements, then those that the backend names. The answer goes to a file, since hooks print.
_ASK = """\
import json, pathlib, sys
from build import ProjectBuilder, env
folder, answer = sys.argv[1:]
with env.DefaultIsolatedEnv(installer="uv") as place:
    builder = ProjectBuilder.from_isolated_env(place, folder)
    needs = set(builder.build_system_requires)
    place.install(needs)
    needs |= builder.get_requires_for_build("wheel")
pathlib.Path(answer).write_text(json.dumps(sorted(needs)))
"""


def requirements(
    folder: Path, scratch: Path, echo: Callable[[str], None], limit: Limit = NO_LIMIT
) -> tuple[Requirement, ...]:
    """Return the requirements that are installed before the project in `folder` is built into a wheel.

    The project's code runs here, so it gets no secret. Raises BuildFailed, NoNetwork,
    UploadedLater, CommitIncomplete.
    """
    scratch.mkdir(parents=True, exist_ok=True)
    answer = scratch / "needs.json"
    command: list[str | Path] = [sys.executable, "-I", "-X", "utf8", "-c", _ASK, folder, answer]
    env = variables.for_tool(build=True) | limit.variables
    finished = limited.run(command, env, SECONDS, echo, Sandbox((scratch, folder)))
    failure.check(folder, finished, env, "doesn't say what its build needs")
    try:
        needs = tuple(map(Requirement, json.loads(answer.read_text(encoding="utf-8"))))
    except (OSError, ValueError, TypeError, InvalidRequirement) as error:
        raise BuildFailed(f"{folder.name} doesn't say what its build needs.", details=str(error)) from None
    addresses = [each.name for each in needs if each.url]
    if addresses:
        raise CommitIncomplete(
            f"The build of {folder.name} needs {', '.join(addresses)} by address.",
            fix="Require what the build needs by name, or set `route` to feed.",
        )
    return needs
