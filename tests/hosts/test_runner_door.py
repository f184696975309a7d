"""action.yml, run by the small runner: what is obeyed, shown, masked, annotated and handed on."""

import base64
import dataclasses
import json
import re
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

import pytest
from amlwheel.inputs.knob import knobs
from amlwheel.inputs.step import Inputs
from amlwheel.report import outputs
from amlwheel.transport import http
from hosts import runner
from hosts.conftest import Azure, tag_push
from hosts.scenarios import (
    BAD_INPUTS,
    DRY_RUN,
    HOSTILE,
    HOSTILE_FAILURE,
    MISMATCH,
    OWN_TABLE,
    RELEASE,
    SECRETS,
    SEVERAL,
    Scenario,
)
from markdown_it import MarkdownIt
from rehearsal.state import names

pytestmark = pytest.mark.network
TOKENS = (names.FEED_TOKEN, names.READ_TOKEN, names.CLIENT_SECRET)
FOLDED = ["<details>", "<summary>", "</summary>", "</details>"]
OURS = {"add-mask", "debug", "group", "endgroup", "stop-commands", "warning", "error"}


@dataclasses.dataclass(frozen=True)
class Checkout:
    """A fresh checkout of the repository, in which scenarios run."""

    place: runner.Place
    azure: Azure

    def run(self, scenario: Scenario, given: dict[str, str] | None = None) -> runner.Result:
        """Run a scenario, with `given` instead of some of its inputs, and check what holds for every run."""
        place = dataclasses.replace(self.place, env=self.place.env | tag_push(scenario))
        before = len(self.azure.writes())
        result = runner.run(place, scenario.inputs | (given or {}), tuple(SECRETS.values()))
        check(scenario, result)
        assert bool(self.azure.writes()[before:]) is scenario.writes
        return result

    def file(self, name: str) -> str:
        """Return a file of the checkout."""
        return (self.place.workspace / name).read_text("utf-8")


