"""Install the whole lock into a new folder before anything is published: our wheels from files, the rest as images."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from ..errors.environment import ProofFailed
from ..model.azure import Connection
from ..model.environment import Environment, Python
from ..model.feed import Feed
from ..model.secret import Secret
from ..model.wheel import Wheel
from ..transport import http, process, tools, variables

SECONDS = 1800.0
OURS = "this release"
_BROKEN = "The wheel is damaged, or its build wrote something into it that no installer takes."
_REBUILD = "Correct the build as the last lines say, and run the step again; nothing was published."
_GONE = "The index has removed or replaced the file since the lock was made, or a cache in between gives another one."
_AGAIN = "Run the step again, which locks anew; nothing was published."


def install(  # noqa: PLR0913, PLR0917  # what is installed, from where, and whereto
    environment: Environment,
    wheels: Sequence[Wheel],
    feed: Feed | None,
    token: Secret,
    folder: Path,
    echo: Callable[[str], None],
) -> int:
    """Install all packages of `environment` into `folder`/site, and return their number.

    Our `wheels` come from their files. The feed's other packages are fetched with `token` and without a cache, as the
    builder fetches them, and so are those of another feed that its connection covers. Packages of another index come
    from that index alone, and the rest as this machine gets public packages. Every file must have its sha256.
    Raises ProofFailed, NoRoom, NoNetwork, TooSlow.
    """
    files = {each.project: f"{each.path.resolve().as_uri()} --hash=sha256:{each.sha256}" for each in wheels}
    places: dict[str, list[str]] = {}
    for pin in environment.pins:
        if pin.name not in files:
            from_feed = feed and pin.private and not (pin.requirement or pin.url)
            place = feed.index_url if feed and from_feed else pin.index
            places.setdefault(place, []).append(pin.requirement or pin.local_line)
    installer = _Installer(folder, environment.base.python, echo)
    installer.install([*files.values()], OURS, [], {})
    for place, lines in sorted(places.items()):
        options = ["--default-index", f"feed={place}"] if place else []
        access: dict[str, str] = {}
        if place and feed and Connection.of(feed).covers(place):
            # uv gets the token in its environment: every user of the machine could read it in an argument.
            access = dict(zip(("UV_INDEX_FEED_USERNAME", "UV_INDEX_FEED_PASSWORD"), http.login(token), strict=True))
            options.append("--no-cache")
        installer.install(lines, place or "the public index", options, access)
    return len(environment.pins)


class _Installer:
    """Installs locked packages into one folder, for the image's Python and platform."""

    def __init__(self, folder: Path, python: Python, echo: Callable[[str], None]) -> None:
        self._folder, self._python, self._echo = folder, python, echo

    def install(self, lines: Sequence[str], source: str, options: Sequence[str], access: dict[str, str]) -> None:
        """Install the requirement `lines` from one index; raise ProofFailed with uv's last lines."""
        listed = self._folder / "requirements.txt"
        listed.write_text("\n".join(lines) + "\n", encoding="utf-8")
        command: list[str | Path] = ["uv", "pip", "install", "--no-config", "--no-deps", "--require-hashes"]
        command += [*options, "--target", self._folder / "site"]
        command += ["--python-version", self._python.exact, "--python-platform", self._python.platform.name]
        command += ["--only-binary", ":all:", "--requirement", listed]
        env = variables.for_tool() | access
        finished = process.run(command, env=env, cwd=self._folder, seconds=SECONDS, echo=self._echo)
        cause, fix = (_BROKEN, _REBUILD) if source == OURS else ("", "") if access else (_GONE, _AGAIN)
        error = partial(ProofFailed, cause=cause, fix=fix)
        tools.check(finished, error, f"{len(lines)} package(s) from {source} don't install as locked.")
