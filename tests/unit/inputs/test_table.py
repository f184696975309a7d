"""The project's own inputs: what `[tool.amlwheel]` gives, what wins over it, and what is refused there."""

import json
import re
import sys
from pathlib import Path

import jsonschema
import pytest
from amlwheel import __main__
from amlwheel.errors.base import Several, StepError
from amlwheel.errors.inputs import BadInput, SecretInTable
from amlwheel.hosts.terminal import Terminal
from amlwheel.inputs.knob import knobs
from amlwheel.inputs.reading import read
from amlwheel.inputs.step import Inputs
from amlwheel.inputs.table import NO_TABLE, Table, find, sources
from unit.parts import CANARY, GUID, ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

WORKSPACE = f"{GUID}/rg/research"
SECRETS = {"feed-token": CANARY, "connection-token": CANARY}
GOOD = f"""
[tool.amlwheel]
feed = "acme/ml/wheels"
workspace = ["{WORKSPACE}", "{GUID}/rg/second"]
python-version = "3.12"
requirements = ["torch>=2.4", "lightgbm"]
mirror = false
environment-name = "churn"
"""
PAT = "A" * 76 + "AZDO" + "1234"
SCHEMA = json.loads((ROOT / "templates/amlwheel.schema.json").read_text("utf-8"))


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which the step runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, text: str) -> Table:
    folder.mkdir(exist_ok=True)
    own = "" if "[project]" in text else '[project]\nname = "acme-churn"\nversion = "1"\n'
    (folder / "pyproject.toml").write_text(own + text, "utf-8")
    return find([str(folder)], pytest.fail)


def refused(project: Path, text: str) -> StepError:
    with pytest.raises(StepError) as caught:
        write(project, text)
    return caught.value


# --- what it gives


def test_the_table_gives_texts_as_a_pipeline_would(project: Path) -> None:
    (project / "pyproject.toml").write_text(GOOD, "utf-8")
    own = find(["."], pytest.fail)
    assert own.label == "[tool.amlwheel] of pyproject.toml"
    assert own.texts == {
        "feed": "acme/ml/wheels",
        "workspace": f"{WORKSPACE}\n{GUID}/rg/second",
        "python-version": "3.12",
        "requirements": "torch>=2.4\nlightgbm",
        "mirror": "false",
        "environment-name": "churn",
    }
    inputs = read(SECRETS, own)
    assert inputs.feed
    assert (inputs.feed.label, inputs.environment_name) == ("acme/ml/wheels", "churn")
    assert [each.name for each in inputs.workspace] == ["research", "second"]
    assert inputs.python_version.minor == "3.12"


@pytest.mark.parametrize(
    "text",
    ["", "[tool.amlwheel]\n", "tool = 3", "[project]\nname='a'\n", "[tool.amlwheel]\nfeed = ''\nrequirements = []\n"],
)
def test_a_project_without_a_table_gives_nothing(project: Path, text: str) -> None:
    assert write(project, text).texts == {}
    assert find(["elsewhere"], pytest.fail).texts == {}


def test_the_pipeline_wins_over_the_table_and_the_table_over_the_default(project: Path) -> None:
    own = write(project, '[tool.amlwheel]\nfeed = "acme/ml/wheels"\npython-version = "3.12"\nindex = "only"\n')
    given = {**SECRETS, "workspace": WORKSPACE, "python-version": "3.11"}
    inputs = read(given, own.under(given))
    assert (inputs.python_version.minor, inputs.index, inputs.sdk) == ("3.11", "only", "v2")


def test_paths_in_the_table_count_from_its_folder(project: Path) -> None:
    own = write(project / "one", '[tool.amlwheel]\nrequirements = "requirements.txt"\n')
    given = {**SECRETS, "feed": "acme/wheels", "workspace": WORKSPACE}
    assert read(given, own).folder("requirements") == project / "one"
    given["requirements"] = "requirements.txt"
    assert read(given, own.under(given)).folder("requirements") == Path()


def test_the_first_package_leads_and_another_table_that_differs_is_told(project: Path) -> None:
    warned: list[str] = []
    write(project / "two", '[tool.amlwheel]\nfeed = "acme/ml/wheels"\npython-version = "3.12"\nindex = "only"\n')
    write(project / "three", '[tool.amlwheel]\nfeed = "acme/ml/wheels"\n')
    write(project / "four", "")
    write(project / "one", '[tool.amlwheel]\nfeed = "acme/ml/wheels"\npython-version = "3.11"\nsdk = "v1"\n')
    (project / "pyproject.toml").write_text('[tool.amlwheel]\nsdk = "v2"\n')
    own = find(["one", "two", "three", "four", "one"], warned.append)
    assert own.texts["python-version"] == "3.11"
    assert warned == [
        "[tool.amlwheel] of two/pyproject.toml isn't used, since one leads; it differs in python-version, index.",
        "[tool.amlwheel] of pyproject.toml isn't used, since one leads; it differs in sdk.",
    ]


