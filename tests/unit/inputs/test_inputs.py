"""Reading the inputs: defaults, choices, and all problems at once, in the user's own words."""

import re
import shlex
from collections.abc import Mapping

import pytest
from amlwheel.errors.base import Several, StepError
from amlwheel.errors.git import NotACommit
from amlwheel.errors.inputs import BadFeed, BadInput, BadWorkspace, MissingToken
from amlwheel.inputs import readers, reading
from amlwheel.inputs.consumed import Consumed
from amlwheel.inputs.knob import Style, knobs
from amlwheel.inputs.readers import PYTHONS
from amlwheel.inputs.reading import from_command_line, from_environment, read, spell
from amlwheel.inputs.step import Inputs
from amlwheel.model.environment import Image
from amlwheel.model.glibc import Platform
from unit.parts import CANARY, FEED, GUID, TOKEN, WORKSPACE

LEAST = {"feed": "acme/ml/wheels", "workspace": f"{GUID}/rg/research", "feed-token": CANARY, "connection-token": CANARY}


def refused(given: Mapping[str, str]) -> StepError:
    with pytest.raises(StepError) as caught:
        read({**LEAST, **given})
    return caught.value


def test_a_text_must_be_utf8() -> None:
    reading.check_text({"feed": "é", "workspace": ""})
    with pytest.raises(BadInput, match=r"^`feed`, `workspace`: the text isn't UTF-8"):
        reading.check_text({"feed": "x\udcff", "workspace": "\0", "view": "x"})


def test_defaults() -> None:
    inputs = read(LEAST)
    assert (inputs.feed, inputs.workspace, inputs.feed_token) == (FEED, (WORKSPACE,), TOKEN)
    assert inputs.package_dir == (".",)
    assert inputs.wheel == ()
    assert inputs.python_version.exact == PYTHONS["3.11"]
    assert (inputs.index, inputs.route, inputs.sdk, inputs.verify) == ("extra", "feed", "v2", "install")
    assert inputs.base_image.registry == "mcr.microsoft.com"
    assert inputs.python_version.platform == inputs.base_image.platform == Platform(35, "Ubuntu 22.04")
    assert inputs.dry_run is False
    assert inputs.output_dir == "aml-environment"
    assert inputs.connection_token_expires == ""


def test_values() -> None:
    inputs = read(
        LEAST
        | {
            "package-dir": " one \n\n two\n",
            "workspace": f"{GUID}/rg/research\n{WORKSPACE.id}\n{GUID}/rg/second",
            "python-version": "3.12.4",
            "base-image": "mcr.microsoft.com/a/b:1",
            "dry-run": "True",
            "connection-name": "feed-x",
            "connection-token-expires": " 2027-03-01T10:00:00Z\n",
            "output-dir": "out/aml env (1)",
        }
    )
    assert inputs.package_dir == ("one", "two")
    assert [each.name for each in inputs.workspace] == ["research", "second"]
    assert inputs.python_version.exact == "3.12.4"
    assert inputs.base_image == Image("mcr.microsoft.com", "a/b", "1")
    assert inputs.dry_run is True
    assert inputs.connection_name == "feed-x"
    assert inputs.connection_token_expires == "2027-03-01"


