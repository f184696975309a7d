"""What `scripts/rehearse` does, in the stand-ins' environment."""

import contextlib
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile
import threading
import urllib.parse
from collections.abc import Mapping

import bootstrap

from ..builder.build import build
from ..git_host import repositories
from ..proxy.world import World
from ..state import names
from ..state.names import (
    CODE_TOKEN,
    FEED,
    FEED_TOKEN,
    ORGANIZATION,
    PROJECT,
    READ_TOKEN,
    REPOSITORY,
    RESOURCE_GROUP,
    SUBSCRIPTION_ID,
    WORKSPACE,
    workspace_id,
)
from ..storage import azurite
from . import own, projects, screen
from .options import DEFAULT_PROJECT, Options, parse

BOOTSTRAP = pathlib.Path(__file__).resolve().parents[3] / "action" / "bootstrap.py"

_KEPT = frozenset(
    "PATH HOME USER LOGNAME LANG LANGUAGE TZ TERM COLUMNS NO_COLOR FORCE_COLOR SHELL TMPDIR TEMP TMP XDG_CACHE_HOME "
    "SYSTEMROOT SYSTEMDRIVE COMSPEC PATHEXT WINDIR USERPROFILE APPDATA LOCALAPPDATA PROGRAMDATA "
    "UV_DEFAULT_INDEX UV_INDEX_URL UV_CACHE_DIR UV_HTTP_TIMEOUT PIP_INDEX_URL PIP_CACHE_DIR PIP_DEFAULT_TIMEOUT".split()
)
_AZURE = re.compile(r"(.*\.)?(azure\.com|visualstudio\.com|azureml\.ms|windows\.net|microsoftonline\.com)")
_KEPT_PREFIXES = ("LC_", "AMLWHEEL_")


def main(argv: list[str] | None = None) -> int:
    """Rehearse; return the step's exit status, or 1 if the step succeeded and its image couldn't be built."""
    options = parse(sys.argv[1:] if argv is None else argv)
    if isinstance(options, str):
        print(options)
        return 2
    with tempfile.TemporaryDirectory(prefix="rehearsal-") as scratch:
        folder = options.keep or pathlib.Path(tempfile.mkdtemp(prefix="rehearsed-"))
        folder.mkdir(parents=True, exist_ok=True)
        try:
            with projects.ready(options.project, pathlib.Path(scratch)) as project:
                return _rehearse(options, project, folder.resolve())
        except ValueError as error:
            print(f"rehearse: {error}")
            return 2


def _rehearse(options: Options, project: pathlib.Path, folder: pathlib.Path) -> int:
    options.own = own.table(options.lead(project))
    arguments = step_arguments(options, project, folder)
    with contextlib.ExitStack() as stack:
        with bootstrap.clock("A local Azure starts ... "):
            if options.route == "storage":
                azurite.installed()
            world = stack.enter_context(World(folder, latency_ms=options.latency_ms, beside=own_servers(options)))
        own.provide_image(options.own, world.store)
        if options.route == "git" and options.value("git-repository") is None:
            arguments += _push(world, project, own=options.project != DEFAULT_PROJECT)
        _announce(options, arguments, folder)
        place = project if options.in_project else None
        status = _run(arguments, step_environment(world, os.environ, options), folder / "log.txt", place)
        _conclude(world, folder, status)
        if status == 0 and options.build_image and not options.connects:
            world.cut_off(off=options.mirror)
            return _build_images(arguments, world, place or pathlib.Path())
        return status


def step_arguments(options: Options, project: pathlib.Path, folder: pathlib.Path) -> list[str]:
    """Return the step's arguments: what the user gave, and a default for what the local Azure must know.

    The routes through a storage and from git need no feed. What the project's own table says stays, unless it names
    another Azure.
    """
    defaults = {
        "package-dir": str(project),
        "feed": f"{ORGANIZATION}/{PROJECT}/{FEED}",
        "workspace": f"{SUBSCRIPTION_ID}/{RESOURCE_GROUP}/{WORKSPACE}",
        "output-dir": str(folder),
    }
    if options.connects:
        del defaults["package-dir"]
    elif options.value("wheel") is not None and options.project == DEFAULT_PROJECT:
        del defaults["package-dir"]  # a project that is named still says where the table is
    if options.route in {"workspace", "storage", "git"}:
        del defaults["feed"]
    if options.route == "storage" and not options.connects:
        defaults["storage-container"] = names.container_url()
    for name in ("feed", "workspace", "storage-container"):
        if name in options.own:
            defaults.pop(name, None)
    defaults |= own.replacements(options.own)
    missing = {name: value for name, value in defaults.items() if options.value(name) is None}
    if "feed" in missing and options.used("feed-upload-url"):
        raise ValueError("the project publishes to a server of its own: give --feed of a local one")
    return [*options.inputs, *(part for name, value in missing.items() for part in (f"--{name}", value))]


def own_servers(options: Options) -> list[str]:
    """Return the hosts of the user's own repository server, which the step and the image builder then really reach."""
    urls = (options.value(name) or "" for name in ("feed", "feed-upload-url"))
    hosts = {urllib.parse.urlsplit(url).hostname or "" for url in urls if re.match(r"https?://", url, re.IGNORECASE)}
    return sorted(host for host in hosts if host and not _AZURE.fullmatch(host))


