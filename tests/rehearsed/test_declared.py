"""What teams have: requirements files, conda files, extras, groups and wheels by address, by the real step.

Each stop is followed literally to a green run, and the emitted files are read.
"""

import json
import pathlib
import shutil

import pytest
import yaml
from amlwheel.inputs.readers import PYTHONS
from rehearsal.builder.build import build
from rehearsal.command.projects import commit
from rehearsal.proxy.world import World
from rehearsal.state.names import FEED_TOKEN, MIRROR_FEED, ORGANIZATION, PROJECT, workspace_id
from rehearsed.steps import PROJECTS, Result, Step, refused, sha256, write_wheel

TIPS = "https://github.com/acme/models/releases/download/v1/tips-1.0.12-py3-none-any.whl"
IDNA = (
    "12f65c9b470abda6dc35cf8e63cc574b1c52b11df2c86030af0ac09b01b13ea9",
    "946d195a0d259cbba61165e88e65941f16e9b36ea6ddb97f00452bae8b1287d3",
)


def case(step: Step, name: str) -> pathlib.Path:
    """Copy a case into the folder in which the step runs; return that."""
    shutil.copytree(PROJECTS / "cases" / name, step.folder("work"), dirs_exist_ok=True)
    return step.folder("work")


def spec(result: Result) -> dict[str, list[object]]:
    found: dict[str, list[object]] = yaml.safe_load(result.files["conda.yml"])
    return found


def pip(result: Result) -> list[str]:
    return list(spec(result)["dependencies"][-1]["pip"])  # type: ignore[index]


def conda(result: Result) -> list[object]:
    return spec(result)["dependencies"][:-1]


def names(result: Result) -> set[str]:
    lines = (line for line in pip(result) if not line.startswith("--"))
    return {line.replace(" @ ", "==").partition("==")[0] for line in lines}


def released(result: Result) -> Result:
    assert result.status == 0, result.output
    return result


def built(world: World, result: Result) -> tuple[str, ...]:
    """Let the stand-in builder install the registered environment; return what it installed."""
    name, version = result.outputs["environment-name"], result.outputs["environment-version"]
    done = build(world, workspace_id(), name, version)
    assert done.ok, done.log
    return done.installed


# --- requirements files


def test_a_compiled_list_is_pins(step: Step) -> None:
    work = case(step, "req-hashed")
    refused(
        step(package_dir="proj", requirements="requirements.txt"), 107, "requirements.txt:2 names the file 'base.txt'"
    )
    (work / "base.txt").write_text("# nothing more\n")
    result = released(step(package_dir="proj", requirements="requirements.txt"))
    assert f"idna==3.10 --hash=sha256:{IDNA[1]}" in pip(result)
    (work / "requirements.txt").write_text(f"idna==3.10 --hash=sha256:{'1' * 64}\n")
    stop = step(package_dir="proj", requirements="requirements.txt", output_dir="again")
    refused(stop, 108, "idna 3.10: the files that fit the image have sha256 946d195a", f"declares {'1' * 64}")
    (work / "requirements.txt").write_text(f"idna==3.10 --hash=sha256:{IDNA[1]}\n")  # compiled again
    assert released(step(package_dir="proj", requirements="requirements.txt")).writes == []


def test_a_list_with_everything_in_it(step: Step) -> None:
    work = case(step, "reqs")
    stop = step(package_dir=".", requirements="requirements.txt")
    line = "`--package-indexes`: https://mirror.acme.example/simple numpy pandas pyyaml scikit-learn"
    refused(stop, 107, "requirements.txt:2: https://mirror.acme.example/simple is another index", line)
    text = (work / "requirements.txt").read_text().replace("--index-url https://mirror.acme.example/simple\n", "")
    (work / "requirements.txt").write_text(text)
    stop = step(package_dir=".", requirements="requirements.txt")
    refused(stop, 108, "scikit-learn 1.5.2: the files that fit", "1111111")
    (work / "requirements.txt").write_text(text.partition(" \\\n")[0] + "\n-e .\n")
    result = released(step(package_dir=".", requirements="requirements.txt"))
    assert {"numpy", "pandas", "pyyaml", "scikit-learn"} <= names(result)
    assert "pywin32" not in names(result)
    (numpy,) = (line for line in pip(result) if line.startswith("numpy=="))
    assert numpy.startswith("numpy==1."), "-c constraints.txt has numpy<2"


def test_our_own_package_is_in_already(step: Step) -> None:
    work = case(step, "req-dot")
    refused(
        step(package_dir="proj", requirements="requirements.txt"), 107, "requirements.txt:3: --find-links isn't taken"
    )
    (work / "requirements.txt").write_text("-e .\nidna\n")
    result = released(step(package_dir="proj", requirements="requirements.txt"))
    assert "requirements.txt:1: -e . is our own package, which is in already" in result.told
    assert names(result) == {"acme-r", "idna"}


