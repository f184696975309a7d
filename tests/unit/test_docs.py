"""What the pages show can be pasted: every input in them exists, every link leads somewhere."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from amlwheel.errors.base import catalogue
from amlwheel.inputs.knob import knobs
from amlwheel.inputs.step import Inputs
from manifest import pages
from unit.parts import ROOT
from vsix import pipelines

OWN = r"- uses: [\w-]+/amlwheel@\w+"  # OWNER/amlwheel@COMMIT until a release names both
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=[each.name for each in PAGES])
def test_every_input_in_a_page_exists(page: Path) -> None:
    names = {each.name for each in knobs(Inputs, "github")}
    for block in re.findall(r"```yaml\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
        for step in re.findall(rf"(?m)^( *){OWN}.*\n((?:\1  .*\n)+)", block):
            given = yaml.safe_load(step[1])["with"]
            assert set(given) <= names
            assert "workspace" in given or "[tool.amlwheel]\n" in page.read_text("utf-8")
            assert "client-id" in given or page.name == "github.md"  # a snippet that doesn't sign in ends in AW40


@pytest.mark.parametrize("page", PAGES, ids=[each.name for each in PAGES])
def test_every_link_within_the_repository_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


@pytest.mark.parametrize("page", PAGES, ids=[each.name for each in PAGES])
def test_every_link_to_a_heading_finds_it(page: Path) -> None:
    for target, fragment in re.findall(r"\]\((?!https?://)([^)#]*)#([^)]+)\)", page.read_text("utf-8")):
        text = (page.parent / target if target else page).read_text("utf-8")
        headings = re.findall(r"(?m)^#+ (.*)$", re.sub(r"(?ms)^```.*?^```$", "", text))
        assert fragment in map(pages.anchor, headings), f"{target}#{fragment}"


def test_the_index_leads_to_every_page() -> None:
    text = (ROOT / "docs/README.md").read_text("utf-8")
    assert [path.name for path in (ROOT / "docs").glob("*.md") if f"]({path.name}" not in text] == ["README.md"]


def test_every_input_is_explained_once_and_the_six_that_most_need_come_first() -> None:
    found = pages.goals()
    names = [each.name for inputs in found.values() for each in inputs]
    assert sorted(names) == sorted(each.name for each in knobs(Inputs))
    first = next(iter(found.values()))
    assert len([each for each in first if "github" in each.styles]) == 6
    assert set(pages.OF_GROUP) == {each.group for each in knobs(Inputs)} | {"more"}


def test_an_input_that_no_goal_names_comes_last_in_that_of_its_group(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(pages.GOALS, "Known vulnerabilities", "audit")
    found = pages.goals()
    assert [each.name for each in found["Known vulnerabilities"]] == ["audit"]
    assert found["What the environment holds"][-1].name == "audit-accept"


def test_the_page_of_errors_begins_with_a_link_to_every_code() -> None:
    links = re.findall(r"\[(AW\d+)\]\(#(aw\d+)\)", "\n".join(pages.error_index()))
    codes = [f"AW{kind.status}" for kind in catalogue()]
    assert sorted(links) == sorted((code, code.lower()) for code in codes)


def test_no_browser_breaks_a_name_of_usual_length_at_a_hyphen() -> None:
    assert (
        pages.head("input", ["feed", "package-dir", "connection-token-expires"])
        == "&nbsp;" * 8 + "input" + "&nbsp;" * 8
    )
    assert pages.head("input", ["sdk"]) == "&nbsp;input&nbsp;"


def steps_limit(text: str) -> int:
    """Return the minutes after which the step of a job ends itself."""
    (default,) = (each.default for each in knobs(Inputs) if each.name == "timeout-minutes")
    return int(default) + (60 if "'verify': 'image'" in text else 0)


def limited(content: Any) -> list[dict[str, Any]]:  # noqa: ANN401  # YAML
    """Return the jobs, on either host, that use the step."""
    jobs = content.get("jobs", {})
    listed = list(jobs.values()) if isinstance(jobs, dict) else jobs
    return [job for job in listed if re.search(r"[\w-]+/amlwheel@|release-steps\.yml@", str(job))]


def workflows() -> list[str]:
    """Return every whole workflow and pipeline that users copy, from the templates and the pages."""
    files = [path.read_text("utf-8") for path in (ROOT / "templates").rglob("*.yml")]
    shown = [block for page in PAGES for block in re.findall(r"```yaml\n(.*?)```", page.read_text("utf-8"), re.DOTALL)]
    return [text for text in (*files, *shown) if re.search(r"(?m)^jobs:", text)]


def test_the_step_ends_itself_before_its_job_is_ended() -> None:
    found = 0
    for text in workflows():
        for job in limited(yaml.safe_load(text)):
            assert (job.get("timeout-minutes") or job["timeoutInMinutes"]) >= steps_limit(str(job)) + 10, text
            found += 1
    assert found > 10


def test_a_copy_in_azure_repos_is_a_resource_that_azure_pipelines_takes(tmp_path: Path) -> None:
    text = (ROOT / "docs/operate.md").read_text("utf-8")
    (resource,) = re.findall(r"(?ms)^   ```yaml\n   resources:\n(.*?)^   ```$", text)
    release = (ROOT / "templates/azure-pipelines/release.yml").read_text("utf-8")
    shown = yaml.safe_load("resources:\n" + resource)["resources"]["repositories"]
    pipeline = yaml.safe_load(release.replace("through: task", "through: script"))
    assert [each["ref"] for each in shown] == [each["ref"] for each in pipeline["resources"]["repositories"]]
    pipeline["resources"]["repositories"] = shown
    (tmp_path / "release.yml").write_text(yaml.safe_dump(pipeline), "utf-8")
    assert pipelines.problems(ROOT, tmp_path / "release.yml") == []


def test_a_pipeline_that_cannot_be_read_is_told_as_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "broken.yml").write_text("steps: [")
    for name, word in (("missing.yml", "No such file"), ("broken.yml", "line 1")):
        (text,) = pipelines.problems(ROOT, tmp_path / name)
        assert text.startswith("it can't be read: ")
        assert word in text


def test_the_page_about_the_article_has_a_step_for_each_of_its_ways() -> None:
    text = (ROOT / "docs" / "from-the-article.md").read_text("utf-8")
    assert len(re.findall(OWN, text)) == text.count("```python") == 3


def test_the_page_about_the_article_shows_one_thing_below_the_other() -> None:
    text = (ROOT / "docs" / "from-the-article.md").read_text("utf-8")
    assert "<table>" not in text
    shown = re.findall(r"(?m)^```(\w+)$", text)
    assert shown == ["toml", "sh", *["python", "sh", "yaml"] * 3]


def test_the_readme_shows_only_yaml_that_the_tests_run() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert text.count("```yaml") == len(re.findall(r"(?m)^<!-- from: templates/.* -->\n```yaml$", text)) == 3


def paths(page: str) -> list[str]:
    """Return the files and folders of ours that a page for contributors names in backticks, a room's below the core."""
    text = (ROOT / page).read_text("utf-8")
    words = [quoted.split()[0] for quoted in re.findall(r"`([^`]+)`", text)]
    ours = re.compile(r"(action|scripts|tests|templates|docs)/\S+|[\w.-]+/\S*(\.(py|js|md|txt|yml)|/)")
    return [word for word in words if ours.fullmatch(word)]


