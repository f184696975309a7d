"""The inputs that a project gives itself: the table `[tool.amlwheel]` in its pyproject.toml, as cibuildwheel has one.

What the pipeline gives wins over the table, and the table over the defaults. Each value becomes the text that a
pipeline would have given, so everything after this room reads both alike.
"""

import codecs
import difflib
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from ..errors.base import StepError, together
from ..errors.inputs import BadInput, SecretInTable
from ..model.secret import looks_secret
from .knob import Knob, Style, knobs
from .step import Inputs

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FILE = "pyproject.toml"
_NAME = "[tool.amlwheel]"
_UNREPLACED = r"\$\([\w.]+\)|\$\{\{"  # how pipelines write variables and expressions


@dataclass(frozen=True)
class Table:
    """The table of the project in `folder`: its values as texts, by input. It is empty if the project has none."""

    folder: Path = Path()
    texts: Mapping[str, str] = field(default_factory=dict)

    @property
    def path(self) -> str:
        """The file that holds it."""
        return (self.folder / FILE).as_posix()

    @property
    def label(self) -> str:
        """Table and file, for messages."""
        return f"{_NAME} of {self.path}"

    def under(self, given: Mapping[str, str]) -> "Table":
        """Return what this run uses of the table: the pipeline's texts, by input, win."""
        used = {each.name for each in _used(given)}
        return replace(self, texts={name: text for name, text in self.texts.items() if name in used - given.keys()})


NO_TABLE = Table()


def _used(given: Mapping[str, str], style: Style | None = None) -> list[Knob]:
    """Return the inputs that a run uses, to which the pipeline gives these texts; `command` connect uses few."""
    releases = given.get("command", "").strip() != "connect"
    return [each for each in knobs(Inputs, style) if releases or each.connects]


def find(folders: Sequence[str], warn: Callable[[str], None]) -> Table:
    """Return the table of the first folder, which leads; warn of another table that says something else.

    The folder in which the step runs counts among the others: a table at the root of several projects would be taken
    for the table of all. Raises BadInput and SecretInTable with all problems of all tables.
    """
    tables: list[Table] = []
    problems: list[StepError] = []
    places: dict[Path, Path] = {}
    for folder in map(Path, [*folders, "."]):
        places.setdefault(folder.resolve(), folder)
    for folder in places.values():
        try:
            tables.append(_read(folder))
        except StepError as problem:
            problems.append(problem)
    if problems:
        raise together(problems)
    lead, *others = tables
    for other in others:
        differing = [name for name, text in other.texts.items() if lead.texts.get(name) != text]
        if differing:
            warn(
                f"{other.label} isn't used, since {lead.folder.as_posix()} leads; it differs in {', '.join(differing)}."
            )
    return lead


def sources(own: Table, given: Mapping[str, str], style: Style) -> Iterator[str]:
    """Yield lines that say where each value came from; none if the project has no table.

    `given` are the pipeline's texts by input; in the table's own line names are as they stand there.
    """
    if not own.texts:
        return
    used = own.under(given)
    here = [each for each in knobs(Inputs, style) if each.name in given]
    won = [each.spelled(style) for each in here if each.name in own.texts]
    known = {*given, *own.texts}
    rest = [each.spelled(style) for each in _used(given, style) if each.default and each.name not in known]
    yield f"{own.label} gives {', '.join(used.texts) or 'nothing that this run leaves open'}"
    yield f"this run gives {', '.join(each.spelled(style) for each in here) or 'nothing'}"
    if won:
        yield f"both give {', '.join(won)}: this run wins"
    yield f"by default: {', '.join(rest) or 'nothing'}"


def _read(folder: Path) -> Table:
    """Read the table of the project in `folder`; raise BadInput and SecretInTable with everything that is wrong."""
    empty = Table(folder)
    items = _items(empty)
    texts: dict[str, str] = {}
    problems: list[StepError] = []
    for key, value in items.items():
        try:
            each = _knob(empty, key, value)
            texts[each.name] = _text(empty, each, value)
        except StepError as problem:
            problems.append(problem)
    if problems:
        raise together(problems)
    return Table(folder, {name: text for name, text in texts.items() if text.strip()})


def _items(table: Table) -> dict[str, Any]:
    """Return the table as data.

    A file that can't be read and doesn't mention the table has none; the build, which reads it too, says what is wrong.
    """
    try:
        content = Path(table.path).read_bytes()
    except OSError:
        return {}
    try:
        whole = tomllib.loads(content.decode())
    except (ValueError, RecursionError) as problem:
        if b"amlwheel" not in content.replace(b"\0", b""):
            return {}
        raise _unreadable(table.path, content, problem) from None
    tool = whole["tool"] if isinstance(whole.get("tool"), dict) else {}
    items = tool.get("amlwheel", {})
    meant = difflib.get_close_matches("amlwheel", [each.lower() for each in (*whole, *tool)], n=1, cutoff=0.85)
    if not isinstance(items, dict) or ("amlwheel" not in tool and meant):
        what = f"{table.path} has {meant[0][:40]!r}, but no table {_NAME}."
        raise BadInput(what, cause="The table's name is misspelt.", fix=f"Begin the table with the line {_NAME}.")
    return items


