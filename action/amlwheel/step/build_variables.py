"""The variables that a build gets beside the usual ones: those that the user names, and no secret."""

import re
from collections.abc import Collection, Mapping
from pathlib import Path

from ..build import mentions
from ..build.mentions import Mention
from ..errors.build import SecretForBuild, VersionWithheld
from ..errors.inputs import BadInput
from ..hosts.host import Host
from ..inputs.step import Inputs
from ..model import variable
from ..transport import variables


def of(inputs: Inputs, environ: Mapping[str, str], host: Host) -> dict[str, str]:
    """Return the variables for the build of the projects; an empty text takes one away that it would get.

    The host warns of variables that the build's files read and that are withheld. Raises VersionWithheld when the
    version could depend on one, since a version that is published can't be taken back; SecretForBuild, BadInput.
    """
    for name in variables.withheld(environ):
        host.warning(f"{name} holds a credential, so the build, which runs the project's code, doesn't get it.")
    named = {name: _value(name, environ) for name in inputs.build_env}
    held = [name for name, value in named.items() if host.leaks(value)]
    if held:
        raise SecretForBuild(f"`build-env` names {', '.join(held)}: a secret of this run is in each.")
    secrets = {name: "" for name in variables.for_tool(environ, build=True) if host.leaks(environ.get(name, ""))}
    missing = (variables.kept_back(environ) | secrets.keys()) - named.keys()
    if inputs.from_commit:
        missing = frozenset(environ) - variables.for_tool(environ).keys()
    for folder in inputs.package_dir:
        found = mentions.find(Path(folder), {name for name in missing if environ[name]})
        _check(found, git=inputs.from_commit)
        _warn(found, inputs.from_commit, host)
    return secrets | named


def _value(name: str, environ: Mapping[str, str]) -> str:
    value = environ.get(name)
    if value is None:
        raise BadInput(
            f"`build-env` names {name}, which isn't set for this step.",
            fix=f"Set {name} in the step's `env:`, or take it out of `build-env`.",
        )
    if re.fullmatch(r"\$\(.*\)", value):
        raise BadInput(
            f"{name}, which `build-env` names, is the literal text of a variable that was never set: {value}."
        )
    return value


def _check(found: Collection[Mention], *, git: bool) -> None:
    for each in found:
        if not each.decides:
            continue
        place = f"{each.file}, line {each.line}: the version may depend on {each.name}, which is set for this step"
        if git:
            raise VersionWithheld(
                f"{place}, but not where images are built.",
                cause="With `route` git each image builds the commit, and has none of this run's variables.",
                fix="Set `route` to feed.",
            )
        named = f"Add the line {each.name} to `build-env`."
        renamed = f"Set the value as PACKAGE_VERSION, read that in {each.file}, and add PACKAGE_VERSION to `build-env`."
        fix = renamed if variable.secretive(each.name) else named
        raise VersionWithheld(f"{place} and withheld from the build.", fix=fix)


def _warn(found: Collection[Mention], git: bool, host: Host) -> None:  # noqa: FBT001  # as the input has it
    for each in found:
        place = f"{each.file}, line {each.line}, reads {each.name}"
        if git:
            host.warning(f"{place}, which isn't set where images are built.")
        elif variable.secretive(each.name):
            host.warning(f"{place}, which the build doesn't get: it is named like a secret.")
        else:
            name = "buildEnv" if host.style == "azure" else "build-env"
            host.warning(f"{place}, which the build doesn't get. This line passes it: {name}: {each.name}")