@pytest.mark.parametrize(
    ("name", "value", "said", "fix"),
    [
        ("index", "onyl", "`index` can't be 'onyl'; it is one of extra, only.", "Did you mean 'only'?"),
        ("verify", "INSTALL", "`verify` can't be 'INSTALL'", "Did you mean 'install'?"),
        ("sdk", "pancake", "`sdk` can't be 'pancake'", BadInput.fix),
        ("dry-run", "yes", "`dry-run`: 'yes' is neither true nor false.", ""),
        ("python-version", "3.1", "`python-version`: '3.1' is not one of 3.10,", "python-version: '3.10'"),
        ("python-version", "3.9", "`python-version`: '3.9' is not one of 3.10,", BadInput.fix),
        ("python-version", "3.11.٣", "is not one of", BadInput.fix),
        ("connection-name", "my.feed", "`connection-name`: 'my.feed' isn't valid: 3 to 33", ""),
        ("connection-token-expires", "01.03.2027", "`connection-token-expires`: '01.03.2027' isn't a date of the", ""),
        ("connection-token-expires", "2027-02-29", "'2027-02-29' isn't a date of the form YYYY-MM-DD.", ""),
        ("environment-name", "my.env", "`environment-name`: 'my.env' isn't valid", ""),
        ("environment-name", "AzureML-mine", "'AzureML-mine' begins with AzureML", "begins with something else"),
        ("environment-name", "microsoft-mine", "'microsoft-mine' begins with microsoft", "begins with something else"),
        ("output-dir", "a$[b]", "`output-dir`: 'a$[b]' isn't valid", ""),
        ("output-dir", "a/$(My.Folder)", "`output-dir` holds the literal text of a variable that was", "$(My.Folder)"),
        ("package-dir", "$(dir)", "`package-dir` is the literal text of a variable that was never set: $(dir).", ""),
        ("plan-file", "aml-plan/", "`plan-file`: 'aml-plan/' isn't valid: the path of a .json file", ""),
        ("plan-file", "out/aml-release.json", "that isn't one of the emitted files", ""),
        ("shard", "5/4", "`shard`: '5/4': parts count from 1/4 to 4/4.", ""),
        ("shard", "0/4", "'0/4': parts count from 1/4 to 4/4.", ""),
        ("shard", "0/0", "'0/0' has no parts.", ""),
        ("shard", "2", "`shard`: '2' isn't valid: a part and the number of parts, such as 2/3", ""),
        ("feed", "", "`feed` is required.", ""),
        ("workspace", " \n ", "`workspace` is required.", ""),
    ],
)
def test_a_wrong_value_is_named_with_what_was_meant(name: str, value: str, said: str, fix: str) -> None:
    problem = refused({name: value})
    assert isinstance(problem, BadInput)
    assert said in problem.what
    assert fix in f"{problem.what} {problem.fix}"


@pytest.mark.parametrize("token", ["$(FAKE_PAT)", f"{CANARY}\nx", f"{CANARY} x", f"{CANARY}…"])
@pytest.mark.parametrize("name", ["feed-token", "connection-token"])
def test_a_wrong_secret_is_refused_once_by_name_and_never_by_value(name: str, token: str) -> None:
    problem = refused({name: token})
    assert isinstance(problem, BadInput)
    assert f"`{name}`" in problem.what
    assert "FAKE_PAT" not in f"{problem.what} {problem.fix} {problem.details}"
    assert CANARY not in f"{problem.what} {problem.fix} {problem.details}"


@pytest.mark.parametrize("name", ["feed-token", "connection-token"])
def test_a_missing_token_is_asked_for_by_name(name: str) -> None:
    problem = refused({name: "  ", "feed": "https://packages.example/simple/"})
    assert isinstance(problem, MissingToken)
    assert problem.what == f"`{name}` is empty."
    assert f"`{name}`" in problem.fix


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("feed", "acme/ml/wheels"),
        ("feed-token", "fake"),
        ("feed-view", "Release"),
        ("index", "only"),
        ("wheel", "dist/*.whl"),
    ],
)
def test_what_makes_no_sense_with_git_is_to_be_left_out(name: str, value: str) -> None:
    least = {"route": "git", "feed": "", "feed-token": ""}
    problem = refused({**least, name: value})
    assert isinstance(problem, BadInput)
    assert problem.what.startswith(f"`{name}` with `route` git: ")
    assert problem.fix.startswith(f"Leave `{name}` out")


