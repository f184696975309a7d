"""The rule about registries in `workspace`: what only a workspace can do can't be asked of them."""

from ..errors.base import StepError
from ..errors.inputs import BadInput
from ..model.azure import Registry, Target
from .knob import Command, Proof, RouteName, SdkVersion


def registries(
    workspace: tuple[Target, ...],
    sdk: SdkVersion = "v2",
    route: RouteName = "feed",
    verify: Proof = "install",
    command: Command = "release",
) -> StepError | None:
    """Refuse a registry beside what only a workspace can do."""
    found = [each.id for each in workspace if isinstance(each, Registry)]
    leave = f"Take {' and '.join(found)} out of `workspace`"
    if len(found) == len(workspace):
        leave = f"Name workspaces in `workspace` in place of {' and '.join(found)}"
    if found and command == "connect":
        return BadInput(
            f"`command` connect stores a token on workspaces, and {found[0]} is a registry: it has no connections.",
            cause="The input was copied from a release.",
            fix=f"{leave}. Where it stands in [tool.amlwheel], give this step a `workspace` of its own, which wins.",
        )
    refused = {
        "`sdk` v1": (sdk == "v1", "azureml-core knows no registries", "set `sdk` to v2"),
        "`route` workspace": (
            route == "workspace",
            "its wheels lie in each workspace's storage",
            "set `route` to feed",
        ),
        f"`verify` {verify}": (verify in ("image", "recipe"), "only a workspace answers it", "set `verify` to install"),
    }
    wrong = {name: more for name, (applies, *more) in refused.items() if found and applies}
    if not wrong:
        return None
    whys, others = zip(*wrong.values(), strict=True)
    return BadInput(
        f"{' and '.join(wrong)} can't be used with {found[0]} in `workspace`: {'; '.join(whys)}.",
        cause="A registry was added to a step that is for workspaces.",
        fix=f"{leave}, or {' and '.join(others)}.",
    )
