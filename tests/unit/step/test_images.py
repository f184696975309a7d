"""Whether an image exists already: where it is asked, what is told, and that no answer stops a run."""

from types import SimpleNamespace
from typing import Any

import pytest
from amlwheel.errors.base import TooSlow
from amlwheel.plan.change import Change, Verb
from amlwheel.step import images
from unit.parts import WORKSPACE

ENVIRONMENT = SimpleNamespace(name="acme-churn", version="1-0")


class Worker:
    """azureml-core with one answer."""

    def __init__(self, answer: object) -> None:
        """Answer so, or raise it."""
        self.answer = answer

    def ask(self, call: str, workspace: object, given: object) -> object:
        assert (call, workspace, given) == ("image", WORKSPACE, {"name": "acme-churn", "version": "1-0"})
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def told(answer: object, verb: Verb = Verb.KEEP, sdk: str = "v1", verify: str = "install") -> tuple[str, ...]:
    inputs: Any = SimpleNamespace(sdk=sdk, verify=verify, workspaces=(WORKSPACE,))
    changes: Any = [Change("e", verb, "", ENVIRONMENT, lambda: None)]
    worker: Any = None if answer is None else Worker(answer)
    return images.told(inputs, worker, changes)


@pytest.mark.parametrize(
    ("answer", "verb", "said"),
    [
        (True, Verb.KEEP, "exists already"),
        (False, Verb.KEEP, "isn't built yet"),
        (True, Verb.CREATE, "Azure tells it once the environment is registered"),
        (TooSlow("No answer."), Verb.KEEP, "Azure doesn't tell whether it exists: No answer."),
    ],
)
def test_a_line_for_each_workspace_says_whether_the_image_exists(answer: object, verb: Verb, said: str) -> None:
    (line,) = told(answer, verb)
    assert line.startswith(f"Image on {WORKSPACE.name}: {said}")


def test_it_is_asked_where_azureml_core_answers_for_images() -> None:
    assert [len(told(answer=True, sdk="v2", verify=each)) for each in ("install", "none", "image", "recipe")] == [
        0,
        0,
        1,
        1,
    ]
    assert told(None) == ()
