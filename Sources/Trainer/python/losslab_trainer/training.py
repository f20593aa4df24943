"""Trains a policy with one loss: a loop over batches, and nothing else.

The loss itself is evaluated elsewhere (see LossEvaluator): it gets the four vectors of log-probabilities and returns
loss values and partial derivatives, which are backpropagated from here through the policy.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from losslab_trainer.batches import bucketed_order, completion_logps, make_batch
from losslab_trainer.contract import LossEvaluator, LossRejected
from losslab_trainer.forward import Forward
from losslab_trainer.metrics import MetricWindow, step_metrics
from losslab_trainer.pairs import PairSet
from losslab_trainer.reference_cache import PAIRS_AT_ONCE, ReferenceLogps
from losslab_trainer.screening.own_pairs import Ground
from losslab_trainer.watched_loss import probe_first

# A policy that gives completions e^30 times less (or more) weight per token than the reference is beyond repair.
DIVERGED_NATS_PER_TOKEN = 30.0


@dataclass(frozen=True)
class TrainingOptions:
    """One training's hyper-parameters. ``logp_scale`` multiplies the log-probabilities before the loss sees them."""

    learning_rate: float
    batch_size: int = 16
    epochs: int = 1
    warmup_steps: int = 10
    max_gradient_norm: float = 1.0
    seed: int = 1
    logp_scale: float = 1.0
    order: Literal["buckets", "as-given"] = "buckets"
    metrics_every: int = 10  # steps


@dataclass(frozen=True)
class TrainingData:
    """Pairs, the reference policy's log-probabilities of them all, and which of them to train on."""

    pairs: PairSet
    reference: ReferenceLogps
    indices: Tensor  # (n,)


@dataclass(frozen=True)
class TrainingOutcome:
    steps: int
    metrics: dict[str, float]  # what was reported last: means over the steps since the report before


def train(
    forward: Forward,
    data: TrainingData,
    loss: LossEvaluator,
    *,
    beta: float,
    options: TrainingOptions,
    on_metrics: Callable[[int, Mapping[str, float]], None] = lambda step, values: None,
) -> TrainingOutcome:
    """Trains the forward's parameters in place. Raises LossRejected when the loss breaks or training diverges."""
    batches = _batches(data.pairs, data.indices, options)
    parameters = forward.parameters
    optimizer = torch.optim.AdamW(parameters, lr=options.learning_rate, weight_decay=0.0, fused=True)
    window, last = MetricWindow(), {}
    scale = options.logp_scale
    probe_first(loss, Ground(batches, data.reference, beta, scale))

    for step, batch_indices in enumerate(batches, start=1):
        batch = make_batch(data.pairs, batch_indices, packed=forward.packs)
        policy_chosen, policy_rejected = completion_logps(forward, batch)  # (B,) each
        reference_chosen, reference_rejected = (
            data.reference.chosen[batch_indices],
            data.reference.rejected[batch_indices],
        )
        chosen, rejected = policy_chosen.detach(), policy_rejected.detach()
        lengths = data.pairs.lengths[batch_indices]
        _check_divergence(step, chosen - reference_chosen, rejected - reference_rejected, lengths)

        values = loss.evaluate(
            chosen * scale, rejected * scale, reference_chosen * scale, reference_rejected * scale, beta
        )

        optimizer.zero_grad(set_to_none=True)
        torch.autograd.backward(
            (policy_chosen, policy_rejected), (values.policy_chosen_grad * scale, values.policy_rejected_grad * scale)
        )
        gradient_norm = _clip(parameters, options.max_gradient_norm)
        if not math.isfinite(gradient_norm):
            raise LossRejected("diverged", "the gradient is not finite", details={"step": step})
        optimizer.param_groups[0]["lr"] = learning_rate(step, len(batches), options)
        optimizer.step()

        window.add(
            step_metrics(
                values.losses,
                chosen,
                rejected,
                reference_chosen,
                reference_rejected,
                beta=beta,
                logp_scale=scale,
                gradient_norm=gradient_norm,
            )
        )
        if step % options.metrics_every == 0 or step == len(batches):
            last = window.take()
            on_metrics(step, last)

    return TrainingOutcome(len(batches), last)


def margins(forward: Forward, data: TrainingData, logp_scale: float) -> Tensor:
    """Rho of the pairs trained on, under the forward's parameters as they are now: (n,) nats times ``logp_scale``."""
    found = []
    with torch.inference_mode():
        for indices in torch.split(data.indices, PAIRS_AT_ONCE):
            batch = make_batch(data.pairs, indices, packed=forward.packs)
            policy_chosen, policy_rejected = completion_logps(forward, batch)
            reference = data.reference.chosen[indices] - data.reference.rejected[indices]
            found.append(logp_scale * (policy_chosen - policy_rejected - reference))
    return torch.cat(found)


def learning_rate(step: int, steps: int, options: TrainingOptions) -> float:
    """Linear warm-up and linear decay, as transformers' schedule: the first of ``steps`` (from 1) has rate 0 then."""
    done = step - 1
    if done < options.warmup_steps:
        return options.learning_rate * done / options.warmup_steps
    return options.learning_rate * (steps - done) / max(1, steps - options.warmup_steps)


def draw_pairs(count: int, wanted: int, seed: int) -> Tensor:
    """Which of ``count`` pairs a seed trains on: ``wanted`` of them, without repetition."""
    if wanted > count:
        raise ValueError(f"{wanted} pairs are wanted and there are {count}")
    return torch.randperm(count, generator=torch.Generator().manual_seed(seed))[:wanted]


def _batches(pairs: PairSet, indices: Tensor, options: TrainingOptions) -> list[Tensor]:
    if options.order == "as-given":
        return list(torch.split(indices, options.batch_size)) * options.epochs
    generator = torch.Generator().manual_seed(options.seed)
    return [
        batch for _ in range(options.epochs) for batch in bucketed_order(pairs, indices, options.batch_size, generator)
    ]


def _clip(parameters: list[Tensor], most: float) -> Tensor:
    """Scales all gradients so that their joint norm is at most ``most``; returns the norm before."""
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    norms = [torch.linalg.vector_norm(gradient) for gradient in gradients]
    norm: Tensor = torch.linalg.vector_norm(torch.stack(norms))
    if norm > most:
        torch._foreach_mul_(gradients, most / (norm + 1e-6))  # the small number as torch's own clipping has it
    return norm


def _check_divergence(step: int, chosen_ratio: Tensor, rejected_ratio: Tensor, lengths: Tensor) -> None:
    """Raises when log-probabilities are not finite, or further from the reference than any use could want."""
    per_token = torch.stack([chosen_ratio / lengths[:, 1], rejected_ratio / lengths[:, 2]]).abs().mean(1)
    furthest = float(per_token.max())
    if not furthest < DIVERGED_NATS_PER_TOKEN:
        raise LossRejected(
            "diverged",
            f"the policy left the reference by {furthest:.3g} nats per token",
            details={"step": step, "natsPerToken": furthest if math.isfinite(furthest) else None},
        )
