"""Time the step beside the article's own sequence and beside the least that can be done, in turn, in one run.

Each round runs every row at every latency, so that a busy machine slows all of them alike. The rows are at the end of
this help.
"""

import argparse
import os
import pathlib
import shlex
import sys
import tempfile

from .. import heavy
from . import measure, page, rows
from .measure import Spent

DOCS = pathlib.Path(__file__).resolve().parents[3] / "docs"
ROUNDS = "times that each is run, after one that warms the caches (default: 5); 1 is a quick look, with cold ones"
LATENCY = "milliseconds that every answer of Azure takes in addition (default: 0 80)"
LOCK = "instead, release a lock of so many megabytes by `verify: install` and by `files`, side by side"
RATE = "with --lock-mb, megabytes a second that the index gives, as through a network (default: all)"
COLD = frozenset(("cold", "second", *(name for name in rows.ROWS if name.startswith("article"))))
ONLY = "these rows alone, or all that begin so"


def main() -> int:
    """Run the rounds and print what they tell; return 0, or the status of a run that failed."""
    known = "\n".join(f"  {name:18}{row.label}" for name, row in rows.ROWS.items())
    parser = argparse.ArgumentParser(
        prog="scripts/bench", description=__doc__, epilog=known, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help=ROUNDS)
    parser.add_argument("--latency", type=float, nargs="+", default=[0, 80], metavar="MS", help=LATENCY)
    parser.add_argument("--only", nargs="+", default=[], metavar="ROW", help=ONLY)
    parser.add_argument("--write", action="store_true", help="put the result into docs/performance.md and .svg")
    parser.add_argument("--lock-mb", type=int, metavar="MB", help=LOCK)
    parser.add_argument("--rate", type=float, default=0, metavar="MB", help=RATE)
    options = parser.parse_args()
    if options.lock_mb:
        python = os.environ.get("REHEARSE_WITH", sys.executable)
        heavy.compare(options.lock_mb, options.rate, python, lambda command, env: measure.run(command, env).said)
        return 0
    if options.rounds < 1:
        parser.error("--rounds needs a number of 1 or more")
    try:
        wanted = rows.picked(options.only)
    except ValueError as error:
        parser.error(str(error))
    rounds = measured(wanted, options.rounds, sorted({*options.latency}))
    print(page.text(rounds))
    if options.write:
        page.write(DOCS, rounds, shlex.join(["scripts/bench", *sys.argv[1:]]))
    return 0


def measured(wanted: frozenset[str], count: int, latencies: list[float]) -> page.Rounds:
    """Return what each row took, round by round; round 0 warms the caches and doesn't count."""
    found: dict[str, dict[float, list[Spent]]] = {
        name: {each: [] for each in latencies} for name in rows.ROWS if name in wanted
    }
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        for number in range(0 if count > 1 else 1, count + 1):
            for latency in latencies[:1] if number == 0 else latencies:
                folder = pathlib.Path(scratch, f"{number}-{latency:g}")
                for name, spent in rows.once(folder, pathlib.Path(scratch), latency, _due(wanted, number)):
                    print(f"{number}  {latency:g} ms  {spent.seconds:7.2f} s  {name}", file=sys.stderr, flush=True)
                    if number:
                        found[name][latency].append(spent)
    return found


def _due(wanted: frozenset[str], number: int) -> frozenset[str]:
    """Return the rows of a round. What begins with empty caches needs nothing that warms them."""
    return wanted if number else frozenset(name for name in wanted if name not in COLD)
