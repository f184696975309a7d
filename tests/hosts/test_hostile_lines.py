"""Ten thousand hostile lines, through a tool's output and through metadata: no host finds a command in any."""

import base64
import contextlib
import io
import os
import random
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from amlwheel.errors.inputs import BadInput
from amlwheel.hosts.azure_pipelines import AzurePipelines
from amlwheel.hosts.github import GitHub
from amlwheel.hosts.host import Host
from amlwheel.hosts.terminal import Terminal
from amlwheel.transport import process, variables
from hosts import agent, runner

LINES = 10_000
TASK = {"TF_BUILD": "True", "INPUT_FEED": "a/b"}
MARKS = """##vso[ ##[ ##VSO[ :: ] ; = % %0A %0D %5D %3B %AZP25 | # ## vso[ [ task. artifact. \\ / " ' ` $( {{""".split()
COMMANDS = [
    *(
        "task.setvariable variable=environment;isOutput=true",
        "task.complete result=Succeeded;done=true;",
        "task.setsecret",
    ),
    *("task.logissue type=error;", "task.uploadfile", "task.setendpoint id=0;field=url;key=a", "artifact.upload a=b;"),
    *("build.updatebuildnumber", "task.prependpath", "set-output name=environment", "set-env name=PATH", "add-mask"),
    *("error", "group", "endgroup", "stop-commands", "add-path", "warning file=a", "notice", "debug", "save-state"),
]
SPACES = ["\t", "\x0b", "\x0c", "\x85", "\xa0", "\u2028", "\u2029", "\u3000", "\r", "\u2003", " "]
UNSEEN = ["\xad", "\u200b", "\u2060", "\ufeff", "\x00", "\x1b[2K", "\u202e", "\ue000", "\U000e0041"]


def hostile(seed: int) -> list[str]:
    """Return lines made of what the hosts' parsers look at, nearly half of them real commands."""
    dice = random.Random(seed)  # noqa: S311  # the same lines each time
    made = []
    for _ in range(LINES):
        parts = [dice.choice(dice.choice([MARKS, COMMANDS, SPACES, UNSEEN])) for _ in range(dice.randrange(6))]
        command = dice.choice(COMMANDS)
        whole = dice.choice([f"##vso[{command}]EVIL", f"##[{command}]EVIL", f"::{command}::EVIL", "EVIL"])
        parts.insert(dice.randrange(len(parts) + 1), whole)
        made.append("".join(parts))
    return made


def found(printed: str) -> list[str]:
    """Return the names of the commands that either host finds, and GitHub's as if nothing were switched off."""
    azure = agent.Log()
    azure.feed(printed)
    names = [each.event for each in azure.executed] + [each for kind, each, _ in azure.issues if kind == "warning"]
    seen = (runner.parse(line, runner.REGISTERED) for line in re.split(r"\r\n|\r|\n", printed))
    return names + [each.name for each in seen if each]


def test_the_lines_are_hostile() -> None:
    """Else nothing below could fail."""
    commands = [line for line in hostile(1) if found(line)]
    assert len(commands) > LINES / 3
    assert len([line for line in hostile(1) if any(agent.parse(part) for part in line.split("\r"))]) > LINES / 10


def printed(act: Callable[[], object]) -> str:
    """Return what `act` prints."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        act()
    return out.getvalue()


@pytest.mark.parametrize("host", [AzurePipelines(TASK), GitHub({}), Terminal()])
def test_no_line_of_a_tool_is_a_command(host: Host, tmp_path: Path) -> None:
    """Through a real process, as a build backend prints, to both of its streams."""
    (tmp_path / "lines").write_text("\n".join(hostile(2)), "utf-8", "surrogatepass", newline="")
    code = "import sys; data = open(sys.argv[1], 'rb').read(); [s.buffer.write(data) for s in (sys.stdout, sys.stderr)]"
    command = [sys.executable, "-c", code, str(tmp_path / "lines")]
    text = printed(lambda: process.run(command, env=variables.for_tool(os.environ), echo=host.foreign))
    assert text.count("EVIL") >= 2 * LINES
    ours = ["stop-commands"] if host.style == "github" else []
    assert found(text) == ours


@pytest.mark.parametrize("host", [AzurePipelines(TASK), GitHub({}), Terminal()])
def test_no_name_in_our_own_words_is_a_command(host: Host) -> None:
    """What metadata and servers say, in the sentences, titles and errors that it gets into."""
    for line in hostile(3):
        assert found(printed(lambda line=line: host.say(f"built {line}"))) == []  # type: ignore[misc]
        assert found(printed(lambda line=line: host.say(line))) == []  # type: ignore[misc]


def test_an_issue_is_one_command_whatever_is_in_it(tmp_path: Path) -> None:
    host = AzurePipelines({**TASK, "AGENT_TEMPDIRECTORY": str(tmp_path)})
    for line in hostile(4)[:2000]:
        error = BadInput(line, cause=line, fix=line, details=line)
        log = agent.Log()
        log.feed(printed(lambda error=error: host.error(error)))  # type: ignore[misc]
        log.feed(printed(lambda line=line: host.warning(line)))  # type: ignore[misc]
        assert [each.event for each in log.executed] == ["logissue", "uploadsummary", "logissue"]
        assert [(kind, code) for kind, code, _ in log.issues] == [("error", "AW10"), ("warning", "")]
        # What the viewer shows of it, decoded, has no mark of its own either.
        shown = "\n".join(text for *_, text in log.issues)
        assert not re.search(r"##\[|##vso", shown)


def test_a_debug_line_is_one_command_whatever_is_in_it() -> None:
    host, log = AzurePipelines({**TASK, "SYSTEM_DEBUG": "True"}), agent.Log()
    text = "\n".join(hostile(6)[:2000])
    log.feed(printed(lambda: host.debug(text)))
    assert {each.event for each in log.executed} == {"debug"}
    assert len(log.executed) == len(text.splitlines())


def test_a_stage_is_a_group_whatever_its_title() -> None:
    host = AzurePipelines(TASK)
    for line in hostile(5)[:2000]:

        def act(title: str = line) -> None:
            with host.stage(title):
                pass

        text = printed(act)
        assert [agent.parse(each) for each in text.split("\n")] == [None] * 4
        assert re.fullmatch(r"##\[group\][^\r\n]*\n##\[endgroup\]\nok     [^\r\n]*\n", text)
        assert len(re.findall(r"##(?:\[|vso)", text)) == 2


def test_only_we_mask_and_mask_what_azure_does_not() -> None:
    from amlwheel.model.secret import Secret  # noqa: PLC0415

    host, token = AzurePipelines(TASK), "fake%token;with]signs"
    log = agent.Log()
    log.feed(printed(lambda: host.mask(Secret(token), "build")))
    forms = [token, base64.b64encode(f"build:{token}".encode()).decode(), base64.b64encode(token.encode()).decode()]
    assert [log.mask(form) for form in forms] == ["***"] * 3
    assert {each.data for each in log.executed} >= set(forms)