def test_git_needs_a_token_and_takes_a_repository() -> None:
    least = {**LEAST, "route": "git", "feed": "", "feed-token": ""}
    assert read(least).git_repository is None
    found = read({**least, "git-repository": "git@github.com:acme/churn.git"}).git_repository
    assert found is not None
    assert found.url == "https://github.com/acme/churn"
    problem = refused({**least, "connection-token": ""})
    assert isinstance(problem, MissingToken)
    assert "Contents read-only" in problem.fix
    assert isinstance(refused({"git-repository": "https://github.com/acme/churn"}), BadInput)
    assert isinstance(refused({**least, "git-repository": "https://github.com/acme/churn@main"}), NotACommit)


@pytest.mark.parametrize(
    ("name", "value"), [("index", "only"), ("connection-name", "feed-x"), ("connection-token-expires", "2027-03-01")]
)
def test_without_a_feed_nothing_can_be_said_about_it(name: str, value: str) -> None:
    problem = refused({"route": "workspace", "feed": "", name: value})
    assert isinstance(problem, BadInput)
    assert problem.what.startswith(f"`{name}` without a `feed`: it ")
    assert problem.fix == f"Leave `{name}` out."


@pytest.mark.parametrize(
    ("given", "view"),
    [
        ({}, ""),
        ({"feed-view": "Release"}, "Release"),
        ({"feed": "acme/ml/wheels@Release"}, "Release"),
        ({"feed": "acme/ml/wheels@Release", "feed-view": "release"}, "release"),
        ({"feed": "acme/ml/wheels@Local"}, ""),
        ({"feed-view": "local"}, ""),
        ({"feed": "acme/ml/wheels@Release", "route": "workspace"}, ""),
    ],
)
def test_the_view_to_promote_to(given: dict[str, str], view: str) -> None:
    assert read(LEAST | given).view == view


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"route": "workspace"}, "nothing is published, so nothing can be promoted"),
        ({"route": "workspace", "feed": ""}, "nothing is published, so nothing can be promoted"),
        ({"feed": "https://index.example/simple/"}, "only feeds of Azure Artifacts have views"),
        ({"feed": "acme/ml/wheels@Prerelease"}, "images would be built from the view 'Prerelease' in `feed`"),
        ({"feed-view": "@Release"}, "the view's name alone, such as Release"),
    ],
)
def test_where_nothing_can_be_promoted_a_view_is_refused(given: dict[str, str], said: str) -> None:
    problem = refused({"feed-view": "Release", **given})
    assert isinstance(problem, BadInput)
    assert said in problem.what


def test_all_problems_come_at_once() -> None:
    problem = refused(
        {"feed": "?", "workspace": "x", "index": "y", "route": "storage", "connection-token": "", "base-image": "z"}
    )
    assert isinstance(problem, Several)
    assert [type(each).__name__ for each in problem.errors] == [
        "BadFeed", "BadWorkspace", "BadImage", "BadInput", "BadInput"
    ]  # fmt: skip
    assert problem.status == BadFeed.status
    assert BadWorkspace.status in {each.status for each in problem.errors}


@pytest.mark.parametrize(
    ("style", "name", "token"),
    [
        ("github", "python-version", "feed-token"),
        ("azure", "pythonVersion", "feedToken"),
        ("terminal", "--python-version", "AMLWHEEL_FEED_TOKEN"),
    ],
)
def test_names_are_spelled_as_the_host_has_them(style: Style, name: str, token: str) -> None:
    text = "`python-version`, `feed-token` and `not-an-input`; python-version"
    assert spell(text, style) == f"`{name}`, `{token}` and `not-an-input`; python-version"


def test_each_host_has_its_own_inputs() -> None:
    assert {each.name for each in knobs(Inputs)} - {each.name for each in knobs(Inputs, "azure")} == {
        "client-id",
        "tenant-id",
    }
    assert {each.name for each in knobs(Inputs)} - {each.name for each in knobs(Inputs, "github")} == {
        "azure-subscription"
    }


# --- the command line


