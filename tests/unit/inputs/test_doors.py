"""Three doors, one room: the shipped manifests, read as the hosts read them, and the command line give equal inputs."""

import importlib.machinery
import importlib.util
import json
import re
import types
from collections.abc import Callable, Mapping
from typing import Any

import jsonschema
import pytest
import yaml
from amlwheel.errors.base import Several, StepError
from amlwheel.inputs.knob import knobs
from amlwheel.inputs.reading import from_command_line, from_environment, read, spell
from amlwheel.inputs.step import Inputs
from amlwheel.report.outputs import OUTPUTS
from unit.parts import CANARY, GUID, ROOT

ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
TASK: dict[str, Any] = json.loads((ROOT / "azure-pipelines-task.json").read_text("utf-8"))
SECRETS = {each.name for each in knobs(Inputs) if each.secret}
LEAST = {"feed": "acme/wheels", "workspace": f"{GUID}/rg/research", "feed-token": CANARY, "connection-token": CANARY}
SCENARIOS = [
    LEAST,
    LEAST
    | {
        "package-dir": "one\ntwo",
        "feed": "https://pypi.example/simple/",
        "workspace": f"{GUID}/rg/research\n{GUID}/rg/second",
        "connection-name": "feed-x",
        "connection-token-expires": "2027-03-01",
        "environment-name": "churn",
        "python-version": "3.12",
        "base-image": "mcr.microsoft.com/a/b:1",
        "requirements": "torch>=2.4\nlightgbm",
        "index": "only",
        "verify": "none",
        "dry-run": "true",
        "output-dir": "out",
    },
    LEAST | {"wheel": "dist/*.whl", "python-version": "3.10.4", "dry-run": "false"},
]
WRONG = LEAST | {"feed": "?", "index": "onyl", "python-version": "2.7", "connection-token": "$(PAT)", "dry-run": "no"}


def through_github(given: Mapping[str, str]) -> Inputs:
    """Do as the runner does: defaults of action.yml, then the env block of its one step."""
    assert set(given) <= set(ACTION["inputs"])
    inputs = {name: given.get(name, each.get("default", "")) for name, each in ACTION["inputs"].items()}
    (step,) = ACTION["runs"]["steps"]
    environ = {
        name: re.sub(r"\$\{\{ inputs\.([\w-]+) \}\}", lambda match: inputs[match[1]], value)
        for name, value in step["env"].items()
    }
    return read(from_environment(environ, "github"))


def through_azure(given: Mapping[str, str]) -> Inputs:
    """Do as the agent does: aliases, defaults, trimmed values, names upper-cased."""
    written = {re.sub(r"-(.)", lambda match: match[1].upper(), name): value for name, value in given.items()}
    environ = {}
    for each in TASK["inputs"]:
        names = [each["name"], *each.get("aliases", [])]
        value = next((written.pop(name) for name in names if name in written), each["defaultValue"])
        environ["INPUT_" + re.sub("[. ]", "_", each["name"]).upper()] = value.strip()
    assert not written
    return read(from_environment(environ, "azure"))


def through_the_command_line(given: Mapping[str, str]) -> Inputs:
    """Do as a person does: options, one for each line, and secrets in the environment."""
    words = []
    for name, value in given.items():
        if name not in SECRETS:
            words += [word for line in value.split("\n") for word in (f"--{name}", line)]
    environ = {f"AMLWHEEL_{name.upper().replace('-', '_')}": given[name] for name in SECRETS & set(given)}
    return read(from_environment(environ, "terminal") | from_command_line(words))


DOORS: list[Callable[[Mapping[str, str]], Inputs]] = [through_github, through_azure, through_the_command_line]


@pytest.mark.parametrize("given", SCENARIOS)
def test_all_doors_lead_into_one_room(given: dict[str, str]) -> None:
    expected = read(given)
    assert [door(given) for door in DOORS] == [expected] * 3


def test_all_doors_find_the_same_problems() -> None:
    found = []
    for door in DOORS:
        with pytest.raises(Several) as caught:
            door(WRONG)
        found.append([(each.code, each.what) for each in caught.value.errors])
    assert len(found[0]) == 5
    assert found[0] == found[1] == found[2]