def test_another_folder_is_named_in_package_dir(step: Step, features: pathlib.Path) -> None:
    work = case(step, "req-dot")
    shutil.copytree(features, work / "libs/features")
    (work / "requirements.txt").write_text("-e libs/features\n")
    stop = step(package_dir="proj", requirements="requirements.txt")
    refused(stop, 107, "'libs/features' is a folder that isn't in `--package-dir`", "one a line: proj, libs/features")
    result = released(step(package_dir=("proj", "libs/features"), requirements="requirements.txt"))
    assert {"acme-r", "acme-features"} <= names(result)


@pytest.mark.long
def test_a_wheel_beside_the_list_is_published_once(step: Step, world: World) -> None:
    work = case(step, "req-whl-url")
    lines = (work / "requirements.txt").read_text().splitlines()
    (work / "requirements.txt").write_text("\n".join(lines[:2]))
    stop = step(package_dir="proj", requirements="requirements.txt")
    refused(
        stop, 107, "./vendor/tips-1.0.12-py3-none-any.whl is a file beside the list", "write tips==1.0.12 in its place"
    )
    world.seed_wheel(write_wheel(step.scratch / "seed", "tips", "1.0.12", text="vendored"))
    (work / "requirements.txt").write_text(f"{lines[0]}\ntips==1.0.12\n")
    assert "tips" in names(released(step(package_dir="proj", requirements="requirements.txt")))


def test_the_index_of_local_versions_reaches_the_lock(step: Step) -> None:
    work = case(step, "req-torch-index")
    text = (work / "requirements.txt").read_text()
    (work / "requirements.txt").write_text(text + "--extra-index-url https://other.example/simple\n")
    stop = step(package_dir="proj", requirements="requirements.txt")
    refused(
        stop,
        107,
        "`--package-indexes`: https://download.pytorch.org/whl/cu118 torch",
        "https://other.example/simple torch",
    )


def test_secrets_and_variables_in_a_list_are_not_shown(step: Step) -> None:
    work = case(step, "req-dot")
    secret = "fake-secret-in-a-list"
    (work / "requirements.txt").write_text(
        f"--extra-index-url https://me:{secret}@pkgs.dev.azure.com/acme/ml/_packaging/wheels/pypi/simple/\n"
        f"--extra-index-url https://me:{secret}@other.example/simple\n"
        f"x @ https://x.example/x-1-py3-none-any.whl?sig={secret}\n"
        "https://${TOKEN}@x.example/x-1-py3-none-any.whl\nidna\n"
    )
    stop = step(package_dir="proj", requirements="requirements.txt", env={"TOKEN": secret})
    refused(stop, 107, "another index", "a query in its address", "holds the variable TOKEN")
    assert secret not in stop.output
    assert "requirements.txt:1" not in stop.output


# --- extras and groups


def test_extras_and_dependency_groups_of_the_project(step: Step) -> None:
    work = case(step, "req-dot")
    project = work / "proj/pyproject.toml"
    more = '[project.optional-dependencies]\ntrain = ["idna==3.10"]\n'
    more += '[dependency-groups]\ndev = ["tomli", {include-group = "x"}]\nx = ["attrs"]\n'
    project.write_text(project.read_text() + more)
    stop = step(package_dir="proj", requirements=(".[test]", ".:dev"))
    refused(
        stop, 107, "acme-r[test], but acme_r-1.0.0-py3-none-any.whl has no such extra", "Name one of its extras: train"
    )
    stop = step(package_dir="proj", requirements=".:def")
    refused(stop, 107, "no dependency group 'def'; it has dev, x", "Did you mean .:dev?")
    result = released(step(package_dir="proj", requirements=(".[train]", ".:dev")))
    assert names(result) == {"acme-r", "idna", "tomli", "attrs"}
    assert [line for line in pip(result) if line.startswith("idna==3.10 ")]


# --- wheels by address


def tips(world: World, step: Step) -> str:
    """Put a wheel among the files of a release on the local github.com; return its sha256."""
    wheel = write_wheel(step.scratch / "release", "tips", "1.0.12", requires=["idna"])
    world.seed_release(wheel, TIPS)
    return sha256(wheel)


