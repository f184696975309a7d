"""The customer table: reading it, checking it, and one made up for trying things."""

from pathlib import Path

import numpy as np
import pandas as pd

NUMBERS = ["tenure_months", "monthly_fee", "support_calls"]
CATEGORIES = ["plan"]
LABEL = "churned"


def read(path: Path) -> pd.DataFrame:
    """Read a table; ValueError names the columns that it lacks."""
    table = pd.read_csv(path)
    missing = sorted({*NUMBERS, *CATEGORIES, LABEL} - set(table.columns))
    if missing:
        msg = f"{path} lacks the columns {', '.join(missing)}"
        raise ValueError(msg)
    return table


def made_up(rows: int, seed: int = 7) -> pd.DataFrame:
    """Return a table in which short tenure, high fees and many calls make customers leave."""
    rng = np.random.default_rng(seed)
    table = pd.DataFrame(
        {
            "tenure_months": rng.integers(0, 72, rows),
            "monthly_fee": rng.normal(40, 12, rows).clip(5).round(2),
            "support_calls": rng.poisson(1.2, rows),
            "plan": rng.choice(["basic", "family", "pro"], rows, p=[0.5, 0.3, 0.2]),
        }
    )
    urge = -1.5 - 0.05 * table["tenure_months"] + 0.03 * table["monthly_fee"] + 0.6 * table["support_calls"]
    table[LABEL] = (rng.random(rows) < 1 / (1 + np.exp(-urge))).astype(int)
    return table
