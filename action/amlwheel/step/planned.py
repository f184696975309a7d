"""`plan-file` and `apply`: one job builds, locks, plans and proves a release; other jobs apply parts of it."""

import contextlib
import glob
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from .. import __version__
from ..build import wheel
from ..errors.base import Several, StepError, Unexpected, together
from ..errors.foreign import FileChanged
from ..errors.inputs import BadInput
from ..errors.planned import NotPlannable, PlanAltered, PlanDiffers, PlanOfOtherCommit
from ..errors.workspace import WorkspaceNotFound
from ..git import source
from ..hosts.host import Host
from ..inputs.knob import knobs
from ..inputs.step import Inputs
from ..model import as_json, exact
from ..model.azure import Target, kinds
from ..model.limit import Newer
from ..model.wheel import Wheel
from ..report import files, plan_file
from ..report.plan_file import Plan, PlannedChange, PlannedWheel
from ..report.release import Release
from .access import Access
from .changes import Changes
from .proving import WAITS


def write(inputs: Inputs, host: Host, release: Release, changes: Changes, proven: str) -> None:
    """Write the plan file, and the wheels below `dist` beside it; raise NotPlannable for what can't be planned."""
    with host.stage("Write the plan") as done:
        commit = _commit(inputs, host)
        _refuse_unplannable(commit, proven, inputs)
        text = plan_file.text(
            Plan(
                step=__version__,
                commit=commit,
                inputs=_deciding(inputs),
                workspaces=tuple(each.id for each in release.workspaces),
                wheels=tuple(PlannedWheel(each.filename, each.sha256, each.sdist) for each in release.wheels),
                plan=tuple(PlannedChange(each.verb.value, each.subject, each.why) for each in changes.all),
                proven=proven,
                release=plan_file.kept(release),
            )
        )
        if host.leaks(text):
            raise Unexpected("The plan file would hold a secret, so it wasn't written.")
        path = Path(inputs.plan_file)
        files.write(path.parent, {path.name: text}, release.wheels, "plan-file")
        done.append(f"{path.as_posix()} and {len(release.wheels)} in dist beside it")


def _refuse_unplannable(commit: str, proven: str, inputs: Inputs) -> None:
    """Raise NotPlannable for a plan of which nobody knows the commit, or that isn't proven although it should be."""
    if not commit:
        raise NotPlannable("`plan-file`: nobody knows of which commit the plan is.")
    if WAITS in proven:
        once = "Run the step once without `plan-file`, for one workspace: then the packages are saved."
        raise NotPlannable(
            "`plan-file`: the release can't be proven without a change in the feed.",
            cause="Packages have to be saved in the feed first, which only a release does.",
            fix=once if inputs.connects else "Leave `plan-file` out, and release in one job.",
        )


@dataclass(frozen=True)
class Planned:
    """A plan that this run may apply; `inputs` are those of its part, which ask for nothing that is planned already."""

    plan: Plan
    wheels: tuple[Wheel, ...]
    inputs: Inputs

    def release(self, access: Access) -> Release:
        """Return the planned release for the workspaces of this part; raise PlanAltered and PlanDiffers."""
        release = plan_file.restored(
            self.plan,
            wheels=self.wheels,
            feed=self.inputs.feed,
            connection=access.connection,
            workspaces=self.inputs.workspace,
            shard=str(self.inputs.shard or ""),
        )
        if release.place != access.route.label:
            raise PlanDiffers(
                f"The plan has its wheels in {release.place}, and this job would take {access.route.label}.",
                cause="The two jobs check out another commit or another repository.",
                fix="Check out in both jobs the same commit of the same repository.",
            )
        access.route.resume(release.environment.pins, release.wheels)
        return release