@pytest.mark.long
@pytest.mark.parametrize("fragment", ["", "#sha256="])
def test_a_wheel_by_address_in_our_metadata(step: Step, world: World, fragment: str) -> None:
    digest = tips(world, step)
    fragment += digest if fragment else ""
    wheel = write_wheel(
        step.scratch / "wheels", f"acme-s{len(fragment)}", "1.0.0", requires=[f"Tips @ {TIPS}{fragment}"]
    )
    result = released(step(wheel=wheel))
    line = f"tips @ {TIPS}{fragment} --hash=sha256:{digest}"
    assert line in pip(result)
    assert line in result.files["requirements.lock"].decode()
    said = json.loads(result.files["aml-release.json"])
    assert said["lock"]["by_address"] == [
        {"name": "tips", "version": "1.0.12", "url": f"{TIPS}{fragment}", "sha256": digest}
    ]
    assert "download_url" in result.files["sbom.cdx.json"].decode()
    asked = [each for each in result.requests if "/releases/download/" in each["url"]]
    assert asked
    assert not [each for each in asked if FEED_TOKEN in json.dumps(each)]
    assert "tips 1.0.12" in built(world, result)
    again = released(step(wheel=wheel))
    assert (again.writes, again.outputs["changed"]) == ([], "false")


@pytest.mark.long
def test_a_wheel_by_address_beside_one_in_the_workspaces_storage(step: Step, world: World) -> None:
    digest = tips(world, step)
    wheel = write_wheel(step.scratch / "wheels", "acme-w", "1.0.0", requires=[f"tips @ {TIPS}"])
    result = released(step(wheel=wheel, route="workspace", conda="ffmpeg=6.1.1"))
    assert f"tips @ {TIPS} --hash=sha256:{digest}" in pip(result)
    assert {"tips 1.0.12", "acme_w 1.0.0"} <= set(built(world, result))
    again = released(step(wheel=wheel, route="workspace", conda="ffmpeg=6.1.1"))
    assert again.writes == []


@pytest.mark.long
def test_a_wheel_by_address_where_all_else_comes_from_the_feed(step: Step, world: World) -> None:
    digest = tips(world, step)
    wheel = write_wheel(step.scratch / "wheels", "acme-o", "1.0.0", requires=[f"tips @ {TIPS}"])
    result = released(step(wheel=wheel, feed=f"{ORGANIZATION}/{PROJECT}/{MIRROR_FEED}", index="only"))
    assert pip(result)[0].startswith("--index-url https://pkgs.dev.azure.com/")
    assert f"tips @ {TIPS} --hash=sha256:{digest}" in pip(result)
    assert {"tips 1.0.12", "acme_o 1.0.0"} <= set(built(world, result))


def test_both_sdks_register_the_same_conda_packages(step: Step, wheel: pathlib.Path) -> None:
    first = released(step(wheel=wheel, sdk="v1", conda=("ffmpeg=6.1.1", "tk=8.6=h1")))
    second = released(step(wheel=wheel, sdk="v2", conda=("ffmpeg=6.1.1", "tk=8.6=h1")))
    assert first.files["conda.yml"] == second.files["conda.yml"]
    assert "KEEP    environment" in second.output


def test_a_wheel_by_address_in_a_list(step: Step, world: World) -> None:
    digest = tips(world, step)
    work = case(step, "req-whl-url")
    (work / "requirements.txt").write_text(f"idna\n{TIPS}#sha256={'0' * 64}\n")
    stop = step(package_dir="proj", requirements="requirements.txt")
    refused(stop, 108, f"tips 1.0.12: the files that fit the image have sha256 {digest}", "0000")
    (work / "requirements.txt").write_text(f"idna\n{TIPS}#sha256={digest}\n")
    result = released(step(package_dir="proj", requirements="requirements.txt"))
    assert f"tips @ {TIPS} --hash=sha256:{digest}" in pip(result)
    assert "tips 1.0.12" in built(world, result)


def test_an_address_that_not_everybody_may_read(step: Step) -> None:
    missing = TIPS.replace("1.0.12", "9")
    stop = step(wheel=write_wheel(step.scratch / "w", "acme-s", "1.0.0", requires=[f"tips @ {missing}"]))
    refused(stop, 107, f"{missing} gives no file to somebody without a credential (it answered 404)", "require tips==9")
    stop = step(
        wheel=write_wheel(step.scratch / "w", "acme-s", "1.0.0"), requirements="https://x.example/tips-1.tar.gz"
    )
    refused(stop, 107, "is an sdist", "publish it to the feed, and write tips==1 in its place")


# --- conda files


