"""What begins while access is checked, and in which order."""

from datetime import datetime, timezone
from types import SimpleNamespace
from typing import Any

import pytest
from amlwheel.errors.sign_in import SignInFailed
from amlwheel.hosts.terminal import Terminal
from amlwheel.step import stages
from amlwheel.step.stages import Stages

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)


class Begun:
    """Takes the place of all that begins, and notes the order; `refused` is why nobody can sign in."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, azureml: bool, refused: SignInFailed | None = None) -> None:
        """Take the places."""
        self.seen: list[str] = []
        self._refused = refused
        fence: Any = SimpleNamespace(worker=None)
        self.fence = fence
        self.building: Any = SimpleNamespace(
            begin=lambda _: self.seen.append(f"build, worker {fence.worker}"), end=lambda: self.seen.append("end")
        )
        self.early: Any = SimpleNamespace(begin=lambda _: self.seen.append("lock"))
        inputs: Any = SimpleNamespace(azureml=azureml, feed=None)
        self.stages = Stages(inputs, {}, Terminal({}), NOW, fence)
        monkeypatch.setattr(stages, "first", lambda *_: self.seen.append("feed and git"))
        monkeypatch.setattr(stages, "ask", self.ask)

    def ask(self, *_: object) -> object:
        self.seen.append("sign-in")
        if self._refused:
            raise self._refused
        return SimpleNamespace(worker="here", settle=lambda: SimpleNamespace(reached=()))


@pytest.mark.parametrize(
    ("azureml", "order"),
    [
        (False, ["feed and git", "lock", "build, worker None", "sign-in"]),
        (True, ["feed and git", "lock", "sign-in", "build, worker here"]),
    ],
)
def test_the_build_begins_before_sign_in_but_not_before_azureml_core(
    monkeypatch: pytest.MonkeyPatch, order: list[str], *, azureml: bool
) -> None:
    begun = Begun(monkeypatch, azureml=azureml)
    begun.stages.check_access(begun.building, begun.early)
    assert begun.seen == order
    assert begun.fence.worker == "here"


def test_the_build_is_ended_if_nobody_can_sign_in(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = Begun(monkeypatch, azureml=False, refused=SignInFailed("Nothing to sign in with."))
    with pytest.raises(SignInFailed):
        begun.stages.check_access(begun.building)
    assert begun.seen == ["feed and git", "build, worker None", "sign-in", "end"]
