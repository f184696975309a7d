"""A project's own inputs in `[tool.amlwheel]`, and the platform that the lock takes from the image's name."""

import pathlib
import re
import shutil

import pytest
from amlwheel.inputs.readers import PYTHONS
from rehearsal.builder.build import build
from rehearsal.state.names import workspace_id
from rehearsed.steps import FEED_LABEL, PROJECTS, WORKSPACE_LABEL, Result, Step, refused, write_wheel

TABLE = f"""
[tool.amlwheel]
feed = "{FEED_LABEL}"
workspace = ["{WORKSPACE_LABEL}"]
environment-name = "churn-of-the-table"
python-version = "3.12"
requirements = "more.txt"
"""


@pytest.fixture
def project(tmp_path: pathlib.Path) -> pathlib.Path:
    """A project with a table, and with a file beside it that the table names."""
    place = tmp_path / "acme-features"
    shutil.copytree(PROJECTS / "acme-features", place)
    (place / "more.txt").write_text("six==1.16.0\n")
    with (place / "pyproject.toml").open("a") as file:
        file.write(TABLE)
    return place


def run(step: Step, project: pathlib.Path, *more: str) -> Result:
    """Run the step with the folder alone, as a pipeline that leaves the rest to the project."""
    return step(f"--package-dir={project}", *more, feed="", workspace="")


def test_the_table_is_enough_for_a_release_and_the_pipeline_wins(step: Step, project: pathlib.Path) -> None:
    result = run(step, project)
    assert result.status == 0, result.output
    assert f"[tool.amlwheel] of {project}/pyproject.toml gives feed, workspace, environment-name" in result.told
    assert result.outputs["environment-name"] == "churn-of-the-table"
    lock = result.files["requirements.lock"].decode()
    assert lock.startswith("# Locked by amlwheel for Python 3.12.")
    assert "\nsix==1.16.0 --hash=sha256:" in lock

    again = run(step, project)
    assert (again.status, again.writes, again.outputs["changed"]) == (0, [], "false")

    other = run(step, project, "--python-version=3.11", "--environment-name=given-here", "--dry-run")
    assert other.status == 0, other.output
    assert "both give --environment-name, --python-version: this run wins" in other.told
    assert other.outputs["environment-name"] == "given-here"
    assert other.files["requirements.lock"].startswith(b"# Locked by amlwheel for Python 3.11.")


def test_a_weekly_check_with_the_released_wheel_finds_the_table_where_it_runs(
    step: Step, project: pathlib.Path, wheel: pathlib.Path
) -> None:
    for name in ("pyproject.toml", "more.txt"):
        shutil.copy(project / name, step.folder("work") / name)
    result = step(wheel=wheel, feed="", workspace="", dry_run="true")
    assert result.status == 0, result.output
    assert result.outputs["environment-name"] == "churn-of-the-table"


@pytest.mark.long
@pytest.mark.parametrize(
    ("wrong", "right", "status", "told"),
    [
        ('python-verson = "3.12"', "", 10, ("has 'python-verson', which is no input.", "mean 'python-version'?")),
        ("index = 3", 'index = "extra"', 10, ("'index' is a number, and it takes a text.", 'Write index = "extra".')),
        ("dry-run = true", "", 10, ("which only the pipeline can give: whoever starts", "Give `--dry-run` in the")),
        ('connection-token = "fake-t0ken"', "", 14, ("'connection-token', which is a secret", "Revoke")),
        ('index = "$(index)"', "", 10, ("'index' has $(index), and nothing replaces variables there.", "Write the")),
        ('index = "onyl"', "", 10, ("'index' can't be 'onyl'; it is one of extra, only.", "Did you mean 'only'?")),
    ],
)
def test_what_can_not_stand_in_the_table_stops_the_step_before_anything_is_asked(  # noqa: PLR0913, PLR0917  # a case
    step: Step, project: pathlib.Path, wrong: str, right: str, status: int, told: tuple[str, ...]
) -> None:
    file = project / "pyproject.toml"
    before = file.read_text()
    file.write_text(f"{before}{wrong}\n")
    result = run(step, project)
    refused(result, status, f"{project}/pyproject.toml", *told)
    assert result.requests == []
    assert "fake-t0ken" not in result.output
    file.write_text(f"{before}{right}\n")
    mended = run(step, project, "--dry-run")
    assert mended.status == 0, mended.output


