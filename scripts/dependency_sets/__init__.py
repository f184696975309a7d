"""What `scripts/sets` does with one set of dependencies, in the step's environment: lock it by the step's own code."""

import functools
import json
import re
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml
from amlwheel.build import sdist
from amlwheel.declared import files
from amlwheel.declared.surroundings import Surroundings
from amlwheel.environment import lock
from amlwheel.environment.requirements import Requirements
from amlwheel.environment.sources import Sources
from amlwheel.errors.base import Several, StepError
from amlwheel.errors.build import SdistFailed
from amlwheel.inputs import readers
from amlwheel.model.declared import Declared
from amlwheel.model.environment import Image, Python
from amlwheel.model.lock import Sdist
from amlwheel.model.secret import Secret
from amlwheel.model.wheel import Wheel
from amlwheel.transport.download import Downloads

from . import older

ROUNDS = 8  # a package that is built may require others without a wheel
NOWHERE = Sources(None, Secret(""), frozenset(), only=False)
PLATFORM = Image.parse(readers.DEFAULT_IMAGE).platform


def main(given: str, answer: str) -> None:
    """Lock the set `given` (JSON); write outcome, sentence and an advised Python to the file `answer`."""
    one = json.loads(given)
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="amlwheel-") as folder:
        build = functools.cache(functools.partial(_build, Path(folder)))  # each once, however often it is locked
        outcome, told, advised = _follow(one, Python(readers.PYTHONS[one["python"]], PLATFORM), build)
    Path(answer).write_text(json.dumps([outcome, f"{told}, {time.monotonic() - start:.0f} s", advised]), "utf-8")


def _follow(one: dict[str, Any], python: Python, build: lock.Build) -> tuple[str, str, str]:
    """Lock a set, each time with what the last message advises for `from-source`."""
    taken, left_out = _taken(one)
    short = [each.rpartition("/")[2][:48] if "://" in each else each for each in left_out]  # a table's column is narrow
    more = f"; left out: {', '.join(short)}" if short else ""
    from_source: frozenset[str] = frozenset()
    for _ in range(ROUNDS):
        try:
            needs = _needs(one, taken, from_source, python)
            locked = lock.resolve(needs, NOWHERE, lambda: None, lambda _: None, build)
        except StepError as error:
            errors = error.errors if isinstance(error, Several) else (error,)
            advice = " ".join(each.fix for each in errors)
            named = re.search(r"Set `from-source` to ([^:]+):", advice)
            wanted = from_source | (readers.names(named[1]) if named else frozenset())
            if wanted == from_source:
                other = re.search(r"Set `python-version` to (3\.\d+)", advice)
                return (
                    "stopped",
                    "; ".join(f"{each.code} {each.what}" for each in errors) + more,
                    other[1] if other else "",
                )
            from_source = wanted
            continue
        silent = older.unsaid(needs, locked)
        built = f", from source: {', '.join(sorted(from_source))}" if from_source else ""
        told = [each.partition(", because ")[0] for each in locked.warnings]
        told += [f"{len(locked.gaps)} held back by other requirements"] if locked.gaps else []
        said = f", told: {'; '.join(told)}" if told else ""
        unsaid = f", in silence: {'; '.join(silent)}" if silent else ""
        return "silent" if silent else "locked", f"{len(locked.pins)} packages{built}{said}{unsaid}{more}", ""
    return "stopped", f"no end after {ROUNDS} rounds: {', '.join(sorted(from_source))}", ""


def _taken(one: dict[str, Any]) -> tuple[list[str], list[str]]:
    """Return the `pip` lines that can be locked here, and the rest: files that aren't in the set, other hosts."""
    elsewhere = re.compile(r"^-r |://")
    return [each for each in one["pip"] if not elsewhere.search(each)], [
        each for each in one["pip"] if elsewhere.search(each)
    ]


def _needs(one: dict[str, Any], pip: list[str], from_source: frozenset[str], python: Python) -> Requirements:
    with tempfile.TemporaryDirectory(prefix="amlwheel-") as folder:
        asked = _declared(one, pip, Surroundings(Path(folder), (), python, from_source=from_source))
    return Requirements((), asked.requirements, python, asked.constraints, from_source)


def _build(folder: Path, source: Sdist) -> Wheel:
    place = folder / f"{source.name}-{source.version}"
    place.mkdir()
    Downloads(None, Secret(""), {}, SdistFailed).fetch(source.file, place / "sdist")
    return sdist.build(source, place / "sdist", place, lambda _: None)


def _declared(one: dict[str, Any], pip: list[str], around: Surroundings) -> Declared:
    """Read the set as the conda file that it is from."""
    listed = [f"python={one['python']}", "pip", *one["conda"], *([{"pip": pip}] if pip else [])]
    (around.folder / "conda.yml").write_text(yaml.safe_dump({"channels": ["conda-forge"], "dependencies": listed}))
    return files.read("conda.yml", (), around)
