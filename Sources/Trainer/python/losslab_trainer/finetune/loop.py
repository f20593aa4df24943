"""Trains a model with one loss: batches in, steps out."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from transformers import get_scheduler

from losslab_trainer.contract import LossEvaluator, LossRejected
from losslab_trainer.finetune.gradient_cache import GradientCache
from losslab_trainer.finetune.last_batch import require_last_batch
from losslab_trainer.finetune.layout import Pair, token_count
from losslab_trainer.finetune.memory import fitting_micro_batch
from losslab_trainer.finetune.scoring import PairScorer
from losslab_trainer.finetune.settings import TrainingSettings
from losslab_trainer.metrics import MetricWindow, step_metrics
from losslab_trainer.reference_cache import ReferenceLogps
from losslab_trainer.screening.own_pairs import Ground
from losslab_trainer.training import DIVERGED_NATS_PER_TOKEN
from losslab_trainer.watched_loss import probe_first

OnMetrics = Callable[[int, Mapping[str, float]], None]


@dataclass(frozen=True)
class Outcome:
    """What a training was like. Lists have one entry a step."""

    steps: int
    metrics: dict[str, float]  # what was reported last
    losses: list[float] = field(default_factory=list)
    gradient_norms: list[float] = field(default_factory=list)
    micro_batch_size: int | None = None
    tokens: int = 0  # of both sequences of every pair seen, as a plain trainer encodes them
    seconds: float = 0.0  # of the steps alone
    notes: tuple[str, ...] = ()


def train(
    scorer: PairScorer,
    pairs: Sequence[Pair],
    reference: ReferenceLogps,
    loss: LossEvaluator,
    *,
    beta: float,
    settings: TrainingSettings,
    on_metrics: OnMetrics = lambda step, values: None,
) -> Outcome:
    """Trains what requires gradients, in place. Raises LossRejected when the loss breaks or training diverges."""
    batches = batch_order(len(pairs), settings)
    require_last_batch(loss, batches, settings.batch_size, beta, settings.logp_scale)
    probe_first(loss, Ground(batches, reference, beta, settings.logp_scale))
    parameters = [p for p in scorer.model.parameters() if p.requires_grad]
    optimizer = _optimizer(scorer.model, settings)
    schedule = _schedule(optimizer, len(batches), settings)
    scaler = _scaler(scorer)
    size = settings.micro_batch_size or fitting_micro_batch(scorer.causal, pairs, settings.batch_size, scorer.device)
    cache = GradientCache(scorer, loss, beta, settings.logp_scale, size, scaler)
    window, last = MetricWindow(), {}
    losses: list[float] = []
    norms: list[float] = []
    tokens = 0
    started = time.perf_counter()

    for step, indices in enumerate(batches, start=1):
        batch = [pairs[i] for i in indices]
        reference_chosen, reference_rejected = reference.chosen[indices], reference.rejected[indices]
        while True:
            evaluated = cache.step(
                batch,
                reference_chosen,
                reference_rejected,
                clear=lambda: optimizer.zero_grad(set_to_none=True),
                check=_divergence_check(step, batch, reference_chosen, reference_rejected),
            )
            if scaler is not None:
                scaler.unscale_(optimizer)
            norm = torch.nn.utils.clip_grad_norm_(parameters, settings.max_gradient_norm)
            if math.isfinite(float(norm)):
                break
            if scaler is None or scaler.get_scale() <= 1:
                raise LossRejected("diverged", "the gradient is not finite", details={"step": step})
            # What is too large for 16 bits at this scale is computed again at half of it: no pair is left out.
            scaler.update(scaler.get_scale() / 2)
        norms.append(float(norm))
        rate = schedule.get_last_lr()[0]
        if scaler is None:
            optimizer.step()
        else:
            scaler.step(optimizer)
            scaler.update()
        schedule.step()

        tokens += sum(map(token_count, batch))
        losses.append(float(evaluated.values.losses.mean()))
        metrics = step_metrics(
            evaluated.values.losses.cpu(),
            evaluated.chosen,
            evaluated.rejected,
            reference_chosen.to(evaluated.chosen.dtype),
            reference_rejected.to(evaluated.chosen.dtype),
            beta=beta,
            logp_scale=settings.logp_scale,
            gradient_norm=norm.detach().cpu(),
        )
        extra = evaluated.statistics | {"learning_rate": rate}
        window.add(metrics | {name: torch.tensor(value) for name, value in extra.items()})
        if step % settings.metrics_every == 0 or step == len(batches):
            last = window.take() | {"num_tokens": float(tokens)}
            on_metrics(step, last)

    seconds = time.perf_counter() - started
    return Outcome(len(batches), last, losses, norms, cache.micro_batch_size, tokens, seconds, tuple(cache.notes))


def batch_order(count: int, settings: TrainingSettings) -> list[list[int]]:
    """Which pairs each step sees: every epoch in another order, drawn by the seed alone."""
    generator = torch.Generator().manual_seed(settings.seed)
    batches: list[list[int]] = []
    for _ in range(settings.epochs):
        order = torch.randperm(count, generator=generator).tolist() if settings.shuffle else list(range(count))
        batches += [order[start : start + settings.batch_size] for start in range(0, count, settings.batch_size)]
        if settings.max_steps is not None and len(batches) >= settings.max_steps:
            return batches[: settings.max_steps]
    return batches


def _optimizer(model: Any, settings: TrainingSettings) -> torch.optim.AdamW:
    """AdamW, with weight decay for matrices only, as transformers' trainer has it."""
    named = [(name, p) for name, p in model.named_parameters() if p.requires_grad]
    groups = [
        {"params": [p for _, p in named if p.ndim >= 2], "weight_decay": settings.weight_decay},
        {"params": [p for _, p in named if p.ndim < 2], "weight_decay": 0.0},
    ]
    return torch.optim.AdamW([group for group in groups if group["params"]], lr=settings.learning_rate, fused=True)


