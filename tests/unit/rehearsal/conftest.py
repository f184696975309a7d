"""The state with which every test of a stand-in begins."""

import pathlib

import pytest
from rehearsal.state.store import Store


@pytest.fixture
def store(tmp_path: pathlib.Path) -> Store:
    return Store(tmp_path / "azure")
