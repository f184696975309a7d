"""Errors of the audit."""

from .base import StepError


class Vulnerable(StepError):
    """The lock has known vulnerabilities that nobody has accepted, and `audit` is refuse."""

    status = 166
    title = "known vulnerabilities"
    cause = "Advisories were published for the locked versions."
    fix = "Require the versions with the fix, or name the ids that you accept in `audit-accept`, one a line."


class AcceptedNothing(StepError):
    """`audit-accept` names an id that no locked package has."""

    status = 167
    title = "accepted id that nothing has"
    cause = "The package that had it was raised to a version with the fix, or left the lock."
    fix = "Take the id out of `audit-accept`."
