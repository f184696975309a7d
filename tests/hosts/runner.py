"""A small GitHub runner: runs a composite Action's steps, and treats their log and files as the real one does.

`act` shows that a workflow works; this shows what act can't: which commands in the log are obeyed, how messages are
decoded, what is masked, which outputs a later job still gets. Modelled on actions/runner 2.336: ActionCommand.cs,
ActionCommandManager.cs, OutputManager.cs, FileCommandManager.cs, SecretMasker's ValueEncoders.cs.
"""

import base64
import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote
from xml.sax.saxutils import escape

import yaml

REGISTERED = frozenset(
    """add-mask add-matcher add-path debug echo endgroup error group notice remove-matcher save-state set-env set-output
    stop-commands warning""".split()
)
# What .NET's String.TrimStart takes for white space.
SPACE = "".join(map(chr, [*range(9, 14), 0x20, 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F]))
SPACE += "\u205f\u3000"
FILES = ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY", "GITHUB_ENV", "GITHUB_PATH", "GITHUB_STATE")
SUMMARY_BYTES = 1024 * 1024  # a longer one is refused
STEP_SECONDS = 300


@dataclass(frozen=True)
class Command:
    """A workflow command that the runner found in a line: `::name key=value::data` or `##[name key=value]data`."""

    name: str
    properties: Mapping[str, str]
    data: str


def parse(line: str, registered: frozenset[str]) -> Command | None:
    """Return the command in `line`, if there is one: `::` after white space, else the first `##[` anywhere."""
    second = re.match(rf"[{SPACE}]*::(.*?)::(.*)", line, re.DOTALL)
    if second and _name(second[1]) in registered:
        return _command(second[1], second[2], ",", {"%0D": "\r", "%0A": "\n", "%3A": ":", "%2C": ",", "%25": "%"})
    first = re.search(r"##\[(.*?)\](.*)", line, re.DOTALL)
    if first and _name(first[1]) in registered:
        return _command(first[1], first[2], ";", {"%3B": ";", "%0D": "\r", "%0A": "\n", "%5D": "]", "%25": "%"})
    return None


def _name(head: str) -> str:
    return head.split(" ", 1)[0].lower()


def _command(head: str, data: str, separator: str, codes: Mapping[str, str]) -> Command:
    pairs = (part.partition("=") for part in head.partition(" ")[2].strip().split(separator))
    in_data = {code: text for code, text in codes.items() if code not in ("%3A", "%2C")}
    return Command(
        _name(head),
        {key: _unescape(value, codes) for key, equals, value in pairs if equals},
        _unescape(data, in_data),
    )


def _unescape(text: str, codes: Mapping[str, str]) -> str:
    for code, letter in codes.items():
        text = text.replace(code, letter)
    return text


@dataclass
class Masker:
    """Knows secrets, and blanks out each form in which they may appear."""

    forms: set[str] = field(default_factory=set)

    def add(self, secret: str) -> None:
        """Learn a secret, as a whole and line by line."""
        for value in {secret, *(line.strip() for line in re.split(r"[\r\n]", secret))} - {""}:
            self.forms |= {value, json.dumps(value)[1:-1], quote(value, safe=""), escape(value), value.strip('"')}
            self.forms |= {_base64(value, shift) for shift in range(3)}
        self.forms.discard("")

    def mask(self, text: str) -> str:
        """Return `text` with `***` in place of every secret."""
        for form in sorted(self.forms, key=len, reverse=True):
            text = text.replace(form, "***")
        return text


def _base64(value: str, shift: int) -> str:
    """Encode what is left of `value` after `shift` bytes, without the end, which depends on what follows."""
    text = base64.b64encode(value.encode()[shift:]).decode()
    return text.rstrip("=")[:-1] if text.endswith("=") else text


@dataclass
class Log:
    """A step's log: feed it what the step printed, and see what the runner does about it."""

    masker: Masker
    lines: list[str] = field(default_factory=list)
    executed: list[Command] = field(default_factory=list)
    injected: dict[str, str] = field(default_factory=dict)
    _token: str = ""

    def feed(self, text: str) -> None:
        """Treat every line; they end at LF, CR or both."""
        for line in re.split(r"\r\n|\r|\n", text):
            command = parse(line, REGISTERED | {self._token.lower()} if self._token else REGISTERED)
            if command is None or not self._obey(command, line):
                self.lines.append(self.masker.mask(line))

    def _obey(self, command: Command, line: str) -> bool:
        if self._token:
            if command.name != self._token.lower():
                return False
            self._token = ""
            self.lines.append(line)
            return True
        self.executed.append(command)
        if command.name == "stop-commands":
            assert command.data.lower() not in REGISTERED | {""}, "the runner refuses this token"
            self._token = command.data
            self.lines.append(line)
        elif command.name == "add-mask":
            self.masker.add(command.data)
        elif command.name == "set-output":
            self.injected[command.properties["name"]] = command.data
        else:
            self.lines.append(self.masker.mask(f"##[{command.name}]{command.data}"))
        return True

    @property
    def stopped(self) -> bool:
        """Whether the runner obeys no command any more."""
        return bool(self._token)

    def annotations(self, kind: str = "error") -> list[tuple[str, str]]:
        """Return title and message of each annotation of a kind, as a person sees them."""
        found = [command for command in self.executed if command.name == kind]
        return [(self.masker.mask(each.properties.get("title", "")), self.masker.mask(each.data)) for each in found]

    @property
    def text(self) -> str:
        """The log as a person sees it."""
        return "\n".join(self.lines)