def test_it_is_said_where_each_value_came_from(project: Path) -> None:
    own = write(project, '[tool.amlwheel]\nfeed = "acme/ml/wheels"\npython-version = "3.12"\n')
    given = {"workspace": WORKSPACE, "python-version": "3.11", "connection-token": CANARY}
    told, won = "pythonVersion", "workspace, connectionToken, pythonVersion"
    defaults = "packageDir, environmentPerPackage, baseImage, lock, excludeNewer, index, audit, route, mirror, sdk, "
    defaults += "verify, command, check, dryRun, outputDir, timeoutMinutes"
    assert list(sources(own, given, "azure")) == [
        f"{own.label} gives feed",
        f"this run gives {won}",
        f"both give {told}: this run wins",
        f"by default: {defaults}",
    ]
    assert list(sources(own, {}, "github"))[1] == "this run gives nothing"
    assert list(sources(NO_TABLE, given, "github")) == []


# --- what is refused


@pytest.mark.parametrize(
    ("line", "said", "fix"),
    [
        ('python-verson = "3.12"', "has 'python-verson', which is no input.", "Did you mean 'python-version'?"),
        ('python_version = "3.12"', "has 'python_version', which is no input.", "Did you mean 'python-version'?"),
        ('pythonVersion = "3.12"', "has 'pythonVersion', which is no input.", "Did you mean 'python-version'?"),
        ("pancake = 1", "has 'pancake', which is no input.", "The keys are build-env, feed, feed-upload-url,"),
        ("dry-run = true", "has 'dry-run', which only the pipeline can give: whoever starts", "Give `dry-run` in the"),
        (
            'client_id = "x"',
            "has 'client-id', which only the pipeline can give: it says who signs in",
            "Give `client-id`",
        ),
        ('package-dir = "."', "has 'package-dir', which only the pipeline can give: it says where the table is", ""),
        ('azure-subscription = "x"', "has 'azure-subscription', which only the pipeline can give", ""),
        (
            "python-version = 3.11",
            "'python-version' is a number, and it takes a text.",
            'Write python-version = "3.11".',
        ),
        ("python-version = 3", "'python-version' is a number", ""),
        ("feed = 2026-01-01", "'feed' is a date or time", ""),
        ("feed = true", "'feed' is true or false, and it takes a text.", 'Write feed = "…".'),
        ('feed = ["a/b"]', "'feed' is a list, and it takes a text.", ""),
        ("feed.url = 1", "'feed' is a table", ""),
        ('mirror = "true"', "'mirror' is a text, and it takes true or false, without quotes.", "Write mirror = true."),
        ("requirements = [1]", "'requirements' is a list, and it takes a text, or a list of texts.", '["…", "…"]'),
        ('feed = "$(feed)"', "'feed' has $(feed), and nothing replaces variables there.", "Write the value itself"),
        ('workspace = ["${{ vars.WS }}"]', "'workspace' has ${{, and nothing replaces", ""),
    ],
)
def test_what_can_not_stand_there_is_refused_with_the_way_out(project: Path, line: str, said: str, fix: str) -> None:
    problem = refused(project, f"[tool.amlwheel]\n{line}\n")
    assert isinstance(problem, BadInput)
    assert problem.what.startswith(f"[tool.amlwheel] of {project.as_posix()}/pyproject.toml")
    assert said in problem.what
    assert fix in problem.fix


@pytest.mark.parametrize(
    "line",
    [
        f'feed-token = "{CANARY}"',
        f'connection_token = "{CANARY}"',
        f'feedTokn = "{CANARY}"',
        f'FEED-TOKEN = ["{CANARY}"]',
        f'feed = "https://ci:{CANARY}@pypi.example/simple/"',
        f'feed = "https://{CANARY}@pypi.example/simple/"',
        f'requirements = ["torch", "--extra-index-url https://:{CANARY}@pypi.example/simple/"]',
        f'environment-name = "{PAT}"',
        f'pancake = {{deep = ["{PAT}"]}}',
        f'"{PAT}" = "x"',
        'environment-name = "' + "a2b3" * 13 + '"',
        'environment-name = "pypi-AgE' + "x1" * 30 + '"',
        'feed = "https://index.example/'
        + "x1" * 10
        + '" # '
        + CANARY
        + '\ngit-repository = "https://'
        + "x1" * 20
        + '@x.example/a"',
        'feed = "ghp_' + "x1" * 18 + '"',
        'feed = "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJodHRwczovL3ggIn0.c2ln"',
        f'storage-container = "https://a.blob.core.windows.net/c?sv=1&sig={CANARY}"',
        'feed = "' + "Ab3/" * 21 + 'Ab=="',
    ],
)
def test_a_secret_there_is_refused_and_never_shown(project: Path, line: str) -> None:
    problem = refused(project, f"[tool.amlwheel]\n{line}\n")
    assert isinstance(problem, SecretInTable)
    shown = f"{problem.what} {problem.fix} {problem.cause} {problem.details}"
    assert not [text for text in (CANARY, PAT, "a2b3", "x1x1", "eyJ", "Ab3/") if text in shown]


