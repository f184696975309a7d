"""The model: numbers scaled, plans one-hot, logistic regression."""

import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from acme_churn.data import CATEGORIES, LABEL, NUMBERS


def pipeline(regularisation: float = 1.0) -> Pipeline:
    """Return an untrained model."""
    features = ColumnTransformer(
        [
            ("numbers", StandardScaler(), NUMBERS),
            ("categories", OneHotEncoder(handle_unknown="ignore"), CATEGORIES),
        ]
    )
    return Pipeline([("features", features), ("classifier", LogisticRegression(C=regularisation, max_iter=500))])


def train(table: pd.DataFrame, regularisation: float = 1.0) -> tuple[Pipeline, float]:
    """Return a trained model, and its area under the ROC curve on a quarter that it didn't see."""
    known, unseen = train_test_split(table, test_size=0.25, random_state=7, stratify=table[LABEL])
    model = pipeline(regularisation).fit(known, known[LABEL])
    return model, float(roc_auc_score(unseen[LABEL], model.predict_proba(unseen)[:, 1]))