def test_a_table_that_no_editor_could_save_rightly_is_named(step: Step, project: pathlib.Path) -> None:
    file = project / "pyproject.toml"
    file.write_bytes(b"\xef\xbb\xbf" + file.read_bytes())
    refused(run(step, project), 10, "begins with a byte order mark", "without a byte order mark")
    file.write_bytes(file.read_bytes()[3:])
    assert run(step, project, "--dry-run").status == 0


def test_of_two_packages_the_first_ones_table_counts(step: Step, project: pathlib.Path) -> None:
    other = project.parent / "acme-scoring"
    shutil.copytree(PROJECTS / "acme-scoring", other)
    with (other / "pyproject.toml").open("a") as file:
        file.write('\n[tool.amlwheel]\npython-version = "3.13"\n')
    result = run(step, project, f"--package-dir={other}", "--dry-run")
    assert result.status == 0, result.output
    assert f"warning: [tool.amlwheel] of {other}/pyproject.toml isn't used, since {project} leads" in result.told
    assert result.files["requirements.lock"].startswith(b"# Locked by amlwheel for Python 3.12.")


# --- the platform


@pytest.mark.long
@pytest.mark.parametrize(
    ("image", "minor", "system"),
    [
        ("", 35, "Ubuntu 22.04"),
        ("mcr.microsoft.com/azureml/openmpi5.0-ubuntu24.04:20251130.v1", 39, "Ubuntu 24.04"),
        ("acme.azurecr.io/ml/base:1.1", 28, "of no system that is known here"),
    ],
)
def test_the_lock_is_for_the_images_glibc_and_a_second_run_writes_nothing(
    step: Step, tmp_path: pathlib.Path, image: str, minor: int, system: str
) -> None:
    wheel = write_wheel(tmp_path / "wheels", "acme-glibc", f"0.{minor}.0", requires=["cryptography==46.0.3"])
    result = step(wheel=wheel, base_image=image)
    assert result.status == 0, result.output
    assert f"on manylinux_2_{minor} (by its name, the base image is {system})" in result.told
    lock = result.files["requirements.lock"].decode()
    assert lock.startswith(f"# Locked by amlwheel for Python {PYTHONS['3.11']} on x86_64-manylinux_2_{minor}.\n")
    (line,) = re.findall(r"(?m)^cryptography==.*$", lock)
    assert line.count("sha256:") == (4 if minor < 34 else 6)  # two of its wheels need glibc 2.34
    assert line in result.files["conda.yml"].decode()
    again = step(wheel=wheel, base_image=image)
    assert (again.status, again.writes, again.outputs["changed"]) == (0, [], "false")
    built = build(step.world, workspace_id(), result.outputs["environment-name"], result.outputs["environment-version"])
    assert built.ok, built.log


@pytest.mark.parametrize("image", ["acme.azurecr.io/ml/base:1.1", ""])
def test_a_compiled_wheel_of_ours_needs_an_image_that_can_load_it(
    step: Step, tmp_path: pathlib.Path, image: str
) -> None:
    wheel = write_wheel(tmp_path / "wheels", "acme-native", "0.4.0", tag="cp311-cp311-manylinux_2_35_x86_64")
    result = step(wheel=wheel, base_image=image, dry_run="true")
    if not image:
        assert result.status == 0, result.output
        return
    refused(result, 28, "manylinux_2_35", "on Linux x86-64, manylinux_2_28 (by its name")
