"""Real runs against the local Azure, as each host starts them: what they print, and the page that they write."""

import pathlib
import subprocess
import sys
from collections.abc import Iterator

REHEARSE = pathlib.Path(__file__).resolve().parents[1] / "rehearse"
_NOWHERE = "\n".join(f"5b5c0000-0000-4000-8000-00000000fa4e/rg-ml/ws-{number}" for number in range(1, 41))
RUNS = {
    "check": (["--check"], 0),
    "dry-run": (["--dry-run"], 0),
    "success": ([], 0),
    "failure": (["--feed", "acme/ml/wheel"], 34),
    "failures": (["--workspace", _NOWHERE], 42),
}
"""Options and status: before there is anything, a release, a feed that isn't there, and 40 workspaces likewise."""
HOSTS = ("github", "azure-pipelines")


def log(place: pathlib.Path) -> str:
    """Return what a release prints on a terminal."""
    return _rehearse(place, [], {}, 0)


def summaries(place: pathlib.Path) -> Iterator[tuple[str, pathlib.Path]]:
    """Yield the name and the file of the page of each of `RUNS` on each host; one run takes ten to twenty seconds."""
    for host in HOSTS:
        for name, (words, status) in RUNS.items():
            scratch = place / f"{host}-{name}"
            scratch.mkdir(parents=True)
            page = scratch / "summary.md"
            page.touch()
            _rehearse(place / host, words, _variables(host, page), status)
            if host == "azure-pipelines":
                (page,) = scratch.glob("*/amlwheel.md")
            yield f"summary-{host}-{name}", page


def _variables(host: str, page: pathlib.Path) -> dict[str, str]:
    """Return what a host tells every step, and the place of the page."""
    if host == "github":
        return {
            "GITHUB_ACTIONS": "true",
            "GITHUB_REPOSITORY": "acme/churn",
            "GITHUB_SERVER_URL": "https://github.com",
            "GITHUB_RUN_ID": "7",
            "GITHUB_OUTPUT": str(page.with_name("output")),
            "GITHUB_STEP_SUMMARY": str(page),
        }
    return {
        "TF_BUILD": "True",
        "AGENT_TEMPDIRECTORY": str(page.parent),
        "SYSTEM_COLLECTIONURI": "https://dev.azure.com/acme/",
        "SYSTEM_TEAMPROJECT": "ml",
        "BUILD_BUILDID": "7",
    }


def _rehearse(keep: pathlib.Path, words: list[str], variables: dict[str, str], status: int) -> str:
    """Run the step; raises RuntimeError if it doesn't end as it should."""
    given = [word for name, value in variables.items() for word in ("--env", f"{name}={value}")]
    command = [sys.executable, str(REHEARSE), "--keep", str(keep), *given, *words]
    done = subprocess.run(command, capture_output=True, encoding="utf-8", check=False, timeout=600)
    if done.returncode != status:
        raise RuntimeError(f"{' '.join(command)} ended with status {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout
