"""Experiment trackers through their own libraries: TensorBoard, Weights & Biases, MLflow. None unless asked for."""

from __future__ import annotations

import importlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from losslab_trainer.finetune.problem import FinetuneProblem

EXPERIMENT = "losslab"  # W&B's project and MLflow's experiment


class Tracker(Protocol):
    """Takes metrics as they come."""

    def log(self, step: int, values: Mapping[str, float]) -> None: ...

    def finish(self, failed: bool) -> None: ...


class TensorBoard:
    """Event files in ``output/tensorboard``."""

    def __init__(self, output: Path, name: str, settings: Mapping[str, Any]) -> None:
        _need("tensorboard", "tensorboard")
        summaries = importlib.import_module("torch.utils.tensorboard")
        self.writer: Any = summaries.SummaryWriter(str(output / "tensorboard"))
        self.writer.add_text("settings", "\n".join(f"- {key}: {item}" for key, item in settings.items()))

    def log(self, step: int, values: Mapping[str, float]) -> None:
        for name, value in values.items():
            self.writer.add_scalar(name, value, step)

    def finish(self, failed: bool) -> None:
        self.writer.close()


class WeightsAndBiases:
    """A run under ``output/wandb``; offline when asked for (wandb-offline) or when WANDB_MODE says so."""

    def __init__(self, output: Path, name: str, settings: Mapping[str, Any], *, offline: bool = False) -> None:
        wandb = _need("wandb", "wandb")
        mode = {"mode": "offline"} if offline else {}
        self.run: Any = wandb.init(project=EXPERIMENT, name=name, dir=str(output), config=dict(settings), **mode)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        self.run.log(dict(values), step=step)

    def finish(self, failed: bool) -> None:
        self.run.finish(exit_code=int(failed))


class MLflow:
    """A run where MLFLOW_TRACKING_URI says, else in ``output/mlflow.db``: MLflow no longer writes plain files.

    Through a client of its own: ``mlflow.set_tracking_uri`` would hold for every later job of this process.
    """

    def __init__(self, output: Path, name: str, settings: Mapping[str, Any]) -> None:
        self.mlflow = _need("mlflow", "mlflow")
        address = os.environ.get("MLFLOW_TRACKING_URI")
        self.client: Any = self.mlflow.MlflowClient(address or f"sqlite:///{(output / 'mlflow.db').resolve()}")
        experiment = _experiment(self.client, None if address else (output / "mlruns").resolve().as_uri())
        self.run: str = self.client.create_run(experiment, run_name=name).info.run_id
        params = [self.mlflow.entities.Param(key, str(item)[:500]) for key, item in settings.items()]
        self.client.log_batch(self.run, params=params)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        now = time.time_ns() // 1_000_000
        metrics = [self.mlflow.entities.Metric(key, float(value), now, step) for key, value in values.items()]
        self.client.log_batch(self.run, metrics=metrics)

    def finish(self, failed: bool) -> None:
        self.client.set_terminated(self.run, "FAILED" if failed else "FINISHED")


def _experiment(client: Any, artifacts: str | None) -> str:
    """The experiment's id."""
    found = client.get_experiment_by_name(EXPERIMENT)
    if found is None:
        try:
            return str(client.create_experiment(EXPERIMENT, artifacts))
        except Exception:  # MLflow's own: another job may have just created it
            found = client.get_experiment_by_name(EXPERIMENT)
            if found is None:
                raise
    return str(found.experiment_id)


def _offline(output: Path, name: str, settings: Mapping[str, Any]) -> Tracker:
    return WeightsAndBiases(output, name, settings, offline=True)


TRACKERS: Mapping[str, Callable[[Path, str, Mapping[str, Any]], Tracker]] = {
    "tensorboard": TensorBoard,
    "wandb": WeightsAndBiases,
    "wandb-offline": _offline,
    "mlflow": MLflow,
}


def start_trackers(names: Sequence[str], output: Path, run: str, settings: Mapping[str, Any]) -> list[Tracker]:
    """Raises FinetuneProblem for a name that is unknown, a library that is missing or one that cannot start."""
    unknown = [name for name in names if name not in TRACKERS]
    if unknown:
        raise FinetuneProblem(f"trackers: {unknown[0]!r} is not one of {', '.join(TRACKERS)}")
    started: list[Tracker] = []
    try:
        for name in names:
            started.append(_started(name, output, run, settings))
    except FinetuneProblem:
        for tracker in started:
            tracker.finish(True)
        raise
    return started


def _started(name: str, output: Path, run: str, settings: Mapping[str, Any]) -> Tracker:
    try:
        return TRACKERS[name](output, run, settings)
    except FinetuneProblem:
        raise
    except Exception as error:  # each library has its own: no account, no server, a database of another version
        reason = " ".join(str(error).split())[:300] or type(error).__name__
        raise FinetuneProblem(
            f"trackers: {name} could not start: {reason}; mend that or leave the tracker out"
        ) from error


def _need(module: str, package: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise FinetuneProblem(
            f"trackers: the package {package} is not installed ({error}); install it into the venv "
            f"(pip install {package}) or leave the tracker out"
        ) from error
