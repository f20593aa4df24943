"""What a step costs through the loss process, beside the same step in this process.

    python -m losslab_trainer.bench.step_cost --worker .build/release/losslab-worker [--format json]

A step is the loss and its derivatives, on log-probabilities that are already there: what the loss process adds to a
training step. Rounds of both take turns, so that both see the same machine; a round's figure is its mean.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
import torch.nn.functional as F

from losslab_trainer.bench.turns import in_turns
from losslab_trainer.loss_process import LossProcesses

SOURCE = """
import torch.nn.functional as F
def loss(policy_chosen_logps, policy_rejected_logps, reference_chosen_logps, reference_rejected_logps, beta):
    rho = (policy_chosen_logps - policy_rejected_logps) - (reference_chosen_logps - reference_rejected_logps)
    return -F.logsigmoid(beta * rho)
"""
BETA = 0.1
BATCH_SIZES = (16, 4096)
ROUNDS = 15
STEPS = 100  # a round


@dataclass(frozen=True)
class Cost:
    """Microseconds a step over the rounds."""

    batch: int
    where: str
    minimum: float
    median: float
    maximum: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--worker", type=Path, required=True)
    parser.add_argument("--format", choices=("table", "json"), default="table")
    options = parser.parse_args()
    torch.set_num_threads(1)
    processes = LossProcesses.start(options.worker)
    costs = [cost for size in BATCH_SIZES for cost in measure(processes, size)]
    processes.close()
    if options.format == "json":
        print(json.dumps([asdict(cost) for cost in costs]))
        return
    print(f"microseconds a step ({ROUNDS} rounds of {STEPS} steps, taking turns)")
    print(f"{'B':>5}  {'where':<24}{'min':>8}{'median':>8}{'max':>8}")
    for cost in costs:
        figures = f"{cost.minimum:>8.0f}{cost.median:>8.0f}{cost.maximum:>8.0f}"
        print(f"{cost.batch:>5}  {cost.where:<24}{figures}")


def measure(processes: LossProcesses, size: int) -> list[Cost]:
    """Both kinds of step at one batch size."""
    logps = torch.randn(4, size, generator=torch.Generator().manual_seed(1)) * 20 - 150
    chosen, rejected = logps[0].clone().requires_grad_(), logps[1].clone().requires_grad_()
    loss = processes.open(SOURCE)

    def in_process() -> None:
        rho = (chosen - rejected) - (logps[2] - logps[3])
        torch.autograd.backward([(-F.logsigmoid(BETA * rho)).mean()])

    def through_the_loss_process() -> None:
        values = loss.evaluate(chosen, rejected, logps[2], logps[3], BETA)
        torch.autograd.backward([chosen, rejected], [values.policy_chosen_grad, values.policy_rejected_grad])

    kinds: dict[str, Callable[[], float]] = {
        "in process": lambda: _mean_microseconds(in_process),
        "through the loss process": lambda: _mean_microseconds(through_the_loss_process),
    }
    figures = in_turns(kinds, ROUNDS)
    loss.close()
    return [Cost(size, name, *found) for name, found in figures.items()]


def _mean_microseconds(step: Callable[[], None]) -> float:
    started = time.perf_counter()
    for _ in range(STEPS):
        step()
    return (time.perf_counter() - started) / STEPS * 1e6


if __name__ == "__main__":
    main()
