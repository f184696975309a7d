"""Pages about Azure Pipelines and training: their YAML is the templates', their commands have options that exist."""

import re
import textwrap
from pathlib import Path

import pytest
from amlwheel.inputs.consumed import Consumed
from amlwheel.inputs.knob import knobs
from unit.parts import ROOT

HOW_TO = ROOT / "docs/azure-pipelines.md"
TRAINING = ROOT / "templates/training/README.md"
TEMPLATES = [*sorted((ROOT / "templates/azure-pipelines").glob("*.yml"))]


def blocks(page: Path, kind: str) -> list[str]:
    found = re.findall(rf"(?ms)^ *```{kind}\n(.*?)^ *```", page.read_text("utf-8"))
    return [textwrap.dedent(each) for each in found]


@pytest.mark.parametrize("block", blocks(HOW_TO, "yaml"), ids=lambda block: block.split("\n")[0].strip())
def test_yaml_in_the_how_to_is_a_templates(block: str) -> None:
    lines = block.splitlines()
    for path in TEMPLATES:
        found = path.read_text("utf-8").splitlines()
        for start in range(len(found)):
            if textwrap.dedent("\n".join(found[start : start + len(lines)])).splitlines() == lines:
                return
    pytest.fail("no template has these lines")


def test_there_is_yaml_in_the_how_to_and_every_template_is_linked() -> None:
    text = HOW_TO.read_text("utf-8")
    assert blocks(HOW_TO, "yaml")
    for path in TEMPLATES:
        assert path.name in text or path.name == "consume-steps.yml"


def test_links_of_the_training_page_lead_somewhere() -> None:
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", TRAINING.read_text("utf-8")):
        assert (TRAINING.parent / target).exists(), target


def test_the_training_page_names_every_file_and_only_options_that_exist() -> None:
    text = TRAINING.read_text("utf-8")
    for path in TRAINING.parent.iterdir():
        assert path.name in text or path.suffix == ".in" or path == TRAINING
    commands = " ".join(blocks(TRAINING, "sh")).replace("\\\n", " ").splitlines()
    for script in ("submit_v1.py", "submit_v2.py"):
        source = (TRAINING.parent / script).read_text("utf-8")
        known = {f"--{name}" for name in ("workspace", "compute", "environment", "receipt")}
        known |= set(re.findall(r'add_argument\("(--\w+)"', source))
        (used,) = (set(re.findall(r"--[\w-]+", each)) for each in commands if script in each)
        assert used <= known
    (used,) = (set(re.findall(r"--[\w-]+", each)) for each in commands if "bootstrap.py consume" in each)
    assert used <= {each.spelled("terminal") for each in knobs(Consumed, "terminal")}
    assert "@latest`" in text


@pytest.mark.parametrize("page", [HOW_TO, TRAINING], ids=lambda page: page.name)
def test_every_error_in_a_page_is_one(page: Path) -> None:
    known = (ROOT / "docs/errors.md").read_text("utf-8")
    for code in re.findall(r"errors\.md#(aw\d+)", page.read_text("utf-8")):
        assert f"## {code.upper()}\n" in known
