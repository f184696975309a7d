"""The command line of `scripts/rehearse`. Standard library only: it is read before anything is installed."""

import difflib
import math
import pathlib
import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

DEFAULT_PROJECT = pathlib.Path(__file__).resolve().parents[3] / "tests" / "projects" / "acme-churn"

HELP = """\
usage: scripts/rehearse [PROJECT] [--tag TAG] [--env NAME=VALUE ...] [--latency MS] [--keep DIR] [--build-image]
                        [--INPUT VALUE ...]

Run the unmodified step against a local Azure: an Artifacts feed, an Azure ML workspace with its storage (for sdk v1
and v2), Entra and a container registry, each a stand-in behind one proxy. No account is needed, and nothing but the
public package index is contacted; every other host is refused.

  PROJECT         folder of a Python project (used in place), or an sdist (.tar.gz, .zip);
                  default: a sample project, copied to a temporary place
  --tag TAG       a pushed tag, told to the step as GitHub Actions does. It isn't made in git: if the project's version
                  comes from git, make it there first (git tag TAG)
  --env NAME=VALUE  a variable of the pipeline for the step, which gets few of your own; may be given several times
  --latency MS    time that every answer of the local Azure takes in addition
  --keep DIR      keep everything in DIR: the emitted files, requests.jsonl (every request), log.txt (what the
                  step printed) and azure/ (what the local Azure remembers; a second rehearsal finds it there)
  --build-image   afterwards, install the registered environment as the workspace's image builder does
  --no-color      no colours, as with NO_COLOR=1
  --help          this text

Any other --name VALUE is an input of the step, passed on as it is. Defaults for the
rehearsal: --feed acme/ml/wheels, --workspace SUBSCRIPTION/rg-ml/ws-train (there is a ws-prod, too), --package-dir
PROJECT, --output-dir DIR. What the project's own table says ([tool.amlwheel] in its pyproject.toml) counts as in a
pipeline. Only a feed, workspaces, a container and a repository of a real Azure are replaced by those of the local
one, and a base image of mcr.microsoft.com is taken to exist. With --route workspace no feed is named, since the wheels
go to the workspace's storage: azure/blobs. With --route storage they go to --storage-container https://acmewheels.blob.core.windows.net/wheels,
which is in Azurite (npm installs it the first time); with --mirror, too, the image is built without the public index.
With --route git the project and its tags are pushed to a local github.com: azure/git. The database of advisories knows
what azure/advisories.json has, and that is nothing at first: a rehearsal finds no vulnerability. Tokens come from
AMLWHEEL_FEED_TOKEN and AMLWHEEL_CONNECTION_TOKEN, else they are fakes that the local Azure knows. Use no real ones:
requests.jsonl and azure/ record what is sent. Without --keep a new folder in the temporary directory is used, which you
may delete. The exit status is the step's.

With --feed URL of a repository server of your own (devpi, pypiserver and the like; plain http on this machine only)
the step publishes there, really, and images are built from there. Its host is the one exception to what is refused. If
its certificate is of a CA of your own, name that in SSL_CERT_FILE or REQUESTS_CA_BUNDLE. The passwords are those same
tokens, of the user --feed-user: give the server's in the two variables, or make there a user with the fakes' words:
fake-token-of-a-publisher-0001 to publish, fake-token-that-only-reads-0002 to read.

The step runs in PROJECT, as in a pipeline, so paths among its inputs count from there: --requirements requirements.txt.
Without PROJECT or with --package-dir it runs where you are. With --command connect it gets no --package-dir.

  scripts/rehearse
  scripts/rehearse ~/src/churn --python-version 3.12 --keep /tmp/churn
  scripts/rehearse --keep /tmp/churn --dry-run
  scripts/rehearse ~/src/churn --tag v1.4.0 --env PACKAGE_VERSION=1.4.0
  scripts/rehearse --sdk v1 --route workspace --build-image
  scripts/rehearse --route storage --mirror --build-image
  AMLWHEEL_FEED_TOKEN=fake AMLWHEEL_CONNECTION_TOKEN=fake scripts/rehearse --build-image --feed-user ci \\
      --feed http://127.0.0.1:3141/ci/dev/+simple/
  scripts/rehearse --route git --build-image
"""


