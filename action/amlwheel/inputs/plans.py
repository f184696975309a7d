"""The rules about plans, their parts, and a run with an environment for each package."""

from ..errors.base import StepError
from ..errors.inputs import BadInput
from ..model.shard import Shard


def plan_or_apply(plan_file: str, apply: str) -> StepError | None:
    """Refuse to write a plan and to apply one in the same run."""
    if not (plan_file and apply):
        return None
    return BadInput(
        "`plan-file` writes a plan and `apply` applies one: a run does one of both.",
        cause="The applying job was copied from the planning one.",
        fix="Leave `plan-file` out where the plan is applied.",
    )


def part_of_a_plan(shard: Shard | None, apply: str = "") -> StepError | None:
    """Refuse a part of a run that has no parts."""
    if not shard or apply:
        return None
    return BadInput("`shard` needs `apply`: only a plan is applied in parts.", fix="Give the plan file as `apply`.")


def wheels_of_a_plan(apply: str, wheel: tuple[str, ...] = ()) -> StepError | None:
    """Refuse other wheels than those of the plan."""
    if not apply or not wheel:
        return None
    return BadInput("`wheel` with `apply`: the plan has its wheels beside it.", fix="Leave `wheel` out.")


def per_package(
    environment_per_package: bool,  # noqa: FBT001  # a rule gets inputs
    environment_name: str = "",
    wheel: tuple[str, ...] = (),
    plan_file: str = "",
    apply: str = "",
) -> StepError | None:
    """Refuse what belongs to a single environment beside one for each package."""
    beside = {
        "environment-name": (environment_name, "each environment has its package's name"),
        "wheel": (wheel, "the packages are those of `package-dir`, each with its own requirements"),
        "plan-file": (plan_file, "a plan holds one environment"),
        "apply": (apply, "a plan holds one environment"),
    }
    found = [(name, why) for name, (value, why) in beside.items() if value]
    if not environment_per_package or not found:
        return None
    (name, why), *_ = found
    return BadInput(
        f"`{name}` can't be used with `environment-per-package`: {why}.",
        cause="The input was written for a run with one environment.",
        fix=f"Leave `{name}` out; or set `environment-per-package` to false.",
    )