def _unreadable(path: str, content: bytes, problem: Exception) -> BadInput:
    """Return the error for a file that isn't TOML."""
    if content.startswith(codecs.BOM_UTF8):
        what, cause = (
            "begins with a byte order mark, which TOML doesn't allow",
            "An editor saved it as UTF-8 with a BOM.",
        )
        return BadInput(f"{path} {what}.", cause=cause, fix=f"Save {path} as UTF-8 without a byte order mark.")
    if isinstance(problem, UnicodeDecodeError):
        cause = "TOML files are UTF-8, and this one has another encoding; PowerShell's > writes UTF-16."
        return BadInput(f"{path} isn't a text in UTF-8.", cause=cause, fix=f"Save {path} as UTF-8.")
    line = re.search(r"at line \d+", str(problem))
    what = f"{path} isn't valid TOML{f' {line[0]}' if line else ''}, so its {_NAME} can't be read."
    cause = "A quote, a bracket or an equals sign is missing, or a key stands there twice."
    return BadInput(what, cause=cause, fix=f"Correct {path} there.", details=str(problem))


def _knob(table: Table, key: str, value: object) -> Knob:
    """Return the input that a key of the table names; raise SecretInTable for a secret, BadInput for what is none."""
    known = {each.name: each for each in knobs(Inputs)}
    plain = re.sub(r"(?<=[a-z])(?=[A-Z])|_", "-", key).lower()
    near = plain if plain in known else next(iter(difflib.get_close_matches(plain, known, n=1, cutoff=0.75)), "")
    if near and known[near].secret:
        raise SecretInTable(f"{table.label} has {near!r}, which is a secret.")
    if looks_secret(key) or any(map(looks_secret, _strings(value))):
        name = near or ("a key" if looks_secret(key) else repr(key[:40]))
        raise SecretInTable(f"{table.label}: {name} holds what looks like a token, a password, or an address with one.")
    if near and known[near].pipeline and plain in known:
        what = f"{table.label} has {near!r}, which only the pipeline can give: {known[near].pipeline}."
        raise BadInput(
            what, cause="The table is for what describes the project.", fix=f"Give `{near}` in the pipeline."
        )
    if key not in known:
        allowed = ", ".join(each.name for each in known.values() if each.own)
        meant = f"Did you mean {near!r}?" if near and known[near].own else f"The keys are {allowed}."
        raise BadInput(f"{table.label} has {key[:40]!r}, which is no input.", cause="The key is misspelt.", fix=meant)
    return known[key]


def _strings(value: object) -> Iterator[str]:
    """Yield every string in a value of TOML."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        yield from _strings(list(value.values()))
    elif isinstance(value, list):
        for each in value:
            yield from _strings(each)


def _text(table: Table, each: Knob, value: object) -> str:
    """Return a value of the table as a pipeline's text; raise BadInput for a wrong type or an unreplaced variable."""
    if isinstance(value, bool) and each.boolean:
        return str(value).lower()
    if isinstance(value, list) and each.lines and all(isinstance(line, str) for line in value):
        text = "\n".join(value)
    elif isinstance(value, str) and not each.boolean:
        text = value
    else:
        raise _wrong_type(table, each, value)
    variable = re.search(_UNREPLACED, text)
    if variable:
        what = f"{table.label}: {each.name!r} has {variable[0]}, and nothing replaces variables there."
        cause = "It was copied from a pipeline, which replaces variables."
        raise BadInput(what, cause=cause, fix=f"Write the value itself there, or give `{each.name}` in the pipeline.")
    return text


def _wrong_type(table: Table, each: Knob, value: object) -> BadInput:
    found = {bool: "true or false", str: "a text", list: "a list", dict: "a table", int: "a number", float: "a number"}
    wanted, example = "a text", f'"{each.default or "…"}"'
    if each.boolean:
        wanted, example = "true or false, without quotes", "true"
    elif each.lines:
        wanted, example = "a text, or a list of texts", '["…", "…"]'
    what = f"{table.label}: {each.name!r} is {found.get(type(value), 'a date or time')}, and it takes {wanted}."
    cause = "In TOML a list has brackets, a switch has no quotes, and every other value has them."
    return BadInput(what, cause=cause, fix=f"Write {each.name} = {example}.")
