"""Releases at the same time."""

from collections.abc import Callable

import pytest
from chaos.bench import FEED, HERE, ROUTES, Bench, Route, digest, files
from chaos.promises import Note, after
from chaos.scale import Scale
from rehearsed.steps import in_feed, write_wheel


@pytest.mark.parametrize("name", ROUTES)
def test_releases_of_one_commit_at_once(bench: Bench, name: str, scale: Scale, note: Callable[[Note], None]) -> None:
    if not scale.raced(name):
        pytest.skip("not in this part")
    route = ROUTES[name]
    bench.undisturbed(route)
    bench.renew(route)
    for number, ran in enumerate(bench.run_together([route] * scale.racing), 1):
        outcome, broken = after(bench, route, ran)
        note(Note("race", name, f"{scale.racing} of one commit", f"{number}", outcome, ran.seconds, broken=broken))


def test_two_commits_with_one_version(bench: Bench, scale: Scale, note: Callable[[Note], None]) -> None:
    for number in range(scale.versions):
        version = f"7.{scale.seed % 1000}.{number}"
        wheels = [write_wheel(bench.folder / f"{text}-{version}", "acme-features", version, text=text) for text in "ab"]
        routes = [Route(path.parent.name, {**FEED, "python_version": HERE, "wheel": path}) for path in wheels]
        bench.renew(routes[0])
        both = bench.run_together(routes)
        shas = {digest(path): index for index, path in enumerate(wheels)}
        (stored,) = in_feed(bench.world).values()
        won, lost = both[shas[stored]], both[1 - shas[stored]]
        broken = [*won.broken, *lost.broken]
        broken += [] if won.status == 0 else [f"the one whose file is stored: {won.output[-500:]}"]
        broken += [] if lost.status == 35 and "error: AW35 " in lost.output else [f"the other: {lost.output[-500:]}"]
        broken += [] if not files(lost.folder) else ["the one that lost left files"]
        again = bench.run(routes[shas[stored]])
        broken += [*again.broken, *([] if again.status == 0 and not again.writes else ["the winner, again"])]
        refused = bench.run(routes[1 - shas[stored]])
        broken += [*refused.broken, *([] if refused.status == 35 and not refused.writes else ["the other, again"])]
        (still,) = in_feed(bench.world).values()
        broken += [] if still == stored else ["two sets of bytes under one version"]
        longest = max(won.seconds, lost.seconds)
        note(Note("race", "feed v2", "two commits, one version", version, "AW35", longest, broken=broken))
