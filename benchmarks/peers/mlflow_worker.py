"""mlflow on SQLite; MLFLOW_BENCHMARK_ASYNC=1 logs with ``synchronous=False``."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

import measure


class Mlflow:
    def load(self) -> str:
        import mlflow

        self.module = mlflow
        self.is_synchronous = os.environ.get("MLFLOW_BENCHMARK_ASYNC") != "1"
        return mlflow.__version__

    def begin(self, work: Path) -> None:
        self.module.set_tracking_uri(f"sqlite:///{work / 'mlflow.db'}")
        self.module.set_experiment("benchmark")
        self.module.start_run()

    def log(self, row: dict[str, float], step: int) -> None:
        self.module.log_metrics(row, step=step, synchronous=self.is_synchronous)

    def end(self) -> None:
        if not self.is_synchronous:
            self.module.flush_async_logging()
        self.module.end_run()

    def count(self, work: Path) -> int:
        with sqlite3.connect(work / "mlflow.db") as database:
            found: int = database.execute("select count(*) from metrics where key = 'train/metric_9'").fetchone()[0]
        return found


measure.main(Mlflow())
