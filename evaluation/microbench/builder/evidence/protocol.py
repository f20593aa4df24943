"""The tuned protocol: every loss at its own best learning rate and beta, from one grid at one budget.

Every setting of the grid is tried with the first seed; the best two get the other seeds; the best mean wins. The
winner is then trained again with fresh seeds on the other pool of pairs, and answers the held-out questions too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from builder.evidence.losses import Loss
from builder.evidence.trials import Setting, Trial, TrialResult
from builder.world_files import MICROBENCH, read_world

SEARCH_SEEDS = (1, 2, 3)
CONFIRMATION_SEEDS = (101, 102, 103)
FINAL_SEEDS = tuple(range(201, 215))  # the headroom's paired comparison
FINALISTS = 2  # settings that get all search seeds

RunAll = Callable[[Iterable[Trial]], Iterator[TrialResult]]  # results in the order of the trials


@dataclass(frozen=True)
class TunedLoss:
    """A loss at its best setting, with its trials there."""

    loss: Loss
    setting: Setting
    grid: dict[Setting, float | None]  # score with the first seed; None: rejected
    search: list[TrialResult]
    confirmation: list[TrialResult]


def tune(world: str, losses: Sequence[Loss], run_all: RunAll) -> list[TunedLoss]:
    """Every loss by the tuned protocol. A loss that is rejected at every setting is left out."""
    grid = {loss: _settings(world, loss) for loss in losses}
    everything = [(loss, setting) for loss in losses for setting in grid[loss]]
    scored = _scores(world, dict.fromkeys(everything, SEARCH_SEEDS[:1]), run_all)
    finalists = {}
    for loss in losses:
        ranked = sorted(grid[loss], key=lambda setting: -_mean(scored[loss, setting]))
        for setting in ranked[:FINALISTS]:
            if _mean(scored[loss, setting]) > 0:
                finalists[loss, setting] = SEARCH_SEEDS
    searched = _scores(world, finalists, run_all)
    best: dict[Loss, Setting] = {}
    for loss, setting in finalists:
        if loss not in best or _mean(searched[loss, setting]) > _mean(searched[loss, best[loss]]):
            best[loss] = setting
    confirmed = _scores(world, dict.fromkeys(best.items(), CONFIRMATION_SEEDS), run_all, fresh=True)
    return [
        TunedLoss(
            loss,
            setting,
            {each: _mean(scored[loss, each]) or None for each in grid[loss]},
            searched[loss, setting],
            confirmed[loss, setting],
        )
        for loss, setting in best.items()
    ]


def repeat(world: str, tuned: Sequence[TunedLoss], run_all: RunAll) -> dict[str, list[TrialResult]]:
    """Fresh seeds on the other pool, the same for every loss, for paired differences."""
    plan = {(one.loss, one.setting): FINAL_SEEDS for one in tuned}
    results = _scores(world, plan, run_all, fresh=True)
    return {loss.name: results[loss, setting] for loss, setting in plan}


def _settings(world: str, loss: Loss) -> list[Setting]:
    grid: dict[str, Any] = read_world(MICROBENCH / world)["grid"]
    betas = grid["betas"] if loss.uses_beta() else grid["betas"][:1]
    return [Setting(rate, beta) for rate in grid["learningRates"] for beta in betas]


def _scores(
    world: str, plan: Mapping[tuple[Loss, Setting], tuple[int, ...]], run_all: RunAll, fresh: bool = False
) -> dict[tuple[Loss, Setting], list[TrialResult]]:
    trials = [
        Trial(world, loss, setting, seed, "confirmation" if fresh else "search", held_out=fresh)
        for (loss, setting), seeds in plan.items()
        for seed in seeds
    ]
    results = run_all(trials)
    return {key: [next(results) for _ in seeds] for key, seeds in plan.items()}


def _mean(results: Sequence[TrialResult]) -> float:
    """Mean score at T = 0.7; 0, below every score, when a trial was rejected."""
    return fmean(result.scores.get("t07", 0.0) for result in results) if results else 0.0