@pytest.mark.parametrize("page", ["docs/design.md", "CONTRIBUTING.md"])
def test_every_path_in_a_page_for_contributors_exists(page: str) -> None:
    named = paths(page)
    assert len(named) > 10
    missing = [path for path in named if not any((ROOT / base / path).exists() for base in ("", "action/amlwheel"))]
    assert missing == []


def test_the_table_of_rooms_has_every_folder_of_the_core_on_its_floor() -> None:
    text = (ROOT / "docs/design.md").read_text("utf-8")
    rooms = {room: int(floor) for floor, room in re.findall(r"(?m)^\| (\d) \| `(\w+)` \|", text)}
    folders = {path.parent.name for path in (ROOT / "action/amlwheel").glob("*/__init__.py")}
    contract = re.search(r"(?s)layers = \[(.*?)\]", (ROOT / "pyproject.toml").read_text("utf-8"))
    assert contract
    floors = enumerate(re.findall(r'"(.+?)"', contract[1]), 1)
    assert rooms == {room: floor for floor, line in floors for room in line.split(" | ") if room in folders}
    assert set(rooms) == folders


@pytest.mark.parametrize("page", ["SECURITY.md", "docs/reliability.md"])
def test_every_test_that_a_table_of_attacks_names_exists(page: str) -> None:
    text = (ROOT / page).read_text("utf-8").replace("`<br>`", "")  # where a long name may be broken
    named = re.findall(r"`([\w/]*test_\w+\.py)?(?:::)?(test_\w+)?`", text)
    named = [each for each in named if any(each)]
    assert len(named) > 10
    tests = {path.as_posix(): path.read_text("utf-8") for path in (ROOT / "tests").rglob("test_*.py")}
    for file, test in named:
        found = [content for path, content in tests.items() if path.endswith(file.removeprefix("tests/"))]
        assert any(f"def {test}(" in content for content in found) if test else found, (file, test)
