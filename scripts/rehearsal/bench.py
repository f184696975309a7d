"""What ``scripts/bench`` does, in the stand-ins' environment: rounds of runs, side by side, and their ratios.

The article's own sequence (Learn, how-to-use-private-python-packages) is what people do by hand or glue together:
build, ``twine upload``, then a script with azureml-core that stores the connection and registers the environment. It
locks, pins and proves nothing, so the comparison flatters it.
"""

import argparse
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping

from . import heavy
from .command import projects
from .command.options import DEFAULT_PROJECT, Options
from .command.rehearse import BOOTSTRAP, step_arguments, step_environment
from .proxy.world import World
from .state import names

ARTICLE = """
import os, sys
import requests
from azureml.core import Environment, Workspace
from azureml.core.authentication import TokenAuthentication
from azureml.core.conda_dependencies import CondaDependencies
subscription, group, name, target, index, package = sys.argv[1:]
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
LABELS = {
    "v2": "the step, sdk v2, first run",
    "v2 again": "the step, sdk v2, nothing to do",
    "v1": "the step, sdk v1, first run",
    "v1 again": "the step, sdk v1, nothing but the connection",
    "storage": "the step, route workspace, first run",
    "article": "the article's sequence",
}
ROUNDS = "times that each is run, after one that warms the caches (default: 3); 1 is a quick look, with cold ones"
LOCK = "instead, release a lock of so many megabytes by `verify: install` and by `files`, side by side"
RATE = "with --lock-mb, megabytes a second that the index gives, as through a network (default: all)"
READY = re.compile(r"azureml-core ready in ([\d.]+) s, waited ([\d.]+) s")


def main() -> int:
    """Run the rounds and print the table; return 0, or 1 when a run failed."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help=ROUNDS)
    parser.add_argument(
        "--latency", type=float, default=0, metavar="MS", help="time that every answer takes in addition"
    )
    parser.add_argument("--lock-mb", type=int, metavar="MB", help=LOCK)
    parser.add_argument("--rate", type=float, default=0, metavar="MB", help=RATE)
    options = parser.parse_args()
    if options.lock_mb:
        heavy.compare(options.lock_mb, options.rate, os.environ.get("REHEARSE_WITH", sys.executable), _run)
        return 0
    if options.rounds < 1:
        parser.error("--rounds needs a number of 1 or more")
    seconds: dict[str, list[float]] = {name: [] for name in LABELS}
    imports: list[tuple[float, float]] = []
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        project = projects.commit(DEFAULT_PROJECT, pathlib.Path(scratch) / "project")
        warm = 0 if options.rounds > 1 else 1  # round 0 warms the caches and doesn't count
        for number in range(warm, options.rounds + 1):
            for name, spent, said in _round(project, pathlib.Path(scratch) / str(number), options.latency):
                if number:
                    seconds[name].append(spent)
                    imports += [(float(ready), float(waited)) for ready, waited in READY.findall(said)]
    _tell(seconds, imports)
    return 0


def _round(project: pathlib.Path, folder: pathlib.Path, latency: float) -> list[tuple[str, float, str]]:
    """Return name, seconds and output of each run of one round, each kind on an Azure of its own."""
    runs: list[tuple[str, float, str]] = []
    kinds: dict[str, list[Callable[[World], str]]] = {
        "v2": [_step(project, "--sdk", "v2")] * 2,
        "v1": [_step(project, "--sdk", "v1")] * 2,
        "storage": [_step(project, "--route", "workspace")],
        "article": [_article(project)],
    }
    for kind, sequence in kinds.items():
        place = folder / kind
        place.mkdir(parents=True)
        with World(place, latency_ms=latency) as world:
            for name, run in zip((kind, f"{kind} again"), sequence, strict=False):
                start = time.monotonic()
                said = run(world)
                runs.append((name, time.monotonic() - start, said))
    return runs


def _step(project: pathlib.Path, *inputs: str) -> Callable[[World], str]:
    def run(world: World) -> str:
        arguments = step_arguments(Options(inputs=list(inputs)), project, world.state / "out")
        python = os.environ.get("REHEARSE_WITH", sys.executable)
        return _run([python, str(BOOTSTRAP), *arguments], step_environment(world, os.environ))

    return run


def _article(project: pathlib.Path) -> Callable[[World], str]:
    def run(world: World) -> str:
        env, out = step_environment(world, os.environ), world.state / "dist"
        tools = pathlib.Path(os.environ["BENCH_STEP"])
        env |= {"TWINE_USERNAME": "any", "TWINE_PASSWORD": names.FEED_TOKEN, "PATH": f"{tools.parent}:{env['PATH']}"}
        feed = f"https://pkgs.dev.azure.com/{names.ORGANIZATION}/{names.PROJECT}/_packaging/{names.FEED}/pypi"
        _run([str(tools), "-m", "build", "--wheel", "--installer", "uv", "--outdir", str(out), str(project)], env)
        (wheel,) = map(str, out.glob("*.whl"))
        _run([str(tools), "-m", "twine", "upload", "--repository-url", f"{feed}/upload/", wheel], env)
        place = [names.SUBSCRIPTION_ID, names.RESOURCE_GROUP, names.WORKSPACE]
        feeds = [f"https://pkgs.dev.azure.com/{names.ORGANIZATION}", f"{feed}/simple/", "acme-churn"]
        return _run([os.environ["BENCH_AZUREML"], "-c", ARTICLE, *place, *feeds], env)

    return run


def _run(command: list[str], env: Mapping[str, str]) -> str:
    done = subprocess.run(
        command, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False
    )
    said = done.stdout.decode("utf-8", "replace")
    if done.returncode:
        raise SystemExit(f"{said}\n{pathlib.Path(command[0]).name} ended with status {done.returncode}")
    return said


def _tell(seconds: Mapping[str, list[float]], imports: list[tuple[float, float]]) -> None:
    base = statistics.median(seconds["v2"])
    print(f"{'':46}{'min':>7}{'median':>8}{'max':>7}   beside sdk v2's first run")
    for name, spent in seconds.items():
        middle = statistics.median(spent)
        print(f"{LABELS[name]:46}{min(spent):>6.1f}s{middle:>7.1f}s{max(spent):>6.1f}s{middle / base:>8.2f}")
    ready, waited = (statistics.median(each) for each in zip(*imports, strict=True))
    hidden = 1 - waited / ready
    print(f"azureml-core was there after {ready:.1f} s; {waited:.1f} s of it were waited for, {hidden:.0%} hidden.")
