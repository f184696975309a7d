"""A small Azure Pipelines agent: gives a task its environment, and treats its output as the real one does.

Modelled on azure-pipelines-agent 5.278: TaskRunner.cs and Handler.cs (inputs, environment), NodeHandler.cs, Command.cs,
CommandStringConvertor.cs, WorkerCommandManager.cs, TaskCommandExtension.cs, TaskRestrictionsChecker.cs,
TaskResultUtil.cs, ProcessInvoker.cs (cancelling), HostContext.cs (what is masked).
"""

import contextlib
import json
import os
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

RESULTS = ("Succeeded", "SucceededWithIssues", "Failed", "Canceled", "Skipped", "Abandoned")
TASK = frozenset(
    """logdetail setprogress complete setsecret setvariable debug settaskvariable prependpath logissue uploadsummary
    uploadfile addattachment setendpoint""".split()
)
AREAS = frozenset("task artifact build results codecoverage telemetry release plugininternal".split())
FREE = TASK - {"uploadsummary", "uploadfile", "addattachment", "setendpoint"}  # allowed in restricted mode
STEP_SECONDS, SIGINT_SECONDS, SIGTERM_SECONDS = 300, 7.5, 2.5
# .NET compares by culture here: it doesn't see these characters (Command.cs, IndexOf).
UNSEEN = re.compile("[\xad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]")
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True)
class Command:
    """A logging command: `##vso[area.event key=value;]data`."""

    area: str
    event: str
    properties: Mapping[str, str]
    data: str


def parse(line: str) -> Command | None:
    """Return the first command in `line`; anything before it is dropped, and case counts in the prefix only."""
    found = re.search(r"##vso\[(.*?)\](.*)", UNSEEN.sub("", line), re.DOTALL)
    if not found:
        return None
    name, _, rest = found[1].partition(" ")
    parts = [part for part in name.split(".") if part]
    if len(parts) != 2:
        return None
    pairs = (part.partition("=") for part in rest.split(";"))
    properties = {key.lower(): _unescape(value) for key, _, value in pairs if key and value}
    return Command(parts[0].lower(), parts[1].lower(), properties, _unescape(found[2]))


def _unescape(text: str) -> str:
    for code, letter in (("%3B", ";"), ("%0D", "\r"), ("%0A", "\n"), ("%5D", "]"), ("%AZP25", "%")):
        text = text.replace(code, letter)
    return text


@dataclass
class Log:
    """A task's log: feed it what the task printed, and see what the agent does about it."""

    restrictions: Mapping[str, Any] = field(default_factory=dict)
    secrets: set[str] = field(default_factory=set)
    lines: list[str] = field(default_factory=list)
    executed: list[Command] = field(default_factory=list)
    issues: list[tuple[str, str, str]] = field(default_factory=list)
    outputs: dict[str, str] = field(default_factory=dict)
    summary: str = ""
    result: str = ""

    def feed(self, text: str) -> None:
        """Treat every line; they end at LF, CR or both."""
        for line in re.split(r"\r\n|\r|\n", text):
            command = parse(line)
            if command is None:
                if "##vso" in line:
                    self._issue("warning", "", f"##vso in {line}, and no command")  # CommandKeywordDetected
                self.lines.append(self.mask(line))
            else:
                self._obey(command)

    def hide(self, secret: str) -> None:
        """Learn a secret: itself, JSON, URI and backslash forms; no base64 (HostContext.cs)."""
        self.secrets |= {secret, json.dumps(secret)[1:-1], quote(secret, safe=""), secret.replace("\\", "\\\\")} - {""}

    def mask(self, text: str) -> str:
        """Return `text` with `***` in place of every secret."""
        for form in sorted(self.secrets, key=len, reverse=True):
            text = text.replace(form, "***")
        return text

    def merge(self, result: str) -> None:
        """Take a result; the worse one stays, and after Failed the first."""
        known = RESULTS.index(self.result) if self.result else -1
        if known <= RESULTS.index("Failed"):
            self.result = RESULTS[max(known, RESULTS.index(result))]

    def _issue(self, kind: str, code: str, text: str) -> None:
        self.issues.append((kind, code, self.mask(text)))
        self.lines.append(self.mask(f"##[{kind}]{text}"))

    def _obey(self, command: Command) -> None:
        if command.area not in AREAS:
            self._issue("warning", "", f"##vso[{command.area}] isn't an area")
            return
        self.executed.append(command)
        if command.area != "task" or command.event not in TASK:
            self._fault(f"{command.area}.{command.event} isn't a command here")
        elif command.event not in FREE and self.restrictions.get("commands", {}).get("mode") == "restricted":
            self._issue("warning", "", f"{command.event} isn't allowed to this task")
        else:
            handler: Callable[[Command], None] = getattr(self, f"_{command.event}", lambda _: None)
            handler(command)

    def _fault(self, text: str) -> None:
        self._issue("error", "", text)
        self.merge("Failed")

    def _logissue(self, command: Command) -> None:
        kind = command.properties.get("type", "").lower()
        assert kind in ("error", "warning"), "the agent fails the task"
        self._issue(kind, command.properties.get("code", ""), command.data)

    def _complete(self, command: Command) -> None:
        assert command.properties["result"] in RESULTS, "the agent fails the task"
        self.merge(command.properties["result"])

    def _setsecret(self, command: Command) -> None:
        self.hide(command.data)

    def _setvariable(self, command: Command) -> None:
        name = command.properties["variable"]
        allowed = self.restrictions.get("settableVariables", {}).get("allowed")
        if allowed is not None and name.lower() not in [each.lower() for each in allowed]:
            self._issue("warning", "", f"the variable {name} isn't this task's to set")
            return
        assert command.properties.get("issecret", "false") == "false"
        self.outputs[name] = command.data

    def _uploadsummary(self, command: Command) -> None:
        path = Path(command.data)
        if path.is_file():
            self.summary += self.mask(path.read_text("utf-8"))
        else:
            self._fault("no file to attach")

    @property
    def text(self) -> str:
        """The log as a person sees it."""
        return "\n".join(self.lines)


