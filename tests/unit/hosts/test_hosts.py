"""How the step talks to its host: nothing foreign is ever taken for a command, and no secret is shown."""

import base64
import contextlib
import io
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar
from urllib.parse import quote

import pytest
import yaml
from amlwheel.errors.base import Several, StepError, Unexpected, catalogue
from amlwheel.errors.inputs import BadInput, MissingToken
from amlwheel.hosts import github
from amlwheel.hosts.azure_pipelines import AzurePipelines
from amlwheel.hosts.detect import detect
from amlwheel.hosts.github import GitHub
from amlwheel.hosts.host import Host
from amlwheel.hosts.neutralise import neutralise, plain
from amlwheel.hosts.terminal import Terminal
from amlwheel.inputs.reading import spell
from amlwheel.model.secret import Secret
from amlwheel.model.source import Source
from hypothesis import example, given
from hypothesis import strategies as st
from unit.parts import CANARY, TOKEN

# --- models of the hosts' grammars

# What .NET's Trim takes away, before the runner looks for `::`.
WHITE = "\t\n\x0b\x0c\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
# Characters that a culture-sensitive comparison doesn't see.
UNSEEN = re.compile("[\xad\u034f\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufe00-\ufe0f\ufeff]")


def lines_of(output: str) -> list[str]:
    """Split as both hosts do."""
    return re.split(r"\r\n|\r|\n", output)


def github_commands(output: str) -> list[tuple[str, str]]:
    """Return (name and properties, message) of each command that a runner takes from the log (ActionCommand.cs)."""
    found, stopped = [], ""
    for line in lines_of(output):
        shown = UNSEEN.sub("", line).lstrip(WHITE)
        match = re.match(r"::([^:\s]+)((?: .*?)?)::(.*)", shown)
        old = re.search(r"##\[([^\]\s]+)([^\]]*)\](.*)", shown)
        name, properties, message = match.groups() if match else old.groups() if old else ("", "", "")
        if stopped and name == stopped:
            stopped = ""
        elif not stopped and name.lower() == "stop-commands":
            stopped = message
        elif name and not stopped:
            found.append((name + properties, message))
    return found


def azure_commands(output: str) -> list[str]:
    """Return the lines in which an agent finds a command, or a mark of its log viewer (Command.cs)."""
    shown = (UNSEEN.sub("", line) for line in lines_of(output))
    return [line for line in shown if "##vso[" in line.lower() or re.match(r"\s*##\[", line)]


def decoded(message: str) -> str:
    """Decode a command's message as the runner does."""
    return message.replace("%0D", "\r").replace("%0A", "\n").replace("%25", "%")


def capture(act: Callable[[], object]) -> str:
    """Return what `act` prints, as the host would read it."""
    out = io.StringIO()
    with contextlib.redirect_stdout(out):
        act()
    out.getvalue().encode("utf-8")  # what can't be encoded would end the step
    return out.getvalue()


Test = TypeVar("Test", bound=Callable[..., None])
COMMANDS = st.sampled_from(
    [
        *("##[", "##vso[", "##VSO[task.complete result=Succeeded;done=true;]", "##[add-mask]x", "##[group]"),
        *(
            "::set-env name=PATH::/evil",
            "::add-mask::e",
            "stop-commands",
            "%0A",
            "#",
            "##",
            "[",
            "]",
            "::",
            ":",
            "vso[",
        ),
        *("\0", "\x1b[31m", "\u200b", "\u2060", "\u202e", "\xad", "\ufeff", "\ud800", *WHITE),
    ]
)
EVIL = [
    "::set-env name=PATH::/evil",
    "\u2003 ::add-mask::e",
    "fine\r::add-mask::e",
    "fine\u2028::add-mask::e",
    "fine ##[add-mask]e",
    "fine ##\xad[add-mask]e",
    "#\u2060#[group]e",
    "fine ##vso[task.complete result=Succeeded;done=true;]",
    "##VSO[task.complete]",
    "##\ufeffvso[task.complete]",
    "####[group]",
    "\ud800",
]
HOSTILE = st.sampled_from(EVIL) | st.lists(COMMANDS | st.text(st.characters(codec=None), max_size=3), max_size=12).map(
    "".join
)


def every(texts: list[str]) -> Callable[[Test], Test]:
    """Give each of `texts` to a property besides what hypothesis finds."""

    def decorate(test: Test) -> Test:
        for text in texts:
            test = example(text)(test)
        return test

    return decorate


