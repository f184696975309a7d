"""Times as Azure writes them."""

import datetime


def moment(timestamp: float) -> str:
    """Return a time as ISO 8601 in UTC, in microseconds."""
    return datetime.datetime.fromtimestamp(timestamp, datetime.timezone.utc).isoformat(timespec="microseconds")