@pytest.mark.parametrize(
    "line",
    [
        'git-repository = "https://acme@dev.azure.com/acme/ml/_git/churn"',
        'git-repository = "https://a-long-name-of-an-organisation@dev.azure.com/a-long-name-of-an-organisation/ml/_git/x"',
        'git-repository = "git@github.com:acme/churn.git"',
        'base-image = "mcr.microsoft.com/azureml/a@sha256:' + "0" * 64 + '"',
        'requirements = ["demo @ git+https://github.com/acme/demo@' + "0" * 40 + '"]',
        'requirements = ["torch==2.4.0 --hash=sha256:' + "0" * 64 + '"]',
    ],
)
def test_what_only_looks_a_little_like_a_secret_is_taken(project: Path, line: str) -> None:
    assert len(write(project, f"[tool.amlwheel]\n{line}\n").texts) == 1


def test_all_that_is_wrong_in_all_tables_is_said_at_once(project: Path) -> None:
    (project / "one").mkdir()
    (project / "one/pyproject.toml").write_text('[tool.amlwheel]\nfed = "x"\nsdk = 1\n')
    (project / "pyproject.toml").write_text(f'[tool.amlwheel]\nfeed-token = "{CANARY}"\n')
    with pytest.raises(Several) as caught:
        find(["one"], pytest.fail)
    assert [each.code for each in caught.value.errors] == ["AW10", "AW10", "AW14"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[tool]\namlwheel = 3\n", "has 'amlwheel', but no table [tool.amlwheel]"),
        ("[tool.aml-wheel]\nfeed = 'a/b'\n", "has 'aml-wheel', but no table [tool.amlwheel]"),
        ("[amlwheel]\nfeed = 'a/b'\n", "has 'amlwheel', but no table [tool.amlwheel]"),
    ],
)
def test_a_table_with_another_name_is_not_left_out_in_silence(project: Path, text: str, said: str) -> None:
    problem = refused(project, text)
    assert said in problem.what
    assert problem.fix == "Begin the table with the line [tool.amlwheel]."


@pytest.mark.parametrize(
    ("content", "said", "fix"),
    [
        (b"\xef\xbb\xbf[tool.amlwheel]\n", "begins with a byte order mark", "without a byte order mark"),
        ("[tool.amlwheel]\n".encode("utf-16"), "isn't a text in UTF-8", "as UTF-8"),
        (b"[tool.amlwheel]\nfeed = acme\n", "isn't valid TOML at line 2, so its [tool.amlwheel] can't be read.", ""),
        (b"[tool.amlwheel]\n" + b"a = " + b"[" * 5000, "isn't valid TOML, so its [tool.amlwheel]", "Correct"),
    ],
)
def test_a_file_that_is_no_toml_is_named(project: Path, content: bytes, said: str, fix: str) -> None:
    (project / "pyproject.toml").write_bytes(content)
    with pytest.raises(BadInput) as caught:
        find(["."], pytest.fail)
    assert caught.value.what.startswith("pyproject.toml ")
    assert said in caught.value.what
    assert fix in caught.value.fix


@pytest.mark.parametrize("content", [b"\xef\xbb\xbf[project]\n", b"[project\n", b"\xff\xfe"])
def test_a_broken_file_without_a_table_is_the_builds_matter(project: Path, content: bytes) -> None:
    (project / "pyproject.toml").write_bytes(content)
    assert find(["."], pytest.fail).texts == {}


