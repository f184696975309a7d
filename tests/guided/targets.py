"""Readers of foreign text, each for one text: it is read, or refused by an error of the catalogue.

    python targets.py TARGET FOLDER CORPUS [options of libFuzzer]

runs one under atheris, which begins with the texts in both folders, looks for texts that reach new code, and keeps
them in FOLDER (`scripts/test guided`).
"""

import contextlib
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import atheris  # type: ignore[import-untyped, unused-ignore]

with atheris.instrument_imports(include=["amlwheel", "packaging", "html", "_markupbase"]):
    from amlwheel import consume
    from amlwheel.build import failure
    from amlwheel.declared import files
    from amlwheel.declared.surroundings import Surroundings
    from amlwheel.errors.base import StepError
    from amlwheel.feed import index
    from amlwheel.inputs import reading
    from amlwheel.model import bounded_yaml
    from amlwheel.model.environment import Python
    from amlwheel.model.feed_spelling import parse_feed
    from amlwheel.transport.process import Finished
    from amlwheel.workspace.azureml import image_build

PLACE = Path(tempfile.mkdtemp())
AROUND = Surroundings(PLACE, (".",), Python("3.11.13"))


def receipt(text: str) -> None:
    """A receipt, as `consume` reads it; behind a line of dashes the conda file that is registered for it."""
    said, _, conda = text.partition("\n---\n")
    path = PLACE / "aml-release.json"
    path.write_text(said, "utf-8", "surrogatepass")
    released = consume.read(path)
    with contextlib.suppress(bounded_yaml.ERROR, ValueError):
        assert isinstance(released.misfit(bounded_yaml.load(conda)), str)
    assert released.version.endswith(f"-{released.sha256[:12]}")


def page(text: str) -> None:
    """The page of a package in a feed's simple index."""
    response: Any = SimpleNamespace(text=text, url="https://pkgs.example/simple/a/")
    assert all(isinstance(url, str) for url in index.read(response).urls.values())


def feed(text: str) -> None:
    """The spelling of a feed."""
    reading.check_text({"feed": text})
    parse_feed(text)


def requirements(text: str) -> None:
    """The input `requirements`, and a file of requirements, or a conda file, that it names."""
    reading.check_text({"requirements": text})
    files.read(text, (), AROUND)


def requirements_file(text: str) -> None:
    """A file of the project: requirements, or a conda file where the first line says so."""
    name = "conda.yml" if text.startswith("#conda") else "requirements.txt"
    (PLACE / name).write_text(text, "utf-8", "surrogatepass")
    files.read(name, (), AROUND)


def log(text: str) -> None:
    """What a failed build prints: of a wheel on the runner, of an image on the workspace."""
    assert isinstance(image_build.telling(text.split("\n")), str)
    failure.check(PLACE, Finished(1, text), {})


TARGETS: dict[str, Callable[[str], None]] = {
    "receipt": receipt,
    "page": page,
    "feed": feed,
    "requirements": requirements,
    "requirements-file": requirements_file,
    "log": log,
}


def main(name: str, *options: str) -> None:
    """Let libFuzzer try texts until it is told to stop; it ends the process."""

    def one(data: bytes) -> None:
        with contextlib.suppress(StepError):
            TARGETS[name](data.decode("utf-8", "replace"))

    atheris.Setup([sys.argv[0], *options, "-timeout=60", "-rss_limit_mb=2048", "-max_len=4096"], one)
    atheris.Fuzz()


if __name__ == "__main__":
    main(*sys.argv[1:])
