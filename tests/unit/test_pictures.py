"""`scripts/shots`: what it says without a browser, the log as a picture, and pages as they are looked at."""

import importlib.util
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType
from xml.etree import ElementTree as ET

import pytest
from pictures import browser, page, terminal
from unit.parts import ROOT

LOG = """A local Azure is running.

----   Check access
ok     Check access · acme/ml/wheels · 1.2 s
----   Plan
ok     Plan · 1 to change, 0 to keep · 0.1 s
       CREATE  wheel <a&b>.whl  new package
       The first version of acme-churn on ws-train.
| Using CPython 3.11.7
CREATE wheel <a&b>.whl

package-name=acme-churn

Released azureml:acme-churn:1.4.0-2478e4f2dcce
  files       /tmp/shots-1/
  use it      environment: azureml:acme-churn:1.4.0-2478e4f2dcce

The step ended with status 0.
"""


def shots() -> ModuleType:
    loader = SourceFileLoader("shots", str(ROOT / "scripts/shots"))
    spec = importlib.util.spec_from_loader("shots", loader)
    assert spec
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def test_without_a_browser_it_says_what_it_needs(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(browser, "NAMES", ("chromium-that-is-not-here",))
    assert shots().main([]) == 2
    assert "needs Chromium on PATH, as chromium-that-is-not-here" in capsys.readouterr().out


def test_it_looks_at_every_page_and_takes_those_that_are_named(tmp_path: Path) -> None:
    found = shots().sources("docs-rout", tmp_path)
    assert found == {"docs-routes": ROOT / "docs/routes.md"}


def test_the_log_tells_stages_plan_and_end_without_a_path_of_this_machine() -> None:
    assert terminal.lines(LOG) == [
        "ok     Check access · acme/ml/wheels · 1.2 s",
        "ok     Plan · 1 to change, 0 to keep · 0.1 s",
        "       CREATE  wheel <a&b>.whl  new package",
        "",
        "Released azureml:acme-churn:1.4.0-2478e4f2dcce",
        "  files       aml-environment/",
        "  use it      environment: azureml:acme-churn:1.4.0-2478e4f2dcce",
    ]


def test_the_picture_of_the_log_is_small_and_well_formed() -> None:
    made = ET.fromstring(terminal.svg(terminal.lines(LOG)))  # noqa: S314  # it is ours
    texts = [each.text for each in made.iter("{http://www.w3.org/2000/svg}text")]
    assert "CREATE  wheel <a&b>.whl  new package" in texts
    kept = ET.parse(ROOT / "docs/pictures/release.svg")  # noqa: S314  # likewise
    assert kept.getroot().tag.endswith("svg")
    assert (ROOT / "docs/pictures/release.svg").stat().st_size < 10_000


def test_a_page_has_githubs_width_or_that_of_a_phone() -> None:
    assert {(str(each), each.window) for each in page.LOOKS} == {
        ("light-816", 880),
        ("dark-816", 880),
        ("light-390", 390),
        ("dark-390", 390),
    }
