"""A requirements file as pip reads it, and what each of its lines means for an environment."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from packaging.requirements import Requirement

from ..errors.base import StepError
from ..errors.declared import NotTaken
from ..model.declared import Hashed, without_fragment
from . import groups, pip_lines, places
from .indexes import IndexLine, index_line
from .pip_lines import Line
from .pip_options import Parsed, UnreadableError, parse
from .places import Own
from .surroundings import Surroundings

_INDEX = ("--index-url", "--extra-index-url")

_FOR_BUILDS = ("It is for builds, and images get wheels alone.", "Take the option out.")
# Options that aren't taken, each with its cause and fix.
_REFUSED = {
    "--find-links": (
        "pip would take any file that it finds there, and images can't see a folder.",
        "Take the line out. Publish the wheels that lie there to the feed once, or name each by its https address.",
    ),
    "--no-index": (
        "Images are built from an index.",
        "Take the line out; `index` says whether the feed is the only one.",
    ),
    "--pre": (
        "It lets every package be a pre-release.",
        "Take the line out, and name the pre-release where one is meant, such as torch>=2.6.0rc1.",
    ),
    "--trusted-host": (
        "pip doesn't check the host's certificate then; the step and the image always do.",
        "Take the line out. Name a CA of your own in REQUESTS_CA_BUNDLE of the runner.",
    ),
    "--use-feature": ("It is a switch of one version of pip.", "Take the line out."),
    "--uploaded-prior-to": (
        "It bounds the time of the whole lock.",
        "Take the line out, and give the time as `exclude-newer`.",
    ),
    "--config-settings": _FOR_BUILDS,
    "--global-option": _FOR_BUILDS,
}


@dataclass
class Reader:
    """Reads lines and files, and gathers what they mean; `problems` has an error for each line that isn't taken."""

    around: Surroundings
    requirements: list[Requirement] = field(default_factory=list)
    constraints: list[Requirement] = field(default_factory=list)
    hashed: list[Hashed] = field(default_factory=list)
    extras: dict[str, set[str]] = field(default_factory=dict)
    groups: dict[str, set[str]] = field(default_factory=dict)
    grouped: list[Requirement] = field(default_factory=list)
    indexes: list[IndexLine] = field(default_factory=list)
    commits: list[Requirement] = field(default_factory=list)
    problems: list[StepError] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    unhashed: list[Line] = field(default_factory=list)
    hashes_required: bool = False
    _open: tuple[Path, ...] = ()

    def lines(self, given: Iterable[Line]) -> None:
        """Read logical lines in order."""
        for line in given:
            try:
                self._line(line)
            except StepError as problem:
                self.problems.append(problem)

    def file(self, line: Line, name: str, *, constraint: bool) -> None:
        """Read a file that `line` names, relative to where that stands; raise NotTaken if that can't be done."""
        if "://" in name:
            raise NotTaken(
                f"{line.place}: {pip_lines.masked(name)} is a list at an address, which may be another one tomorrow.",
                fix="Put the list into the repository, and name its path.",
            )
        path = line.folder / name
        if path.resolve() in self._open:
            raise NotTaken(
                f"{line.place}: {name} leads back to itself.",
                cause="Two lists name one another by -r or -c.",
                fix=f"Take that line out of {line.file.as_posix() if line.file else '`requirements`'}.",
            )
        text = pip_lines.decode(self._bytes(line, path), name)
        outer, self._open = self._open, (*self._open, path.resolve())
        self.lines(pip_lines.lines(text, path, path.parent, constraint=constraint))
        self._open = outer

    def finish(self) -> None:
        """Refuse what only the whole list shows: a line without a hash where the list demands one of each."""
        for line in self.unhashed if self.hashes_required else ():
            self.problems.append(
                NotTaken(
                    f"{line.place}: {line.shown} has no hash, but the list has --require-hashes.",
                    cause="The list was compiled with hashes, and the line added by hand.",
                    fix="Take --require-hashes out: every package is locked by sha256 anyway.",
                )
            )

    @staticmethod
    def _bytes(line: Line, path: Path) -> bytes:
        try:
            return path.read_bytes()
        except (OSError, ValueError) as error:
            raise NotTaken(
                f"{line.place} names the file {path.as_posix()!r}, which doesn't exist or can't be read.",
                cause="Paths of -r and -c start from the folder of the file in which they stand.",
                fix="Correct the path, or commit the file.",
                details=str(error),
            ) from None

    def _line(self, line: Line) -> None:
        try:
            parsed = parse(line.text)
        except UnreadableError as error:
            raise NotTaken(
                f"{line.place}: pip doesn't know {line.shown!r}: {pip_lines.masked(str(error))}.",
                cause="The line is misspelt.",
                fix="Correct the line; pip's manual, Requirements File Format, lists the options.",
            ) from None
        if not self._indexes(line, parsed):
            self._refuse_variables(line)
        if parsed.words:
            self._requirement(line, parsed)
        else:
            for name, value in parsed.options:
                self._option(line, name, value)

    def _indexes(self, line: Line, parsed: Parsed) -> bool:
        """Keep the indexes of a line; tell whether all that it names are in use anyway, whatever its credential."""
        found = [index_line(line, name, value) for name, value in parsed.options if name in _INDEX]
        if found and parsed.words:
            raise NotTaken(
                f"{line.place}: pip ignores the index behind {parsed.words.split()[0]!r}.",
                cause="An index stands for the whole list, so it belongs on a line of its own.",
                fix="Take the index out of that line, and name it with its packages in `package-indexes`.",
            )
        self.indexes += found
        if not self.around.feed_only and any(each.instead and self.around.is_feed(each.url) for each in found):
            note = "public packages come from the public index all the same, unless `index` is only"
            self.notes.append(f"{line.place}: {note}")
        return bool(found) and all(self.around.known(each.url) for each in found)

    @staticmethod
    def _refuse_variables(line: Line) -> None:
        names = pip_lines.variables(line.text)
        if names:
            raise NotTaken(
                f"{line.place}: the line holds the variable {', '.join(names)}, whose value may be a secret.",
                cause="Everybody who may read the workspace can read its environments, so no variable goes into one.",
                fix="Write what the variable stands for; tokens are given as `feed-token` and `connection-token`.",
            )

    def _requirement(self, line: Line, parsed: Parsed) -> None:
        for name, _ in parsed.options:
            if name != "--hash":
                self._refuse_option(line, name, parsed.words)
        self._take(line, places.read(line, parsed.words, self.around), parsed.values("--hash"))

    def _take(self, line: Line, found: Requirement | Own, hashes: list[str]) -> None:
        if isinstance(found, Own):
            self._own(line, found)
            return
        if found.url and found.url.startswith("git+"):
            self.commits.append(found)
            return
        digests = _sha256(line, found, hashes)
        if line.constraint and (found.extras or found.url):
            raise NotTaken(
                f"{line.place}: a constraint has neither extras nor an address: {line.shown}.",
                cause="pip refuses such a constraint, too.",
                fix="Require the package in the list itself.",
            )
        found.url = without_fragment(found.url) if found.url else None
        (self.constraints if line.constraint else self.requirements).append(found)
        if digests:
            self.hashed.append(Hashed(found, digests))
        elif not line.constraint:
            self.unhashed.append(line)

    def _own(self, line: Line, own: Own) -> None:
        """Take extras and groups of our own package; the package itself is in the environment already."""
        self.extras.setdefault(own.folder, set()).update(own.extras)
        if own.group:
            project = self.around.folder / own.folder
            texts, names = groups.read(line, project, own.group)
            self.groups.setdefault(own.folder, set()).update(names)
            known = len(self.requirements)
            self.lines(Line(text, line.file, line.number, project, line.constraint) for text in texts)
            self.grouped += self.requirements[known:]
        if not own.group and not own.extras:
            self.notes.append(f"{line.place}: {line.shown} is our own package, which is in already")

    def _option(self, line: Line, name: str, value: str) -> None:
        if name in ("--requirement", "--constraint"):
            self.file(line, value, constraint=name == "--constraint")
        elif name == "--editable":
            self._take(line, places.read(line, value, self.around), [])
        elif name == "--group":
            self._take(line, _group(line, value, self.around), [])
        elif name == "--require-hashes":
            self.hashes_required = True
        elif name == "--no-binary":
            self._no_binary(line, value)
        elif name == "--find-links" and "://" in value:
            raise NotTaken(
                f"{line.place}: --find-links isn't taken ({pip_lines.masked(value)[:100]}).",
                cause="pip takes any file that the page lists at that time, for every package of the list.",
                fix="Take the line out, and name each wheel that is meant by its https address: NAME @ https://….whl",
            )
        elif name not in (*_INDEX, "--only-binary", "--prefer-binary"):
            self._refuse_option(line, name, line.shown)

    def _no_binary(self, line: Line, value: str) -> None:
        names = [each.strip() for each in value.split(",") if each.strip()]
        if names == [":none:"]:
            return
        listed = "all" if ":all:" in names else ", ".join(names)
        raise NotTaken(
            f"{line.place}: {line.shown} asks for packages that are built from source.",
            cause="Images get wheels alone; `from-source` has the step build them, from hashed sdists.",
            fix=f"Take the line out, and release by another `route` if a package has no wheel: {listed}"
            if self.around.from_commit
            else f"Take the line out, and add to `from-source`, one name a line: {listed}",
        )

    @staticmethod
    def _refuse_option(line: Line, name: str, shown: str) -> None:
        why, fix = _REFUSED.get(name, ("It doesn't belong on the line of a requirement.", "Give it a line of its own."))
        raise NotTaken(f"{line.place}: {name} isn't taken ({pip_lines.masked(shown)[:100]}).", cause=why, fix=fix)


