"""The finetune job: a real model trained with one loss on real pairs, evaluated, sampled and saved."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from losslab_trainer.contract import LossEvaluator, LossRejected
from losslab_trainer.data.problem import DataProblem
from losslab_trainer.data.tokenise import TokenisedPair
from losslab_trainer.finetune import asked, lengths, loop, memory, saving, stopping
from losslab_trainer.finetune.evaluation import HeldOut, score_all
from losslab_trainer.finetune.finite import require_finite_pairs
from losslab_trainer.finetune.job import Job
from losslab_trainer.finetune.job_data import prepared
from losslab_trainer.finetune.last_batch import LastBatchTooSmall
from losslab_trainer.finetune.models import LoadedModel, checkpoint_gradients, load_model
from losslab_trainer.finetune.preparation import PreparedData
from losslab_trainer.finetune.problem import FinetuneProblem
from losslab_trainer.finetune.reference import ReferenceStore, store_for
from losslab_trainer.finetune.scoring import PairScorer
from losslab_trainer.finetune.settings import TrainingSettings
from losslab_trainer.finetune.sides import scorer_for, tried
from losslab_trainer.finetune.trackers import Tracker, start_trackers
from losslab_trainer.loss_process import LossLimits, LossProcesses
from losslab_trainer.reference_cache import ReferenceLogps
from losslab_trainer.screening.gate import violations
from losslab_trainer.watched_loss import WatchedLoss

if TYPE_CHECKING:
    from losslab_trainer.serve import Context

WEIGHTS, PER_PAIR = "weights", "held-out.jsonl"
# A training of days must not end because its loss process was given half an hour.
LIMITS = LossLimits(life_seconds=30 * 86_400, cpu_seconds=7 * 86_400)


def finetune(job: Mapping[str, Any], context: Context) -> dict[str, object]:
    """The job's result; ``{"problem": sentence}`` where model, data or settings cannot be used as they are.

    Raises LossRejected when the loss fails or the training diverges.
    """
    try:
        return _finetune(job, context)
    except (FinetuneProblem, DataProblem) as problem:
        return {"problem": str(problem)}


def _finetune(json: Mapping[str, Any], context: Context) -> dict[str, object]:
    started = time.perf_counter()
    job = Job.of(json)
    for refusal in violations(job.source) if job.source is not None else ():
        raise refusal
    job.output.mkdir(parents=True, exist_ok=True)
    trained = job.source is not None
    settings = {"loss": job.loss_name, "beta": job.beta, **asdict(job.training), "model": job.model.path}
    with ExitStack() as stack:
        followed = Path(json.get("trackersOutput") or job.output)
        followed.mkdir(parents=True, exist_ok=True)
        trackers = start_trackers(json.get("trackers") or [], followed, job.loss_name, settings)
        stack.push(lambda kind, error, trace: _finish(trackers, failed=kind is not None))
        loaded = load_model(job.model, seed=job.training.seed, trained=trained)
        data, options = prepared(job, loaded)
        memory.reset_peak(loaded.device)
        scorer = tried(scorer_for(loaded.model, autocast=loaded.autocast), (*data.train, *data.held_out))
        ready = time.perf_counter()

        store = store_for(loaded, asdict(options), context.cache_directory)
        visited = _visited(data, job.training) if trained else ()
        reference, of_held_out, computed = _reference(store, loaded, scorer, data, visited)
        referenced = time.perf_counter()

        loaded = replace(loaded, side=asked.side(job, loaded, scorer))
        before = None
        if trained and data.held_out and job.questions and job.plans:
            before = lengths.untrained(loaded, job.questions, job.plans, job.max_new_tokens, store.folder)
        measured = time.perf_counter()
        outcome = loop.Outcome(0, {})
        if trained:
            outcome = _train(job, context, loaded, data, scorer, reference=reference, trackers=trackers)
        training_peak = memory.peak_bytes(loaded.device)
        done = time.perf_counter()

        held_out = _held_out(job, data, scorer, of_held_out, trained=outcome.steps > 0)
        evaluated = time.perf_counter()
        weights = job.output / WEIGHTS if json.get("save") else None
        if weights is not None:
            saving.save(loaded, weights, _card(job, data, outcome, held_out))
        answers = asked.sample(job, loaded, weights)
        files = asked.write(job, answers)
        if held_out is not None:
            held_out["lengthChange"] = lengths.change(before, answers)
        kl = asked.sampled_kl(job, loaded, scorer) if trained else None
        if held_out is not None and kl is not None:
            held_out["kl"] = kl
        ended = time.perf_counter()
    notes = [*outcome.notes, *data.notes]
    refused = stopping.refusal(loaded.tokenizer) if job.questions or weights is not None else None
    notes += [] if refused is None else [refused]
    if data.shared_prompts:
        notes.append(f"{data.shared_prompts} training prompts are in the held-out set too, which flatters its figures")
    return {
        "metrics": outcome.metrics,
        "steps": outcome.steps,
        "losses": outcome.losses,
        "gradientNorms": outcome.gradient_norms,
        "heldOut": held_out,
        "kl": kl,
        "answers": files,
        "microBatchSize": outcome.micro_batch_size,
        "lossBatch": job.training.batch_size if trained else None,
        "tokensPerSecond": outcome.tokens / outcome.seconds if outcome.seconds else None,
        "peakMemoryBytes": training_peak,
        "seconds": {
            "loading": ready - started,
            "reference": referenced - ready,
            "untrained": measured - referenced,
            "training": done - measured,
            "evaluation": evaluated - done,
            "sampling": ended - evaluated,
            "total": ended - started,
        },
        "weights": None if weights is None else str(weights),
        "weightsHash": saving.trained_hash(loaded.model),
        "sandbox": dict(context.sandbox),
        "data": data.to_json(),
        "way": scorer.way,
        "device": str(loaded.device),
        "dtype": str(loaded.dtype).removeprefix("torch."),
        "referenceComputed": computed,
        "sharedPrompts": data.shared_prompts,
        "notes": notes,
    }


def _visited(data: PreparedData, training: TrainingSettings) -> tuple[int, ...]:
    """The training pairs that any step sees, in rising order."""
    return tuple(sorted({i for batch in loop.batch_order(len(data.train), training) for i in batch}))


def _reference(
    store: ReferenceStore, loaded: LoadedModel, scorer: PairScorer, data: PreparedData, visited: tuple[int, ...]
) -> tuple[ReferenceLogps, ReferenceLogps, int]:
    """Log-probabilities under the model as it is now, which is the reference: an adapter changes nothing at first.

    Of the training pairs, by their places (NaN where no step sees one, so that a mistake shows), and of the held-out
    pairs; and how many had to be computed. Where pairs are drawn, all of the pool's are computed at once: the last
    digits of a value depend on the pairs beside it, and must not depend on which trial came first.
    """
    needed = data.pool if data.pool and visited else tuple(data.train[i] for i in visited)

    def compute(missing: Sequence[TokenisedPair]) -> tuple[torch.Tensor, torch.Tensor]:
        chosen, rejected = score_all(scorer, missing)
        require_finite_pairs(loaded, missing, chosen, rejected)
        return chosen, rejected

    found, computed = store.values([*needed, *data.held_out], compute)
    places = [data.drawn[i] for i in visited] if data.pool else list(range(len(visited)))
    of_train, of_held_out = [], []
    for vector in (found.chosen, found.rejected):
        whole = vector.new_full((len(data.train),), float("nan"))
        whole[list(visited)] = vector[places]
        of_train.append(whole)
        of_held_out.append(vector[len(needed) :])
    return ReferenceLogps(of_train[0], of_train[1]), ReferenceLogps(of_held_out[0], of_held_out[1]), computed


def _train(
    job: Job,
    context: Context,
    loaded: LoadedModel,
    data: PreparedData,
    scorer: PairScorer,
    *,
    reference: ReferenceLogps,
    trackers: list[Tracker],
) -> loop.Outcome:
    def report(step: int, values: Mapping[str, float]) -> None:
        context.emit_metrics(step, values)
        for tracker in trackers:
            tracker.log(step, values)

    with closing(_open(context, job.source or "")) as loss:
        if job.model.gradient_checkpointing:
            checkpoint_gradients(loaded.model)
        loaded.model.train()  # dropout of an adapter is the only thing this switches on
        train = loop.train
        if job.json.get("trainer") == "trl":
            from losslab_trainer.finetune import trl_trainer  # noqa: PLC0415  # seconds

            train = partial(trl_trainer.train, tokenizer=loaded.tokenizer)
        try:
            return train(scorer, data.train, reference, loss, beta=job.beta, settings=job.training, on_metrics=report)
        except LastBatchTooSmall as problem:
            if data.pool:  # a campaign goes on without this loss; its number of pairs serves all the others
                raise LossRejected("nonfinite", str(problem), details={"check": "last-batch"}) from None
            raise
        finally:
            loaded.model.eval()


def _open(context: Context, source: str) -> LossEvaluator:
    if isinstance(context.loss_processes, LossProcesses):
        return WatchedLoss(source, partial(context.loss_processes.open, limits=LIMITS))
    return WatchedLoss(source, context.loss_processes.open)


def _held_out(
    job: Job, data: PreparedData, scorer: PairScorer, reference: ReferenceLogps, *, trained: bool
) -> dict[str, Any] | None:
    if not data.held_out:
        return None
    policy = reference
    if trained:
        chosen, rejected = score_all(scorer, data.held_out)
        policy = ReferenceLogps(chosen.double(), rejected.double())
        if not bool(torch.isfinite(torch.cat([chosen, rejected])).all()):
            raise LossRejected("diverged", "the trained policy's log-probabilities are not finite")
    held_out = HeldOut(data.held_out, policy, reference)
    held_out.write(job.output / PER_PAIR)
    return {**held_out.to_json(job.beta, job.training.logp_scale, trained=trained), "perPair": PER_PAIR}


def _card(job: Job, data: PreparedData, outcome: loop.Outcome, held_out: Mapping[str, Any] | None) -> saving.Card:
    return saving.Card(
        loss=job.loss_name,
        source=job.source or "",
        beta=job.beta,
        base=job.model.path,
        data=data.name,
        training=asdict(job.training) | {"steps": outcome.steps, "pairs": len(data.train)},
        metrics=outcome.metrics,
        held_out=held_out or {},
    )


def _finish(trackers: list[Tracker], *, failed: bool) -> None:
    for tracker in trackers:
        tracker.finish(failed)
