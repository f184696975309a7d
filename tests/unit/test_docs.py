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
            assert given["workspace"]


@pytest.mark.parametrize("page", PAGES, ids=[each.name for each in PAGES])
def test_every_link_within_the_repository_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", page.read_text("utf-8")):
        assert (page.parent / target).exists(), target


def test_the_page_about_the_article_has_a_step_for_each_of_its_ways() -> None:
    text = (ROOT / "docs" / "from-the-article.md").read_text("utf-8")
    assert text.count("- uses: OWNER/amlwheel@COMMIT") == text.count("```python") == 3


def test_the_readme_shows_only_yaml_that_the_tests_run() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert text.count("```yaml") == len(re.findall(r"(?m)^<!-- from: templates/.* -->\n```yaml$", text)) == 3
