"""The builder's own files, without a build: what azureml-core's `Environment.build_local` asks for before it builds.

The request and the names in the answer are azureml-core's (`_get_recipe_for_build`, `build_local`); the files' names
are those of a build's log ("COPY azureml-environment-setup/mutated_conda_dependencies.yml"). That credentials are in
them, as in a build, is our model.
"""

import base64
import io
import zipfile
from typing import Any

import yaml
from starlette.responses import Response

from ..arm.guard import Operation, Visit, error
from ..builder import targets
from ..builder.credentials import insert_credentials, sign_own_urls
from ..state.store import Store
from ..storage import roles
from ..web.answers import json_answer
from .environments import find

FOLDER = "azureml-environment-setup"


def recipe(store: Store) -> Operation:
    """Return the operation that tells how the image of a version is built; it builds nothing."""

    def show(visit: Visit, content: Any) -> Response:  # noqa: ANN401  # JSON
        if content != {"platform": "Linux", "useDocker": True}:
            raise error(400, "UserError", "The platform and whether to use Docker have to be named.")
        _, record = find(visit)
        try:
            conda = _mutated(store, visit, record["properties"]["condaFile"] or "")
        except targets.AmbiguousTargetError as problem:
            raise error(400, "UserError", str(problem)) from None
        answer = {
            "setupContentZip": packed(
                {
                    f"{FOLDER}/Dockerfile": f"FROM {record['properties']['image']}\nUSER root\n",
                    f"{FOLDER}/mutated_conda_dependencies.yml": conda,
                }
            ),
            "buildEnvironmentScriptName": "docker_build.sh",
            "checkEnvironmentScriptName": "docker_check.sh",
            "environmentVariables": {},
        }
        return json_answer(200, answer)

    return show


def packed(files: dict[str, str]) -> str:
    """Return a zip archive of `files` in base64."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return base64.b64encode(content.getvalue()).decode()


def _mutated(store: Store, visit: Visit, text: str) -> str:
    """Return a conda spec as the builder writes it: with credentials, and under a name of its own."""
    spec = yaml.safe_load(text) or {}
    connections = [one["properties"] for one in visit.records["connections"].values()]
    account, form = visit.workspace.storage_account, store.read("builder")["pat"]

    def rewritten(line: str) -> str:
        own = sign_own_urls(line, account, store, roles.identity(visit.workspace.name))
        return insert_credentials(own, connections, form)

    dependencies = [
        {"pip": list(map(rewritten, each["pip"]))} if isinstance(each, dict) else each
        for each in spec.get("dependencies", [])
    ]
    return yaml.safe_dump({**spec, "dependencies": dependencies, "name": "project_environment"}, width=80)
