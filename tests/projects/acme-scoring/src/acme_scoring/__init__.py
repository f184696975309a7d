"""Scores customers of Acme with the features that its models share."""

import datetime
from collections.abc import Sequence

import numpy as np
from acme_features import average_month, tenure_months


def scores(since: Sequence[datetime.date], totals: Sequence[float], until: datetime.date) -> np.ndarray:
    """Return each customer's average month relative to the best one's, between 0 and 1."""
    months = [average_month(total, tenure_months(start, until)) for start, total in zip(since, totals, strict=True)]
    values = np.asarray(months, dtype=float)
    return values / values.max() if values.size and values.max() > 0 else np.zeros_like(values)