@dataclass
class Endpoint:
    """A service connection: the scheme and parameters of its authorization, and its data."""

    scheme: str
    parameters: Mapping[str, str]
    data: Mapping[str, str] = field(default_factory=dict)
    name: str = "connection"
    public: frozenset[str] = frozenset({"tenantid", "serviceprincipalid", "authenticationType"})

    def environment(self, key: str) -> dict[str, str]:
        """Return the variables that tell of it (Handler.AddEndpointsToEnvironment)."""
        auth = {"parameters": dict(self.parameters), "scheme": self.scheme}
        found = {f"ENDPOINT_URL_{key}": "https://management.azure.com/", f"ENDPOINT_AUTH_{key}": json.dumps(auth)}
        found[f"ENDPOINT_AUTH_SCHEME_{key}"] = self.scheme
        found |= {f"ENDPOINT_AUTH_PARAMETER_{key}_{_variable(name)}": each for name, each in self.parameters.items()}
        if GUID.fullmatch(key):
            found[f"ENDPOINT_DATA_{key}"] = json.dumps(dict(self.data))
            found |= {f"ENDPOINT_DATA_{key}_{_variable(name)}": value for name, value in self.data.items()}
        return found


@dataclass
class Job:
    """A job on an agent: its folders, variables, service connections by GUID, and the environment around it."""

    task: Path
    sources: Path
    temp: Path
    env: dict[str, str]
    variables: Mapping[str, str] = field(default_factory=dict)
    secrets: Mapping[str, str] = field(default_factory=dict)
    endpoints: Mapping[str, Endpoint] = field(default_factory=dict)
    token: str = ""

    def public(self) -> dict[str, str]:
        """Return the job's variables, the agent's own with them."""
        own = {"Agent.TempDirectory": str(self.temp), "System.DefaultWorkingDirectory": str(self.sources)}
        own |= {"Build.SourcesDirectory": str(self.sources), "System.HostType": "build", "Agent.Version": "4.278.0"}
        return {**own, **self.variables}

    def environment(self, manifest: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, str]:
        """Return the task's environment: variables, secret ones apart, inputs, endpoints."""
        public = self.public()
        made = {**self.env, "TF_BUILD": "True", **{_variable(name): value for name, value in public.items()}}
        made |= {f"SECRET_{_variable(name)}": value for name, value in self.secrets.items()}
        made |= {"VSTS_PUBLIC_VARIABLES": json.dumps([*public]), "VSTS_SECRET_VARIABLES": json.dumps([*self.secrets])}
        inputs = self._inputs(manifest, given)
        made |= {f"INPUT_{_variable(name)}": value for name, value in inputs.items()}
        job = Endpoint("OAuth", {"AccessToken": self.token})
        made |= job.environment("SYSTEMVSSCONNECTION")
        for key, each in self.endpoints.items():
            made |= each.environment(key)
        return made

    def _inputs(self, manifest: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, str]:
        """Return the inputs by name: aliases resolved, trimmed, macros expanded, file paths made absolute."""
        names = {
            alias: each["name"] for each in manifest["inputs"] for alias in (each["name"], *each.get("aliases", []))
        }
        assert not given.keys() - names.keys(), "Azure Pipelines refuses the YAML"
        inputs = {each["name"]: str(each["defaultValue"]) for each in manifest["inputs"]}
        inputs |= {names[name]: value.strip() for name, value in given.items()}
        known = {name.lower(): value for name, value in {**self.public(), **self.secrets}.items()}
        for each in manifest["inputs"]:
            text = re.sub(r"\$\(([^()]+)\)", lambda m: known.get(m[1].lower(), m[0]), inputs[each["name"]])
            if each["type"] == "filePath":
                text = str(self.sources / text) if text else str(self.sources)
            if each["type"].startswith("connectedService:"):
                text = next((key for key, one in self.endpoints.items() if one.name == text), text)
            inputs[each["name"]] = text
        return inputs


