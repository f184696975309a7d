"""Debug lines: shown only where somebody asked for them, harmless whatever is in them, and without a secret."""

import contextlib
import io
import re
from collections.abc import Callable, Mapping

import pytest
from amlwheel.hosts.azure_pipelines import AzurePipelines
from amlwheel.hosts.detect import detect
from amlwheel.hosts.github import GitHub
from amlwheel.hosts.host import LONGEST, Host
from amlwheel.hosts.terminal import Terminal
from amlwheel.model.secret import Secret
from hypothesis import given
from unit.hosts.test_hosts import EVIL, HOSTILE, azure_commands, capture, decoded, every, github_commands

ON = {
    "github": {"GITHUB_ACTIONS": "true", "RUNNER_DEBUG": "1"},
    "azure": {"TF_BUILD": "True", "SYSTEM_DEBUG": "True"},
    "terminal": {"AMLWHEEL_DEBUG": "1"},
}
LOOKS = {
    "github": "::debug::GET a: 200\n",
    "azure": "##vso[task.debug ]GET a: 200\n",
    "terminal": "debug: GET a: 200\n",
}


@pytest.mark.parametrize("host", ON)
def test_each_host_has_a_switch_and_a_look_of_its_own(host: str) -> None:
    assert capture(lambda: detect(ON[host]).debug("GET a: 200")) == LOOKS[host]
    others = {name: value for each in ON.values() for name, value in each.items() if name not in ON[host]}
    for off in ({**others, **ON[host], name: "0"} for name in ON[host] if "DEBUG" in name):
        kept = {name: value for name, value in off.items() if name not in {"TF_BUILD", "GITHUB_ACTIONS"}}
        named = {name: value for name, value in ON[host].items() if "DEBUG" not in name}
        assert capture(lambda at=kept | named: detect(at).debug("GET a: 200")) == ""  # type: ignore[misc]  # no default


@every(EVIL)
@given(HOSTILE)
def test_whatever_is_in_a_debug_line_it_is_one_command_a_line_and_no_other(text: str) -> None:
    count = len(text.splitlines())
    output = capture(lambda: GitHub(ON["github"]).debug(text))
    assert [name for name, _ in github_commands(output)] == ["debug"] * count
    assert azure_commands(output) == []
    output = capture(lambda: AzurePipelines(ON["azure"]).debug(text))
    assert len(azure_commands(output)) == count
    assert all(
        re.match(r"##vso\[task\.debug \](?!.*##(\[|vso))", line, re.IGNORECASE) for line in azure_commands(output)
    )
    output = capture(lambda: Terminal(ON["terminal"]).debug(text))
    assert github_commands(output) == []
    assert azure_commands(output) == []


HOSTS: Mapping[str, Callable[[], Host]] = {name: lambda name=name: detect(ON[name]) for name in ON}  # type: ignore[misc]


@pytest.mark.parametrize("host", HOSTS)
def test_no_form_of_a_secret_is_in_a_debug_line(host: str) -> None:
    made, secret = HOSTS[host](), Secret("fake/pat+with=signs##[x")
    capture(lambda: made.mask(secret, "me"))
    for form in secret.forms("me"):
        shown = decoded(capture(lambda form=form: made.debug(f"GET https://me:{form}@x/{form} {form}")))  # type: ignore[misc]
        assert not [each for each in secret.forms("me") if each in shown]
        assert "***" in shown


def test_a_long_debug_line_is_cut() -> None:
    assert len(capture(lambda: Terminal(ON["terminal"]).debug("x" * 9999))) == LONGEST + len("debug: \n")


@pytest.mark.parametrize("host", HOSTS)
def test_a_line_is_shown_too_while_the_words_of_a_library_are_caught(host: str) -> None:
    caught = io.StringIO()

    def act() -> None:
        made = HOSTS[host]()
        with made.ours(), contextlib.redirect_stdout(caught):
            made.debug("GET a: 200")

    assert capture(act) == LOOKS[host]
    assert caught.getvalue() == ""
