"""Errors of the programs that the step runs."""

from .base import StepError


class NotEnded(StepError):
    """A process that a build or an import left behind can't be ended."""

    status = 178
    title = "process left behind"
    cause = (
        "It starts itself anew, faster than it can be ended, or it waits in the kernel for a file system that hangs."
    )
    fix = "Stop the project's build, or what it imports, from starting processes that outlive it; run the step again."


class TooMuchOutput(StepError):
    """A program whose answer the step reads writes more than any answer is long."""

    status = 179
    title = "answer too long"
    cause = "The program isn't the one that its name says, or a checkout has an immense number of changes."
    fix = "Run the named program by hand on this machine, and mend what makes it write so much; run the step again."
