"""The small agent, whose word the tests of the task take: what the real one does, by its source."""

from pathlib import Path

import pytest
from hosts.agent import Command, Endpoint, Job, Log, parse

GUID = "5c0e0000-0000-4000-8000-00000000fa4e"


@pytest.mark.parametrize(
    ("line", "command"),
    [
        ("##vso[task.debug]x", Command("task", "debug", {}, "x")),
        ("foo ##vso[task.debug a=b;C=d=e;]x]y", Command("task", "debug", {"a": "b", "c": "d=e"}, "x]y")),
        ("##vso[task.debug a=%3B%5D%0A%AZP25;]%0D%253B", Command("task", "debug", {"a": ";]\n%"}, "\r%253B")),
        ("##vso[task.debug]##vso[task.complete]", Command("task", "debug", {}, "##vso[task.complete]")),
        ("##\u200bvso[TASK.Debug]x", Command("task", "debug", {}, "x")),
        ("##vso[task.debug", None),
        ("##VSO[task.debug]x", None),
        ("##vso[taskdebug]x", None),
        ("##vso[a.b.c]x", None),
        ("# #vso[task.debug]x", None),
    ],
)
def test_lines_are_parsed_as_the_agent_does(line: str, command: Command | None) -> None:
    assert parse(line) == command


def fed(text: str, **restrictions: object) -> Log:
    log = Log(restrictions)
    log.feed(text)
    return log


def test_lines_end_at_cr_lf_or_both() -> None:
    log = fed("a\r##vso[task.setsecret]s\n##vso[task.debug]x\r\nend of s")
    assert [each.event for each in log.executed] == ["setsecret", "debug"]
    assert log.lines == ["a", "end of ***"]


@pytest.mark.parametrize(
    ("results", "result"),
    [
        (["Succeeded"], "Succeeded"),
        (["Succeeded", "Failed"], "Failed"),
        (["Failed", "Succeeded"], "Failed"),
        (["SucceededWithIssues", "Succeeded"], "SucceededWithIssues"),
        (["Failed", "Canceled"], "Canceled"),
        (["Canceled", "Failed"], "Canceled"),
    ],
)
def test_the_worse_result_stays(results: list[str], result: str) -> None:
    assert fed("\n".join(f"##vso[task.complete result={each};]" for each in results)).result == result


def test_a_mask_hides_what_azure_hides_and_no_base64() -> None:
    log = fed("##vso[task.setsecret]a/b\\c")
    assert log.mask("a/b\\c a%2Fb%5Cc a/b\\\\c YS9iXGM=") == "*** *** *** YS9iXGM="


def test_what_a_task_may_not_set_is_not_set() -> None:
    text = "##vso[task.setvariable variable=PATH]x\n##vso[task.setvariable variable=Good]y"
    assert fed(text, settableVariables={"allowed": ["good"]}).outputs == {"Good": "y"}
    assert fed(text).outputs == {"PATH": "x", "Good": "y"}


def test_restricted_mode_blocks_the_summary(tmp_path: Path) -> None:
    (tmp_path / "page.md").write_text("page")
    text = f"##vso[task.uploadsummary]{tmp_path}/page.md\n##vso[task.complete result=Succeeded;]"
    assert fed(text).summary == "page"
    log = fed(text, commands={"mode": "restricted"})
    assert (log.summary, log.result, log.issues[0][0]) == ("", "Succeeded", "warning")


@pytest.mark.parametrize(
    "text", ["##vso[task.nothing]", "##vso[build.updatebuildnumber]1", "##vso[task.uploadsummary]no"]
)
def test_a_command_that_cannot_be_done_fails_the_task(text: str) -> None:
    assert fed(text).result == "Failed"


def test_a_broken_command_is_warned_of() -> None:
    assert [kind for kind, *_ in fed("##vso[task.debug").issues] == ["warning"]


def test_a_task_gets_its_environment_as_handler_cs_builds_it(tmp_path: Path) -> None:
    inputs = [
        {"name": "someText", "type": "string", "defaultValue": " x "},
        {"name": "folder", "type": "filePath", "defaultValue": ""},
        {"name": "connection", "type": "connectedService:AzureRM", "aliases": ["azure"], "defaultValue": ""},
        {"name": "other", "type": "string", "defaultValue": "$(none) $(some.Var) $(hush)"},
    ]
    endpoint = Endpoint("ServicePrincipal", {"tenantid": "t"}, {"environment": "AzureCloud"}, "prod")
    job = Job(
        tmp_path, tmp_path, tmp_path, {"PATH": "/bin"}, {"Some.Var": "v"}, {"hush": "h"}, {GUID: endpoint}, "fake"
    )
    env = job.environment({"inputs": inputs}, {"someText": "  y ", "azure": "prod"})
    assert env["INPUT_SOMETEXT"] == "y"
    assert env["INPUT_FOLDER"] == str(tmp_path), "an empty filePath is the sources' folder"
    assert env["INPUT_CONNECTION"] == GUID
    assert env["INPUT_OTHER"] == "$(none) v h"
    assert (env["SOME_VAR"], env["SECRET_HUSH"], "HUSH" in env) == ("v", "h", False)
    assert env[f"ENDPOINT_AUTH_PARAMETER_{GUID}_TENANTID"] == "t"
    assert env[f"ENDPOINT_DATA_{GUID}_ENVIRONMENT"] == "AzureCloud"
    assert env["ENDPOINT_AUTH_PARAMETER_SYSTEMVSSCONNECTION_ACCESSTOKEN"] == "fake"
    assert env["TF_BUILD"] == "True"
