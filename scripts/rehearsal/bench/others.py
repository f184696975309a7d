"""What the step is measured against: the article's own sequence with either SDK, and the least that can be done.

The sequence (Learn, how-to-use-private-python-packages) is what people do by hand or glue together. It locks, pins
and proves nothing, so the comparison flatters it. The floor is the build backend alone, and then four requests.
"""

import os
import pathlib
import venv
from collections.abc import Callable, Mapping, Sequence

from ..command.rehearse import step_environment
from ..proxy.world import World
from ..state import names
from . import measure
from .measure import Spent

FEED = f"https://pkgs.dev.azure.com/{names.ORGANIZATION}/{names.PROJECT}/_packaging/{names.FEED}/pypi"
IMAGE = "mcr.microsoft.com/azureml/openmpi4.1.0-ubuntu22.04"
TARGET = f"https://pkgs.dev.azure.com/{names.ORGANIZATION}"
CORE = """
import os, sys
import requests
from azureml.core import Environment, Workspace
from azureml.core.authentication import TokenAuthentication
from azureml.core.conda_dependencies import CondaDependencies
subscription, group, name, target, index, package = sys.argv[1:7]
def token(audience):
    form = {"client_id": os.environ["AZURE_CLIENT_ID"], "client_secret": os.environ["AZURE_CLIENT_SECRET"]}
    form |= {"grant_type": "client_credentials", "scope": audience + "/.default"}
    place = f"https://login.microsoftonline.com/{os.environ['AZURE_TENANT_ID']}/oauth2/v2.0/token"
    return requests.post(place, data=form).json()["access_token"]
auth = TokenAuthentication(token, cloud="AzureCloud")
workspace = Workspace.get(name, auth=auth, subscription_id=subscription, resource_group=group)
workspace.set_connection("feed", "PythonFeed", target, "PAT", os.environ["AMLWHEEL_CONNECTION_TOKEN"])
environment = Environment(package)
dependencies = CondaDependencies()
dependencies.add_pip_package(package)
dependencies.set_pip_option(f"--extra-index-url {index}")
environment.python.conda_dependencies = dependencies
environment.register(workspace)
"""
ML = """
import os, sys
from azure.ai.ml import MLClient
from azure.ai.ml.entities import Environment, PatTokenConfiguration, WorkspaceConnection
from azure.identity import EnvironmentCredential
subscription, group, name, target, index, package, image, conda = sys.argv[1:]
client = MLClient(EnvironmentCredential(), subscription, group, name)
token = PatTokenConfiguration(pat=os.environ["AMLWHEEL_CONNECTION_TOKEN"])
client.connections.create_or_update(
    WorkspaceConnection(name="feed", type="python_feed", target=target, credentials=token)
)
with open(conda, "w") as file:
    file.write(f"dependencies: [python=3.11, pip, {{pip: ['--extra-index-url {index}', {package}]}}]")
client.environments.create_or_update(Environment(name=package, version="1", image=image, conda_file=conda))
"""
LEAST = """
import json, os, pathlib, re, sys
import requests
target, wheel, token, workspace, image = sys.argv[1:]
path, session = pathlib.Path(wheel), requests.Session()
form = {"client_id": os.environ["AZURE_CLIENT_ID"], "client_secret": os.environ["AZURE_CLIENT_SECRET"]}
form |= {"grant_type": "client_credentials", "scope": "https://management.azure.com/.default"}
login = f"https://login.microsoftonline.com/{os.environ['AZURE_TENANT_ID']}/oauth2/v2.0/token"
def asked(method, url, **more):
    answer = session.request(method, url, **more)
    answer.raise_for_status()
    return answer
session.headers["Authorization"] = "Bearer " + asked("POST", login, data=form).json()["access_token"]
name, version = path.name.split("-")[:2]
about = {":action": "file_upload", "protocol_version": "1", "metadata_version": "2.1", "name": name, "version": version}
about |= {"filetype": "bdist_wheel", "pyversion": "py3"}
content = {"content": (path.name, path.read_bytes())}
asked("POST", target + "/upload/", auth=("any", token), data=about, files=content)
stored = {"category": "PythonFeed", "target": target.split("/acme/")[0] + "/acme", "authType": "PAT"}
stored |= {"credentials": {"pat": os.environ["AMLWHEEL_CONNECTION_TOKEN"]}, "isSharedToAll": True, "metadata": {}}
place, version = "https://management.azure.com" + workspace, {"api-version": "2024-04-01"}
asked("PUT", place + "/connections/feed", params=version, json={"properties": stored})
conda = f"dependencies: [python=3.11, pip, {{pip: ['--extra-index-url {target}/simple/', {name}]}}]"
asset = {"properties": {"image": image, "condaFile": conda}}
asked("PUT", place + "/environments/least/versions/1", params=version, json=asset)
"""


