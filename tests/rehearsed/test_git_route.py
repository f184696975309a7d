"""`route: git`: images are built from a commit, with everything else by sha256."""

import dataclasses
import json
import pathlib
import re
import sys
import urllib.parse
from typing import Any

import pytest
from rehearsal.builder import build as builder
from rehearsal.command.projects import commit
from rehearsal.git_host import host as git_host
from rehearsal.git_host import repositories
from rehearsal.proxy.world import World
from rehearsal.state.names import AZURE_REPOSITORY, CODE_TOKEN, REPOSITORY, workspace_id
from rehearsed.checkouts import BELOW, git, release
from rehearsed.steps import DEBUG, Step
from rehearsed.test_builder import build, properties, records
from rehearsed.test_consume import consume
from rehearsed.test_secrets import NOSY_PROJECT, Watcher, assert_kept, holds, secrets

CANARY = "fake-canary/of+the=code~0007"

pytestmark = pytest.mark.network  # what builds need comes from the public index


def test_a_commit_is_released_and_the_second_run_changes_nothing(
    step: Step, world: World, pushed: pathlib.Path
) -> None:
    result = release(step, pushed)
    assert result.status == 0, result.output
    assert result.written == [("PUT", "connections"), ("PUT", "environments")]
    name, head = "git-acme-churn", git(pushed, "rev-parse", "HEAD")

    stored = world.workspace()["connections"][name]["properties"]
    assert (stored["category"], stored["target"], stored["authType"]) == ("Git", REPOSITORY, "PAT")
    assert stored["credentials"] == {"pat": CODE_TOKEN}
    said = json.loads(result.files["aml-release.json"])
    assert (said["route"], said["feed"]) == ("git", None)
    assert said["connection"] == {"name": name, "target": REPOSITORY, "category": "Git"}
    assert said["source"] == {"repository": REPOSITORY, "commit": head, "tag": "", "dirty": False}
    address = f"git+{REPOSITORY}@{head}#subdirectory={BELOW}"
    lines = re.findall(r"^  - (.*)$", result.files["conda.yml"].decode(), re.MULTILINE)
    assert lines[:1] == ["--no-index"]
    assert f"acme-geese @ {address}" in lines
    others = [line for line in lines if line != "--no-index" and "git+" not in line]
    assert {re.split(r"\W", line.removeprefix("--find-links "))[0] for line in others} == {"https", "six"}
    assert all(re.search(r"https://\S+\.whl#sha256=[0-9a-f]{64}$", line) for line in others)
    assert "./dist/acme_geese-1.0-py3-none-any.whl --hash=" in result.files["requirements.lock"].decode()
    components = {each["name"]: each for each in json.loads(result.files["sbom.cdx.json"])["components"]}
    assert urllib.parse.parse_qs(components["acme-geese"]["purl"].partition("?")[2])["vcs_url"] == [address]
    assert "hashes" not in components["acme-geese"]

    again = release(step, pushed)
    assert again.status == 0, again.output
    assert again.writes == []
    assert again.released == result.released
    known = consume(step, result.folder / "aml-release.json")
    assert known.status == 0, known.output
    assert (known.outputs["connection"], known.outputs["index-url"]) == (name, "")
    with world.store.edit("arm") as document:
        del _connections(document)[name]
    assert consume(step, result.folder / "aml-release.json").status == 86


@pytest.mark.long
def test_two_packages_of_a_commit_in_azure_repos_are_released_by_azureml_core(
    step: Step, world: World, checkout: pathlib.Path
) -> None:
    world.push(checkout, AZURE_REPOSITORY)
    of_the_clone_button = AZURE_REPOSITORY.replace("https://", "https://acme@")
    repositories.set_origin(checkout, of_the_clone_button)
    both = (checkout / BELOW, checkout / "packages" / "flock")
    result = release(step, checkout, sdk="v1", package_dir=both)
    assert result.status == 0, result.output
    stored = world.workspace()["connections"]["git-acme"]["properties"]
    assert (stored["category"], stored["target"]) == ("Git", "https://dev.azure.com/acme")
    built = build(world, result)
    assert built.ok, built.log
    assert built.installed[:2] == ("acme_flock 2.0", "acme_geese 1.0")
    assert [each.split()[0] for each in built.installed[2:]] == ["six"]
    assert not holds(built.log, CODE_TOKEN)


def _connections(document: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = records(document)["connections"]
    return found


def test_with_one_sha256_altered_or_without_the_connection_no_image_is_built(
    step: Step, world: World, pushed: pathlib.Path
) -> None:
    result = release(step, pushed, verify="none")
    assert result.status == 0, result.output
    document = world.store.path("arm").read_text("utf-8")
    for altered, told in (
        ("six @ https://", "DO NOT MATCH THE HASHES"),
        ("--find-links https://", "DO NOT MATCH THE HASHES"),
        ("", "could not read Username"),
    ):
        with world.store.edit("arm") as changed:
            found = properties(changed, result)
            pattern = rf"({altered}\S*#sha256=)...."
            if altered:
                found["condaFile"], count = re.subn(pattern, r"\g<1>0000", found["condaFile"])
                assert count == 1
            else:
                _connections(changed).clear()
        built = build(world, result)
        assert not built.ok
        assert told in built.log
        world.store.path("arm").write_text(document, "utf-8")


# --- secrets


@pytest.mark.skipif(sys.platform != "linux", reason="watches processes in /proc")
def test_the_token_is_seen_by_nobody_and_not_by_the_build(step: Step, world: World, tmp_path: pathlib.Path) -> None:
    with world.store.edit("git") as document:
        document[git_host.GITHUB][CANARY] = document[git_host.GITHUB].pop(CODE_TOKEN)
    source, place = tmp_path / "source", step.scratch / "environments.jsonl"
    place.touch()  # builds make nothing new beside uv's cache
    for name, text in NOSY_PROJECT.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(text.replace("{place!r}", repr(str(place))))
    checkout = commit(source, tmp_path / "checkout")
    world.push(checkout, REPOSITORY)
    watched = dataclasses.replace(step, caches={**step.caches, "UV_CACHE_DIR": str(tmp_path / "uv")})
    with Watcher().running() as watcher:
        named = {"git_repository": REPOSITORY, "package_dir": checkout, "watch": watcher.start}
        result = release(watched, checkout, CANARY, env={**DEBUG, "TMPDIR": str(step.folder("temp"))}, **named)
    assert result.status == 0, result.output
    assert_kept(watched, result)
    known = {**secrets(result.requests), "code": CANARY}
    assert watcher.saw("git", "fetch")
    assert watcher.saw("git", "checkout")
    assert [argv for argv in watcher.seen for secret in known.values() if holds("\0".join(argv), secret)] == []
    texts = [result.output, place.read_text(), *(path.read_text("utf-8", "replace") for path in _left(step.scratch))]
    assert not any(holds(text, CANARY) for text in texts)
    assert not list((watched.scratch / "temp").iterdir())
    name, version = result.outputs["environment-name"], result.outputs["environment-version"]
    built = builder.build(world, workspace_id(), name, version)
    assert built.ok, built.log
    assert not holds(built.log, CANARY)


def _left(folder: pathlib.Path) -> list[pathlib.Path]:
    """Return the files that the step and its tools left, but for what is too large to hold a token by accident."""
    return [path for path in folder.rglob("*") if path.is_file() and path.stat().st_size < 10**6]
