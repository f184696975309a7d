"""What the pages show can be pasted: every input in them exists, every link leads somewhere."""

import re
from pathlib import Path

import pytest
import yaml
from amlwheel.inputs.knob import knobs
from amlwheel.inputs.step import Inputs
from unit.parts import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.mark.parametrize("page", PAGES, ids=[each.name for each in PAGES])
def test_every_input_in_a_page_exists(page: Path) -> None:
    names = {each.name for each in knobs(Inputs, "github")}
    for block in re.findall(r"```yaml\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
        for step in re.findall(r"(?m)^( *)- uses: OWNER/amlwheel@COMMIT.*\n((?:\1  .*\n)+)", block):
            given = yaml.safe_load(step[1])["with"]
            assert set(given) <= names
            assert "workspace" in given or "[tool.amlwheel]\n" in page.read_text("utf-8")
            assert "client-id" in given or page.name == "github.md"  # a snippet that doesn't sign in ends in AW40


@pytest.mark.parametrize("page", PAGES, ids=[each.name for each in PAGES])
def test_every_link_within_the_repository_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


def test_the_page_about_the_article_has_a_step_for_each_of_its_ways() -> None:
    text = (ROOT / "docs" / "from-the-article.md").read_text("utf-8")
    assert text.count("- uses: OWNER/amlwheel@COMMIT") == text.count("```python") == 3


def test_the_page_about_the_article_shows_one_thing_below_the_other() -> None:
    text = (ROOT / "docs" / "from-the-article.md").read_text("utf-8")
    assert "<table>" not in text
    shown = re.findall(r"(?m)^```(\w+)$", text)
    assert shown == ["python", "sh", "yaml"] * 3


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