def read(inputs: Inputs, host: Host) -> Planned:
    """Read the plan file of `apply`, and compare it with what this job is for, before anything is asked outside.

    Raises BadInput, PlanAltered, PlanOfOtherVersion; PlanOfOtherCommit and PlanDiffers together.
    """
    path = Path(inputs.apply)
    with host.stage("Read the plan") as done:
        plan = plan_file.read(path)
        problems = [*_elsewhere(plan, inputs, host)]
        if problems:
            raise together(problems)
        paths = [path.parent / "dist" / Path(each.name).name for each in plan.wheels]
        wheels = tuple(_wheel(*each) for each in zip(plan.wheels, paths, strict=True))
        part = _part(inputs)
        done += [*(each.filename for each in wheels), f"commit {plan.commit[:12]}"]
        done.append(f"{len(part)} of {len(inputs.workspace)} {kinds(inputs.workspace)}")
    image = plan_file.restored(plan, wheels=wheels, feed=None, connection=None, workspaces=()).environment.image
    found = tuple(glob.escape(str(each)) for each in paths)
    return Planned(plan, wheels, replace(inputs, wheel=found, workspace=part, base_image=image, exclude_newer=Newer()))


@contextlib.contextmanager
def meanwhile() -> Iterator[None]:
    """Let the error of a workspace that isn't there say what is likely where it was there when the plan was made."""
    try:
        yield
    except StepError as error:
        for each in error.errors if isinstance(error, Several) else (error,):
            if isinstance(each, WorkspaceNotFound):
                each.cause = "It was there when the plan was made, and was deleted or moved since."
                each.fix = "Take it out of `workspace` in both jobs, and run both again."
        raise


def _deciding(inputs: Inputs) -> dict[str, Any]:
    """Return the inputs that decide what is released where, as JSON data: those that a project's table may give."""
    return {each.name: as_json.plain(getattr(inputs, each.field)) for each in knobs(Inputs) if each.own}


def _commit(inputs: Inputs, host: Host) -> str:
    """Return the commit that this job is for: the checkout's, or the one that the CI host names."""
    folders = [Path(each) for each in inputs.package_dir if Path(each).is_dir()]
    return source.detect(folders or [Path()], host.source).commit


def _elsewhere(plan: Plan, inputs: Inputs, host: Host) -> Iterator[StepError]:
    """Yield why the plan isn't one for this job."""
    commit = _commit(inputs, host)
    if plan.commit != commit:
        ours = f"this job is for {commit[:12]}" if commit else "nobody knows for which commit this job is"
        yield PlanOfOtherCommit(f"The plan is of commit {plan.commit[:12]}, and {ours}.")
    given = _deciding(inputs)
    differing = sorted(name for name in given.keys() | plan.inputs.keys() if given.get(name) != plan.inputs.get(name))
    if differing:
        yield PlanDiffers(f"{', '.join(f'`{name}`' for name in differing)}: not what the plan was made with.")


def _wheel(planned: PlannedWheel, path: Path) -> Wheel:
    """Return the planned wheel; raise PlanAltered unless every byte of it is there."""
    if not path.is_file():
        raise PlanAltered(f"{planned.name} is missing beside the plan file, in the folder dist.")
    try:
        with exact.held(path, planned.sha256):
            pass
    except FileChanged:
        raise PlanAltered(f"{planned.name} isn't the wheel of the plan: its sha256 is another one.") from None
    return replace(wheel.inspect(path), sha256=planned.sha256, sdist=planned.sdist)


def _part(inputs: Inputs) -> tuple[Target, ...]:
    """Return the workspaces of this part; raise BadInput for a part without any."""
    part = inputs.shard.take(inputs.workspace) if inputs.shard else inputs.workspace
    if not part:
        count = len(inputs.workspace)
        raise BadInput(
            f"`shard` {inputs.shard}: no workspace is left for this part, since `workspace` names {count}.",
            cause="The matrix has more jobs than the plan has workspaces.",
            fix=f"Make at most {count} parts: `shard` 1/{count} to {count}/{count}.",
        )
    return part