def test_a_bad_value_is_told_with_its_place_and_its_name_there(project: Path) -> None:
    own = write(project, '[tool.amlwheel]\nfeed = "?"\npython-version = "3.9"\nindex = "onyl"\n')
    with pytest.raises(Several) as caught:
        read({**SECRETS, "workspace": WORKSPACE}, own)
    first, second, third = caught.value.errors
    assert first.what.startswith(f"{own.label}: ")
    assert first.fix.startswith("Write 'feed' as ORG/PROJECT/FEED")
    assert second.what.startswith(f"{own.label}: 'python-version': '3.9' is not one of")
    assert third.what == f"{own.label}: 'index' can't be 'onyl'; it is one of extra, only."


def test_what_nobody_gives_can_stand_at_either_place() -> None:
    with pytest.raises(BadInput) as caught:
        read({**SECRETS, "workspace": WORKSPACE})
    assert caught.value.what == "`feed` is required."
    assert caught.value.fix == (
        "Give `feed` in the pipeline, or feed in [tool.amlwheel] of the project's pyproject.toml."
    )


# --- the whole reading


ENVIRON = {"AMLWHEEL_CONNECTION_TOKEN": CANARY, "AMLWHEEL_FEED": "", "AMLWHEEL_PYTHON_VERSION": " "}


def test_what_a_host_hands_over_empty_is_not_given(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(project, GOOD)
    host = Terminal()
    inputs = __main__.read([], ENVIRON, host)
    assert (inputs.python_version.minor, host.feed) == ("3.12", "acme/ml/wheels")
    assert "[tool.amlwheel] of pyproject.toml gives feed, workspace, python-version" in capsys.readouterr().out
    assert __main__.read(["--python-version", "3.13"], ENVIRON, host).python_version.minor == "3.13"
    assert __main__.read(["--python-version", ""], ENVIRON, host).python_version.minor == "3.12"


def test_the_jobs_token_serves_a_feed_that_the_table_names(project: Path) -> None:
    write(project, GOOD)
    job = {"TF_BUILD": "True", "SYSTEM_COLLECTIONURI": "https://dev.azure.com/acme/", "SYSTEM_ACCESSTOKEN": CANARY}
    assert __main__.read([], {**ENVIRON, **job}, Terminal()).feed_token.reveal() == CANARY


def test_with_finished_wheels_the_folder_where_the_step_runs_counts(project: Path) -> None:
    write(project, GOOD)
    inputs = __main__.read(["--wheel", "dist/*.whl"], ENVIRON, Terminal())
    assert (inputs.wheel, inputs.environment_name) == (("dist/*.whl",), "churn")


# --- the schema for editors


def test_the_schema_knows_what_the_step_takes_and_nothing_else() -> None:
    assert set(SCHEMA["properties"]) == {each.name for each in knobs(Inputs) if not (each.secret or each.pipeline)}
    assert not {each.name for each in knobs(Inputs) if each.secret} & set(SCHEMA["properties"])
    jsonschema.Draft7Validator.check_schema(SCHEMA)


@pytest.mark.parametrize(
    ("line", "valid"),
    [
        ('sdk = "v1"', True),
        ('index = "only"', True),
        ('index = "onyl"', False),
        ('fed = "a/b"', False),
        ("python-version = 3.12", False),
        ('feed-token = "x"', False),
        ('mirror = "true"', False),
        ('environment-name = ["a"]', False),
        ("requirements = [1]", False),
    ],
)
def test_the_schema_and_the_step_agree(project: Path, line: str, *, valid: bool) -> None:
    key = line.partition(" ")[0]
    text = re.sub(rf"(?m)^{key} = .*\n", "", GOOD) + line
    table = tomllib.loads(text)["tool"]["amlwheel"]
    assert jsonschema.Draft7Validator(SCHEMA).is_valid(table) is valid
    if valid:
        assert read(SECRETS, write(project, text))
        return
    with pytest.raises(StepError):
        read(SECRETS, write(project, text))


# --- the pages


@pytest.mark.parametrize("page", ["README.md", "docs/pyproject.md"])
def test_a_table_of_the_pages_is_one_that_the_step_takes(project: Path, page: str) -> None:
    filled = (ROOT / page).read_text("utf-8").replace("SUBSCRIPTION-ID", GUID)
    (table,) = re.findall(r"(?ms)^```toml\n(.*?)^```$", filled)
    assert jsonschema.Draft7Validator(SCHEMA).is_valid(tomllib.loads(table)["tool"]["amlwheel"])
    assert read(SECRETS, write(project, table)).python_version.minor == "3.12"


def test_the_page_says_of_each_input_that_can_not_stand_there_why() -> None:
    text = (ROOT / "docs/pyproject.md").read_text("utf-8").partition("## What can't stand there")[2].partition("##")[0]
    assert set(re.findall(r"`([a-z-]+)`", text)) == {each.name for each in knobs(Inputs) if not each.own}
