"""How long someone has been a customer, and what an average month of that brought in."""

import datetime


def tenure_months(since: datetime.date, until: datetime.date) -> int:
    """Return the full months from ``since`` to ``until``; ValueError if ``until`` comes first."""
    if until < since:
        msg = f"{until} is before {since}"
        raise ValueError(msg)
    months = 12 * (until.year - since.year) + until.month - since.month
    return months - (until.day < since.day)


def average_month(total: float, months: int) -> float:
    """Return what a month brought in on average; a customer of less than a month counts as one of one."""
    return total / max(months, 1)
