"""How the step talks to an Azure Pipelines agent, in a task and in a script step."""

import contextlib
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from amlwheel.errors.base import StepError, catalogue
from amlwheel.errors.inputs import BadInput
from amlwheel.hosts.azure_pipelines import AzurePipelines
from amlwheel.hosts.detect import detect
from amlwheel.inputs.reading import spell
from amlwheel.model.secret import Secret
from hosts.agent import Log
from unit.hosts.test_hosts import GOOD, capture

TASK = {"TF_BUILD": "True", "INPUT_FEED": "acme/ml/wheels"}
SCRIPT = {"TF_BUILD": "True"}


def obeyed(act: Callable[[], object]) -> Log:
    """Return what the agent makes of what `act` prints."""
    log = Log()
    log.feed(capture(act))
    return log


def test_an_agent_is_known_by_its_variable() -> None:
    assert not isinstance(detect({}), AzurePipelines)
    assert isinstance(detect(SCRIPT), AzurePipelines)


def test_names_are_those_of_the_task_or_of_the_command_line() -> None:
    assert AzurePipelines(TASK).style == "azure"
    assert AzurePipelines(SCRIPT).style == "terminal"


@pytest.mark.parametrize("kind", list(catalogue()))
@pytest.mark.parametrize("environ", [TASK, SCRIPT])
def test_every_error_is_one_issue_with_code_cause_and_fix(kind: type[StepError], environ: dict[str, str]) -> None:
    host = AzurePipelines(environ)
    error = kind("What `feed-token` did.", details="said\n##vso[task.complete result=Succeeded;]x")
    log = obeyed(lambda: host.error(error))
    ((severity, code, text),) = log.issues
    assert (severity, code) == ("error", error.code)
    for part in (error.code, error.title, error.what, error.cause, error.fix):
        assert spell(part, host.style) in text
    assert "| #_#vso[task.complete" in log.text
    assert log.result == ""


def test_a_long_error_is_cut_on_the_page_and_whole_in_the_log() -> None:
    log = obeyed(lambda: AzurePipelines(TASK).error(BadInput("x" * 5000)))
    assert len(log.issues[0][2]) <= 4096
    assert "x" * 5000 in log.text


def test_a_warning_is_an_issue() -> None:
    log = obeyed(lambda: AzurePipelines(TASK).warning("`dry-run`; 50%\n##[error]x"))
    assert log.issues == [("warning", "", "`dryRun`; 50%\n#_#[error]x")]


@pytest.mark.parametrize("text", ["50% of\na;b]c", "%AZP25", "%0A", "##vso[task.debug]x", ""])
def test_a_message_and_a_property_come_out_as_they_went_in(text: str) -> None:
    log = obeyed(lambda: AzurePipelines(TASK)._command("task.debug", text, value=f"x{text}"))
    ((command),) = log.executed
    assert (command.data, command.properties) == (text, {"value": f"x{text}"})


def test_a_stage_is_a_group_that_is_closed_when_it_fails() -> None:
    def act() -> None:
        with contextlib.suppress(BadInput), AzurePipelines(TASK).stage("Build ##[error]x"):
            message = "x"
            raise BadInput(message)

    lines = capture(act).splitlines()
    assert lines[:2] == ["##[group]Build #_#[error]x", "##[endgroup]"]
    assert re.fullmatch(r"FAILED Build #_#\[error\]x · \d+\.\d s", lines[2])


def test_every_form_of_a_secret_is_masked_and_none_shown() -> None:
    host, secret = AzurePipelines(TASK), Secret("fake/pat+with=signs%;]")
    log = obeyed(lambda: host.mask(secret, "me"))
    assert {each.data for each in log.executed} == set(secret.forms("me"))

    def act() -> None:
        for form in secret.forms("me"):
            host.say(form)
            host.foreign(form)
            host.warning(form)
            host.error(BadInput(form, cause=form, fix=form, details=form))
            host.finish(1, form)
            with host.stage(form):
                pass

    shown = obeyed(act)
    told = f"{shown.text}{shown.issues}{shown.executed}"
    assert not [form for form in secret.forms("me") if form in told]


def test_what_is_too_short_to_be_a_secret_is_not_masked() -> None:
    log = obeyed(lambda: AzurePipelines(TASK).mask(Secret("abc"), "x"))
    assert [each.data for each in log.executed] == ["eDphYmM=", "YWJjOg==", "OmFiYw=="]


def test_outputs_are_output_variables() -> None:
    log = obeyed(lambda: AzurePipelines(TASK).outputs({"wheel-sha256": "1", **GOOD}))
    assert log.outputs == {"wheelSha256": "1", **GOOD}
    assert {each.properties["isoutput"] for each in log.executed} == {"true"}


def test_each_summary_is_a_file_of_its_own(tmp_path: Path) -> None:
    host = AzurePipelines({**TASK, "AGENT_TEMPDIRECTORY": str(tmp_path)})
    capture(lambda: host.mask(Secret("fake-token-1234"), "x"))

    def act() -> None:
        host.summary("# ü fake-token-1234 `feed-view`\n")
        host.summary("more\n")

    log = obeyed(act)
    assert log.summary == "# ü *** `feedView`\nmore\n"
    assert len({each.data for each in log.executed}) == 2
    assert {path.name for path in tmp_path.rglob("*.md")} == {"amlwheel.md"}


@pytest.mark.parametrize(("status", "result"), [(0, "Succeeded"), (23, "Failed"), (130, "Failed")])
def test_a_task_ends_with_its_result_and_status_0(status: int, result: str) -> None:
    log = obeyed(lambda: print("status", AzurePipelines(TASK).finish(status, "why")))
    assert (log.result, log.text) == (result, "status 0\n")


def test_a_script_ends_with_its_status_and_no_word() -> None:
    assert capture(lambda: print(AzurePipelines(SCRIPT).finish(23, "why"))) == "23\n"
