"""What a release brings as defaults isn't old: the image and the Pythons of `inputs/readers.py`.

Nobody writes a date of them down, since it could be raised alone: the image's tag has one, and so has the list of
Pythons in the uv that the step locks, which must have no newer patch.
"""

import os
import re
import sys
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest
from amlwheel.inputs.readers import DEFAULT_IMAGE, PYTHONS
from amlwheel.model.environment import PIP
from packaging.version import Version
from rehearsal.state import images
from unit.parts import ROOT
from unit.test_scripts import locks

OLDEST = 120  # days before the release


def stale(changelog: str, read: Mapping[str, str]) -> list[str]:
    """Return what is too old for the newest release of a changelog; nothing is, before there is one."""
    releases = re.findall(r"^## v?\[?\d+\.\d+\.\d+\]? - (\S+)$", changelog, re.MULTILINE)
    if not releases:
        return []
    newest = max(map(date.fromisoformat, releases))
    return [name for name, day in read.items() if (newest - date.fromisoformat(day)).days > OLDEST]


def day(text: str) -> str:
    """Return YYYYMMDD, with which `text` begins, as a date in ISO's form."""
    return f"{text[:4]}-{text[4:6]}-{text[6:8]}"


@pytest.mark.tools
def test_the_defaults_of_a_release_are_of_its_time() -> None:
    newest, listed = locks.known_pythons(Path(sys.executable).with_name("uv"), dict(os.environ))
    assert {minor: newest[minor] for minor in PYTHONS} == PYTHONS, "run scripts/locks"
    read = {"image": day(DEFAULT_IMAGE.rpartition(":")[2]), "Pythons": day(listed)}
    assert stale((ROOT / "CHANGELOG.md").read_text("utf-8"), read) == [], "run scripts/locks"


def test_the_local_azure_has_the_default_image() -> None:
    host, _, rest = DEFAULT_IMAGE.partition("/")
    repository, _, tag = rest.partition(":")
    assert tag in images.document()[host][repository]


def test_scanners_have_nothing_to_say_of_the_pip() -> None:
    assert Version(PIP) >= Version("26.2.1")  # CVE-2026-1703, CVE-2026-3219, CVE-2026-6357, PYSEC-2026-3721


def test_every_release_has_its_date() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    headings = re.findall(r"^## (.*)$", changelog, re.MULTILINE)
    assert [each for each in headings if each != "Unreleased" and not re.search(r" - \d{4}-\d\d-\d\d$", each)] == []


@pytest.mark.parametrize(
    ("heading", "found"),
    [
        ("## Unreleased", []),
        ("## 0.1.0 - 2026-03-30", []),
        ("## 0.1.0 - 2026-03-31", ["image"]),
        ("## [2.0.0] - 2027-01-01", ["image", "Pythons"]),
    ],
)
def test_age_counts_from_the_newest_release(heading: str, found: list[str]) -> None:
    read = {"image": "2025-11-30", "Pythons": "2026-03-01"}
    assert stale(f"# Changelog\n\n{heading}\n\n## 0.0.1 - 2025-12-01\n", read) == found