@dataclass
class Options:
    """What to rehearse. `inputs` are the step's arguments, in order."""

    project: pathlib.Path = DEFAULT_PROJECT
    latency_ms: float = 0
    keep: pathlib.Path | None = None
    build_image: bool = False
    tag: str = ""
    variables: dict[str, str] = field(default_factory=dict)
    inputs: list[str] = field(default_factory=list)
    own: dict[str, str] = field(default_factory=dict)
    """The project's own table, by input."""

    @property
    def mirror(self) -> bool:
        """Whether everything that images are built from goes into the container."""
        return self.used("mirror") in {"", "true"}

    @property
    def connects(self) -> bool:
        """Whether the step only stores a token. It takes no project, and finds the table where it runs."""
        return self.value("command") == "connect"

    @property
    def in_project(self) -> bool:
        """Whether the step runs in the project's folder, as in a pipeline of it; else where it is started."""
        return self.connects or (self.project != DEFAULT_PROJECT and self.value("package-dir") is None)

    @property
    def route(self) -> str:
        """How the package reaches the image."""
        return self.used("route") or "feed"

    def used(self, name: str) -> str | None:
        """Return the value that counts for an input: the one given, else the one in the project's own table."""
        given = self.value(name)
        return self.own.get(name) if given is None else given

    def value(self, name: str) -> str | None:
        """Return the value given for an input of the step, None if it wasn't given; of several the last."""
        return next(reversed(self.values(name)), None)

    def values(self, name: str) -> list[str]:
        """Return every value given for an input of the step."""
        flag = f"--{name}"
        found = []
        for index, argument in enumerate(self.inputs):
            if argument == flag:
                found.append(self.inputs[index + 1] if index + 1 < len(self.inputs) else "")
            elif argument.startswith(f"{flag}="):
                found.append(argument.partition("=")[2])
        return found

    def lead(self, project: pathlib.Path) -> pathlib.Path:
        """Return the folder whose table counts: that of the first package, or where the step runs."""
        named = "\n".join(self.values("package-dir")).split("\n")[0]
        elsewhere = self.project == DEFAULT_PROJECT and self.value("wheel") is not None
        return pathlib.Path(named) if named or elsewhere else project


class _UsageError(Exception):
    pass


def parse(argv: list[str]) -> Options | str:
    """Return the options; or a text to print instead: the help (it begins with "usage"), or what is wrong."""
    try:
        options = _parse(argv)
    except _UsageError as error:
        return f"rehearse: {error}\nTry scripts/rehearse --help"
    return HELP if options is None else options


def _parse(argv: list[str]) -> Options | None:
    options, given = Options(), deque(argv)
    projects: list[str] = []
    while given:
        argument = given.popleft()
        name, is_long, value = argument.partition("=")
        if argument in {"--help", "-h"}:
            return None
        if argument == "--build-image":
            options.build_image = True
        elif name in _OWN:
            _OWN[name](options, value if is_long else _next(given, name))
        elif argument in _SWITCHES:
            options.inputs += [argument, given.popleft() if given and given[0] in {"true", "false"} else "true"]
        elif argument == "--no-color":
            options.inputs.append(argument)
        elif argument.startswith("--"):
            _refuse_misspelt(name)
            options.inputs += [argument] if is_long else [argument, _next(given, name)]
        else:
            projects.append(argument)
    if len(projects) > 1:
        raise _UsageError(f"one PROJECT, not {len(projects)}: {', '.join(projects)}")
    options.project = _project(projects[0]) if projects else DEFAULT_PROJECT
    return options


def _refuse_misspelt(name: str) -> None:
    """The step doesn't know the rehearsal's own options, and a misspelt switch would only be told to need a value."""
    near = difflib.get_close_matches(name, {*_OWN, *_SWITCHES}, n=1, cutoff=0.8)
    if near and name not in near:
        raise _UsageError(f"{name} is no option; did you mean {near[0]}?")


def _next(given: deque[str], name: str) -> str:
    if not given or given[0].startswith("--"):
        raise _UsageError(f"{name} needs a value")
    return given.popleft()


def _latency(options: Options, text: str) -> None:
    options.latency_ms = _milliseconds(text)


def _keep(options: Options, text: str) -> None:
    options.keep = pathlib.Path(text)


def _tag(options: Options, text: str) -> None:
    options.tag = text.removeprefix("refs/tags/")


def _env(options: Options, text: str) -> None:
    name, is_set, value = text.partition("=")
    if not is_set or not re.fullmatch(r"[A-Za-z_]\w*", name, re.ASCII):
        raise _UsageError(f"--env needs NAME=VALUE, not {name!r}")
    options.variables[name] = value


_SWITCHES = {"--check", "--dry-run", "--environment-per-package", "--mirror"}
_OWN: dict[str, Callable[[Options, str], None]] = {"--latency": _latency, "--keep": _keep, "--tag": _tag, "--env": _env}


def _milliseconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0 <= number < math.inf:
        raise _UsageError(f"--latency needs a number of milliseconds, not {text!r}")
    return number


def _project(text: str) -> pathlib.Path:
    path = pathlib.Path(text).expanduser()
    if path.is_dir():
        if any((path / name).is_file() for name in ("pyproject.toml", "setup.py", "setup.cfg")):
            return path.resolve()
        raise _UsageError(
            f"{text} has no pyproject.toml, setup.py or setup.cfg: is it the project's folder? If it holds scripts, "
            "docs/from-the-article.md has the smallest pyproject.toml, to put beside them."
        )
    if path.is_file() and path.name.endswith((".tar.gz", ".zip")):
        return path.resolve()
    raise _UsageError(f"{text} is neither a folder nor an sdist (.tar.gz, .zip)")
