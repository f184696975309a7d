"""The receipt for machines and the summary for people."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from amlwheel.model.azure import Registry
from amlwheel.model.conda import Conda, exact
from amlwheel.model.source import Source
from amlwheel.model.wheel import Pin, Wheel
from amlwheel.plan.change import Change, Verb
from amlwheel.report.markdown import cell as _cell
from amlwheel.report.outputs import OUTPUTS, outputs
from amlwheel.report.receipt import SCHEMA, receipt
from amlwheel.report.release import Release
from amlwheel.report.summary import _node, closing, declared, summary, table
from hypothesis import given
from hypothesis import strategies as st
from unit.parts import ROOT, make, release

FORMAT: dict[str, Any] = json.loads((ROOT / "templates/aml-release.schema.json").read_text("utf-8"))
REGISTRY = "azureml://registries/acme-models"
VALID = jsonschema.Draft202012Validator(FORMAT)


def told(release: Release) -> dict[str, Any]:
    changes = [Change("wheel x.whl", Verb.CREATE, "new package", None)]
    return receipt(release, changes, dry_run=False, sbom="{}")


@pytest.fixture
def wheels(tmp_path: Path) -> tuple[Wheel, ...]:
    return make(tmp_path), make(tmp_path, "acme_features-0.5.0rc1-py3-none-any.whl")


@pytest.fixture
def made(wheels: tuple[Wheel, ...]) -> Release:
    return release(*wheels)


def problems(data: Any) -> list[str]:  # noqa: ANN401  # JSON
    return [f"{'/'.join(map(str, each.path))}: {each.validator}" for each in VALID.iter_errors(data)]


def test_the_receipt_is_valid_by_its_schema(made: Release) -> None:
    VALID.check_schema(FORMAT)
    assert problems(told(made)) == []
    assert problems(told(replace(made, source=Source()))) == []
    promoted = told(replace(made, view="Release"))
    assert problems(promoted) == []
    assert promoted["feed"] == {**told(made)["feed"], "view": "Release"}


def test_the_receipt_says_what_was_released(made: Release) -> None:
    said = told(made)
    lead = made.wheels[0]
    assert said["schema"] == SCHEMA == FORMAT["properties"]["schema"]["const"]
    assert said["packages"][0] == {
        "name": "acme-churn",
        "version": "1.2.3",
        "wheel": lead.filename,
        "sha256": lead.sha256,
    }
    assert said["environment"]["definition_sha256"].startswith(made.environment.version.rpartition("-")[2])
    assert said["environment"]["ids"] == [
        f"{made.workspaces[0].id}/environments/acme-churn/versions/{made.environment.version}"
    ]
    assert said["lock"] == {"sha256": made.lock_sha256, "packages": 2}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("schema", 1),
        ("plan/0/verb", "DELETE"),
        ("run", {"url": "https://me:token@github.example/x"}),
        ("extra", 1),
        ("source/commit", "main"),
        ("source/repository", "https://me:token@github.example/x"),
        ("packages", []),
        ("packages/0/sha256", "ABC"),
        ("packages/0/wheel", "dist/x.whl"),
        ("feed/index_url", "https://me:token@pypi.example/simple/"),
        ("connection/name", "a.b"),
        ("environment/image", "mcr.microsoft.com/a:latest"),
        ("environment/version", "1.2.3"),
        ("environment/reference", "acme:1"),
        ("environment/ids", ["/subscriptions/x"]),
        ("environment/extra", ""),
        ("lock/packages", 0),
        ("tools/uv", None),
    ],
)
def test_the_schema_refuses_what_no_receipt_says(made: Release, path: str, value: object) -> None:
    said: Any = json.loads(json.dumps(told(made)))
    *way, last = path.split("/")
    place = said
    for step in way:
        place = place[int(step) if step.isdecimal() else step]
    place[last] = value
    assert problems(said)


@pytest.mark.parametrize("name", FORMAT["required"])
def test_the_schema_misses_every_part(made: Release, name: str) -> None:
    said = told(made)
    del said[name]
    assert problems(said)


def test_tags_are_texts_and_name_what_is_known(made: Release) -> None:
    tags = made.tags()
    assert tags == {
        "package": "acme-churn 1.2.3",
        "wheel-sha256": made.wheels[0].sha256,
        "lock-sha256": made.lock_sha256,
        "repository": "https://github.example/acme/churn",
        "commit": "c" * 40,
        "tag": "v1.2.3",
    }
    assert set(replace(made, source=Source()).tags()) == {"package", "wheel-sha256", "lock-sha256"}


def test_outputs_are_all_there_with_a_line_for_each_package(made: Release) -> None:
    here = [replace(PLAN[0], target=made.workspaces[0].id), PLAN[1]]
    values = outputs(made, "out", here)
    assert list(values) == list(OUTPUTS)
    assert values["package-name"] == "acme-churn\nacme-features"
    assert values["package-version"] == "1.2.3\n0.5.0rc1"
    assert values["wheel"].splitlines() == [f"out/dist/{wheel.filename}" for wheel in made.wheels]
    assert values["environment"] == made.environment.reference
    assert (values["changed"], outputs(made, "out", PLAN[1:])["changed"]) == ("true", "false")
    (found,) = json.loads(values["environments"])
    assert found == {
        "workspace": made.workspaces[0].id,
        "reference": made.environment.reference,
        "changed": True,
        "studio-url": values["studio-url"],
    }


PLAN: list[Change[str]] = [
    Change("wheel a.whl", Verb.CREATE, "new version", ""),
    Change("connection feed-acme on research", Verb.KEEP, "same | token", ""),
]


def test_the_plan_is_a_table() -> None:
    assert table(PLAN) == [
        "CREATE  wheel a.whl                       new version",
        "KEEP    connection feed-acme on research  same | token",
    ]


def test_the_summary_has_plan_hashes_and_use(made: Release) -> None:
    page = summary(made, PLAN, dry_run=False, proof="Proven: <b>all</b>.")
    assert page.startswith(f"## Released: `{made.environment.reference}`")
    assert "| KEEP | connection feed-acme on research | same &#124; token |" in page
    for wheel in made.wheels:
        assert f"\n- {wheel.filename}, sha256 `{wheel.sha256}`\n" in page
    assert made.environment.image.pinned in page
    assert "Proven: &lt;b&gt;all&lt;/b&gt;." in page
    assert "```mermaid\nflowchart LR" in page
    assert page.count(made.environment.reference) >= 4
    assert page.count("```") % 2 == 0


def test_several_workspaces_are_a_table(made: Release) -> None:
    one = made.workspaces[0]
    two = replace(made, workspaces=(one, replace(one, name="second")))
    changes = [replace(PLAN[0], target=one.id), PLAN[1]]
    page = summary(two, changes, dry_run=False, proof="")
    assert f"\n| {one.name} | changed | [environment](https://ml.azure.com/environments/" in page
    assert "\n| second | kept | [environment](" in page
    assert "environment on" not in page
    assert f"\n| {one.name} | would change | |\n| second | kept | |\n" in summary(two, changes, dry_run=True, proof="")


def test_a_release_leads_to_what_it_consists_of_and_a_dry_run_only_to_what_is_there(made: Release) -> None:
    made = replace(made, source=replace(made.source, run="https://github.example/acme/churn/actions/runs/7"))
    page = summary(made, PLAN, dry_run=False, proof="")
    workspace, environment = made.workspaces[0], made.environment
    studio = f"https://ml.azure.com/environments/{environment.name}/version/{environment.version}?wsid={workspace.id}"
    feed = "https://dev.azure.com/acme/ml/_artifacts/feed/wheels/PyPI/acme-churn"
    commit = f"https://github.example/acme/churn/commit/{'c' * 40}"
    links = re.findall(r"\[([^\]]*)\]\((\S+?)\)", page)
    assert links[0] == (f"environment on {workspace.name}", studio)
    assert ("acme-churn in the feed", feed) in links
    assert links[-2:] == [("commit cccccccccccc", commit), ("this run", made.source.run)]
    assert "Use it" in page
    dry = summary(made, PLAN, dry_run=True, proof="")
    assert re.findall(r"\]\((\S+?)\)", dry) == [commit, made.source.run]
    assert "Use it" not in dry
    nowhere = replace(made, source=Source("git@github.example:acme/churn", "c" * 40))
    assert "Go to:" not in summary(nowhere, PLAN, dry_run=True, proof="")


def stored(made: Release, **more: Any) -> Release:  # noqa: ANN401  # fields of a pin
    pins = tuple(replace(pin, **more) if pin.private else pin for pin in made.environment.pins)
    return replace(made, place="the place", environment=replace(made.environment, pins=pins))


def test_the_picture_shows_the_place_and_the_connection_that_images_need(made: Release) -> None:
    feed = 'place["feed wheels"] --> connection["connection feed-acme"] --> environment['
    assert feed in summary(made, PLAN, dry_run=False, proof="")
    for more in ({"stored": "a.whl"}, {"address": "https://acmewheels.blob.core.windows.net/wheels/p/a.whl"}):
        assert 'place["the place"] --> environment[' in summary(stored(made, **more), PLAN, dry_run=False, proof="")
    from_git = stored(made, requirement="acme-churn @ git+https://github.com/acme/churn@c")
    picture = 'place["the place"] --> connection["connection feed-acme"] --> environment['
    assert picture in summary(from_git, PLAN, dry_run=False, proof="")


def test_the_receipt_says_what_is_in_the_container(made: Release) -> None:
    url = "https://acmewheels.blob.core.windows.net/wheels/acme-churn/acme_churn-1.2.3-py3-none-any.whl"
    container = replace(stored(made, address=url), route="storage", place="https://acmewheels.blob.core.windows.net/w")
    said = told(container)
    lead = made.environment.pins[0]
    assert problems(said) == []
    assert said["storage"] == {
        "container": "https://acmewheels.blob.core.windows.net/w",
        "mirror": False,
        "wheels": [{"name": lead.name, "version": lead.version, "url": url, "sha256": lead.sha256[0]}],
    }
    pins = tuple(replace(pin, address=url) for pin in container.environment.pins)
    whole = replace(container, environment=replace(container.environment, pins=pins))
    assert told(whole)["storage"]["mirror"] is True
    assert "storage" not in told(made)


def test_a_dry_run_says_so(made: Release) -> None:
    page = summary(made, PLAN, dry_run=True, proof="")
    assert page.startswith(f"## Dry run: `{made.environment.reference}`\n")
    assert "\n\nNothing was changed. This is what a release would do:\n\n| | plan | why |\n" in page
    assert closing(made, "out", dry_run=True, changed=True)[0] == f"Would release {made.environment.reference}"
    assert closing(made, "out", dry_run=False, changed=True)[0] == f"Released {made.environment.reference}"
    assert closing(made, "out", dry_run=True, changed=False)[0] == f"Nothing to do for {made.environment.reference}"


@given(st.text(st.sampled_from("\n|`[<>\"'(){};%#") | st.characters()))
def test_foreign_text_stays_in_its_cell(text: str) -> None:
    cell, node = _cell(text), _node(text)
    assert not set("\n|`[<>") & set(re.sub(r"`([^`&]+)`|<code>([^`<]+)</code>", "", cell))
    assert re.fullmatch(r"[\w\s./:-]*", node)
    assert '"' not in node


def test_the_receipt_and_the_summary_tell_conda_packages_and_addresses(made: Release) -> None:
    url = "https://x.example/f-1.0-py3-none-any.whl"
    pins = (*made.environment.pins, Pin("f", "1.0", ("a" * 64,), url=url))
    conda = Conda((exact("conda-forge::tk = 8.6=h1"), exact("ffmpeg=6.1.1")))
    beside = replace(
        made, environment=replace(made.environment, pins=pins), conda=conda, notes=("numpy of conda is `locked`",)
    )
    beside = replace(beside, team_lock="libs/uv.lock")
    said = told(beside)
    assert problems(said) == []
    assert said["environment"]["conda"] == ["conda-forge::tk = 8.6=h1", "ffmpeg=6.1.1"]
    assert said["lock"]["by_address"] == [{"name": "f", "version": "1.0", "url": url, "sha256": "a" * 64}]
    assert (said["lock"]["file"], "file" in told(made)["lock"]) == ("libs/uv.lock", False)
    page = summary(beside, PLAN, dry_run=False, proof="Proven.")
    assert "\n- versions and sha256 by libs/uv.lock\n" in page
    assert "\n- conda packages: conda-forge::tk = 8.6=h1, ffmpeg=6.1.1 (channels: conda-forge, nodefaults)\n" in page
    assert f"\n- f 1.0 from {url}\n- numpy of conda is `locked`\n" in page
    assert declared(made) == []
    assert "\n- Proven.\n\n\n<details>" in summary(made, PLAN, dry_run=False, proof="Proven.")
    page = summary(made, PLAN, dry_run=False, proof="Not imported: [x].\n- uses: a@b")
    assert "Not imported: &#91;x].\n\n```yaml\n- uses: a@b\n```\n" in page


def test_a_registry_is_in_outputs_receipt_and_summary(made: Release) -> None:
    registry, changes = Registry("acme-models"), [Change("environment", Verb.CREATE, "new", None, target=REGISTRY)]
    both = replace(made, workspaces=(*made.workspaces, registry))
    name, version = made.environment.name, made.environment.version
    shared = f"{REGISTRY}/environments/{name}/versions/{version}"
    said = receipt(both, changes, dry_run=False, sbom="{}")
    assert problems(said) == []
    assert said["environment"]["ids"] == told(made)["environment"]["ids"]
    assert said["environment"]["reference"] == f"azureml:{name}:{version}"
    assert [each["changed"] for each in said["environments"]] == [False, True]
    assert {**said["environments"][1], "studio-url": ""} == {
        "registry": "acme-models",
        "reference": shared,
        "changed": True,
        "studio-url": "",
    }
    page = summary(both, changes, dry_run=False, proof="Proven.")
    assert f"environment: azureml:{name}:{version}\n# from a registry: {shared}\n" in page
    assert "| registry acme-models | changed |" in page
    needs = "A workspace that isn't named here, and has the environment from a registry, needs"
    assert declared(both) == [f"{needs} the connection feed-acme (command connect) before it builds the image"]
    stored = replace(both, connection=None, route="storage", place="https://acme.blob.core.windows.net/w")
    assert f"{needs} Storage Blob Data Reader on {stored.place} for its identity before" in declared(stored)[0]
    assert declared(replace(both, connection=None, route="storage", workspaces=made.workspaces)) == []

    alone = replace(made, workspaces=(registry,))
    said = receipt(alone, changes, dry_run=False, sbom="{}")
    assert problems(said) == []
    assert said["environment"]["ids"] == []
    assert outputs(alone, "out", changes)["environment"] == shared == said["environment"]["reference"]
    assert "azureml-core" not in summary(alone, changes, dry_run=False, proof="Proven.")
    assert "  registries  registry acme-models" in closing(alone, "out", dry_run=False, changed=True)
    assert f"  use it      environment: {shared}" in closing(alone, "out", dry_run=False, changed=True)
