"""``acme-churn-train``: learn from a table, keep the model, tell how good it is."""

import argparse
import os
import pickle
from pathlib import Path

from acme_churn import data, model


def main(argv: list[str] | None = None) -> int:
    """Train; return 0."""
    parser = argparse.ArgumentParser(prog="acme-churn-train", description=__doc__)
    parser.add_argument("table", type=Path, nargs="?", help="a CSV file; without one, a made-up table")
    parser.add_argument("--model-dir", type=Path, default=Path("model"))
    parser.add_argument("--regularisation", type=float, default=1.0)
    args = parser.parse_args(argv)

    table = data.read(args.table) if args.table else data.made_up(2000)
    trained, auc = model.train(table, args.regularisation)
    args.model_dir.mkdir(parents=True, exist_ok=True)
    (args.model_dir / "model.pkl").write_bytes(pickle.dumps(trained))
    print(f"{len(table)} customers, AUC {auc:.3f}")
    if "MLFLOW_RUN_ID" in os.environ:
        _log(args.regularisation, auc)
    return 0


def _log(regularisation: float, auc: float) -> None:
    """Log to the job's run; Azure ML sets MLFLOW_RUN_ID, and azureml-mlflow finds the tracking server."""
    import mlflow  # heavy, and needed in a job only

    mlflow.log_param("regularisation", regularisation)
    mlflow.log_metric("auc", auc)


if __name__ == "__main__":
    raise SystemExit(main())