def _group(line: Line, value: str, around: Surroundings) -> Own:
    """Read `GROUP` or `PATH:GROUP` of pip's `--group`."""
    path, _, group = value.rpartition(":")
    found = places.read(line, f"{path or '.'}:{group}", around)
    assert isinstance(found, Own)  # noqa: S101  # a path
    return found


def _sha256(line: Line, requirement: Requirement, hashes: list[str]) -> frozenset[str]:
    """Return the sha256 that a line declares, in `--hash` or behind the address; raise NotTaken for other hashes."""
    given = [each.partition(":")[::2] for each in hashes]
    fragment = (requirement.url or "").partition("#")[2]
    given += [each.partition("=")[::2] for each in fragment.split("&") if "=" in each]
    kinds = [kind for kind, _ in given if kind not in ("sha256", "egg")]
    if kinds:
        raise NotTaken(
            f"{line.place}: {requirement.name} is declared by {kinds[0]}, which no index lists.",
            cause="The lock and pip's hash mode compare sha256.",
            fix="Compile the list again with sha256 hashes.",
        )
    digests = frozenset(value.lower() for kind, value in given if kind == "sha256")
    wrong = [each for each in digests if len(each) != 64 or not set(each) <= set("0123456789abcdef")]  # noqa: PLR2004
    pinned = requirement.url or any(each.operator in ("==", "===") for each in requirement.specifier)
    if wrong or (digests and not pinned):
        what = "has a hash that is no sha256" if wrong else "has hashes, but no exact version (==)"
        raise NotTaken(
            f"{line.place}: {requirement.name} {what}.",
            cause="pip refuses such a line, too.",
            fix="Compile the list again, or take the hash out.",
        )
    return digests
