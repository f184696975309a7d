"""The templates for Azure Pipelines: by the public schema, and by what only Azure Pipelines would miss."""

import re
from pathlib import Path
from typing import Any

import amlwheel
import pytest
import yaml
from amlwheel.inputs.consumed import Consumed
from amlwheel.inputs.knob import camel, knobs
from amlwheel.report.outputs import CONSUME_OUTPUTS
from hosts.scenarios import ROOT
from vsix import pipelines

STEPS = ROOT / "templates/azure-pipelines/release-steps.yml"
RELEASE = ROOT / "templates/azure-pipelines/release.yml"
CONSUME = ROOT / "templates/azure-pipelines/consume-steps.yml"
TRAIN = ROOT / "templates/azure-pipelines/train.yml"
CHECK = ROOT / "templates/azure-pipelines/scheduled-check.yml"
RENEW = ROOT / "templates/azure-pipelines/renew-token.yml"
OWN = ("through", "commit", "tag")  # what is the template's, and no input of the step
APART = ROOT / "templates/azure-pipelines/build-then-release.yml"
GITHUB_APART = ROOT / "templates/github/build-then-release.yml"
PARTS = ROOT / "templates/azure-pipelines/plan-then-apply.yml"
GITHUB_PARTS = ROOT / "templates/github/plan-then-apply.yml"
PIPELINES = (RELEASE, APART, PARTS, TRAIN, CHECK, RENEW)


@pytest.mark.parametrize("path", [STEPS, CONSUME, *PIPELINES, ROOT / "azure-pipelines.yml"], ids=lambda path: path.name)
def test_pipelines_and_templates_are_good(path: Path) -> None:
    assert pipelines.problems(ROOT, path) == []


@pytest.mark.parametrize(
    ("path", "right", "wrong", "said"),
    [
        (STEPS, "  feedToken: ${", "  feedTokem: ${", "'feedTokem' was unexpected"),
        (STEPS, "AmlWheel@0", "AmlWheel@1", "AmlWheel@1"),
        (STEPS, "          index: ${{ parameters.index }}\n", "          index: onyl\n", "'onyl' is not valid"),
        (STEPS, "scriptType: bash", "scriptTyp: bash", "scriptTyp"),
        (STEPS, "  - checkout: self", "  - chekout: self", "chekout"),
        (RELEASE, "          feed: ORG", "          fed: ORG", "has no parameter fed"),
        (RELEASE, "          azureSubscription: AZ", "          azureSubscriptions: AZ", "needs azureSubscription"),
        (RELEASE, "through: task", "through: tasks", "through: tasks isn't one of task, script"),
        (RELEASE, "release-steps.yml@", "release-step.yml@", "there is no template"),
        (RELEASE, "timeoutInMinutes", "timeoutMinutes", "timeoutMinutes"),
        (RELEASE, "steps.yml@amlwheel", "steps.yml@amlwhel", "no repository resource for templates"),
        (CONSUME, "  - checkout: amlwheel", "  - chekout: amlwheel", "chekout"),
        (CONSUME, "scriptType: bash", "scriptTyp: bash", "scriptTyp"),
        (CONSUME, "    name: consume", "    nam: consume", "nam"),
        (TRAIN, "          receipt: $(", "          recipt: $(", "has no parameter recipt"),
        (TRAIN, "          receipt: $(Pipeline.Workspace)/release/aml-release/aml-release.json\n", "", "needs receipt"),
        (TRAIN, "consume-steps.yml@", "consumed-steps.yml@", "there is no template"),
        (TRAIN, "download: release", "download: released", "no pipeline resource for download: released"),
        (TRAIN, "release.sourceBranch)", "released.sourceBranch)", "no resource has a variable resources.pipeline.r"),
        (TRAIN, "release.runID)", "release.runId)", "no resource has a variable resources.pipeline.release.runId"),
        (TRAIN, "$(consume.environment)", "$(consume.enviroment)", "consume has no output enviroment"),
        (TRAIN, "        tags: [aml-release]", "        tag: [aml-release]", "tag"),
        (RENEW, "command: connect", "command: conect", "command: conect isn't one of release, connect"),
        (RENEW, "          connectionToken:", "          token:", "has no parameter token"),
        (CHECK, "$(release.changed)", "$(release.change)", "release has no output change"),
        (CHECK, "          alarmDays:", "          alarm-days:", "has no parameter alarm-days"),
        (CHECK, "  - cron:", "  - corn:", "corn"),
        (CHECK, "          commit: $(", "          comit: $(", "has no parameter comit"),
    ],
)
def test_a_slip_in_a_template_is_found(tmp_path: Path, path: Path, right: str, wrong: str, said: str) -> None:
    text = path.read_text("utf-8")
    assert right in text
    (tmp_path / path.name).write_text(text.replace(right, wrong), "utf-8")
    found = "\n".join(pipelines.problems(ROOT, tmp_path / path.name))
    assert said in found