def test_the_models_know_a_command() -> None:
    """Else the tests below could not fail."""
    assert github_commands("\u2003::warning file=x::y\nfoo ##[add-mask]z\r::x") == [
        ("warning file=x", "y"),
        ("add-mask", "z"),
    ]
    assert github_commands("::stop-commands::t\n::debug::a\n::t::\n::debug::b") == [("debug", "b")]
    assert azure_commands("x ##vso[a.b]c\n ##[error]d\nfoo") == ["x ##vso[a.b]c", " ##[error]d"]


@every(EVIL)
@given(HOSTILE)
def test_no_foreign_text_is_a_command(text: str) -> None:
    for host in (Terminal(), GitHub({})):
        output = capture(lambda host=host: host.foreign(text))  # type: ignore[misc]  # mypy sees no default
        assert github_commands(output) == []
        assert azure_commands(output) == []
    plain = capture(lambda: Terminal().foreign(text))
    assert all(line.startswith("| ") for line in plain.removesuffix("\n").split("\n"))
    assert len(neutralise(text)) == len(lines_of(text))


@every(EVIL)
@given(HOSTILE)
def test_foreign_text_is_harmless_without_the_second_fence_too(text: str) -> None:
    output = "\n".join(neutralise(text))
    assert github_commands(output) == []
    assert azure_commands(output) == []


@every(EVIL)
@given(HOSTILE)
def test_no_name_in_our_own_words_is_a_command(text: str) -> None:
    for host in (Terminal(), GitHub({})):
        output = capture(lambda host=host: host.say(text))  # type: ignore[misc]  # mypy sees no default
        assert github_commands(output) == []
        assert azure_commands(output) == []


@every(EVIL)
@given(HOSTILE)
def test_an_annotation_is_one_command_whatever_is_in_it(text: str) -> None:
    host = GitHub({})
    ((name, message),) = github_commands(capture(lambda: host.warning(text)))
    assert name == "warning title=amlwheel"
    assert len(decoded(message)) == len(text.replace("\r", ""))
    error = BadInput(text, cause=text, fix=text, details=text)
    output = capture(lambda: host.error(error))
    ((name, message),) = github_commands(output)
    assert name == "error title=amlwheel"
    assert azure_commands(output) == [line for line in azure_commands(output) if line.startswith("::error ")]


@every(EVIL)
@given(HOSTILE)
def test_a_stage_is_a_group_whatever_its_title(title: str) -> None:
    def act() -> None:
        with GitHub({}).stage(title) as done:
            done.append(title)

    assert [name for name, _ in github_commands(capture(act))] == ["group", "endgroup"]


def test_foreign_lines_are_shown_readably() -> None:
    assert neutralise("a\r\nb\rc\n") == ["| a", "| b", "| c", "| "]
    assert neutralise("x ##[error] ###vso[y] \x1b[1m") == ["| x #_#[error] ##_#vso[y] \ufffd[1m"]
    assert plain("one\ntwo\rthree\tfour ü") == "one two three\tfour ü"


# --- GitHub's commands


@pytest.mark.parametrize("text", ["50% of\na,b:c", "%0A", "a\r\nb", "::x::", ""])
def test_a_message_comes_out_as_it_went_in(text: str) -> None:
    assert decoded(github._data(text)) == text.replace("\r", "")
    assert not set(github._data(text)) & set("\r\n")
    assert not set(github._property(text)) & set("\r\n:,")
    assert decoded(github._property(text).replace("%3A", ":").replace("%2C", ",")) == text.replace("\r", "")


def test_commands_are_on_again_after_foreign_text() -> None:
    host = GitHub({})

    def act() -> None:
        with host.stage("Build"):
            host.foreign("::add-mask::x")
            host.foreign("::debug::y")
        host.warning("w")
        host.foreign("::debug::z")
        host.mask(TOKEN, "me")

    output = capture(act)
    tokens = re.findall(r"::stop-commands::(\w+)", output)
    assert len(set(tokens)) == len(tokens) == 2
    assert [name for name, _ in github_commands(output)] == [
        "group",
        "endgroup",
        "warning title=amlwheel",
        *["add-mask"] * len(TOKEN.forms("me")),
    ]


def test_an_annotation_is_cut_to_what_it_may_hold_and_the_log_is_not() -> None:
    output = capture(lambda: GitHub({}).error(BadInput("x" * 5000)))
    ((_, message),) = github_commands(output)
    assert len(message) <= 4096
    assert "x" * 5000 in output


# --- errors


