"""Errors of a team's own lock, which `lock` names or the project has."""

from .base import StepError


class LockStale(StepError):
    """The team's lock was made for other requirements than those of the package that is released."""

    status = 77
    title = "lock is stale"
    cause = "A requirement was changed after the lock was made."
    fix = "Lock again, and commit the lock."


class LockUnreadable(StepError):
    """The team's lock can't be read."""

    status = 122
    title = "lock can't be read"
    cause = "The file was cut off or edited by hand, or a merge left its marks in it."
    fix = "Lock again, and commit the lock."


class LockNotForImage(StepError):
    """The team's lock was made for other Pythons or platforms than the image's."""

    status = 123
    title = "lock isn't for this image"
    cause = "The lock was made for other Pythons or other platforms."
    fix = "Lock again for the image's Python on Linux x86-64, and commit the lock."


class LockNotHeld(StepError):
    """An index doesn't have what the team's lock has."""

    status = 124
    title = "lock not held"
    cause = "The lock was edited by hand, or the index has another file of that name than on the day of the lock."
    fix = "Find out what has changed; then lock again, and commit the lock."


class LockHoldsCredential(StepError):
    """An address in the team's lock has a credential in it. It isn't shown."""

    status = 125
    title = "credential in the lock"
    cause = "The address of an index was given with its token or password when the lock was made."
    fix = "Revoke the credential: it is in the repository's history. Lock again with the address alone."
