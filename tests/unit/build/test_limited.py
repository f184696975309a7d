"""A build as of a day, and where there are no days."""

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from amlwheel.build import failure, limited
from amlwheel.errors.build import BuildFailed
from amlwheel.errors.environment import UploadedLater
from amlwheel.transport import process
from amlwheel.transport.sandbox import Sandbox
from unit.parts import LIMIT

# As pypa/build 1.6.1 prints what uv 0.13.9 says: it breaks lines, also behind a hyphen.
TOO_LATE = """\
< error: No solution found when resolving dependencies
<   cause: Because only setuptools<=75.6.0 is available and you require
  setuptools>=80, we can conclude that your requirements are unsatisfiable.

< hint: `setuptools` was filtered by `exclude-
  newer` to only include packages
  uploaded before 2025-06-01T12:00:00Z. The latest version satisfying the
  requirement is v84.2.1, published at 2026-10-20T19:01:35.678Z. Consider
  using `exclude-newer-package` to override the cutoff for this package.
"""
ROOM = Sandbox((Path("project"),))
UNTIMED = """\
< warning: `foo-2-py3-none-any.whl` is missing an upload date, but user
  provided: 2025-06-01T12:00:00Z
"""


def run(monkeypatch: pytest.MonkeyPatch, env: Mapping[str, str], *ends: tuple[int, str]) -> tuple[int, list[str]]:
    """Run a build that ends so; return the status of the last run, and what is told."""
    told, waiting = list[str](), list(ends)

    def child(
        _: object, *, env: Mapping[str, str], seconds: float, echo: Callable[[str], None], sandbox: Sandbox
    ) -> process.Finished:
        assert (seconds, sandbox) == (5, ROOM)
        echo(env.get("UV_EXCLUDE_NEWER", "no limit"))
        return process.Finished(*waiting.pop(0))

    monkeypatch.setattr(process, "run", child)
    finished = limited.run(["build"], env, 5, told.append, ROOM)
    assert not waiting
    return finished.status, told


def test_an_index_without_upload_times_gives_a_build_what_it_has(monkeypatch: pytest.MonkeyPatch) -> None:
    said = "no limit to the time of uploads for this build: the index has no upload time of foo-2-py3-none-any.whl"
    assert run(monkeypatch, LIMIT.variables, (1, UNTIMED), (0, "")) == (0, [LIMIT.text, said, "no limit"])


@pytest.mark.parametrize(
    ("env", "end"),
    [(LIMIT.variables, (0, UNTIMED)), (LIMIT.variables, (1, "error: no compiler")), ({}, (1, UNTIMED))],
)
def test_any_other_end_is_the_end(
    monkeypatch: pytest.MonkeyPatch, env: Mapping[str, str], end: tuple[int, str]
) -> None:
    assert run(monkeypatch, env, end) == (end[0], [LIMIT.text if env else "no limit"])


def test_a_build_requirement_of_a_later_day_is_an_error_of_its_own() -> None:
    with pytest.raises(UploadedLater) as caught:
        failure.check(Path("churn"), process.Finished(1, TOO_LATE), LIMIT.variables)
    when = "setuptools 84.2.1, uploaded at 2026-10-20T19:01:35.678000Z"
    assert caught.value.what == f"What the build of churn needs was uploaded after 2025-06-01T12:00:00Z: {when}."
    assert caught.value.fix.endswith("or set `exclude-newer` to 2026-10-21T19:01:36Z.")
    assert "setuptools>=80" in caught.value.details
    with pytest.raises(BuildFailed):
        failure.check(Path("churn"), process.Finished(1, TOO_LATE), {})
