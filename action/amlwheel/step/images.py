"""Whether the image of a registered environment exists already: told with the plan, where azureml-core runs."""

from collections.abc import Sequence

from ..errors.base import StepError
from ..inputs.step import Inputs
from ..model.environment import Environment
from ..plan.change import Change, Verb
from ..workspace.azureml.process import Worker
from ..workspace.azureml.sdk import named


def told(inputs: Inputs, worker: Worker | None, changes: Sequence[Change[Environment]]) -> tuple[str, ...]:
    """Return a line for each workspace, of which `changes` has one; none where nobody wants azureml-core's answers.

    The service knows the image of a registered version only. Whatever it answers stops nothing.
    """
    if not worker or not (inputs.sdk == "v1" or inputs.verify in ("image", "recipe")):
        return ()

    def about(change: Change[Environment], number: int) -> str:
        if change.verb is not Verb.KEEP:
            return "Azure tells it once the environment is registered"
        try:
            built = worker.ask("image", inputs.workspaces[number], named(change.result))
        except StepError as error:
            return f"Azure doesn't tell whether it exists: {error.what}"
        return "exists already" if built else "isn't built yet: the first job that uses it builds it"

    names = [each.name for each in inputs.workspaces]
    return tuple(f"Image on {names[number]}: {about(change, number)}" for number, change in enumerate(changes))
