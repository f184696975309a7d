"""The summary names each index beside the feed and the public one."""

from dataclasses import replace
from pathlib import Path

from amlwheel.report import summary
from unit.parts import make, release


def test_the_summary_says_which_packages_another_index_has(tmp_path: Path) -> None:
    made = release(make(tmp_path))
    assert "From " not in summary.summary(made, [], dry_run=False, proof="")
    pins = tuple(replace(pin, index="https://download.pytorch.org/whl/cpu") for pin in made.environment.pins)
    page = summary.summary(replace(made, environment=replace(made.environment, pins=pins)), [], dry_run=False, proof="")
    assert f"\n- From https://download.pytorch.org/whl/cpu: {', '.join(pin.name for pin in pins)}\n" in page
