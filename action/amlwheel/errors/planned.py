"""Errors of plan files: `plan-file` writes one, `apply` takes it in another job."""

from .base import StepError

_ANEW = "Run the planning job again, and hand on all that it writes, unchanged: the file and the folder dist beside it."


class PlanAltered(StepError):
    """The plan file, or a wheel beside it, isn't what the planning job wrote."""

    status = 207
    title = "plan file altered"
    cause = "Something between the two jobs changed the file or a wheel, or handed on only a part of the folder."
    fix = _ANEW


class PlanOfOtherCommit(StepError):
    """The plan was made of another commit than the one that this job is for."""

    status = 208
    title = "plan of another commit"
    cause = "The file was left by an earlier run, or the job checks out something else than the planning job."
    fix = "Run the planning job again for the commit of this job, and hand on what it writes."


class PlanOfOtherVersion(StepError):
    """The plan was written by another version of the step."""

    status = 209
    title = "plan of another version"
    cause = "The two jobs use the step in two versions, or the file was kept from before an update."
    fix = "Name the same commit or tag of the step in both jobs, and run the planning job again."


class PlanDiffers(StepError):
    """An input of the applying job isn't what the plan was made with."""

    status = 210
    title = "inputs differ from the plan"
    cause = "An input was changed in, or given to, only one of the two jobs."
    fix = "Give both jobs the same inputs; [tool.amlwheel] in the project's pyproject.toml gives them to both."


class NotPlannable(StepError):
    """The release can't be written into a plan file: another job couldn't tell what it belongs to, or isn't proven."""

    status = 211
    title = "release not plannable"
    cause = "The folder isn't a checkout of git, and the CI host names no commit."
    fix = "Run the planning job in a checkout of the commit."
