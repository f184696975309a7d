"""The environment variables that a tool gets: no secret, and what it needs from the machine."""

import os
import sys
from pathlib import Path

from amlwheel.transport import variables
from unit.parts import CANARY

SECRETS = {
    "AMLWHEEL_FEED_TOKEN": CANARY,
    "AZURE_CLIENT_SECRET": CANARY,
    "GITHUB_TOKEN": CANARY,
    "SYSTEM_ACCESSTOKEN": CANARY,
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": CANARY,
    "TWINE_PASSWORD": CANARY,
    "PIP_EXTRA_INDEX_URL": f"https://me:{CANARY}@x.example/",
    "UV_EXTRA_INDEX_URL": f"https://me:{CANARY}@x.example/",
    "CARGO_REGISTRY_TOKEN": CANARY,
    "HATCH_INDEX_AUTH": CANARY,
    "PDM_BUILD_API_KEY": CANARY,
}
INDEXES = {
    "HTTPS_PROXY": f"http://me:{CANARY}@proxy.example:3128",
    "http_proxy": f"me:{CANARY}@proxy.example:3128",
    "UV_DEFAULT_INDEX": f"https://{CANARY}@index.example/simple/",
    "PIP_INDEX_URL": f"https://me:{CANARY}@index.example/simple/",
    "UV_INDEX_COMPANY_PASSWORD": CANARY,
}
HARMLESS = {
    "HOME": "/home/me",
    "NO_PROXY": "localhost,127.0.0.1",
    "SSL_CERT_FILE": "/ca.pem",
    "UV_CACHE_DIR": "/cache",
}
COMPILER = {"CFLAGS": "-O2 -I/a@b", "CMAKE_ARGS": "-DX=1", "LDFLAGS": "-Wl,-rpath,@loader_path", "SDKROOT": "/sdk"}


def test_a_build_gets_no_secret_by_any_way() -> None:
    given = SECRETS | INDEXES | HARMLESS | COMPILER | {"PATH": "/bin"}
    env = variables.for_tool(given, build=True)
    assert CANARY not in " ".join(env.values())
    assert {**HARMLESS, **COMPILER}.items() <= env.items()


RUN = {
    "CI": "true",
    "GITHUB_SHA": "0" * 40,
    "GITHUB_REF_NAME": "v2.7.0",
    "GITHUB_RUN_NUMBER": "7",
    "BUILD_BUILDNUMBER": "20261128.1",
    "BUILD_SOURCEVERSIONAUTHOR": "A Person",
    "SETUPTOOLS_SCM_PRETEND_VERSION_FOR_ACME": "2.7.0",
    "VCS_VERSIONING_OVERRIDES": "{}",
    "CUDA_HOME": "/usr/local/cuda",
}
RESERVED = {
    "ACTIONS_ID_TOKEN_REQUEST_URL": "https://example/",
    "ACTIONS_RUNTIME_TOKEN": CANARY,
    "AZURE_FEDERATED": CANARY,
    "BUILD_PAT": CANARY,
    "BUILD_REPOSITORY_URI": f"https://{CANARY}@dev.azure.com/acme/ml/_git/churn",
    "BUILD_SAS_URL": CANARY,
    "GITHUB_ENV": "/runner/env",
    "GITHUB_OUTPUT": "/runner/output",
    "SYSTEM_COLLECTIONURI_TOKEN": CANARY,
}


def test_a_build_knows_the_run_and_nothing_that_signs_in_or_changes_it() -> None:
    env = variables.for_tool(RUN | RESERVED, build=True)
    assert RUN.items() <= env.items()
    assert not set(RESERVED) & set(env)
    assert not set(RUN) & set(variables.for_tool(RUN))
    assert variables.kept_back({**RUN, **RESERVED, "PACKAGE_VERSION": "1"}) == {*RESERVED, "PACKAGE_VERSION"}


def test_our_own_tools_get_the_machines_settings_only() -> None:
    env = variables.for_tool(SECRETS | INDEXES | HARMLESS | COMPILER)
    assert {**HARMLESS, **INDEXES}.items() <= env.items()
    assert not set(SECRETS) & set(env)
    assert not set(COMPILER) & set(env)


def test_variables_that_a_build_misses_are_named() -> None:
    assert variables.withheld(SECRETS | INDEXES | HARMLESS) == sorted(INDEXES)
    assert variables.withheld({"HTTPS_PROXY": "http://proxy.example:3128", **HARMLESS}) == []


def test_the_steps_tools_come_first_and_nothing_is_downloaded() -> None:
    env = variables.for_tool({"PATH": "/usr/bin"})
    assert env["PATH"] == os.pathsep.join([str(Path(sys.executable).parent), "/usr/bin"])
    assert env["UV_PYTHON_DOWNLOADS"] == "never"
    assert env["PYTHONUTF8"] == "1"
    assert env["NETRC"] == os.devnull


def test_uv_uses_pips_index_unless_it_has_its_own() -> None:
    pip = {"PIP_INDEX_URL": "https://index.example/simple/"}
    assert variables.for_tool(pip)["UV_DEFAULT_INDEX"] == pip["PIP_INDEX_URL"]
    own = "https://uv.example/"
    assert variables.for_tool(pip | {"UV_DEFAULT_INDEX": own})["UV_DEFAULT_INDEX"] == own
    assert "UV_DEFAULT_INDEX" not in variables.for_tool(pip | {"UV_INDEX_URL": own})


def test_a_home_that_is_no_folder_is_none() -> None:
    assert "HOME" not in variables.for_tool({"HOME": os.devnull})