@pytest.mark.parametrize("kind", list(catalogue()))
@pytest.mark.parametrize("make", [Terminal, lambda: GitHub({})])
def test_every_error_is_shown_whole_on_every_host(kind: type[StepError], make: Callable[[], Host]) -> None:
    host = make()
    error = kind("What `feed-token` did.", details="said\n::error::x")
    output = capture(lambda: host.error(error))
    for text in (error.what, error.cause, error.fix):
        assert spell(text, host.style) in decoded(output)
    assert f"{error.code} {error.title}" in decoded(output)
    assert "| ::error::x" in output
    assert ("`AMLWHEEL_FEED_TOKEN`" in output) is (host.style == "terminal")


def test_several_errors_are_shown_one_by_one() -> None:
    several = Several([BadInput("`index` one."), MissingToken("`feed-token` two.")])
    output = capture(lambda: Terminal().error(several))
    assert [line for line in output.splitlines() if line.startswith("error:")] == [
        "error: AW10 bad input",
        "error: AW13 missing token",
    ]
    assert "`--index` one." in output
    assert "Likely cause: " in output
    assert "What to do:   " in output
    assert len(github_commands(capture(lambda: GitHub({}).error(several)))) == 2


def test_of_many_codes_the_first_ten_are_annotations_and_all_are_in_the_log() -> None:
    kinds = [kind for kind in catalogue() if kind.status < 40][:12]  # whose makers take a text
    output = capture(lambda: GitHub({}).error(Several([kind("x") for kind in kinds])))
    assert len(github_commands(output)) == 10
    for kind in kinds:
        assert decoded(output).count(f"AW{kind.status} {kind.title}\n") == 1


def test_a_terminals_warning_is_a_line() -> None:
    assert capture(lambda: Terminal().warning("`dry-run` ##[x]")) == "warning: `--dry-run` #_#[x]\n"


# --- secrets


@pytest.mark.parametrize("make", [Terminal, lambda: GitHub({})])
def test_no_form_of_a_secret_is_shown(make: Callable[[], Host]) -> None:
    host = make()
    secret = Secret("fake/pat+with=signs")
    masks = capture(lambda: host.mask(secret, "me"))
    basic = base64.b64encode(b"me:fake/pat+with=signs").decode()
    forms = [
        secret.reveal(),
        quote(secret.reveal(), safe=""),
        basic,
        base64.b64encode(secret.reveal().encode()).decode(),
    ]

    def act() -> None:
        for form in forms:
            host.say(f"x {form} y")
            host.foreign(f"x{form}y")
            host.warning(form)
            host.error(BadInput(form, cause=form, fix=form, details=form))
            with host.stage(form) as done:
                done.append(form)

    output = decoded(capture(act))
    assert not [form for form in forms if form in output]
    assert "x *** y" in output
    assert all(host.leaks(f"x{form}y") for form in forms)
    assert not host.leaks("nothing")
    told = [decoded(message) for name, message in github_commands(masks) if name == "add-mask"]
    assert told == (list(secret.forms("me")) if host.style == "github" else [])


def test_what_is_too_short_to_be_a_secret_is_not_masked() -> None:
    host = GitHub({})
    output = capture(lambda: host.mask(Secret("abc"), "x"))
    assert github_commands(output) == [
        ("add-mask", base64.b64encode(each).decode()) for each in (b"x:abc", b"abc:", b":abc")
    ]
    assert "abc" in capture(lambda: host.say("abc"))


@pytest.mark.parametrize("make", [lambda: GitHub({}), lambda: AzurePipelines({})])
def test_a_secret_is_told_to_the_host_once(make: Callable[[], Host]) -> None:
    host = make()
    assert CANARY in capture(lambda: host.mask(TOKEN, "me"))
    assert capture(lambda: host.mask(TOKEN, "me")) == ""
    assert CANARY not in capture(lambda: host.mask(TOKEN, "you"))


@pytest.mark.parametrize("make", [Terminal, lambda: GitHub({}), lambda: AzurePipelines({})])
def test_a_secret_is_hidden_before_it_is_made_unrecognisable(make: Callable[[], Host]) -> None:
    host, secret = make(), Secret("fake##[pat##vso-0001")
    capture(lambda: host.mask(secret, "me"))

    def act() -> None:
        host.say(f"x {secret.reveal()}")
        host.foreign(secret.reveal())
        host.warning(secret.reveal())
        host.error(BadInput(secret.reveal(), details=secret.reveal()))

    assert "fake" not in decoded(capture(act))


def test_a_summary_shows_no_secret(tmp_path: Path) -> None:
    host = GitHub({"GITHUB_STEP_SUMMARY": str(tmp_path / "page")})
    capture(lambda: host.mask(TOKEN, "me"))
    host.summary(f"# {CANARY}")
    assert (tmp_path / "page").read_text("utf-8") == "# ***"


