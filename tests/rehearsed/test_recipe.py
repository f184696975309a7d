"""`verify: recipe`, through the real azureml-core: the builder's own files, compared and never shown."""

import pathlib
import re

from rehearsal.azureml.recipe import packed
from rehearsal.proxy.world import World
from rehearsal.state.names import READ_TOKEN
from rehearsed.steps import Result, Step

RECIPE = {"host": r"\.api\.azureml\.ms$", "path": r"/recipe$"}
PLACE = "pkgs.dev.azure.com with a token as the user, without a password"


def closing(result: Result) -> str:
    """Return what the stage ended with; nothing secret may stand anywhere."""
    assert READ_TOKEN not in result.output
    assert "sig=" not in result.output
    (line,) = re.findall(
        r"^ok +Ask for the image's recipe on ws-train · (.*?)(?: · [\d.]+ s)?$", result.output, re.MULTILINE
    )
    return str(line)


def test_the_builders_own_files_are_compared_and_what_would_fail_is_told(
    step: Step, world: World, wheel: pathlib.Path
) -> None:
    first = step(wheel=wheel, verify="recipe")
    assert first.status == 0, first.output
    assert closing(first) == f"matches what was registered; {PLACE}"
    asked = [line["url"] for line in first.requests if line["method"] == "POST" and "/environment/" in line["url"]]
    assert [url.rpartition("/")[2] for url in asked] == ["recipe"]  # nothing was built

    world.fail({**RECIPE, "status": 404}, {**RECIPE, "path": r"/versions/[^/]+/image$", "status": 403})
    untold = step(wheel=wheel, verify="recipe", output_dir="untold")
    assert untold.status == 0, untold.output
    assert "Image on ws-train: Azure doesn't tell whether it exists: A service answered 403" in untold.told
    assert "ws-train doesn't tell how it would build the image, so nothing is compared: A service answered 404" in (
        untold.told
    )

    conda = re.sub(r" --hash=\S+", "", first.files["conda.yml"].decode())
    conda = re.sub(r"( +- )(\S*acme-features)", r"\1acme-more==9.9\n\1\2", conda)
    world.fail(
        {**RECIPE, "status": 200, "body": {"setupContentZip": packed({"mutated_conda_dependencies.yml": conda})}}
    )
    wrong = step(wheel=wheel, verify="recipe", output_dir="wrong")
    assert wrong.status == 176, wrong.output
    assert "AW176 image would differ" in wrong.output
    assert "leaves out the sha256 of acme-features==0.3.0" in wrong.told
    assert "and adds acme-more." in wrong.told
    assert "AW177 image build has no credential" in wrong.output
    assert "has no credential for https://pkgs.dev.azure.com/" in wrong.told
    assert closing(wrong) == "differs from what was registered; pkgs.dev.azure.com with no credential"
    assert wrong.released == first.released  # it is released all the same

    built = step(wheel=wheel, verify="image", output_dir="built")  # what both errors advise
    assert built.status == 0, built.output
    assert "Build the image on ws-train · built" in built.output
    assert "acme_features-0.3.0" in built.output or "acme-features-0.3.0" in built.output  # the log lists the packages
