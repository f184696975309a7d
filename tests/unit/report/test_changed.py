"""What a release changes, for the log, the summary page and the receipt."""

from dataclasses import replace
from pathlib import Path

import pytest
from amlwheel.model.differences import Comparison, Difference
from amlwheel.report import changed
from amlwheel.report.release import Release
from unit.parts import make, release
from unit.report.test_receipt import problems, told

OWN = Difference("package", "acme-churn", "up", "1.2.2", "1.2.3")
IMAGE = Difference("image", "image", "changed", "mcr.example/a@sha256:" + "1" * 64, "mcr.example/a@sha256:" + "2" * 64)
MANY = tuple(Difference("package", f"p{number}", "down", "2", "1") for number in range(1200))
HOSTILE = Difference("option", "|`[x](y)<b>", "removed")


@pytest.fixture
def made(tmp_path: Path) -> Release:
    return release(make(tmp_path))


def since(*differences: Difference, workspaces: tuple[str, ...] = ("research",)) -> Comparison:
    return Comparison(workspaces, "1.2.2-abc", differences)


@pytest.mark.parametrize(
    ("comparison", "said"),
    [
        (Comparison(("a", "b")), "The first version of acme-churn on a, b."),
        (Comparison(("a",), unknown="no"), "Not compared with what is registered on a: no."),
        (Comparison(("a",), "7", unknown="no"), "Not compared with azureml:acme-churn:7 on a: no."),
        (since(), "Packages, image, Python and options are those of azureml:acme-churn:1.2.2-abc on research."),
        (
            since(OWN),
            (
                "Only the package of the release differs from azureml:acme-churn:1.2.2-abc on research: "
                "acme-churn 1.2.2 → 1.2.3."
            ),
        ),
        (
            since(replace(OWN, way="added", before="")),
            (
                "Only the package of the release differs from azureml:acme-churn:1.2.2-abc on research: "
                "acme-churn none → 1.2.3."
            ),
        ),
    ],
)
def test_what_needs_no_list_is_one_sentence(made: Release, comparison: Comparison, said: str) -> None:
    assert list(changed.lines(made, [comparison])) == [said]
    assert changed.section(made, [comparison]) == f"\n{said}\n"


def test_the_first_differences_are_shown_and_the_rest_is_folded(made: Release) -> None:
    comparison = since(IMAGE, HOSTILE, Difference("conda package", "ffmpeg", "added", "", "6.1.1"), *MANY, OWN)
    first, *rest = changed.lines(made, [comparison])
    assert first == (
        "Changed since azureml:acme-churn:1.2.2-abc on research: "
        "packages: 1200 down, 1 added, 1 up; another image; other options."
    )
    assert rest[0] == "  changed     image mcr.example/a@sha256:111111111111… → mcr.example/a@sha256:222222222222…"
    assert rest[1] == "  removed     option |`[x](y)<b>"
    assert rest[2] == "  added       conda package ffmpeg 6.1.1"
    assert rest[-1] == "  and 1194 more"
    assert len(rest) == changed.SHORT + 1
    page = changed.section(made, [comparison])
    short, _, whole = page.partition("<details>")
    assert short.count("\n| down |") == 7
    assert "<summary>All 1204 differences</summary>" in whole
    assert whole.count("\n| down |") == 997
    assert "The receipt has 204 more." in whole
    assert "<b>" not in page
    assert "`" not in page
    assert page.count("|") == 5 * (10 + 1000 + 4)


def test_a_short_list_isnt_folded(made: Release) -> None:
    page = changed.section(made, [since(IMAGE), since(HOSTILE, workspaces=("other",))])
    assert "<details>" not in page
    assert page.count("| changed |") == page.count("| removed |") == 1
    assert "on other: other options." in page


def test_the_receipt_has_all_of_it_by_its_schema(made: Release) -> None:
    compared = [since(IMAGE, HOSTILE, *MANY), Comparison(("a",)), Comparison(("b",), unknown="no")]
    said = {**told(made), "changes": changed.data(made, compared)}
    assert problems(said) == []
    assert len(said["changes"][0]["differences"]) == 1202
    assert said["changes"][1:] == [
        {"workspaces": ["a"], "differences": []},
        {"workspaces": ["b"], "unknown": "no", "differences": []},
    ]
    assert "changes" not in told(made)
