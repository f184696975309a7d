"""Each request of each release goes wrong in each way."""

from collections.abc import Callable

import pytest
from chaos.bench import BRISK, DEFAULT, ROUTES, Bench
from chaos.faults import cases, requests_of
from chaos.promises import Note, after
from chaos.scale import Scale


@pytest.mark.parametrize(("name", "share"), [(name, share) for name in ROUTES for share in range(Scale.SHARES)])
def test_requests_that_go_wrong(
    bench: Bench, name: str, share: int, scale: Scale, note: Callable[[Note], None]
) -> None:
    if not scale.faulty(name, share):
        pytest.skip("not in this part")
    route = ROUTES[name]
    recorded, _, _ = bench.undisturbed(route)
    earlier = list(ROUTES)[: list(ROUTES).index(name)]
    known = frozenset(each.kind for one in earlier for each in requests_of(bench.undisturbed(ROUTES[one])[0].requests))
    every = cases(requests_of(recorded.requests), known, everything=scale.everything, seed=scale.seed)
    for case in scale.of_a_share(every, share):
        where = f"{case.request.index}. {case.request.kind}"
        if case.fault in scale.without or ("fault", name, case.fault, where) in scale.done:
            continue
        bench.renew(route)
        bench.world.fail(case.request.fault(case.fault))
        brisk = case.request.brisk(case.fault)
        ran = bench.run(route, command=BRISK if brisk else DEFAULT)
        struck = any(line.get("fault") or line.get("reset") for line in ran.requests) or "hangs before" in case.fault
        outcome, broken = after(bench, route, ran)
        if struck:
            note(Note("fault", name, case.fault, where, outcome, ran.seconds, brisk, broken))