def _push(world: World, project: pathlib.Path, *, own: bool) -> list[str]:
    """Push the project to the local github.com; return what tells the step, if it isn't the checkout's origin.

    The sample's origin is set. The user's own checkout stays as it is. ValueError if it is none.
    """
    try:
        world.push(project, REPOSITORY)
    except subprocess.CalledProcessError as error:
        raise ValueError(f"{project} is no checkout of git with a commit that could be pushed") from error
    if own:
        return ["--git-repository", REPOSITORY]
    repositories.set_origin(project, REPOSITORY)
    return []


def step_environment(world: World, base: Mapping[str, str], options: Options = Options()) -> dict[str, str]:  # noqa: B008
    """Return the step's environment: little of ours, nothing of a CI around it, the fake tokens, and what is rehearsed.

    ValueError for a variable without which the step wouldn't stay in the local Azure.
    """
    kept = {name: value for name, value in base.items() if name.upper() in _KEPT or name.startswith(_KEPT_PREFIXES)}
    tokens = {"AMLWHEEL_FEED_TOKEN": FEED_TOKEN, "AMLWHEEL_CONNECTION_TOKEN": READ_TOKEN}
    if options.route == "git":
        tokens = {"AMLWHEEL_CONNECTION_TOKEN": CODE_TOKEN}
    own = {**world.environment(kept), "PIP_CONFIG_FILE": os.devnull}
    fixed = [name for name in options.variables if own.get(name.upper()) != kept.get(name.upper())]
    if fixed:
        raise ValueError(f"--env can't set {', '.join(sorted(fixed))}: it keeps the step in the local Azure")
    return {**tokens, **own, **pushed(options.tag), **options.variables}


def pushed(tag: str) -> dict[str, str]:
    """Return the variables by which GitHub Actions tells of a pushed tag (GitHub docs, "Variables reference")."""
    return {"GITHUB_REF": f"refs/tags/{tag}", "GITHUB_REF_NAME": tag, "GITHUB_REF_TYPE": "tag"} if tag else {}


def _announce(options: Options, arguments: list[str], folder: pathlib.Path) -> None:
    latency = f", every answer {options.latency_ms:g} ms later" if options.latency_ms else ""
    print(f"it runs{latency}: feed, workspace and storage, Entra, container registry.")
    print(f"The step runs against it, from source, as: bootstrap.py {' '.join(arguments)}")
    replaced = [name for name in own.replacements(options.own) if options.value(name) is None]
    if replaced:
        print(f"In place of the project's own table the local Azure gives: {', '.join(replaced)}")
    print(f"Everything is kept in {folder}\n", flush=True)


def _run(
    arguments: list[str], environment: Mapping[str, str], log: pathlib.Path, place: pathlib.Path | None = None
) -> int:
    """Run the step (in the folder `place`, if one is named), its output shown as it comes and copied to `log`."""
    command = [os.environ.get("REHEARSE_WITH", sys.executable), str(BOOTSTRAP), *arguments]
    with log.open("wb") as copy:
        ours, theirs = screen.pair()
        step = subprocess.Popen(
            command, env=environment, cwd=place, stdin=subprocess.DEVNULL, stdout=theirs, stderr=subprocess.STDOUT
        )
        os.close(theirs)
        try:
            screen.show(ours, copy)
            return step.wait()
        except KeyboardInterrupt:  # the step has got it too, and says what is done while it ends by itself
            late = threading.Timer(10, step.kill)
            late.start()
            screen.show(ours, copy)
            step.wait()
            late.cancel()
            return 130
        finally:
            os.close(ours)


def _conclude(world: World, folder: pathlib.Path, status: int) -> None:
    requests, writes = world.requests(), world.writes()
    refused = sorted({line["url"] for line in requests if line.get("refused")})
    files = sorted(path.name for path in folder.iterdir() if path.is_file())
    print(f"\nThe step ended with status {status}. Where to look, in {folder}:")
    print(f"  {'requests.jsonl':16} {len(requests)} requests to the local Azure, {len(writes)} of them writes")
    print(f"  {'log.txt':16} what the step printed")
    print(f"  {'azure/':16} what the local Azure remembers")
    for name in (name for name in files if name not in {"requests.jsonl", "log.txt"}):
        print(f"  {name}")
    print(
        "It was a rehearsal: nothing was released, and the image's digest is made up. Don't use the files with Azure."
    )
    if refused:
        print(f"Refused, since they are no part of the rehearsal: {', '.join(refused)}")
    sys.stdout.flush()


def _build_images(arguments: list[str], world: World, place: pathlib.Path) -> int:
    """Build what the receipt of the step that ran in `place` names, in each workspace; return 1 if a build failed."""
    given = parse(arguments)
    assert isinstance(given, Options)  # noqa: S101  # these arguments were parsed before
    receipt = json.loads((place / (given.value("output-dir") or ".") / "aml-release.json").read_text("utf-8"))
    name, version = receipt["environment"]["name"], receipt["environment"]["version"]
    failed = 0
    if not receipt["environment"]["ids"]:
        print("\nNo image is built: `workspace` names registries alone, and images are built on workspaces.")
    for environment in receipt["environment"]["ids"]:
        workspace = environment.partition("/environments/")[0].rpartition("/")[2]
        print()
        with bootstrap.clock(f"The image builder installs azureml:{name}:{version} in {workspace} ... "):
            result = build(world, workspace_id(workspace), name, version)
        if result.ok:
            print(f"it installed: {len(result.installed)} packages")
        else:
            print("\n" + "".join(f"  {line}\n" for line in result.log.splitlines()[-30:]) + "  it did NOT install")
            failed = 1
    return failed