@pytest.fixture(scope="session")
def temp(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the runner's temporary folder, with a space in it; the step's own packages are installed there once."""
    return tmp_path_factory.mktemp("runner temp")


@pytest.fixture
def checkout(repository: Path, azure: Azure, base: dict[str, str], temp: Path, tmp_path: Path) -> Checkout:
    workspace = tmp_path / "work space"
    shutil.copytree(repository, workspace)
    return Checkout(runner.Place(workspace, workspace, temp, base), azure)


def check(scenario: Scenario, result: runner.Result) -> None:
    """Assert what holds for every run, however it ends."""
    assert result.status == scenario.status, result.log.text[-3000:]
    assert [message.split()[0] for _, message in result.log.annotations()] == list(scenario.codes)
    assert {command.name for command in result.log.executed} <= OURS
    assert not result.log.stopped
    assert balanced(result.log)
    assert result.files["GITHUB_ENV"] == result.files["GITHUB_PATH"] == result.files["GITHUB_STATE"] == ""
    written = runner.parse_file(result.files["GITHUB_OUTPUT"])
    assert set(written) == (set() if scenario.status else set(outputs.OUTPUTS))
    assert all(result.outputs[name] for name in written)
    assert result.log.injected == {}
    assert result.dropped == frozenset()
    assert {name: result.outputs[name] for name in scenario.outputs} == scenario.outputs
    scenario.check_page(result.summary, [message for _, message in result.log.annotations()], result.log.text)
    check_secrets(result)


def balanced(log: runner.Log) -> bool:
    """Tell whether each group that was opened is closed, and never two are open at once."""
    marks = "".join("(" if each.name == "group" else ")" for each in log.executed if "group" in each.name)
    return re.fullmatch(r"(\(\))*", marks) is not None


def check_secrets(result: runner.Result) -> None:
    """Assert that no token shows, even to one who reads the log without the runner's masks."""
    unmasked = [line for line in result.raw.splitlines() if not line.startswith("::add-mask::")]
    for text in ("\n".join(unmasked), result.files["GITHUB_OUTPUT"], result.files["GITHUB_STEP_SUMMARY"]):
        shown = [form for token in TOKENS for form in forms(token) if form in text]
        assert shown == []
        assert not [mask for mask in masked(result) if mask in text]


def forms(token: str) -> Iterator[str]:
    """Yield the spellings in which a token could show: as it is, quoted, in base64 alone and with a user's name."""
    yield from (token, quote(token, safe=""), base64.b64encode(token.encode()).decode())
    for user in (http.USER, "build", "user", "__token__", ""):
        yield base64.b64encode(f"{user}:{token}".encode()).decode()


def masked(result: runner.Result) -> set[str]:
    """Return what the step told the runner to mask."""
    return {command.data for command in result.log.executed if command.name == "add-mask"}


def test_a_release_and_the_same_again(checkout: Checkout) -> None:
    first = checkout.run(RELEASE)
    assert_useful(first, json.loads(checkout.file(first.outputs["receipt"])))
    again = dataclasses.replace(RELEASE, outputs={**RELEASE.outputs, "changed": "false"}, writes=False)
    place = dataclasses.replace(checkout.place, env={**checkout.place.env, "RUNNER_DEBUG": "1"})
    second = dataclasses.replace(checkout, place=place).run(again)
    told = [each.data for each in second.log.executed if each.name == "debug"]
    assert any(re.match(r"GET https://management\.azure\.com/\S+: 200, \d+ ms$", each) for each in told)
    assert "debug" not in {each.name for each in first.log.executed}
    assert changing(second.outputs) == first.outputs
    assert second.summary.startswith(f"## Nothing to do: `{second.outputs['environment']}`\n")


def test_what_the_host_fills_in_does_not_win_over_the_projects_table(checkout: Checkout) -> None:
    result = checkout.run(OWN_TABLE)
    assert checkout.file(result.outputs["lock-file"]).startswith("# Locked by amlwheel for Python 3.12.")
    assert (
        "by default: environment-per-package, base-image, lock, exclude-newer, audit, route, mirror, sdk, verify"
        in result.log.text
    )
    won = checkout.run(OWN_TABLE, {"python-version": "3.11"})
    assert checkout.file(won.outputs["lock-file"]).startswith("# Locked by amlwheel for Python 3.11.")
    assert "both give python-version: this run wins" in won.log.text


def test_a_dry_run_foretells_the_release(checkout: Checkout) -> None:
    dry = checkout.run(DRY_RUN)
    assert dry.summary.startswith("## Dry run: `azureml:acme-flit:")
    files = [dry.outputs[name] for name in ("lock-file", "conda-file", "environment-file")]
    foretold = [checkout.file(name) for name in files]
    told = json.loads(checkout.file(dry.outputs["receipt"]))
    wet = checkout.run(dataclasses.replace(DRY_RUN, writes=True), {"dry-run": "false"})
    assert wet.outputs == dry.outputs
    assert [checkout.file(name) for name in files] == foretold
    assert told["dry_run"] is True
    assert json.loads(checkout.file(wet.outputs["receipt"])) == {**told, "dry_run": False}


def assert_useful(result: runner.Result, released: Mapping[str, Mapping[str, str]]) -> None:
    """Assert that the summary has what a person wants, and that every token was masked, the fetched one too."""
    for wanted in (
        result.outputs["environment"],
        result.outputs["wheel-sha256"],
        released["environment"]["image"],
        "```mermaid\nflowchart ",
        f"environment: {result.outputs['environment']}",
        f'environment="{result.outputs["environment"]}"',
        f'Environment.get(workspace, "acme-features", version="{result.outputs["environment-version"]}")',
        "| CREATE |",
    ):
        assert wanted in result.summary
    assert html_in(result.summary) == FOLDED * 2
    for token in SECRETS.values():
        assert {token, base64.b64encode(f"{http.USER}:{token}".encode()).decode()} <= masked(result)
    assert [mask for mask in masked(result) if mask.startswith("eyJ") and mask.count(".") == 2], "Entra's token"


def changing(outputs: Mapping[str, str]) -> dict[str, str]:
    """Return the outputs of a run that changed nothing as those of one that did."""
    targets = outputs["environments"].replace('"changed":false', '"changed":true')
    return {**outputs, "changed": "true", "environments": targets}


def untimed(summary: str) -> str:
    """Return a summary without what took longest."""
    return summary.partition("<details><summary>What took longest")[0]


def html_in(markdown: str) -> list[str]:
    """Return the HTML tags that a page of Markdown would put into the page around it; fail for pictures.

    Fail for links that aren't ours, too.
    """
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(markdown)
    inline = [child for token in tokens for child in token.children or ()]
    assert not [each for each in inline if each.type == "image"]
    links = [str(each.attrs["href"]) for each in inline if each.type == "link_open"]
    ours = ("https://ml.azure.com/environments/", f"https://dev.azure.com/{names.ORGANIZATION}/")
    commits = re.compile(r"https://github\.com/acme/\w+/(commit/[0-9a-f]{40}|actions/runs/\d+)")
    assert not [link for link in links if not link.startswith(ours) and not commits.fullmatch(link)]
    html = "".join(each.content for each in [*tokens, *inline] if each.type in {"html_block", "html_inline"})
    return re.findall(r"</?[a-z]+[^>]*>?", html)


def test_a_tag_that_is_not_the_version(checkout: Checkout) -> None:
    ((title, message),) = checkout.run(MISMATCH).log.annotations()
    assert title == "amlwheel"
    head, what, cause, fix, more = message.split("\n")
    assert head == "AW23 tag and version differ"
    assert what.startswith("The tag is 'v0.4.0', but acme-flit has version 0.1.0;")
    assert cause.startswith("Likely cause: ")
    assert fix.startswith("What to do: ")
    assert more.endswith("/docs/errors.md#aw23")


def test_every_bad_input_at_once_by_the_names_of_this_host(checkout: Checkout) -> None:
    result = checkout.run(BAD_INPUTS)
    named = [re.findall(r"^(?:- )?`([^`]*)`", message, re.MULTILINE) for _, message in result.log.annotations()]
    assert named == [["workspace"], ["python-version", "index", "verify"], ["connection-token"]]
    messages = " ".join(message for _, message in result.log.annotations())
    assert set(re.findall(r"`([^`]*)`", messages)) <= {each.name for each in knobs(Inputs, "github")}
    assert not re.search(r"--[a-z]+-|AMLWHEEL_|pythonVersion|connectionToken", messages)
    assert "Did you mean 'extra'?" in messages
    assert "Did you mean 'install'?" in messages
    assert "'3.10'" in messages


def test_several_packages(checkout: Checkout) -> None:
    result = checkout.run(SEVERAL)
    packages, wheels = result.outputs["package-name"].split("\n"), result.outputs["wheel"].split("\n")
    digests = result.outputs["wheel-sha256"].split("\n")
    assert [Path(wheel).name.split("-")[0].replace("_", "-") for wheel in wheels] == packages
    for wheel, digest in zip(wheels, digests, strict=True):
        assert (checkout.place.workspace / wheel).exists()
        assert f"- {Path(wheel).name}, sha256 `{digest}`\n" in result.summary
    assert [f'["{name} 0.1.0"] --> place' in result.summary for name in packages] == [True, True]


def test_a_hostile_project_is_only_shown(checkout: Checkout) -> None:
    result = checkout.run(HOSTILE)
    assert_only_shown(result)
    assert "::error::EVIL, as docutils quotes it" in result.raw
    assert "EVIL" not in result.files["GITHUB_OUTPUT"] + result.files["GITHUB_STEP_SUMMARY"]
    assert html_in(result.summary) == FOLDED * 2
    assert "twine check" in dict(result.log.annotations("warning")).get("amlwheel", "")


def test_a_hostile_wheel_is_only_shown(checkout: Checkout) -> None:
    """Without a build, nothing was printed that would have switched commands off."""
    built = checkout.run(HOSTILE)
    kept = dataclasses.replace(HOSTILE, writes=False, outputs={"package-name": "hostile", "changed": "false"})
    result = checkout.run(kept, {"wheel": built.outputs["wheel"], "package-dir": "", "output-dir": "again"})
    quoted = [line for line in result.raw.splitlines() if "EVIL" in line]
    assert "|    ::error::EVIL, as docutils quotes it" in quoted
    assert all(line.startswith("| ") for line in quoted)
    assert result.outputs["wheel-sha256"] == built.outputs["wheel-sha256"]


def test_a_hostile_project_that_fails_is_only_shown(checkout: Checkout) -> None:
    result = checkout.run(HOSTILE_FAILURE)
    assert_only_shown(result)
    ((_, message),) = result.log.annotations()
    assert "\nproject/hostile-failure doesn't build (status 1).\nLikely cause: " in message
    assert set(result.outputs.values()) == {""}


def assert_only_shown(result: runner.Result) -> None:
    """Assert that what the build shouted is in the log, all behind the gutter, and that it couldn't see any secret."""
    shouted = [line for line in re.split(r"\r\n|\r|\n", result.raw) if "EVIL" in line]
    assert len(shouted) > 100
    assert [line for line in shouted if not line.startswith("| ")] == []
    assert "\x1b" not in result.raw
    assert not [each for each in result.log.executed if "EVIL" in f"{each.data}{each.properties}"]
    seen = re.findall(r"^\| BEGIN ENVIRONMENT\n(.*?)^\| END ENVIRONMENT", result.raw, re.DOTALL | re.MULTILINE)
    variables = {line[2:].partition("=")[0] for block in seen for line in block.splitlines()}
    assert "PATH" in variables
    files = "GITHUB_(ENV|OUTPUT|PATH|STATE|STEP_SUMMARY|EVENT_PATH)"  # through which a job is changed
    assert not [each for each in variables if re.match(f"AMLWHEEL|AZURE|{files}|ACTIONS|RUNNER|INPUT|.*TOKEN", each)]
    assert "GITHUB_REF" in variables


@pytest.mark.parametrize(
    "name", ["1$(id)-py3-none-any", "1<b>EVIL-py3-none-any", "1`id`-py3-none-any", "1 ##[error]EVIL-py3-none-any"]
)
def test_a_hostile_file_name_stops_the_step_before_it_changes_anything(checkout: Checkout, name: str) -> None:
    (checkout.place.workspace / "project/hostile/FILENAME").write_text(name)
    checkout.run(dataclasses.replace(HOSTILE, status=24, codes=("AW24",), writes=False, outputs={}))


@pytest.mark.parametrize("folder", ["a;b", "$(id)", "it's", "a\nb"])
def test_a_folder_that_no_output_may_name_stops_the_step_at_once(checkout: Checkout, folder: str) -> None:
    refused = dataclasses.replace(RELEASE, status=10, codes=("AW10",), writes=False, outputs={})
    ((_, message),) = checkout.run(refused, {"output-dir": folder}).log.annotations()
    assert "`output-dir`" in message
