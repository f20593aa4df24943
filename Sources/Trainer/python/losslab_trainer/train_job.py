"""The train job: a policy trained with one loss, the answers it then gives, and how far it went from its reference."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

from torch import Tensor

from losslab_trainer.answers import Question, read_questions, write_answers
from losslab_trainer.forward import Forward
from losslab_trainer.kl import kl_to_reference
from losslab_trainer.metrics import MeanWithError
from losslab_trainer.policy import Policy, weights_hash
from losslab_trainer.sampling import Reply, SamplingPlan, sample_dialogues
from losslab_trainer.screening.gate import violations
from losslab_trainer.training import TrainingData, TrainingOptions, TrainingOutcome, draw_pairs, margins
from losslab_trainer.training import train as train_policy
from losslab_trainer.watched_loss import WatchedLoss
from losslab_trainer.workspace import LoadedPolicy, Workspace

if TYPE_CHECKING:
    from losslab_trainer.serve import Context

KL_ANSWERS = "(kl)"  # among the samplings' names, which are file names

_workspace = Workspace()  # lives as long as the trainer


def train(job: Mapping[str, Any], context: Context) -> dict[str, object]:
    """Trains (unless the job has no loss), samples, writes the answer files, and returns the job's result.

    Raises LossRejected when the loss fails or the training diverges.
    """
    started = time.perf_counter()
    settings = job["training"]
    output = Path(job["output"])
    output.mkdir(parents=True, exist_ok=True)
    questions = read_questions(job["questions"])
    loaded = _workspace.policy(job["policy"])
    policy, forward = loaded.fresh()

    ready = time.perf_counter()
    outcome, reference_seconds = TrainingOutcome(0, {}), 0.0
    if job.get("loss") is not None:
        data, reference_seconds = _data(job, context)
        outcome = _train(job, context, forward, data)
        forward.store()
    trained = time.perf_counter()

    plans = _plans(job["sampling"], settings["seed"])
    if job.get("loss") is not None and job["klSamples"] > 0:
        plans[KL_ANSWERS] = SamplingPlan(1.0, job["klSamples"], _stream(settings["seed"], "kl"))
    replies = _sample(policy, forward, questions, plans, job["maxNewTokens"])
    files = _write(output, job, questions, {name: replies[name] for name in plans if name != KL_ANSWERS})
    sampled = time.perf_counter()

    kl = _kl(loaded, forward, replies.get(KL_ANSWERS))
    ended = time.perf_counter()
    return {
        "metrics": outcome.metrics | ({"kl": kl.value} if kl else {}),
        "kl": _kl_json(kl, trained=job.get("loss") is not None),
        "answers": files,
        "steps": outcome.steps,
        "seconds": {
            "loading": ready - started,
            "reference": reference_seconds,
            "training": trained - ready - reference_seconds,
            "sampling": sampled - trained,
            "kl": ended - sampled,
            "total": ended - started,
        },
        "weightsHash": weights_hash(policy.model),
        "sandbox": dict(context.sandbox),
    }


def trained_margins(job: Mapping[str, Any], context: Context) -> Tensor:
    """Trains, and returns the rho that the training pairs end with: (n,) nats times logpScale. See ``train``."""
    _, forward = _workspace.policy(job["policy"]).fresh()
    data, _ = _data(job, context)
    _train(job, context, forward, data)
    return margins(forward, data, job["training"]["logpScale"])


def _data(job: Mapping[str, Any], context: Context) -> tuple[TrainingData, float]:
    """The pairs that the seed draws, and the seconds that went into what later jobs will find ready."""
    started = time.perf_counter()
    cache = context.cache_directory / "reference"
    pairs, reference = _workspace.pairs(job["pairs"]["path"], job["policy"], cache)
    seconds = time.perf_counter() - started
    indices = draw_pairs(len(pairs), job["pairs"]["count"], job["training"]["seed"])
    return TrainingData(pairs, reference, indices), seconds


def _train(job: Mapping[str, Any], context: Context, forward: Forward, data: TrainingData) -> TrainingOutcome:
    source = job["loss"]["source"]
    for refusal in violations(source):
        raise refusal
    settings = job["training"]
    options = TrainingOptions(
        learning_rate=settings["learningRate"],
        batch_size=settings["batchSize"],
        epochs=settings["epochs"],
        warmup_steps=settings["warmupSteps"],
        max_gradient_norm=settings["maxGradientNorm"],
        seed=settings["seed"],
        logp_scale=settings["logpScale"],
    )
    with closing(WatchedLoss(source, context.loss_processes.open)) as loss:
        return train_policy(forward, data, loss, beta=job["beta"], options=options, on_metrics=context.emit_metrics)


def _plans(sampling: Sequence[Mapping[str, Any]], seed: int) -> dict[str, SamplingPlan]:
    return {
        str(spec["name"]): SamplingPlan(spec["temperature"], spec["samples"], _stream(seed, spec["name"]))
        for spec in sampling
    }


def _sample(
    policy: Policy, forward: Forward, questions: list[Question], plans: Mapping[str, SamplingPlan], max_new_tokens: int
) -> dict[str, list[list[list[Reply]]]]:
    dialogues = [question.turns for question in questions]
    replies = sample_dialogues(policy, dialogues, list(plans.values()), max_new_tokens=max_new_tokens, forward=forward)
    return dict(zip(plans, replies, strict=True))


def _write(
    output: Path, job: Mapping[str, Any], questions: list[Question], replies: Mapping[str, list[list[list[Reply]]]]
) -> dict[str, str]:
    """Writes one answer file for each sampling and returns the names."""
    model = "untrained" if job.get("loss") is None else job["loss"]["name"]
    files = {name: f"answers-{name}.jsonl" for name in replies}
    for name, file in files.items():
        texts = [[[reply.text for reply in turns] for turns in samples] for samples in replies[name]]
        write_answers(output / file, model, questions, texts)
    return files


def _kl(loaded: LoadedPolicy, forward: Forward, replies: list[list[list[Reply]]] | None) -> MeanWithError | None:
    if replies is None:
        return None
    dialogues = [[reply for turns in samples for reply in turns] for samples in replies]
    return kl_to_reference(forward, loaded.reference_forward, dialogues)


def _kl_json(kl: MeanWithError | None, *, trained: bool) -> dict[str, object] | None:
    if not trained:
        kl = MeanWithError(0.0, 0.0, 0)  # a policy's divergence from itself
    if kl is None:
        return None
    return {"value": kl.value, "standardError": kl.standard_error, "count": kl.count, "unit": "nats per answer"}


def _stream(seed: int, name: str) -> int:
    """A seed of its own for each sampling, the same for every loss: answers are compared in pairs."""
    return int.from_bytes(hashlib.blake2b(f"{seed}/{name}".encode(), digest_size=6).digest(), "little")
