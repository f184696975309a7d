"""What the benchmark makes of its rounds: ratios beside their goals, a page, a plot; and what it measures of a run."""

import pathlib
import sys
import xml.etree.ElementTree as ET
from itertools import starmap

import pytest
from rehearsal.bench import measure, page, rows
from rehearsal.bench.measure import Spent

STAGES = {"Build": 1.5, "Lock": 0.5}
ROUNDS = {
    "article-warm": {0.0: [Spent(7.0), Spent(9.0)], 80.0: [Spent(8.0), Spent(10.0)]},
    "warm": {
        0.0: [Spent(3.0, 2.0, 88.0, STAGES), Spent(5.0, 2.0, 88.0, STAGES)],
        80.0: [Spent(3.8, 2.0, 101.0, STAGES), Spent(5.8, 2.0, 101.0, STAGES)],
    },
    "backend": {0.0: [Spent(0.2), Spent(0.2)], 80.0: [Spent(0.2), Spent(0.2)]},
}


def test_goals_are_compared_at_the_longest_latency() -> None:
    told = {line[0]: line[1:] for line in page.goals(ROUNDS)}
    assert told["the article warm, beside the step later"] == ["at least 2", "1.88", "no"]
    assert told["answers that a first release waits for, one after the other"] == ["at most 10", "10.00", "yes"]
    assert told["MB of memory with 1 workspace"] == ["at most 100", "101.00", "no"]
    assert len(told) == 4  # with the head: other rows weren't run


@pytest.mark.parametrize(("slow", "value"), [("unchanged", 1.48), ("packages-50", 0.04), ("workspaces-50", 2.0)])
def test_each_kind_of_goal_has_its_own_sum(slow: str, value: float) -> None:
    fast = {"unchanged": "backend", "packages-50": "packages-1", "workspaces-50": "workspaces-1"}[slow]
    rounds = {
        slow: {80.0: [Spent(3.6 if slow == "unchanged" else 2.0)]},
        fast: {80.0: [Spent(1.8 - (slow != "unchanged") * 0.8)]},
    }
    (goal,) = [each for each in page.GOALS if each.rows == (slow, fast)]
    assert goal.value(rounds) == pytest.approx(value)


def test_one_latency_tells_nothing_of_waits() -> None:
    one = {"warm": {0.0: [Spent(3.0)]}}
    assert page.waits(one, "warm") is None
    assert [line[0] for line in page.goals(one)] == ["goal", "MB of memory with 1 workspace"]
    assert page.goals({"backend": {0.0: [Spent(1.0)]}}) == []


def test_text_has_all_tables() -> None:
    said = page.text(ROUNDS)
    assert "the step, later" in said
    assert "4.00 s (3.00 to 5.00)" in said
    assert "Build  1.5 s" in said
    assert page.stages({"backend": ROUNDS["backend"]}) == []


def test_the_page_is_written_between_its_marks_alone(tmp_path: pathlib.Path) -> None:
    (tmp_path / "performance.md").write_text("# Speed\n\nSomebody's words.\n")
    for command in ("scripts/bench --rounds 2", r"scripts/bench \1"):
        page.write(tmp_path, ROUNDS, command)
        text = (tmp_path / "performance.md").read_text("utf-8")
        assert text.startswith(
            "# Speed\n\nSomebody's words.\n\n## Beside the article's own sequence\n\n<!-- scripts/bench"
        )
        assert (text.count(page.BEGIN), text.count(page.END), text.count(command)) == (1, 1, 1)
    drawn = ET.fromstring((tmp_path / "performance.svg").read_text("utf-8"))  # noqa: S314  # it is ours
    assert len(drawn.findall("{*}rect")) == 1 + 6
    assert {"the step, later", "80 ms", "4.8 s"} <= {each.text for each in drawn.findall("{*}text")}


def test_rows_are_picked_by_name_or_beginning() -> None:
    assert rows.picked(["warm", "workspaces"]) == {"warm", *(f"workspaces-{count}" for count in (1, 10, 50, 200))}
    assert rows.picked([]) == {*rows.ROWS}
    with pytest.raises(ValueError, match=r"there is no row cool, hot; there are article-cold, "):
        rows.picked(["cool", "warm", "hot"])
    assert {name for goal in page.GOALS for name in goal.rows} | {*page.STAGED} <= {*rows.ROWS}


def test_a_run_is_measured_and_its_stages_are_read() -> None:
    said = "ok     Build · a.whl (5 kB) · 1.4 s\\nok     Publish and connect · 2 changed · 0.3 s\\n"
    spent = measure.run([sys.executable, "-S", "-c", f"import time; print('{said}'); time.sleep(0.05)"], {})
    assert spent.stages == {"Build": 1.4, "Publish and connect": 0.3}
    assert 0.05 < spent.seconds < 60
    assert spent.peak > 1 or sys.platform != "linux"
    both = spent + Spent(1.0, 1.0, 500.0, {"Lock": 1.0}, "more")
    assert (both.seconds, both.peak, {*both.stages}) == (
        spent.seconds + 1,
        500.0,
        {"Build", "Publish and connect", "Lock"},
    )
    with pytest.raises(SystemExit, match=r"(?s)wrong.* ended with status 3"):
        measure.run([sys.executable, "-S", "-c", "print('wrong'); raise SystemExit(3)"], {})


def test_a_small_package_has_a_project(tmp_path: pathlib.Path) -> None:
    folders = list(starmap(rows.package, ((tmp_path, number) for number in (1, 1, 2))))
    assert folders[0] == folders[1] != folders[2]
    assert 'name = "acme-part-2"' in (folders[2] / "pyproject.toml").read_text()
