"""`verify: recipe` for each workspace: what the log, the summary and the errors say, and what stops nothing."""

from dataclasses import replace
from pathlib import Path

import pytest
from amlwheel.errors.base import Several
from amlwheel.errors.workspace import RecipeDiffers, RecipeWithoutCredential
from amlwheel.hosts.github import GitHub
from amlwheel.model.azure import Workspace
from amlwheel.model.environment import Environment
from amlwheel.model.recipe import Recipe
from amlwheel.report.release import Release
from amlwheel.step import recipes
from amlwheel.workspace.azureml.recipe import Untold
from unit.parts import CANARY, DIGEST, WORKSPACE, make, release

BLOB = "https://a.blob.core.windows.net/c/acme_churn-1.2.3-py3-none-any.whl"


class Builders:
    """Workspaces with one recipe each; an Untold is raised."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        """Tell what was registered, with a token in the feed's address."""
        self.release = release(make(folder))
        self.page = folder / "summary.md"
        self.host = GitHub({"GITHUB_STEP_SUMMARY": str(self.page)})
        self.recipes: dict[str, Recipe | Untold] = {}
        monkeypatch.setattr(recipes, "ask", lambda _, workspace, __: self.tell(workspace))

    def tell(self, workspace: Workspace) -> Recipe:
        found = self.recipes.get(workspace.name, self.recipe())
        if isinstance(found, Untold):
            raise found
        return found

    def recipe(self, old: str = "https://pkgs.", new: str = f"https://{CANARY}@pkgs.") -> Recipe:
        lines = [line.replace(old, new) for line in self.release.environment.pip]
        return Recipe(f"FROM x@{DIGEST}", self.release.environment.listing(lines).spec)

    def check(self, made: Release | None = None, at: Environment | None = None) -> str:
        made = made or self.release
        recipes.check(self.host, None, made, lambda _: at or made.environment)  # type: ignore[arg-type]  # nobody asks it
        return self.page.read_text("utf-8")


@pytest.fixture
def builders(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Builders:
    return Builders(monkeypatch, tmp_path)


def test_a_recipe_as_registered_is_told_with_the_kind_of_credential(
    builders: Builders, capsys: pytest.CaptureFixture[str]
) -> None:
    page = builders.check()
    assert "on research: matches what was registered; pkgs.dev.azure.com with a token as the user" in page
    said = capsys.readouterr().out
    assert "Ask for the image's recipe on research · matches what was registered" in said
    assert "::warning" not in said
    assert CANARY not in page + said


def test_every_workspace_is_asked_before_the_run_fails(builders: Builders, capsys: pytest.CaptureFixture[str]) -> None:
    both = replace(builders.release, workspaces=(WORKSPACE, replace(WORKSPACE, name="second")))
    builders.recipes = {"research": builders.recipe(" --hash", f" --{CANARY}"), "second": builders.recipe("x", "x")}
    with pytest.raises(Several) as caught:
        builders.check(both)
    differs, bare = sorted(caught.value.errors[:2], key=lambda error: error.status)
    assert isinstance(differs, RecipeDiffers)
    assert "on research leaves out " in differs.what
    third = caught.value.errors[-1]
    assert isinstance(bare, RecipeWithoutCredential)
    assert isinstance(third, RecipeWithoutCredential)
    assert "on second has no credential for https://pkgs.dev.azure.com/acme/ml/" in third.what
    page = builders.page.read_text("utf-8")
    assert page.count("differs from what was registered") == 2
    assert CANARY not in page + capsys.readouterr().out + str(caught.value.errors)


def test_what_is_added_is_an_error_for_packages_and_a_warning_for_the_rest(
    builders: Builders, capsys: pytest.CaptureFixture[str]
) -> None:
    builders.recipes["research"] = builders.recipe("--require-hashes", "--require-hashes")
    spec = builders.tell(WORKSPACE).spec
    assert isinstance(spec, dict)
    spec["dependencies"][-1]["pip"] += ["--trusted-host x.example"]
    spec["dependencies"][-1]["pip"][0] = spec["dependencies"][-1]["pip"][0].replace("https://", "https://u:p@")
    assert "differs" in builders.check()
    assert "::warning" in (said := capsys.readouterr().out)
    assert "has more than was registered: --trusted-host." in said
    spec["dependencies"][-1]["pip"] += ["scipy==1.0"]
    with pytest.raises(RecipeDiffers, match="research adds scipy"):
        builders.check()


def test_a_workspace_that_does_not_tell_is_a_warning(builders: Builders, capsys: pytest.CaptureFixture[str]) -> None:
    builders.recipes["research"] = Untold("The answer has no files.")
    assert "on research: not told. The answer has no files." in builders.check()
    said = capsys.readouterr().out
    assert (
        "research doesn't tell how it would build the image, so nothing is compared: The answer has no files." in said
    )


@pytest.mark.parametrize(("route", "fails"), [("workspace", True), ("storage", False)])
def test_wheels_in_the_workspaces_own_storage_need_a_signature(builders: Builders, route: str, *, fails: bool) -> None:
    stored = replace(builders.release, route=route, connection=None)
    at = stored.environment.listing([f"{BLOB} --hash=sha256:{'0' * 64}"])
    builders.recipes["research"] = Recipe("", at.spec)
    if fails:
        with pytest.raises(RecipeWithoutCredential, match=f"no credential for {BLOB}"):
            builders.check(stored, at)
    else:
        assert "matches what was registered; a.blob.core.windows.net with no credential" in builders.check(stored, at)