def test_a_secret_that_another_begins_with_leaves_no_rest() -> None:
    host = Terminal()
    for text in ("fake-pat-one", "fake-pat-one-and-more", "fake-pat"):
        host.mask(Secret(text), "me")
    assert capture(lambda: host.say("x fake-pat-one-and-more y")) == "x *** y\n"


# --- outputs and summary


@dataclass
class Files:
    folder: Path
    environ: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Name the files as the runner does."""
        for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
            self.environ[name] = str(self.folder / name)

    def outputs(self) -> dict[str, str]:
        """Read the output file as the runner does (FileCommandManager.cs)."""
        found, lines = {}, iter((self.folder / "GITHUB_OUTPUT").read_text("utf-8").split("\n"))
        for line in lines:
            if line:
                name, _, delimiter = line.partition("<<")
                found[name] = "\n".join(iter(lambda: next(lines), delimiter))
        return found


@pytest.fixture
def files(tmp_path: Path) -> Files:
    return Files(tmp_path)


GOOD = {"one": "azureml:acme:1.0-a", "two": "a\nb", "three": "", "path": "C:\\Program Files (x86)\\a_b/c@2+d~e"}
GOOD["json"] = '[{"workspace":"/a/b","changed":true}]'


def test_outputs_reach_githubs_file(files: Files) -> None:
    host = GitHub(files.environ)
    assert capture(lambda: host.outputs(GOOD)) == ""
    host.outputs({"four": "4"})
    assert files.outputs() == GOOD | {"four": "4"}


def test_each_output_ends_with_a_delimiter_of_its_own(files: Files) -> None:
    GitHub(files.environ).outputs(GOOD)
    delimiters = re.findall(r"<<(\w+)", Path(files.environ["GITHUB_OUTPUT"]).read_text())
    assert len(set(delimiters)) == len(GOOD)


@pytest.mark.parametrize(
    "value",
    ["$(id)", "`id`", "a;b", "a|b", "a&b", "'", '"', "<", "a\n\nb", "\n", "a\r", "\x1b", "*", "{a}", '[{"a":"$(id)"}]'],
)
def test_an_output_that_a_shell_would_run_is_refused_before_any_is_set(files: Files, value: str) -> None:
    with pytest.raises(Unexpected, match="Output bad has characters"):
        GitHub(files.environ).outputs({"good": "1", "bad": value})
    assert not (files.folder / "GITHUB_OUTPUT").exists()


def test_a_terminal_shows_outputs_as_lines() -> None:
    assert capture(lambda: Terminal().outputs({"a": "1", "b": "x\ny"})) == "a=1\nb=x, y\n"


def test_the_summary_reaches_githubs_page_and_no_terminal(files: Files) -> None:
    host = GitHub(files.environ)
    host.summary("# ü\n")
    host.summary("more\n")
    assert Path(files.environ["GITHUB_STEP_SUMMARY"]).read_text("utf-8") == "# ü\nmore\n"
    assert capture(lambda: Terminal().summary("# x")) == ""
    GitHub({}).summary("no file to write to")


# --- stages


def test_a_stage_is_timed_and_says_what_was_done() -> None:
    def act() -> None:
        with Terminal().stage("Build") as done:
            done += ["one", "two"]

    assert re.fullmatch(r"----   Build\nok     Build · one · two · \d+\.\d s\n", capture(act))


def test_a_stage_that_fails_says_so_and_closes_its_group() -> None:
    def act() -> None:
        with contextlib.suppress(BadInput), GitHub({}).stage("Build"):
            message = "x"
            raise BadInput(message)

    output = capture(act)
    assert [name for name, _ in github_commands(output)] == ["group", "endgroup"]
    assert re.search(r"^FAILED Build · \d+\.\d s$", output, re.MULTILINE)


def test_each_host_has_its_own_lines_that_give_a_python() -> None:
    assert yaml.safe_load(GitHub({}).python_lines("3.11"))[0]["with"]["python-version"] == "3.11"
    azure = yaml.safe_load(AzurePipelines({}).python_lines("3.11"))[0]
    assert azure == {"task": "UsePythonVersion@0", "inputs": {"versionSpec": "3.11", "addToPath": False}}
    uv, *words = Terminal().python_lines("3.11").split()
    assert words == ["python", "install", "3.11"]
    assert uv == str(Path(sys.executable).with_name("uv"))


# --- detection


@pytest.mark.parametrize(
    ("environ", "kind"),
    [
        ({"GITHUB_ACTIONS": "true"}, GitHub),
        ({}, Terminal),
        ({"GITHUB_ACTIONS": "false"}, Terminal),
        ({"CI": "true"}, Terminal),
        ({"TF_BUILD": "True"}, AzurePipelines),
    ],
)
def test_the_environment_tells_the_host(environ: dict[str, str], kind: type[Host]) -> None:
    assert type(detect(environ)) is kind


# --- the run

RUNNER = {
    "GITHUB_ACTIONS": "true",
    "GITHUB_REPOSITORY": "acme/churn",
    "GITHUB_SHA": "a" * 40,
    "GITHUB_REF_TYPE": "tag",
    "GITHUB_REF_NAME": "v1.0",
    "GITHUB_RUN_ID": "7",
}
AGENT = {
    "TF_BUILD": "True",
    "BUILD_REPOSITORY_URI": "https://acme@dev.azure.com/acme/ml/_git/x",
    "BUILD_SOURCEVERSION": "b" * 40,
    "BUILD_SOURCEBRANCH": "refs/tags/v2.0",
    "BUILD_BUILDID": "8",
    "SYSTEM_COLLECTIONURI": "https://dev.azure.com/acme/",
    "SYSTEM_TEAMPROJECT": "My ml",
}


def test_a_runner_describes_its_run() -> None:
    run = "https://github.com/acme/churn/actions/runs/7"
    assert detect(RUNNER).source == Source("https://github.com/acme/churn", "a" * 40, "v1.0", run=run)
    assert detect(RUNNER | {"GITHUB_RUN_ATTEMPT": "1"}).run_url == run
    assert detect(RUNNER | {"GITHUB_RUN_ATTEMPT": "3"}).run_url == f"{run}/attempts/3"
    enterprise = detect(RUNNER | {"GITHUB_SERVER_URL": "https://ghe.example"})
    assert enterprise.repository == "https://ghe.example/acme/churn"
    assert enterprise.run_url == "https://ghe.example/acme/churn/actions/runs/7"


@pytest.mark.parametrize("more", [{}, {"INPUT_FEED": "a/b"}], ids=["script", "task"])
def test_an_agent_describes_its_run(more: dict[str, str]) -> None:
    assert detect(AGENT | more).source == Source(
        "https://acme@dev.azure.com/acme/ml/_git/x",
        "b" * 40,
        "v2.0",
        run="https://dev.azure.com/acme/My%20ml/_build/results?buildId=8",
    )


@pytest.mark.parametrize(
    ("environ", "tag"),
    [
        ({"GITHUB_REF_TYPE": "tag", "GITHUB_REF_NAME": "v1.0", "GITHUB_REF": "refs/tags/v1.0"}, "v1.0"),
        ({"GITHUB_REF_TYPE": "branch", "GITHUB_REF_NAME": "main", "GITHUB_REF": "refs/heads/main"}, ""),
        ({"GITHUB_REF": "refs/tags/churn/v1.0"}, "churn/v1.0"),
        ({"GITHUB_REF_TYPE": "tag"}, ""),
    ],
)
def test_a_runner_names_a_pushed_tag_and_no_branch(environ: dict[str, str], tag: str) -> None:
    assert detect({"GITHUB_ACTIONS": "true"} | environ).tag == tag


@pytest.mark.parametrize(("ref", "tag"), [("refs/tags/a/v2", "a/v2"), ("refs/heads/refs/tags/v2", "")])
def test_an_agent_names_a_pushed_tag_and_no_branch(ref: str, tag: str) -> None:
    assert detect(AGENT | {"BUILD_SOURCEBRANCH": ref}).tag == tag


@pytest.mark.parametrize("environ", [{"GITHUB_ACTIONS": "true"}, {"TF_BUILD": "True"}])
def test_a_host_that_sets_nothing_names_nothing(environ: dict[str, str]) -> None:
    assert detect(environ).source == Source()


@pytest.mark.parametrize("variables", [RUNNER, AGENT])
def test_an_unknown_host_with_the_variables_of_a_known_one_names_the_same(variables: dict[str, str]) -> None:
    inherited = {name: value for name, value in variables.items() if name not in ("GITHUB_ACTIONS", "TF_BUILD")}
    assert type(detect(inherited)) is Terminal
    assert detect(inherited).source == detect(variables).source != Source()


def test_a_terminal_names_nothing() -> None:
    assert detect({}).source == Source()


def test_each_host_reads_only_its_own_variables() -> None:
    assert detect({"GITHUB_ACTIONS": "true"} | {name: AGENT[name] for name in AGENT if name != "TF_BUILD"}).source == (
        Source()
    )
    assert detect({"TF_BUILD": "True"} | RUNNER).source == Source()
