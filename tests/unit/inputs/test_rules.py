"""What concerns several inputs: the table of cases in which one means nothing, the rules, and what the step asks."""

from collections.abc import Mapping
from typing import Any

import pytest
from amlwheel.errors.base import Several, StepError
from amlwheel.errors.inputs import BadInput, MissingToken
from amlwheel.inputs.knob import Knob, knobs
from amlwheel.inputs.reading import read, read_consumed
from amlwheel.inputs.step import Inputs
from unit.parts import CANARY, GUID

CONTAINER = "https://acmewheels.blob.core.windows.net/wheels"
FULL = {"feed": "acme/ml/wheels", "connection-token": "fake", "workspace": f"{GUID}/rg/research"}
LEAST: dict[str, dict[str, str]] = {
    "feed": FULL,
    "workspace": {**FULL, "route": "workspace"},
    "storage": {**FULL, "route": "storage", "storage-container": CONTAINER},
    "git": {**FULL, "route": "git", "feed": ""},
    "mirror": {**FULL, "route": "storage", "storage-container": CONTAINER, "mirror": "true"},
    "no feed": {**FULL, "route": "workspace", "feed": ""},
}
VALUES = {
    "build-env": "PACKAGE_VERSION",
    "connection-token-expires": "2030-01-01",
    "feed": "acme/ml/wheels",
    "feed-upload-url": "https://pypi.example/legacy/",
    "git-repository": "https://github.com/acme/churn",
    "index": "only",
    "mirror": "true",
    "storage-container": CONTAINER,
}


def problems(given: Mapping[str, str]) -> list[StepError]:
    with pytest.raises(StepError) as caught:
        read(given)
    return list(caught.value.errors) if isinstance(caught.value, Several) else [caught.value]


@pytest.mark.parametrize("case", LEAST)
def test_each_case_is_sound_by_itself(case: str) -> None:
    assert read(LEAST[case])


@pytest.mark.parametrize(("knob", "case"), [(each, case) for each in knobs(Inputs) for case in each.refused])
def test_an_input_that_means_nothing_is_refused_with_the_reason_of_its_table(knob: Knob, case: Any) -> None:  # noqa: ANN401
    (problem,) = problems({**LEAST[case], knob.name: VALUES.get(knob.name, "some-name")})
    title = {"mirror": "with `mirror`", "no feed": "without a `feed`"}.get(case, f"with `route` {case}")
    assert type(problem) is BadInput
    assert problem.what == f"`{knob.name}` {title}: {knob.refused[case]}."
    assert problem.fix.startswith(f"Leave `{knob.name}` out")


@pytest.mark.parametrize(
    ("name", "route"),
    [("storage-container", "storage"), ("mirror", "storage"), ("git-repository", "git"), ("feed-view", "feed")],
)
def test_what_one_route_alone_knows_may_mean_that_route(name: str, route: str) -> None:
    (problem,) = problems({**LEAST["workspace"], name: VALUES.get(name, "Release")})
    assert problem.fix == f"Leave `{name}` out, or set `route` to {route}."


def test_a_checklist_tells_of_missing_tokens_itself() -> None:
    elsewhere = {**LEAST["workspace"], "route": "feed", "feed": "https://pypi.example/simple/", "connection-token": ""}
    assert len(problems(elsewhere)) == 2
    assert read({**elsewhere, "check": "true"}).check is True


def test_a_default_that_is_written_out_is_refused_nowhere() -> None:
    connecting = {
        "feed": "acme/ml/wheels",
        "workspace": f"{GUID}/rg/train",
        "connection-token": CANARY,
        "command": "connect",
    }
    assert read({**connecting, "check": "False"}).check is False  # as Azure Pipelines writes a parameter
    assert len(problems({**connecting, "check": "True"})) == 1
    assert read({**LEAST["git"], "index": "extra", "mirror": "false"}).feed_only is False


@pytest.mark.parametrize(
    "given",
    [
        {"route": "gti", "git-repository": VALUES["git-repository"]},
        {"route": "storag", "storage-container": CONTAINER, "mirror": "true"},
        {"route": "storage", "storage-container": "https://x/y"},
        {"route": "workspace", "feed": "?", "connection-name": "feed-x"},
        {"feed": "https://pypi.example/simple/", "feed-token": "fa ke"},
        {"feed": "https://pypi.example/simple/", "feed-token": "fake", "feed-user": "a:b", "sdk": "v1"},
        {"client-id": "me", "tenant-id": GUID},
        {"connection-token": "$(PAT)"},
    ],
)
def test_an_input_that_cannot_be_read_is_one_problem_and_not_two(given: dict[str, str]) -> None:
    assert len(problems({**FULL, **given})) == 1


def test_a_misspelt_route_or_feed_hides_no_missing_token() -> None:
    found = problems({**FULL, "route": "gti", "feed": "?", "mirror": "?", "connection-token": ""})
    assert [type(each).__name__ for each in found] == ["BadFeed", "BadInput", "BadInput", "MissingToken"]


def test_a_feed_that_git_does_not_use_needs_no_token() -> None:
    (problem,) = problems({**LEAST["git"], "feed": "https://pypi.example/simple/"})
    assert problem.what.startswith("`feed` with `route` git: ")


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({}, "Packaging (read)"),
        ({"feed": "https://pypi.example/simple/", "feed-token": "fake"}, "of a user of the repository"),
        (LEAST["git"], "Contents read-only"),
        (LEAST["workspace"], "Packaging (read)"),
    ],
)
def test_a_missing_token_is_asked_for_by_what_it_has_to_allow(given: dict[str, str], told: str) -> None:
    (problem,) = problems({**FULL, **given, "connection-token": ""})
    assert isinstance(problem, MissingToken)
    assert told in problem.fix


