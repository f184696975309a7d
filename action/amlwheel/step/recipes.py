"""`verify: recipe`: what each workspace would make of the registered environment, told without a secret."""

from collections.abc import Callable
from urllib.parse import urlsplit

from ..errors.base import StepError, together
from ..errors.workspace import RecipeDiffers, RecipeWithoutCredential
from ..hosts.host import Host
from ..model import recipe
from ..model.azure import Workspace
from ..model.environment import Environment
from ..model.recipe import Beside
from ..report.release import Release
from ..workspace.azureml.process import Worker
from ..workspace.azureml.recipe import Untold, ask

STORAGE = ".blob.core.windows.net"


def check(host: Host, worker: Worker, release: Release, located: Callable[[Workspace], Environment]) -> None:
    """Compare each workspace's recipe with what `located` says was registered there; raise what makes images fail.

    All workspaces are asked first. One that doesn't tell gets a warning: the release is as good as without it.
    """
    problems: list[StepError] = []
    for each in (target for target in release.workspaces if isinstance(target, Workspace)):
        with host.stage(f"Ask for the image's recipe on {each.name}") as done:
            try:
                beside = recipe.compare(located(each), ask(worker, each, release.environment), _needs(release))
            except Untold as error:
                result = f"not told. {error}"
                host.warning(f"{each.name} doesn't tell how it would build the image, so nothing is compared: {error}")
            else:
                result = _result(beside)
                problems += _problems(beside, release, each)
                _warn(host, beside, each)
            done.append(result)
        host.summary(f"\nRecipe of the image of `{release.environment.reference}` on {each.name}: {result}\n")
    if problems:
        raise together(problems)


def _needs(release: Release) -> Callable[[str], bool]:
    """Return whether an address needs a credential: the connection is for it, or the workspace's storage has it."""

    def needs(address: str) -> bool:
        connected = bool(release.connection and release.connection.covers(address))
        stored = release.route == "workspace" and (urlsplit(address).hostname or "").endswith(STORAGE)
        return connected or stored

    return needs


def _result(beside: Beside) -> str:
    places = f"; {', '.join(beside.places)}" if beside.places else ""
    wrong = beside.lacks or beside.adds or beside.more or beside.bare
    return f"{'differs from what was registered' if wrong else 'matches what was registered'}{places}"


def _warn(host: Host, beside: Beside, workspace: Workspace) -> None:
    if beside.more:
        host.warning(
            f"The image's recipe on {workspace.name} has more than was registered: {recipe.told(beside.more)}."
        )


def _problems(beside: Beside, release: Release, workspace: Workspace) -> list[StepError]:
    """Return what makes an image fail, or be another one than was registered."""
    found: list[StepError] = []
    image = f"The recipe of {release.environment.reference} on {workspace.name}"
    said = [f"leaves out {recipe.told(beside.lacks)}"] if beside.lacks else []
    said += [f"adds {recipe.told(beside.adds)}"] if beside.adds else []
    if said:
        found.append(RecipeDiffers(f"{image} {' and '.join(said)}."))
    if beside.bare:
        found.append(RecipeWithoutCredential(f"{image} has no credential for {recipe.told(beside.bare)}."))
    return found
