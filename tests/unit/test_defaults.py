"""What a release brings as defaults isn't old: the image and the Pythons of `inputs/readers.py`."""

import re
from collections.abc import Mapping
from datetime import date

import pytest
from amlwheel.inputs.readers import DEFAULT_IMAGE, PYTHONS_READ
from unit.parts import ROOT

OLDEST = 120  # days before the release
READ = {"image": re.sub(r".*:(....)(..)(..)\..*", r"\1-\2-\3", DEFAULT_IMAGE), "Pythons": PYTHONS_READ}


def stale(changelog: str, read: Mapping[str, str]) -> list[str]:
    """Return what is too old for the newest release of a changelog; nothing is, before there is one."""
    releases = re.findall(r"^## v?\[?\d+\.\d+\.\d+\]? - (\S+)$", changelog, re.MULTILINE)
    if not releases:
        return []
    newest = max(map(date.fromisoformat, releases))
    return [name for name, day in read.items() if (newest - date.fromisoformat(day)).days > OLDEST]


def test_the_defaults_of_a_release_are_of_its_time() -> None:
    changelog = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert stale(changelog, READ) == []
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