def test_the_command_line_gives_texts_by_input() -> None:
    words = ["--package-dir", "one", "--package-dir=two", "--dry-run", "--verify", "none"]
    assert from_command_line(words) == {"package-dir": "one\ntwo", "dry-run": "true", "verify": "none"}
    assert from_command_line(["--dry-run", "false"]) == {"dry-run": "false"}
    assert from_command_line([]) == {}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--fed", "x"], "--fed is not an option. Did you mean --feed?"),
        (["--feed-tokem", CANARY], "--feed-tokem is not an option. Did you mean --feed-token?"),
        (["--feed-token", CANARY], "--feed-token is not an option. Secrets are given by environment variable"),
        ([f"--connection-token={CANARY}"], "--connection-token is not an option. Secrets are given by environment"),
        (["--pancake"], "--pancake is not an option."),
        (["--verif", "none"], "--verif is not an option. Did you mean --verify?"),
        (["--feed"], "--feed: expected one argument."),
    ],
)
def test_what_is_no_option_is_refused_without_its_value(words: list[str], said: str) -> None:
    with pytest.raises(BadInput) as caught:
        from_command_line(words)
    assert caught.value.what.startswith(said)
    assert CANARY not in caught.value.what


def helped(arguments: list[str], of: type, capsys: pytest.CaptureFixture[str]) -> str:
    with pytest.raises(SystemExit) as ended:
        from_command_line(arguments, of)
    assert ended.value.code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("of", [Inputs, Consumed])
@pytest.mark.parametrize("columns", ["80", "120", "300"])
def test_help_shows_every_input_once_and_fits_the_terminal(
    of: type, columns: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    shown = helped(["--help"], of, capsys)
    names = re.findall(r"^  (--[a-z-]+|AMLWHEEL_[A-Z_]+)(?: VALUE|=1)?(?:  .*)?$", shown, re.MULTILINE)
    own = ["--no-color", "AMLWHEEL_DEBUG", "--help"]
    assert sorted(names) == sorted([each.spelled("terminal") for each in knobs(of, "terminal")] + own)
    assert max(map(len, shown.splitlines())) < min(int(columns), 120)
    assert "`" not in shown


def test_help_begins_with_what_most_runs_need_and_with_examples_that_can_be_read(
    capsys: pytest.CaptureFixture[str],
) -> None:
    shown = helped(["--feed", "a/b", "-h"], Inputs, capsys)
    first = re.findall(r"^  (--[a-z-]+|AMLWHEEL_[A-Z_]+)", shown, re.MULTILINE)[:6]
    most = ["--package-dir", "--feed", "AMLWHEEL_FEED_TOKEN", "--workspace", "AMLWHEEL_CONNECTION_TOKEN", "--dry-run"]
    assert first == most
    examples = re.findall(r"^  amlwheel (.*)$", shown, re.MULTILINE)
    assert len(examples) == 3
    for each in examples:
        given = from_command_line(shlex.split(each.replace("SUBSCRIPTION", GUID)))
        read(given if "route" in given else given | {"connection-token": CANARY})


def test_the_environment_is_read_under_the_hosts_names() -> None:
    both = {"AMLWHEEL_FEED": "a/b", "INPUT_FEED": "c/d", "AMLWHEEL_AZURE_SUBSCRIPTION": "x", "OTHER": "y"}
    assert from_environment(both, "github") == {"feed": "a/b"}
    assert from_environment(both, "terminal") == {"feed": "a/b"}
    assert from_environment(both | {"INPUT_CONNECTEDSERVICENAMEARM": GUID}, "azure") == {
        "feed": "c/d",
        "azure-subscription": GUID,
    }


REPOSITORY = {"feed": "https://pypi.example/simple/"}


def test_a_token_belongs_to_its_user_and_the_reader_is_the_same_unless_told() -> None:
    inputs = read({**LEAST, **REPOSITORY, "feed-user": "ACME\\ci@example.com"})
    assert [inputs.feed_token.user, inputs.connection_token.user] == ["ACME\\ci@example.com"] * 2
    inputs = read({**LEAST, **REPOSITORY, "feed-user": "ci", "connection-user": "images"})
    assert [inputs.feed_token.user, inputs.connection_token.user] == ["ci", "images"]
    assert inputs.feed_token == TOKEN
    assert read(LEAST).feed_token.user == ""
    inputs = read({**LEAST, "base-image-user": "puller", "base-image-token": "fake-token"})
    assert (inputs.base_image_token.user, inputs.base_image_token.reveal()) == ("puller", "fake-token")


def test_a_given_upload_address_takes_the_place_of_the_derived_one() -> None:
    given = {**REPOSITORY, "feed-upload-url": "https://pypi.example/legacy/"}
    feed = read({**LEAST, **given}).feed
    assert feed
    assert feed.upload_url == "https://pypi.example/legacy/"


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({**REPOSITORY, "feed-user": "a:b"}, "`feed-user`: 'a:b' isn't valid"),
        ({**REPOSITORY, "connection-user": "ä"}, "`connection-user`: 'ä' isn't valid"),
        ({"base-image-user": "a:b"}, "`base-image-user`: 'a:b' isn't valid"),
        ({"base-image-user": "ci"}, "`base-image-user` is given, and `base-image-token` is empty"),
        ({"feed-upload-url": "https://pypi.example/"}, "Azure Artifacts has its own address"),
        ({**REPOSITORY, "feed-upload-url": "https://pypi.example/", "route": "workspace"}, "nothing is published"),
        ({"feed": "https://gitlab.com/api/v4/groups/a/-/packages/pypi/simple"}, "which takes no uploads"),
        (
            {"feed": "", "route": "workspace", "feed-user": "ci"},
            "`feed-user` without a `feed`: it names a user of the feed.",
        ),
    ],
)
def test_users_and_upload_addresses_that_make_no_sense_are_refused(given: dict[str, str], said: str) -> None:
    assert said in refused(given).what


