"""Features that several models of Acme share."""

from acme_features.tenure import average_month, tenure_months

__all__ = ["average_month", "tenure_months"]