Timed = Callable[[World, pathlib.Path, pathlib.Path, Mapping[str, str]], Spent]


def article(installs: Sequence[str], script: str, *, sdist: bool = False) -> Timed:
    """Return the article's sequence with an SDK.

    It makes its tools where there are none, an environment for each of `installs`: the first one builds and uploads,
    the last one has the SDK. With `sdist` it builds and uploads both, as `python -m build` and `twine upload dist/*`
    do (PyPA, "Packaging Python Projects").
    """

    def sequence(world: World, project: pathlib.Path, machine: pathlib.Path, base: Mapping[str, str]) -> Spent:
        env, out, spent = step_environment(world, base), world.state / "dist", Spent()
        env |= {"TWINE_USERNAME": "any", "TWINE_PASSWORD": names.FEED_TOKEN}
        places = [machine / f"venv-{number}" for number in range(len(installs))]
        tools, *_, sdk = [str(place / "bin" / "python") for place in (*places, places[-1])]
        for place, words in zip(places, installs, strict=True):
            if not place.exists():
                spent += measure.run([os.environ["REHEARSE_WITH"], "-m", "venv", str(place)], env)
                pip = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet"]
                spent += measure.run([*pip, *words.split()], env)
        spent += measure.run(
            [tools, "-m", "build", *([] if sdist else ["--wheel"]), "--outdir", str(out), str(project)], env
        )
        files = map(str, sorted(out.iterdir()))
        spent += measure.run([tools, "-m", "twine", "upload", "--repository-url", f"{FEED}/upload/", *files], env)
        where = [names.SUBSCRIPTION_ID, names.RESOURCE_GROUP, names.WORKSPACE]
        told = [*where, TARGET, f"{FEED}/simple/", "acme-churn", IMAGE, str(world.state / "conda.yml")]
        return spent + measure.run([sdk, "-c", script, *told], env)

    return sequence


def backend(scratch: pathlib.Path) -> pathlib.Path:
    """Return the Python of an environment with the sample's build backend alone; the first call makes it."""
    place = scratch / "backend"
    python = place / "bin" / "python"
    if not place.exists():
        venv.EnvBuilder(symlinks=True, with_pip=False).create(place)
        uv = pathlib.Path(os.environ["BENCH_STEP"]).parent / "uv"
        measure.run([str(uv), "pip", "install", "--quiet", "--python", str(python), "hatchling"], os.environ)
    return python


def built(python: pathlib.Path, project: pathlib.Path, out: pathlib.Path) -> Spent:
    """Let the backend alone write the wheel."""
    out.mkdir(parents=True)
    hook = "import sys; from hatchling.build import build_wheel; build_wheel(sys.argv[1])"
    return measure.run([str(python), "-c", hook, str(out)], os.environ, project)


def least(world: World, project: pathlib.Path, python: pathlib.Path) -> Spent:
    """Build, and send what has to be sent: four requests, one after the other."""
    spent = built(python, project, world.state / "dist")
    (wheel,) = map(str, (world.state / "dist").glob("*.whl"))
    told = [FEED, wheel, names.FEED_TOKEN, names.workspace_id(), IMAGE]
    return spent + measure.run([os.environ["BENCH_STEP"], "-c", LEAST, *told], step_environment(world, os.environ))