@pytest.mark.parametrize("name", sorted(SECRETS - {"feed-token", "base-image-token"}))
@pytest.mark.parametrize("door", DOORS)
def test_a_secret_that_was_never_set_is_missed_at_every_door(
    name: str, door: Callable[[Mapping[str, str]], Inputs]
) -> None:
    with pytest.raises(StepError, match=f"`{name}`"):
        door({key: value for key, value in LEAST.items() if key != name})


def test_action_maps_every_input_through_env_and_into_no_script() -> None:
    (step,) = ACTION["runs"]["steps"]
    assert set(step["env"]) == {each.variable for each in knobs(Inputs, "github")}
    assert "${{" not in step["run"]
    assert "uses" not in step
    assert not [name for name, each in ACTION["inputs"].items() if each.get("required")]
    assert not [name for name in SECRETS if "default" in ACTION["inputs"][name]]


def test_no_host_fills_in_what_the_projects_table_may_give() -> None:
    """A default that nobody typed would win over the table."""
    own = {each.name for each in knobs(Inputs) if each.own}
    assert not [name for name, each in ACTION["inputs"].items() if name in own and ("default" in each)]
    task = {each["name"]: each for each in TASK["inputs"]}
    assert {task[each.camel]["defaultValue"] for each in knobs(Inputs, "azure") if each.own} == {""}
    assert not [each["name"] for each in TASK["inputs"] if each["required"]]
    template = yaml.safe_load((ROOT / "templates/azure-pipelines/release-steps.yml").read_text("utf-8"))
    parameters = {each["name"]: each for each in template["parameters"]}
    assert {parameters[each.camel]["default"] for each in knobs(Inputs, "azure") if each.own} == {""}
    assert all("" in each["values"] for each in parameters.values() if each.get("default") == "" and "values" in each)
    workflow = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text("utf-8"))
    called = workflow[True]["workflow_call"]["inputs"]  # YAML 1.1 reads `on` as true
    assert {
        name for name in own & set(called) if called[name]["type"] != "string" or "default" in called[name]
    } == set()
    assert not [name for name, each in called.items() if each.get("required")]


def test_the_workflow_hands_every_secret_on() -> None:
    workflow = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text("utf-8"))
    steps = [step for job in workflow["jobs"].values() for step in job.get("steps", ())]
    (given,) = (step["with"] for step in steps if "base-image" in step.get("with", {}))
    assert [name for name in SECRETS if f"secrets.{name}" not in given[name]] == []


def test_action_and_task_have_the_same_outputs() -> None:
    values = {name: each["value"] for name, each in ACTION["outputs"].items()}
    assert values == {name: f"${{{{ steps.release.outputs.{name} }}}}" for name in OUTPUTS}
    assert [plain(each["name"]) for each in TASK["outputVariables"]] == [plain(name) for name in OUTPUTS]


def plain(text: str) -> str:
    return text.replace("-", "").lower()


def test_the_task_is_valid_by_its_schema() -> None:
    schema = json.loads((ROOT / "tests/schemas/tasks.schema.json").read_text("utf-8"))
    problems = jsonschema.Draft4Validator(schema).iter_errors(TASK)
    assert [f"{'/'.join(map(str, each.path))}: {each.message}" for each in problems] == []


def test_the_tasks_words_are_those_of_its_users() -> None:
    names = {each.name: each.spelled("azure") for each in knobs(Inputs, "azure")}
    for each in TASK["inputs"]:
        assert re.fullmatch(r"[A-Za-z][A-Za-z0-9]*", each["name"])
        text = each["helpMarkDown"]
        assert text == spell(text, "azure")
        assert not [name for name in names if "-" in name and f"`{name}`" in text]


def test_manifests_are_what_the_program_writes(capsys: pytest.CaptureFixture[str]) -> None:
    assert load_manifests().main(["--check"]) == 0, capsys.readouterr().out


def load_manifests() -> types.ModuleType:
    """Import scripts/manifests, which has no suffix."""
    loader = importlib.machinery.SourceFileLoader("scripts_manifests", str(ROOT / "scripts/manifests"))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module
