"""The environment variables that a tool gets: an allow-list, so that no tool gets a token."""

import os
import re
import sysconfig
from collections.abc import Mapping
from urllib.parse import unquote

from ..model import variable

# The settings of the machine that a tool needs. No tool gets any other variable, above all no token.
_PLAIN = frozenset(
    """
    PATH HOME USERPROFILE HOMEDRIVE HOMEPATH LOCALAPPDATA APPDATA PROGRAMDATA PROGRAMFILES PROGRAMFILES(X86) SYSTEMROOT
    SYSTEMDRIVE WINDIR COMSPEC PATHEXT NUMBER_OF_PROCESSORS PROCESSOR_ARCHITECTURE TEMP TMP TMPDIR LANG LC_ALL LC_CTYPE
    TZ XDG_CACHE_HOME XDG_DATA_HOME UV_CACHE_DIR UV_PYTHON_INSTALL_DIR SSL_CERT_FILE SSL_CERT_DIR REQUESTS_CA_BUNDLE
    CURL_CA_BUNDLE PIP_CERT GIT_SSL_CAINFO NODE_EXTRA_CA_CERTS UV_NATIVE_TLS UV_SYSTEM_CERTS NO_PROXY HTTP_PROXY
    HTTPS_PROXY ALL_PROXY
    """.split()
)
# A company's runners reach packages through an index of their own.
_INDEX = re.compile(r"UV_DEFAULT_INDEX|UV_INDEX_URL|PIP_INDEX_URL|UV_INDEX_\w+_(USERNAME|PASSWORD)")
_WITH_PASSWORD = re.compile(rf"{_INDEX.pattern}|UV_INDEX|(UV|PIP)_EXTRA_INDEX_URL|\w+_PROXY")
# The settings of compilers, build backends and versioning tools, as the tools' own manuals name them.
_BUILD = re.compile(
    r"CC|CXX|FC|AR|LD|CFLAGS|CXXFLAGS|CPPFLAGS|FFLAGS|LDFLAGS|ARCHFLAGS|MAKEFLAGS|PKG_CONFIG_PATH|PKG_CONFIG|CPATH|INCLUDE"
    r"|LIB|LIBPATH|LIBRARY_PATH|C_INCLUDE_PATH|CPLUS_INCLUDE_PATH|SDKROOT|DEVELOPER_DIR|MACOSX_DEPLOYMENT_TARGET|VCINSTALLDIR"
    r"|VSCMD_\w+|CMAKE_\w+|SKBUILD_\w+|MESON\w*|NINJA|CARGO\w*|RUSTUP_\w+|RUSTFLAGS|MATURIN_\w+|SETUPTOOLS_\w+|HATCH_\w+"
    r"|PDM_BUILD_\w+|FLIT_\w+|CYTHON\w*|CIBUILDWHEEL|CUDA_(HOME|PATH)|CUDACXX|NVCC_\w+|TORCH_CUDA_ARCH_LIST|FORCE_CUDA"
    r"|MAX_JOBS|ROCM_(HOME|PATH)|JAVA_HOME|MKLROOT|PBR_\w+|POETRY_DYNAMIC_\w+|UV_DYNAMIC_\w+|VCS_VERSIONING_\w+"
    r"|VERSIONINGIT_\w+"
)
# What hosts tell of the run and its commit. Builds read it for their versions. Sources: GitHub, "Variables reference";
# Learn, pipelines/build/variables; BUILD_NUMBER and BUILD_ID are Jenkins', CI_COMMIT_* GitLab's.
_RUN = re.compile(
    r"CI|TF_BUILD|BUILD_\w+|SYSTEM_(PULLREQUEST|TEAMPROJECT|COLLECTIONURI)\w*|CI_(COMMIT|PIPELINE|JOB)_\w+"
    r"|GITHUB_(REF\w*|RUN_\w+|SHA|ACTIONS|REPOSITORY\w*|WORKFLOW|WORKSPACE|HEAD_REF|BASE_REF|EVENT_NAME|SERVER_URL|ACTOR)"
)
# Variables for the project's own build: they name its version or switch its parts. No other package's build gets them.
PROJECT = re.compile(
    r"SETUPTOOLS_\w+|HATCH_\w+|PDM_BUILD_\w+|FLIT_\w+|PBR_\w+|POETRY_DYNAMIC_\w+|SKBUILD_\w+|UV_DYNAMIC_\w+"
    r"|VCS_VERSIONING_\w+|VERSIONINGIT_\w+|BUILD_\w+|CI_\w+|GITHUB_\w+|SYSTEM_\w+"
)


def passwords(source: Mapping[str, str]) -> list[str]:
    """Return the passwords in the variables for indexes and proxies, as they stand in an address and unquoted."""
    found: list[str] = []
    for name, value in source.items():
        if _WITH_PASSWORD.fullmatch(name.upper()):
            stand = re.findall(r"(?:^|\s|//)[^/\s:@]*:([^/\s@]+)@", value)
            found += [value] if name.upper().endswith("_PASSWORD") else [*stand, *map(unquote, stand)]
    return found


def for_tool(source: Mapping[str, str] = os.environ, *, build: bool = False) -> dict[str, str]:
    """Return the allow-listed environment for a tool, with the step's own tools first on PATH.

    `build=True` is for running the project's code: the settings of compilers and backends and what the host says of the
    run are added, and every variable that could hold a credential is left out (an index or proxy address with a user
    name, a name like a secret's).
    """
    kept = {}
    for name, value in source.items():
        upper = name.upper()
        if upper in _PLAIN or _INDEX.fullmatch(upper) or (build and _for_build(upper)):
            kept[name] = value
    if "PIP_INDEX_URL" in kept and not {"UV_DEFAULT_INDEX", "UV_INDEX_URL"} & set(kept):
        kept["UV_DEFAULT_INDEX"] = kept["PIP_INDEX_URL"]
    if kept.get("HOME") == os.devnull:  # set so on some machines; uv fails on a home that isn't a folder
        del kept["HOME"]
    if build:
        kept = {name: value for name, value in kept.items() if not _secretive(name, value)}
    tools = sysconfig.get_path("scripts")
    kept["PATH"] = os.pathsep.join([tools, *filter(None, [kept.get("PATH", os.defpath)])])
    if not build:
        kept["NETRC"] = os.devnull  # uv would send what the user's netrc has for a host
    return kept | {"PYTHONUTF8": "1", "NO_COLOR": "1", "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"}


def _for_build(upper: str) -> bool:
    return bool(_BUILD.fullmatch(upper) or _RUN.fullmatch(upper))


def kept_back(source: Mapping[str, str]) -> frozenset[str]:
    """Return the names of all variables that a build doesn't get: those that aren't allowed, and those with secrets."""
    return frozenset(source) - for_tool(source, build=True).keys()


def withheld(source: Mapping[str, str]) -> list[str]:
    """Return the names of the network settings that a build doesn't get because they hold a credential."""
    needed = (name for name in source if _INDEX.fullmatch(name.upper()) or name.upper().endswith("_PROXY"))
    return sorted(name for name in needed if _secretive(name, source[name]))


def _secretive(name: str, value: str) -> bool:
    """Tell whether a variable is named like a secret, or is an address with user information in it.

    A proxy's address may do without the scheme: `user:password@proxy:3128`.
    """
    return bool(variable.secretive(name) or re.search(r"//[^/\s]*@|^[^/\\\s:@]+:[^/\\\s@]+@", value))
