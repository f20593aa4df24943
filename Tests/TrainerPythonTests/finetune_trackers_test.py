"""Experiment trackers get every metric of a training, read back through their own libraries.

TensorBoard comes with the test requirements. W&B and MLflow are large and are skipped where they are not installed.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from finetune_models import Bench, bench
from losslab_trainer.contract import LossRejected
from losslab_trainer.finetune import trackers

pytestmark = pytest.mark.slow

DIVERGING = {"learningRate": 30.0, "epochs": 10, "warmupRatio": 0.0, "metricsEvery": 1}


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return bench(tmp_path_factory.mktemp("tracked"), rows=40)


def tracked(world: Bench, tracker: str, output: str) -> list[tuple[int, dict[str, float]]]:
    """The metrics of a training of two steps or more, as the job itself emitted them."""
    world.metrics.clear()
    result = world.run(output, trackers=[tracker], training={"metricsEvery": 1})
    assert len(world.metrics) == result.get("steps", 0) > 1, result
    return world.metrics


def test_tensorboard_reads_what_the_job_emitted(world: Bench) -> None:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator  # noqa: PLC0415

    emitted = tracked(world, "tensorboard", "board")
    events: Any = EventAccumulator(str(world.folder / "board" / "tensorboard")).Reload()
    assert set(events.Tags()["scalars"]) == set(emitted[0][1])
    for name in emitted[0][1]:
        found = [(event.step, event.value) for event in events.Scalars(name)]
        assert found == [(step, pytest.approx(values[name], rel=1e-6)) for step, values in emitted], name
    (settings,) = events.Tensors("settings/text_summary")
    assert "- loss: dpo" in settings.tensor_proto.string_val[0].decode()


def test_mlflow_reads_what_each_job_emitted(world: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    mlflow = pytest.importorskip("mlflow")
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    for output in ("first", "second"):  # in one process, as in a warm worker: each where its own output is
        emitted = tracked(world, "mlflow", output)
        client = mlflow.MlflowClient(f"sqlite:///{world.folder / output / 'mlflow.db'}")
        (run,) = client.search_runs([client.get_experiment_by_name("losslab").experiment_id])
        assert (run.info.run_name, run.info.status, run.data.params["beta"]) == ("dpo", "FINISHED", "0.1")
        for name in emitted[0][1]:
            found = [(metric.step, metric.value) for metric in client.get_metric_history(run.info.run_id, name)]
            assert found == [(step, values[name]) for step, values in emitted], name


def test_mlflow_writes_to_the_server_named_and_tells_of_a_failed_run(
    world: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mlflow = pytest.importorskip("mlflow")
    address = f"sqlite:///{tmp_path / 'shared.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    with pytest.raises(LossRejected):
        world.run("failed", trackers=["mlflow"], training=DIVERGING)
    tracked(world, "mlflow", "after")
    client = mlflow.MlflowClient(address)
    runs = client.search_runs([client.get_experiment_by_name("losslab").experiment_id])
    assert sorted(run.info.status for run in runs) == ["FAILED", "FINISHED"]
    assert not (world.folder / "after" / "mlflow.db").exists()


def test_wandb_offline_keeps_what_the_job_emitted(world: Bench) -> None:
    wandb = pytest.importorskip("wandb")
    emitted = tracked(world, "wandb-offline", "weights")
    wandb.teardown()  # its own process writes the file, the last of it sometimes after a run's end
    (record,) = (world.folder / "weights" / "wandb").glob("offline-run-*/run-*.wandb")
    written = record.read_bytes()  # records of plain text in binary frames; W&B offers no reader of them
    for name in emitted[0][1]:
        assert written.count(name.encode()) >= len(emitted), name
    for _, values in emitted:
        assert json.dumps(values["loss"]).encode() in written


@pytest.mark.parametrize("tracker", ["tensorboard", "wandb", "wandb-offline", "mlflow"])
def test_a_library_that_is_missing_is_named(world: Bench, tracker: str, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tracker.removesuffix("-offline")
    monkeypatch.setitem(sys.modules, package, None)
    assert f"pip install {package}" in world.run(f"missing-{tracker}", trackers=[tracker])["problem"]


def test_a_tracker_that_cannot_start_is_told_in_one_sentence_and_the_others_end(
    world: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended: list[bool] = []

    class Recorder:
        def __init__(self, output: Path, name: str, settings: Mapping[str, Any]) -> None: ...

        def log(self, step: int, values: Mapping[str, float]) -> None: ...

        def finish(self, failed: bool) -> None:
            ended.append(failed)

    def refuses(output: Path, name: str, settings: Mapping[str, Any]) -> trackers.Tracker:
        raise OSError("no account here:\nlog in first")

    monkeypatch.setattr(trackers, "TRACKERS", {"tensorboard": Recorder, "wandb": refuses})
    problem = world.run("refused", trackers=["tensorboard", "wandb"])["problem"]
    assert "wandb could not start: no account here: log in first" in problem and "\n" not in problem
    assert ended == [True]