def parse_file(text: str) -> dict[str, str]:
    """Return the pairs in a file command's file: `name=value` lines, and `name<<END` … `END`; ValueError for others."""
    pairs: dict[str, str] = {}
    lines = iter(text.split("\n")[:-1] if text.endswith("\n") else text.split("\n"))
    for line in filter(None, lines):
        head = re.match(r"([^=]*?)(<<|=)(.*)", line, re.DOTALL)
        if not head or not head[1] or (head[2], head[3]) == ("<<", ""):
            raise ValueError(f"Invalid format {line!r}")
        if head[2] == "=":
            pairs[head[1]] = head[3]
            continue
        value: list[str] = []
        while (each := next(lines, None)) != head[3]:
            if each is None:
                raise ValueError(f"Matching delimiter not found {head[3]!r}")
            value.append(each)
        pairs[head[1]] = "\n".join(value)
    return pairs


@dataclass(frozen=True)
class Result:
    """What a run of the Action left behind. `raw` is what it printed, before any masking."""

    status: int
    raw: str
    log: Log
    outputs: Mapping[str, str]
    dropped: frozenset[str]
    summary: str
    files: Mapping[str, str]


@dataclass(frozen=True)
class Place:
    """Where an Action runs: its folder, the workspace, the runner's temporary folder, and the environment around."""

    action: Path
    workspace: Path
    temp: Path
    env: dict[str, str]


def run(place: Place, given: Mapping[str, str], secrets: tuple[str, ...] = ()) -> Result:
    """Run a composite Action with the inputs `given` (by name; absent ones get their default, or nothing)."""
    manifest = yaml.safe_load((place.action / "action.yml").read_text("utf-8"))
    assert manifest["runs"]["using"] == "composite"
    unknown = given.keys() - manifest["inputs"].keys()
    assert not unknown, f"the runner warns of unexpected inputs {unknown}"
    inputs = {name: given.get(name, str(known.get("default", ""))) for name, known in manifest["inputs"].items()}
    context: dict[str, Mapping[str, str]] = {"inputs": inputs}
    log = Log(Masker())
    for secret in secrets:
        log.masker.add(secret)
    status, raw, files = 0, "", dict.fromkeys(FILES, "")
    for step in manifest["runs"]["steps"]:
        status, said, wrote = _run_step(place, step, context)
        raw += said
        log.feed(said)
        files = {name: files[name] + text for name, text in wrote.items()}
        context[f"steps.{step['id']}.outputs"] = log.injected | parse_file(wrote["GITHUB_OUTPUT"])
        if status:
            break
    outputs = {name: evaluate(known["value"], context) for name, known in manifest["outputs"].items()}
    dropped = frozenset(name for name, value in outputs.items() if log.masker.mask(value) != value)
    summary = log.masker.mask(files["GITHUB_STEP_SUMMARY"])
    assert len(files["GITHUB_STEP_SUMMARY"].encode()) <= SUMMARY_BYTES
    return Result(status, raw, log, outputs, dropped, summary, files)


def _run_step(
    place: Place, step: Mapping[str, Any], context: Mapping[str, Mapping[str, str]]
) -> tuple[int, str, dict[str, str]]:
    """Run one step; return its status, what it printed, and what it wrote into the runner's files."""
    assert set(step) <= {"id", "name", "shell", "env", "run"}, f"not modelled: {set(step)}"
    assert step["shell"] == "bash", "not modelled"
    assert "${{" not in step["run"], "an expression in a script is an injection"
    commands = {name: place.temp / name.lower() for name in FILES}
    for path in commands.values():
        path.write_text("")
    script = place.temp / "script.sh"
    script.write_text(step["run"])
    done = subprocess.run(
        [shutil.which("bash") or "bash", "--noprofile", "--norc", "-e", "-o", "pipefail", script],
        cwd=place.workspace,
        env={
            **place.env,
            **{name: str(path) for name, path in commands.items()},
            "CI": "true",
            "GITHUB_ACTIONS": "true",
            "GITHUB_ACTION_PATH": str(place.action),
            "GITHUB_WORKSPACE": str(place.workspace),
            "RUNNER_TEMP": str(place.temp),
            **{name: evaluate(str(value), context) for name, value in step.get("env", {}).items()},
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=STEP_SECONDS,
        check=False,
    )
    wrote = {name: path.read_text("utf-8") for name, path in commands.items()}
    return done.returncode, done.stdout.decode("utf-8", "replace"), wrote


def evaluate(text: str, context: Mapping[str, Mapping[str, str]]) -> str:
    """Replace each `${{ context.name }}`; other expressions aren't modelled."""

    def value(match: re.Match[str]) -> str:
        scope, _, name = match[1].rpartition(".")
        return context[scope].get(name, "")

    return re.sub(r"\$\{\{ ([\w.-]+) \}\}", value, text)
