"""Experiment trackers through their own libraries: TensorBoard, Weights & Biases, MLflow. None unless asked for."""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from losslab_trainer.finetune.problem import FinetuneProblem


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
        self.run: Any = wandb.init(project="losslab", name=name, dir=str(output), config=dict(settings), **mode)

    def log(self, step: int, values: Mapping[str, float]) -> None:
        self.run.log(dict(values), step=step)

    def finish(self, failed: bool) -> None:
        self.run.finish(exit_code=int(failed))


class MLflow:
    """A run where MLFLOW_TRACKING_URI says, else under ``output/mlruns``."""

    def __init__(self, output: Path, name: str, settings: Mapping[str, Any]) -> None:
        mlflow = _need("mlflow", "mlflow")
        import os  # noqa: PLC0415

        if not os.environ.get("MLFLOW_TRACKING_URI"):
            mlflow.set_tracking_uri((output / "mlruns").resolve().as_uri())
        mlflow.set_experiment("losslab")
        self.mlflow = mlflow
        mlflow.start_run(run_name=name)
        mlflow.log_params({key: str(item)[:500] for key, item in settings.items()})

    def log(self, step: int, values: Mapping[str, float]) -> None:
        self.mlflow.log_metrics({name: float(value) for name, value in values.items()}, step=step)

    def finish(self, failed: bool) -> None:
        self.mlflow.end_run("FAILED" if failed else "FINISHED")


def _offline(output: Path, name: str, settings: Mapping[str, Any]) -> Tracker:
    return WeightsAndBiases(output, name, settings, offline=True)


TRACKERS: Mapping[str, Callable[[Path, str, Mapping[str, Any]], Tracker]] = {
    "tensorboard": TensorBoard,
    "wandb": WeightsAndBiases,
    "wandb-offline": _offline,
    "mlflow": MLflow,
}


def start_trackers(names: Sequence[str], output: Path, run: str, settings: Mapping[str, Any]) -> list[Tracker]:
    """Raises FinetuneProblem for a name that is unknown or a library that is missing."""
    unknown = [name for name in names if name not in TRACKERS]
    if unknown:
        raise FinetuneProblem(f"trackers: {unknown[0]!r} is not one of {', '.join(TRACKERS)}")
    return [TRACKERS[name](output, run, settings) for name in names]


def _need(module: str, package: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise FinetuneProblem(
            f"trackers: the package {package} is not installed ({error}); install it into the venv "
            f"(pip install {package}) or leave the tracker out"
        ) from error
