"""The variables with which a git of ours runs: always as the same author, and as nobody of this machine."""

import os

_MOMENT = "2026-01-15T12:00:00+00:00"
"""Date of the sample's one commit: the same commit, hence the same wheel, each time."""

_GIT = {
    "GIT_AUTHOR_NAME": "Acme",
    "GIT_AUTHOR_EMAIL": "ml@acme.example",
    "GIT_AUTHOR_DATE": _MOMENT,
    "GIT_COMMITTER_NAME": "Acme",
    "GIT_COMMITTER_EMAIL": "ml@acme.example",
    "GIT_COMMITTER_DATE": _MOMENT,
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
}


def git_environment() -> dict[str, str]:
    """Return the environment of our own git: always the same author and date, and nothing of this machine's user."""
    return {**{name: value for name, value in os.environ.items() if not name.startswith("GIT_")}, **_GIT}


def trusting_environment(ca_bundle: str) -> dict[str, str]:
    """Return the variables with which a git of ours trusts the proxy, and heeds nothing of this machine's user."""
    quiet = {"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1"}
    return {"GIT_SSL_CAINFO": ca_bundle, **quiet}