def _schedule(optimizer: torch.optim.Optimizer, steps: int, settings: TrainingSettings) -> Any:
    name = "constant_with_warmup" if settings.schedule == "constant" else settings.schedule
    warmup = math.ceil(settings.warmup_ratio * steps)
    return get_scheduler(name, optimizer, num_warmup_steps=warmup, num_training_steps=steps)


def _scaler(scorer: PairScorer) -> torch.amp.GradScaler | None:
    half = scorer.autocast == torch.float16 or next(scorer.model.parameters()).dtype == torch.float16
    return torch.amp.GradScaler(scorer.device.type) if half else None


def check_divergence(step: int, chosen_ratio: Tensor, rejected_ratio: Tensor, lengths: Tensor) -> None:
    """Raises when log-probabilities are not finite, or further from the reference than any use could want.

    Ratios are (B,) nats, ``lengths`` (B, 2) tokens of the chosen and the rejected completions.
    """
    ratios = torch.stack([chosen_ratio, rejected_ratio], 1)
    furthest = float((ratios / lengths).abs().mean(0).max())
    if not furthest < DIVERGED_NATS_PER_TOKEN:
        raise LossRejected(
            "diverged",
            f"the policy left the reference by {furthest:.3g} nats per token",
            details={"step": step, "natsPerToken": furthest if math.isfinite(furthest) else None},
        )


def _divergence_check(
    step: int, batch: Sequence[Pair], reference_chosen: Tensor, reference_rejected: Tensor
) -> Callable[[Tensor, Tensor], None]:
    lengths = torch.tensor([[len(pair.chosen_ids), len(pair.rejected_ids)] for pair in batch])
    return lambda chosen, rejected: check_divergence(
        step, chosen - reference_chosen, rejected - reference_rejected, lengths
    )