@pytest.mark.parametrize("path", PIPELINES, ids=lambda path: path.name)
def test_the_templates_are_referenced_by_the_versions_own_tag(path: Path) -> None:
    assert f"ref: refs/tags/v{amlwheel.__version__} " in path.read_text("utf-8")


def test_training_and_the_check_follow_the_release_and_name_no_version_of_their_own() -> None:
    release, train, checked = (yaml.safe_load(path.read_text("utf-8")) for path in (RELEASE, TRAIN, CHECK))
    (mark,) = (each for each in pipelines.walk(release) if "addbuildtag" in str(each.get("bash")))
    tag = mark["bash"].partition("addbuildtag]")[2].rstrip('"')
    (started,), (found,) = (each["resources"]["pipelines"] for each in (train, checked))
    assert started["trigger"] == {"tags": [tag]}
    assert found["tags"] == [tag]
    assert not {"version", "branch", "tags"} & started.keys()  # with a trigger it is the run that started it
    assert train["trigger"] == checked["trigger"] == train["pr"] == checked["pr"] == "none"
    assert checked["schedules"][0]["always"] == "true"
    for path in PIPELINES:
        code = re.sub(r"#.*", "", path.read_text("utf-8"))
        assert "@latest" not in code
        assert ":latest" not in code


@pytest.mark.parametrize("folder", ["azure-pipelines", "github"])
def test_the_check_passes_what_the_release_passes(folder: str) -> None:
    """Also what a comment offers: a weekly check without the token of a private registry would always fail."""
    given = []
    for name in ("release.yml", "scheduled-check.yml"):
        text = (ROOT / "templates" / folder / name).read_text("utf-8")
        offered = yaml.safe_load(re.sub(r"(?m)^( +)# ((?:[a-z]+[A-Z]\w+|[a-z]+(?:-[a-z]+)+): )", r"\1\2", text))
        parts = [
            each for each in pipelines.walk(offered) if not isinstance(each.get("parameters"), list)
        ]  # a pipeline's
        used = [{**each.get("parameters", {}), **each.get("with", {})} for each in parts]
        given.append(next(each for each in used if "feed" in each))
    release, check = given
    assert {"base-image-user", "base-image-token"} <= {re.sub("[A-Z]", r"-\g<0>", each).lower() for each in release}
    by_hand = {(name, given) for name, given in release.items() if name in ("workspace", "check", "dry-run", "dryRun")}
    assert release.items() - by_hand <= check.items()


def test_the_job_that_builds_has_no_secret_and_the_one_that_releases_runs_none_of_its_code() -> None:
    built, released = yaml.safe_load(APART.read_text("utf-8"))["jobs"]
    assert "variables" not in built
    assert "variables" not in yaml.safe_load(APART.read_text("utf-8"))
    assert not re.search(r"\$\(|Subscription", str(built).replace("$(git log", "").replace("$(sha256sum", ""))
    (use,) = pipelines.steps(released)
    jobs = yaml.safe_load(GITHUB_APART.read_text("utf-8"))["jobs"]
    assert jobs["build"]["permissions"] == {"contents": "read"}
    assert "environment" not in jobs["build"]
    assert "secrets." not in str(jobs["build"])
    (aml,) = (each["with"] for each in jobs["release"]["steps"] if each.get("id") == "aml")
    for given, pattern in ((use["parameters"], "$(Pipeline.Workspace)/built/*.whl"), (aml, "dist/*.whl")):
        assert (given["wheel"], given["verify"]) == (pattern, "files")
    for job, check in ((built, released), (jobs["build"], jobs["release"])):
        assert re.search(r"persist-?credentials'?: '?false", str(job["steps"][0]), re.IGNORECASE)
        assert any("sha256sum" in str(each.get("run", each.get("bash"))) for each in check["steps"])


