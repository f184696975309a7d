"""Packages without a wheel: a stop that says why, and the way out followed literally to a release."""

import json
import pathlib
import re
from typing import Any

import pytest
from rehearsal.builder.build import build
from rehearsal.proxy.world import World
from rehearsal.state.names import workspace_id
from rehearsed.steps import PROJECTS, Result, Step, refused, write_wheel

CASES = PROJECTS / "cases"


@pytest.mark.network
@pytest.mark.parametrize(
    ("case", "code", "told"),
    [
        pytest.param("hydra-silent", "AW74", "hydra-core 0.11.3 in place of", marks=pytest.mark.long),
        pytest.param("hydra-open", "AW74", "hydra-core 0.11.3 in place of", marks=pytest.mark.long),
        pytest.param(
            "sdist-only",
            "AW72",
            "antlr4-python3-runtime 4.9.3 (which omegaconf 2.3.0 requires)",
            marks=pytest.mark.long,
        ),
    ],
)
def test_the_stop_names_the_package_and_its_fix_releases(step: Step, case: str, code: str, told: str) -> None:
    refused = step(package_dir=CASES / case)
    assert code in refused.told
    assert told in refused.told
    assert not refused.writes
    found = re.search(r"Set `?(?:--)?from-source`? to ([a-z0-9, -]+): the step", refused.told)
    assert found
    given = "\n".join(found[1].split(", "))
    first = step(package_dir=CASES / case, from_source=given)
    assert first.status == 0, first.output
    receipt = json.loads(first.files["aml-release.json"])
    lock = first.files["requirements.lock"].decode()
    listed = {each["name"]: each for each in json.loads(first.files["sbom.cdx.json"])["components"]}
    assert {each["name"] for each in receipt["from_source"]} == set(given.split("\n"))
    for each in receipt["from_source"]:
        assert "-0amlwheel-" in each["wheel"]
        assert f"{each['name']}=={each['version']} --hash=sha256:{each['sha256']}\n" in lock
        (reference,) = listed[each["name"]]["externalReferences"]
        assert reference["hashes"][0]["content"] == each["source"]["sha256"]
    second = step(package_dir=CASES / case, from_source=given)
    assert second.status == 0, second.output
    assert not second.writes
    assert second.released == first.released


def installed(world: World, released: Result) -> tuple[str, ...]:
    """Return what the image builder installs."""
    outputs = released.outputs
    built = build(world, workspace_id(), outputs["environment-name"], outputs["environment-version"])
    assert built.ok, built.log
    return built.installed


def project(folder: pathlib.Path, *requires: str) -> pathlib.Path:
    """Return a wheel that requires something of the public index."""
    return write_wheel(folder / "wheels", "acme-needs", "1.0", requires=requires)


@pytest.mark.network
@pytest.mark.parametrize(
    ("case", "told"),
    [
        ("pyspark", "No wheel that fits exists of pyspark 3.5."),
        ("hydra", "antlr4-python3-runtime 4.9.3"),
        pytest.param(
            "fixed-by-floor",
            "No wheel that fits exists of fusepy 3.0.1 (which azureml-dataset-runtime",
            marks=pytest.mark.long,
        ),
    ],
)
def test_each_package_without_a_wheel_is_named_at_once(step: Step, case: str, told: str) -> None:
    refused(step(package_dir=CASES / case), 72, told, "Set `--from-source` to ")


@pytest.mark.network
@pytest.mark.long
@pytest.mark.parametrize(
    ("requires", "built"),
    [
        ("hydra-core==1.3.2", "antlr4_python3_runtime 4.9.3"),
        ("pyspark==3.5.3", "pyspark 3.5.3"),
        ("rouge-score", "rouge_score 0.1.2"),
        ("azureml-dataset-runtime[fuse]", "fusepy 3.0.1"),
    ],
)
def test_what_has_no_wheel_is_released_installed_kept_and_built_the_same_again(
    step: Step, world: World, tmp_path: pathlib.Path, requires: str, built: str
) -> None:
    given: dict[str, Any] = {"wheel": project(tmp_path, requires), "from_source": "all", "verify": "install"}
    released = step(**given)
    assert released.status == 0, released.output
    assert built in installed(world, released)
    second = step(**given)
    assert second.status == 0, second.output
    assert second.writes == []
    assert second.released == released.released
    for path in (world.azure / "feeds").rglob("*.whl"):
        path.unlink()
    anew = step(**given, dry_run="true", output_dir="anew")
    assert anew.status == 0, anew.output
    receipts = [json.loads(each.files["aml-release.json"])["from_source"] for each in (second, anew)]
    assert receipts[0] == receipts[1], "the same sdist gives the same bytes"


@pytest.mark.network
def test_an_upper_bound_is_obeyed_without_a_word(step: Step, tmp_path: pathlib.Path) -> None:
    result = step(wheel=project(tmp_path, "hydra-core<1"), dry_run="true")
    assert result.status == 0, result.output
    assert "hydra-core==0.11.3" in result.files["requirements.lock"].decode()
    assert "warning" not in result.output


@pytest.mark.network
def test_a_package_of_the_feed_is_never_replaced_by_a_public_sdist_of_its_name(
    step: Step, world: World, tmp_path: pathlib.Path
) -> None:
    world.seed_wheel(write_wheel(tmp_path / "seeds", "rouge-score", "0.0.1"))
    result = step(wheel=project(tmp_path, "rouge-score"), from_source="rouge-score")
    refused(result, 35, "has a package of its own named rouge-score", "Take rouge-score out of")
    without = step(wheel=project(tmp_path, "rouge-score"), dry_run="true")
    assert "rouge-score==0.0.1" in without.files["requirements.lock"].decode()


@pytest.mark.network
def test_a_yanked_release_that_is_pinned_is_locked_with_its_reason(step: Step) -> None:
    result = step(package_dir=CASES / "yanked")
    assert result.status == 0, result.output
    assert "requests==2.32.0" in result.files["requirements.lock"].decode()
    told = "requests 2.32.0 is yanked: Yanked due to conflicts with CVE-2024-35195 mitigation"
    assert told in result.told
    assert json.loads(result.files["aml-release.json"])["warnings"] == [told]


@pytest.mark.network
def test_a_name_that_no_index_has(step: Step) -> None:
    refused(step(package_dir=CASES / "not-found"), 59, "No package of the name", "Correct the name")