def test_a_conda_file_and_the_packages_that_it_leaves_open(step: Step, world: World) -> None:
    work = case(step, "conda")
    world.seed_wheel(write_wheel(step.scratch / "seed", "acme-audio", "0.2.0"))
    stop = step(package_dir=".", requirements="conda.yml")
    told = ["'libsndfile=1.2' names", "'ffmpeg=6' names", "'cudatoolkit=11.8' names", "'openmpi' names"]
    refused(stop, 109, *told, "conda.yml has python=3.10, but `--python-version` is 3.11", "`--python-version` to 3.10")
    exact = ("libsndfile=1.2.2", "ffmpeg=6.1.1", "cudatoolkit=11.8.0", "openmpi=4.1.6")
    # librosa's own dependencies are large; what is shown is the same with another package.
    text = (
        (work / "conda.yml")
        .read_text()
        .replace("librosa==0.10.1", "idna==3.10")
        .replace("azureml-mlflow==1.56.0", "attrs")
    )
    (work / "conda.yml").write_text(text)
    project = work / "pyproject.toml"
    project.write_text(project.read_text().replace('"librosa",\n    "soundfile",\n    "pandas<3"', ""))
    (work / "requirements.txt").write_text("tomli\n")
    result = released(step(package_dir=".", requirements="conda.yml", conda=exact, python_version="3.10"))
    assert conda(result) == [f"python={PYTHONS['3.10']}", "pip=26.2.1", *exact]
    assert spec(result)["channels"] == ["conda-forge", "nodefaults"]
    assert {"idna", "tomli", "acme-audio", "attrs"} <= names(result)
    assert json.loads(result.files["aml-release.json"])["environment"]["conda"] == list(exact)
    assert "pkg:conda/ffmpeg@6.1.1" in result.files["sbom.cdx.json"].decode()
    assert "conda packages: libsndfile=1.2.2, ffmpeg=6.1.1" in result.told
    assert "pip=23.1 isn't taken" in result.told
    built(world, result)
    again = released(step(package_dir=".", requirements="conda.yml", conda=exact, python_version="3.10"))
    assert again.writes == []


def test_a_conda_file_in_the_place_of_a_list(step: Step) -> None:
    work = case(step, "conda-as-req")
    refused(step(package_dir="proj", requirements="conda.yml"), 109, "'gdal' names no single version", "gdal=X.Y.Z")
    (work / "conda.yml").write_text((work / "conda.yml").read_text().replace("azureml-mlflow", "attrs"))
    result = released(step(package_dir="proj", requirements="conda.yml", conda="gdal=3.9.2"))
    assert conda(result) == [f"python={PYTHONS['3.11']}", "pip=26.2.1", "gdal=3.9.2"]
    assert {"attrs", "idna"} <= names(result)


def test_python_packages_of_a_range_come_by_hash(step: Step) -> None:
    work = case(step, "conda-as-req")
    (work / "conda.yml").write_text("channels: [defaults]\ndependencies:\n- python=3.11\n- numpy=1.26\n- six\n")
    result = released(step(package_dir="proj", requirements="conda.yml"))
    assert conda(result) == [f"python={PYTHONS['3.11']}", "pip=26.2.1"]
    assert spec(result)["channels"] == ["conda-forge", "nodefaults"]
    (numpy,) = (line for line in pip(result) if line.startswith("numpy=="))
    assert numpy.startswith("numpy==1.26.4 --hash=sha256:")
    assert "numpy=1.26 of conda is locked by sha256 from the public index, as numpy==1.26.*" in result.told


def test_the_lock_has_the_version_that_conda_installs(step: Step) -> None:
    work = case(step, "conda-as-req")
    (work / "conda.yml").write_text("channels: [nvidia]\ndependencies:\n- numpy=1.26.3\n- pip: [contourpy]\n")
    result = released(step(package_dir="proj", requirements="conda.yml"))
    assert conda(result)[2:] == ["numpy=1.26.3"]
    assert spec(result)["channels"] == ["nvidia", "conda-forge", "nodefaults"]
    assert [line for line in pip(result) if line.startswith("numpy==1.26.3 ")]


@pytest.mark.network
@pytest.mark.long
def test_the_case_of_a_language_model(step: Step, world: World) -> None:
    work = case(step, "spacy")
    url = "https://github.com/explosion/spacy-models/releases/download/en_core_web_sm-3.7.1/"
    wheel = write_wheel(step.scratch / "release", "en-core-web-sm", "3.7.1", requires=["spacy>=3.7.2,<3.8"])
    world.seed_release(wheel, f"{url}{wheel.name}")
    project = commit(work, step.scratch / "spacy")
    # spacy 3.7 imports click, which it had from typer, and today's typer has none.
    result = released(step(package_dir=project, requirements="click"))
    assert f"en-core-web-sm @ {url}{wheel.name} --hash=sha256:{sha256(wheel)}" in pip(result)
    assert "en_core_web_sm 3.7.1" in built(world, result)
