"""What a project's own table, `[tool.amlwheel]`, says, and what of it the local Azure must replace.

The step reads the table itself; a default of the rehearsal would win over it. So the rehearsal gives only what the
local Azure can't have: the names of a real Azure.
"""

import pathlib
import re
import sys

from ..state import images, names
from ..state.store import Store

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

_HERE = {
    "feed": rf"(https://pkgs\.dev\.azure\.com/)?{names.ORGANIZATION}/.*",
    "workspace": rf".*{names.SUBSCRIPTION_ID}.*",
    "storage-container": rf"https://{names.STORAGE_ACCOUNT}\..*",
}
"""What the values of inputs look like that the local Azure has."""


def table(folder: pathlib.Path) -> dict[str, str]:
    """Return the table of the project in `folder` as texts; none where the step will refuse it."""
    try:
        tool = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["tool"]["amlwheel"]
        return {name: _text(value) for name, value in tool.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _text(value: object) -> str:
    if isinstance(value, list):
        return "\n".join(map(str, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def is_elsewhere(name: str, value: str) -> bool:
    """Tell whether an input of the table names something that the local Azure doesn't have."""
    return bool(value) and not re.fullmatch(_HERE[name], value, re.IGNORECASE | re.DOTALL)


def replacements(own: dict[str, str]) -> dict[str, str]:
    """Return what stands in for the values of the table `own` that name another Azure, by input.

    The repository of `route: git` isn't among them: the project is always pushed to the local one.
    """
    feed = names.MIRROR_FEED if own.get("index") == "only" else names.FEED
    workspaces = own.get("workspace", "").split()
    ours = [names.WORKSPACE, names.OTHER_WORKSPACE][: max(1, len(workspaces))]
    stand_ins = {
        "feed": f"{names.ORGANIZATION}/{names.PROJECT}/{feed}",
        "workspace": "\n".join(f"{names.SUBSCRIPTION_ID}/{names.RESOURCE_GROUP}/{name}" for name in ours),
        "storage-container": names.container_url(),
    }
    return {name: value for name, value in stand_ins.items() if is_elsewhere(name, own.get(name, ""))}


def provide_image(own: dict[str, str], store: Store) -> None:
    """Put the image that the table names into the local mcr.microsoft.com, which can't know all real tags."""
    image = re.fullmatch(r"(mcr\.microsoft\.com)/([^:@]+):([\w.-]+)", own.get("base-image", ""))
    if image:
        host, repository, tag = image.groups()
        with store.edit("registry") as hosts:
            if tag not in hosts[host].setdefault(repository, {}):
                images.add(hosts, host, repository, tag)