@pytest.mark.parametrize("name", ["client-id", "tenant-id"])
def test_half_an_application_is_refused_by_step_and_companion(name: str) -> None:
    (problem,) = problems({**FULL, name: GUID})
    with pytest.raises(BadInput) as caught:
        read_consumed({name: GUID})
    assert problem.what == caught.value.what == "`client-id` and `tenant-id` belong together, and one of them is empty."
    both = {"client-id": GUID, "tenant-id": GUID}
    assert read({**FULL, **both}).application == read_consumed(both).application == (GUID, GUID)


# --- what the step asks

PROPERTIES = ("publishes", "from_commit", "feed_only", "connects", "azureml", "proves", "asks_builder")


@pytest.mark.parametrize(
    ("given", "true"),
    [
        ({}, {"publishes", "connects", "proves"}),
        ({"index": "only", "sdk": "v1", "verify": "none"}, {"publishes", "connects", "feed_only", "azureml"}),
        ({"verify": "image"}, {"publishes", "connects", "proves", "azureml", "asks_builder"}),
        ({"verify": "recipe"}, {"publishes", "connects", "proves", "azureml", "asks_builder"}),
        ({"verify": "image", "dry-run": "true"}, {"publishes", "connects", "proves"}),
        (LEAST["workspace"], {"connects", "azureml", "proves"}),
        (LEAST["no feed"], {"azureml", "proves"}),
        (LEAST["storage"], {"connects", "proves"}),
        ({**LEAST["storage"], "feed": ""}, {"proves"}),
        (LEAST["mirror"], {"proves"}),
        (LEAST["git"], {"from_commit", "connects", "proves"}),
    ],
)
def test_what_the_step_asks_of_its_inputs(given: dict[str, str], true: set[str]) -> None:
    inputs = read({**FULL, **given})
    assert {name for name in PROPERTIES if getattr(inputs, name)} == true


def test_what_writes_a_plan_changes_nothing_else() -> None:
    assert read({**FULL, "plan-file": "plan.json"}).dry_run
    assert not read({**FULL, "apply": "plan.json", "shard": "1/2"}).dry_run


@pytest.mark.parametrize(
    ("given", "said", "fix"),
    [
        (
            {"plan-file": "a.json", "apply": "a.json"},
            "a run does one of both",
            "Leave `plan-file` out where the plan is applied.",
        ),
        ({"shard": "1/2"}, "`shard` needs `apply`", "Give the plan file as `apply`."),
        ({"apply": "a", "wheel": "*.whl"}, "the plan has its wheels beside it", "Leave `wheel` out."),
    ],
)
def test_a_plan_is_written_or_applied_as_it_is(given: dict[str, str], said: str, fix: str) -> None:
    (problem,) = problems({**FULL, **given})
    assert isinstance(problem, BadInput)
    assert said in problem.what
    assert problem.fix == fix


@pytest.mark.parametrize(
    ("name", "value"), [("environment-name", "churn"), ("wheel", "*.whl"), ("plan-file", "p.json"), ("apply", "p.json")]
)
def test_one_environment_for_each_package_excludes_what_belongs_to_one(name: str, value: str) -> None:
    (problem,) = problems({**FULL, "environment-per-package": "true", name: value})
    assert str(problem.args[0]).startswith(f"`{name}` can't be used with `environment-per-package`: ")
    assert f"Leave `{name}` out; or set `environment-per-package` to false." in problem.fix
    assert read({**FULL, "environment-per-package": "false", name: value})


REGISTRY = "azureml://registries/acme-models"
OWN = " in [tool.amlwheel], give this step a `workspace` of its own, which wins."
BOTH = {**FULL, "workspace": f"{GUID}/rg/research\n{REGISTRY}\n{REGISTRY.upper().replace('AZUREML', 'azureml')}/"}


def test_a_registry_may_stand_beside_workspaces_and_counts_once() -> None:
    inputs = read({**BOTH, "verify": "import"})
    assert [each.name for each in inputs.workspace] == ["research", "acme-models"]
    assert (len(inputs.workspaces), len(inputs.registries)) == (1, 1)


@pytest.mark.parametrize(
    ("more", "said", "fix"),
    [
        ({"sdk": "v1"}, "`sdk` v1 can't be used with", "or set `sdk` to v2."),
        ({"route": "workspace"}, "`route` workspace can't be used with", "or set `route` to feed."),
        ({"verify": "image"}, "`verify` image can't be used with", "or set `verify` to install."),
        ({"verify": "recipe"}, "`verify` recipe can't be used with", "or set `verify` to install."),
        (
            {"sdk": "v1", "verify": "image"},
            "azureml-core knows no registries; only a workspace answers it",
            "or set `sdk` to v2 and set `verify` to install.",
        ),
        ({"command": "connect"}, "it has no connections", f"Take {REGISTRY} out of `workspace`. Where it stands{OWN}"),
        (
            {"command": "connect", "workspace": REGISTRY},
            "it has no connections",
            f"Name workspaces in `workspace` in place of {REGISTRY}. Where it stands{OWN}",
        ),
    ],
)
def test_what_only_a_workspace_can_do_is_not_asked_of_a_registry(more: dict[str, str], said: str, fix: str) -> None:
    (problem,) = problems({**BOTH, **more})
    assert type(problem) is BadInput
    assert said in problem.what
    assert REGISTRY in problem.what
    assert problem.fix.endswith(fix)