def _variable(name: str) -> str:
    return re.sub("[. ]", "_", name).upper()


@dataclass(frozen=True)
class Result:
    """What a run of the task left behind. `raw` is what it printed, before any masking."""

    result: str
    raw: str
    log: Log
    status: int

    @property
    def errors(self) -> list[tuple[str, str]]:
        """Code and message of each error on the run's page."""
        return [(code, text) for kind, code, text in self.log.issues if kind == "error"]


def run(job: Job, node: Path, given: Mapping[str, str], cancel: Callable[[str], bool] | None = None) -> Result:
    """Run the task with `node`; `cancel` is asked after each line whether the job is cancelled now."""
    manifest = json.loads((job.task / "task.json").read_text("utf-8"))
    handler = "Node24" if "Node24" in manifest["execution"] else "Node20_1"
    target = job.task / manifest["execution"][handler]["target"]
    log = Log(manifest.get("restrictions", {}))
    for endpoint in (*job.endpoints.values(), Endpoint("OAuth", {"AccessToken": job.token})):
        for name, value in endpoint.parameters.items():
            if name not in endpoint.public:
                log.hide(value)
    for value in job.secrets.values():
        log.hide(value)
    child = subprocess.Popen(
        [node, target],
        cwd=job.sources,
        env=job.environment(manifest, given),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    raw, cancelled = _listen(child, cancel)
    log.feed(raw)
    if cancelled:
        log.merge("Canceled")
    elif child.returncode:
        log.merge("Failed")  # NodeHandler: requireExitCodeZero
    return Result(log.result or "Succeeded", raw, log, child.returncode)


def _listen(child: subprocess.Popen[bytes], cancel: Callable[[str], bool] | None) -> tuple[str, bool]:
    raw, cancelled = "", False
    ending = threading.Timer(STEP_SECONDS, _kill, [child])
    ending.start()
    assert child.stdout
    for line in child.stdout:
        raw += line.decode("utf-8", "replace")
        if cancel and not cancelled and cancel(raw):
            cancelled = True
            threading.Thread(target=_cancel, args=[child], daemon=True).start()
    child.wait()
    child.stdout.close()
    ending.cancel()
    return raw, cancelled


def _cancel(child: subprocess.Popen[bytes]) -> None:
    """End the task as ProcessInvoker does: SIGINT, SIGTERM, then the whole tree is killed."""
    for number, seconds in ((signal.SIGINT, SIGINT_SECONDS), (signal.SIGTERM, SIGTERM_SECONDS)):
        child.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(seconds)
            return
    _kill(child)


def _kill(child: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


def alive(pid: int) -> bool:
    """Tell whether a process runs; one that has ended and that nobody has asked about doesn't."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    status = Path(f"/proc/{pid}/stat")
    return not status.exists() or status.read_text().rpartition(")")[2].split()[0] != "Z"