def test_all_jobs_of_a_plan_are_given_the_same_and_check_what_was_handed_on() -> None:
    azure = {each["job"]: each for each in yaml.safe_load(PARTS.read_text("utf-8"))["jobs"]}
    github = yaml.safe_load(GITHUB_PARTS.read_text("utf-8"))["jobs"]
    used = {name: (*pipelines.steps(job),)[0]["parameters"] for name, job in azure.items()}
    with_ = {
        name: next(each["with"] for each in github[name]["steps"] if "amlwheel@" in each.get("uses", ""))
        for name in azure
    }
    for given, plan_file in ((used, "planFile"), (with_, "plan-file")):
        own = {
            name: {key: each.pop(key) for key in (plan_file, "apply", "shard") if key in each}
            for name, each in given.items()
        }
        assert given["plan"] == given["apply"] == given["release"]
        assert [set(own[name]) for name in ("plan", "apply", "release")] == [{plan_file}, {"apply", "shard"}, {"apply"}]
        assert own["plan"][plan_file] == own["apply"]["apply"] == own["release"]["apply"]
    assert github["apply"]["strategy"]["fail-fast"] is False
    for jobs in (azure, github):
        assert all("sha256sum" in str(job["steps"]) for job in jobs.values() if "apply" in str(job.get("steps")))
    assert "part: [1, 2, 3]" in GITHUB_PARTS.read_text("utf-8")


def test_only_a_run_of_a_tag_is_checked_and_with_its_own_wheel() -> None:
    jobs = {each["job"]: each["steps"] for each in yaml.safe_load(CHECK.read_text("utf-8"))["jobs"]}
    for steps in jobs.values():
        assert "=~ ^refs/tags/v" in steps[0]["bash"]
    (use,) = pipelines.steps(jobs["dryRun"])
    assert use["parameters"]["tag"] == "$(resources.pipeline.release.sourceBranch)"
    assert use["parameters"]["wheel"].endswith("/aml-release/dist/*.whl")
    for name in ("scheduled-check", "train"):
        text = (ROOT / f"templates/github/{name}.yml").read_text("utf-8")
        assert ".head_repository.full_name == .repository.full_name" in text
        assert '.head_branch | test("^v' in text
        assert "/commits/tags/$tag" in text


def test_the_template_gives_the_task_and_the_script_the_same() -> None:
    steps: dict[str, Any] = yaml.safe_load(STEPS.read_text("utf-8"))
    wanted = {each["name"]: each for each in steps["parameters"]}
    (task,) = (each for each in pipelines.walk(steps) if each.get("task") == "AmlWheel@0")
    (script,) = (each for each in pipelines.walk(steps) if each.get("task") == "AzureCLI@2")
    assert {name: f"${{{{ parameters.{name} }}}}" for name in wanted if name not in OWN} == task["inputs"]
    given = {name: value for name, value in script["env"].items() if name.startswith("AMLWHEEL_")}
    assert {name.replace("_", "").lower(): value for name, value in given.items()} == {
        f"amlwheel{name.lower()}": value for name, value in task["inputs"].items() if name != "azureSubscription"
    }
    assert script["name"] == task["name"] == "release"


def test_the_companions_template_gives_it_all_but_another_sign_in() -> None:
    steps: dict[str, Any] = yaml.safe_load(CONSUME.read_text("utf-8"))
    (script,) = (each for each in pipelines.walk(steps) if each.get("task") == "AzureCLI@2")
    given = {each.name: f"${{{{ parameters.{each.camel} }}}}" for each in knobs(Consumed, "azure")}
    assert script["env"] == {
        f"AMLWHEEL_{name.upper().replace('-', '_')}": value
        for name, value in given.items()
        if name not in ("client-id", "tenant-id")
    }
    assert [each["name"] for each in steps["parameters"] if "default" not in each] == ["receipt", "azureSubscription"]
    assert script["name"] == "consume"
    assert script["inputs"]["inlineScript"].endswith('bootstrap.py" consume')


def test_what_checks_the_names_in_pipelines_knows_the_companions_outputs() -> None:
    assert pipelines.consumed(ROOT) == [camel(name) for name in CONSUME_OUTPUTS]
