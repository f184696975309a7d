"""What the local Azure remembers, and the images that it begins with."""

import pathlib

import pytest
from rehearsal.state import images, names
from rehearsal.state.store import Store


def test_state_survives_and_can_be_edited(tmp_path: pathlib.Path) -> None:
    with Store(tmp_path).edit("entra") as document:
        document["tenants"].append("another")
    assert Store(tmp_path).read("entra")["tenants"] == [names.TENANT_ID, "another"]


def test_a_change_from_outside_counts_at_once_and_one_that_fails_never(tmp_path: pathlib.Path) -> None:
    ours, theirs = Store(tmp_path), Store(tmp_path)
    for name in ("first", "second"):
        with theirs.edit("advisories") as document:
            document[name] = {}
        assert all(name in each for each in (ours.read("advisories"), ours.peek("advisories")))
        with ours.edit("advisories") as document:
            document[name]["ours"] = True
        assert theirs.read("advisories")[name] == {"ours": True}
    stamp = ours.path("advisories").stat().st_ino
    with pytest.raises(ZeroDivisionError):
        _spoil(ours)
    with ours.edit("advisories") as document:
        assert set(document) == {"first", "second"}
    assert ours.path("advisories").stat().st_ino == stamp  # nothing was written


def test_what_json_can_spell_and_utf_8_cannot_is_kept(tmp_path: pathlib.Path) -> None:
    with Store(tmp_path).edit("advisories") as document:
        document["half"] = "\ud800"
    assert Store(tmp_path).read("advisories") == {"half": "\ud800"}


def _spoil(store: Store) -> None:
    with store.edit("advisories") as document:
        document.clear()
        raise ZeroDivisionError


def test_image_digest_is_of_the_manifest_and_latest_is_the_newest() -> None:
    tags = images.document()["mcr.microsoft.com"]["azureml/openmpi4.1.0-ubuntu22.04"]
    assert tags["latest"] == tags[max(set(tags) - {"latest"})] != tags["20251025.v1"]
    assert images.digest("") == "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