def test_a_missing_password_of_another_repository_is_no_matter_of_azure() -> None:
    problem = refused({**REPOSITORY, "feed-token": ""})
    assert (problem.what, problem.fix) == (
        "`feed-token` is empty.",
        "Store the password or token of a user of the repository as a secret, and pass it as `feed-token`.",
    )


@pytest.mark.parametrize("name", ["connection-name", "connection-user", "connection-token-expires"])
def test_with_a_mirror_nothing_is_said_of_a_connection(name: str) -> None:
    container = {"route": "storage", "storage-container": "https://acmewheels.blob.core.windows.net/wheels"}
    value = {"connection-token-expires": "2030-01-01"}.get(name, "some-name")
    assert f"`{name}` with `mirror`" in refused({**container, "mirror": "true", name: value}).what


def test_accepted_advisories_are_ids_with_reasons() -> None:
    text = "# looked at on Monday\nGHSA-jjg7-2v4v-x38h # never called\nCVE-2024-3651, PYSEC-2024-60\n"
    found = {"GHSA-jjg7-2v4v-x38h": "never called", "CVE-2024-3651": "", "PYSEC-2024-60": ""}
    assert readers.accepted(text) == found
    for wrong in ("idna", "CVE-2024-3651=yes", "CVE-2024-\u00e9", "GHSA-x: reason"):
        with pytest.raises(BadInput, match="isn't valid: the id of an advisory"):
            readers.accepted(wrong)


def test_conda_packages_are_exact_and_all_others_told_at_once() -> None:
    assert [each.text for each in readers.conda("# ours\n- ffmpeg=6.1.1\n\nffmpeg=6.1.1 # again\ntk=8.6=h1")] == [
        "ffmpeg=6.1.1",
        "tk=8.6=h1",
    ]
    with pytest.raises(StepError, match="2 problems"):
        readers.conda("ffmpeg=6\nopenmpi\ntk=8.6=h1")


def test_a_workspace_in_two_spellings_is_taken_once() -> None:
    spelled = [f"{GUID}/rg/research", WORKSPACE.id.upper(), f"{GUID}/RG/Research", f"{GUID}/other/research"]
    found = readers.targets("\n".join(spelled))
    assert [each.id.split("/")[4::4] for each in found] == [["rg", "research"], ["other", "research"]]
