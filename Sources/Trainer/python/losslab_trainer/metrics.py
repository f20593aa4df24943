"""What a training says about itself, named as TRL names it, and the divergence from the reference policy."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor


def step_metrics(
    losses: Tensor,  # (B,)
    policy_chosen_logps: Tensor,  # (B,) nats, before scaling
    policy_rejected_logps: Tensor,
    reference_chosen_logps: Tensor,
    reference_rejected_logps: Tensor,
    *,
    beta: float,
    logp_scale: float,
    gradient_norm: Tensor,
) -> dict[str, Tensor]:
    """One step's metrics as 0-dimensional tensors. Rewards are beta times the log-ratio that the loss saw (scaled)."""
    chosen_rewards = beta * logp_scale * (policy_chosen_logps - reference_chosen_logps)
    rejected_rewards = beta * logp_scale * (policy_rejected_logps - reference_rejected_logps)
    return {
        "loss": losses.mean(),
        "rewards/chosen": chosen_rewards.mean(),
        "rewards/rejected": rejected_rewards.mean(),
        "rewards/margins": (chosen_rewards - rejected_rewards).mean(),
        "rewards/accuracies": (chosen_rewards > rejected_rewards).float().mean(),
        "logps/chosen": policy_chosen_logps.mean(),
        "logps/rejected": policy_rejected_logps.mean(),
        "grad_norm": gradient_norm,
    }


class MetricWindow:
    """Collects steps' metrics and gives their means, as TRL logs them every so many steps."""

    def __init__(self) -> None:
        self._values: dict[str, list[Tensor]] = defaultdict(list)

    def add(self, metrics: Mapping[str, Tensor]) -> None:
        for name, value in metrics.items():
            self._values[name].append(value)

    def take(self) -> dict[str, float]:
        """The means of what was added since the last call."""
        means = {name: float(torch.stack(values).double().mean()) for name, values in self._values.items()}
        self._values.clear()
        return means


@dataclass(frozen=True)
class MeanWithError:
    """A mean, the standard error of it, and over how many values it was taken."""

    value: float
    standard_error: float | None  # None for a single value
    count: int

    @classmethod
    def of(cls, values: list[float]) -> MeanWithError:
        error = statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else None
        return cls(statistics.fmean(values), error, len(values))
