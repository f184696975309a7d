"""What holds after every run, however it was disturbed."""

import dataclasses
import json
import re

from chaos.bench import TOO_LONG, Bench, Ran, Route, files
from rehearsed.steps import released

LONGEST = 60.0
"""Seconds until a run tells what is wrong, with the step's own limits."""
CANCELLED = 130
# A wheel is stored as a record and a file. Who is ended between the two leaves a record that gets no file later: the
# service has no way back, and a clean run says so (AW55). Everything else of the promise holds.
_NO_WAY_BACK = {"workspace": 55}


@dataclasses.dataclass
class Note:
    """One disturbed run, as the table counts it."""

    sort: str
    """`fault`, `kill`, `cancel` or `race`."""
    route: str
    what: str
    """The fault, or how the run was ended."""
    where: str
    outcome: str
    seconds: float
    brisk: bool = False
    """Whether the step had shorter limits than its own."""
    broken: list[str] = dataclasses.field(default_factory=list)

    @property
    def key(self) -> tuple[str, ...]:
        """What was disturbed, and how: once in a run."""
        return self.sort, self.route, self.what, self.where

    def told(self) -> str:
        """Return it on a line."""
        return f"{self.sort}, {self.route}: {self.what} at {self.where}: {self.outcome}; broken: {self.broken}"


def after(bench: Bench, route: Route, ran: Ran, *, ended: bool = False) -> tuple[str, list[str]]:
    """Return how a run came out and which promises are broken, a clean run afterwards included.

    `ended`: it was ended from outside, so it needn't tell why.
    """
    _, state, complete = bench.undisturbed(route)
    outcome, broken = _told(ran, ended=ended)
    broken += [*ran.broken, *_halves(ran, complete)]
    bench.world.fail()
    if ran.status == 0 and (bench.state(route) != state or files(ran.folder).keys() != complete.keys()):
        broken.append("released, but not what an undisturbed run releases")
    elif ran.status != 0:
        again = bench.run(route)
        broken += [f"the clean run: {each}" for each in [*again.broken, *_halves(again, complete)]]
        if again.status == _NO_WAY_BACK.get(route.name) and "a record gets no file later" in again.output:
            return f"{outcome}, then AW{again.status}", broken
        if again.status != 0:
            broken.append(f"the clean run ends with {again.status}: {_tail(again.output)}")
        elif bench.state(route) != state or files(again.folder).keys() != complete.keys():
            broken.append("the clean run doesn't come to what an undisturbed one comes to")
        if not broken:
            bench.clean(again)
    if not broken:
        bench.clean(ran)
    return outcome, broken


def _told(ran: Ran, *, ended: bool) -> tuple[str, list[str]]:
    """Return what a run says it came to, and what is wrong with that."""
    if ran.status == 0:
        return "released", []
    if ended and ran.status in (-9, CANCELLED):
        return "ended", []
    if ran.seconds >= TOO_LONG:
        return "hung", []
    code = f"AW{ran.status}"
    clear = all(each in ran.output for each in (f"error: {code} ", "Likely cause: ", "What to do: "))
    broken = [] if clear and code != "AW99" else [f"no clear error: {_tail(ran.output)}"]
    return code, broken + ([f"took {ran.seconds:.0f} s"] if ran.seconds > LONGEST else [])


def _halves(ran: Ran, complete: dict[str, bytes]) -> list[str]:
    """Return what stands in the output folder and isn't a file of the release, whole."""
    found = files(ran.folder)
    halves = [name for name, content in found.items() if name != "aml-release.json" and content != complete.get(name)]
    if "aml-release.json" in found:
        try:
            same = released(found)["aml-release.json"] == released(complete)["aml-release.json"]
        except ValueError:
            same = False
        halves += [] if same else ["aml-release.json"]
    return [f"not a file of the release: {name}" for name in halves]


def _tail(output: str) -> str:
    return " / ".join(re.sub(r"\s+", " ", line) for line in output.strip().splitlines()[-6:])[-600:]


def as_json(note: Note) -> str:
    """Return a note as text that a test's report can carry."""
    return json.dumps(dataclasses.asdict(note))
