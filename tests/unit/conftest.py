"""The core's own tests are pure: no socket, and nothing from the environment of whoever runs them."""

import os
import re
import sys
import tempfile
from pathlib import Path

import pytest
from amlwheel.model import connection_token
from amlwheel.transport import installed
from hypothesis import HealthCheck, settings
from requests import Session
from requests.adapters import HTTPAdapter

# jsonschema would build the grammar of internationalised addresses from it, a second in each process; no schema here
# looks at one.
sys.modules["rfc3987_syntax"] = None  # type: ignore[assignment]

# A busy machine is no failure.
settings.register_profile(
    "amlwheel", parent=settings.default, deadline=None, max_examples=25, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("fuzz", parent=settings.get_profile("amlwheel"), max_examples=10_000, database=None)
settings.load_profile("amlwheel")

# These start programs and stand-ins of their own, as do those in the folder `rehearsal`.
OTHERS = ("test_bootstrap", "test_scripts")
OUTER = re.compile(
    r"(PIP|UV|GITHUB|RUNNER|BUILD|SYSTEM|AGENT|INPUT|AZURE|AMLWHEEL|SOURCE_DATE)_.*|\w*_PROXY", re.IGNORECASE
)


def starts_programs(path: Path) -> bool:
    return path.name.startswith(OTHERS) or path.parent.name == "rehearsal"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if getattr(getattr(item, "obj", None), "is_hypothesis_test", False):
            item.add_marker(pytest.mark.fuzz)
        if not starts_programs(item.path):
            item.add_marker(pytest.mark.disable_socket)
        if starts_programs(item.path) or "shelf" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.tools)


@pytest.fixture(autouse=True, scope="session")
def _temporary(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Let temporary files that nobody removes, such as pages for an agent, lie where pytest clears them away."""
    tempfile.tempdir = str(tmp_path_factory.mktemp("temporary"))


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make fingerprints quick; `test_a_guess_of_a_token_costs_a_tenth_of_a_second` sees to the real ones."""
    monkeypatch.setattr(connection_token, "ROUNDS", 1)
    monkeypatch.setattr(installed, "look", dict)  # of thousands of files; `test_installed` sees to it
    monkeypatch.setattr(installed, "freeze", lambda: None)  # the tests' own process stays as it is


@pytest.fixture(autouse=True)
def _clean_environment(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if not starts_programs(request.path):
        for name in [name for name in os.environ if OUTER.fullmatch(name)]:
            monkeypatch.delenv(name)
        monkeypatch.setenv("PIP_CONFIG_FILE", os.devnull)
        monkeypatch.setenv("NETRC", os.devnull)
        for kind, name in ((HTTPAdapter, "send"), (Session, "should_strip_auth")):
            monkeypatch.setattr(kind, name, getattr(kind, name))  # the step bounds them for its whole process
