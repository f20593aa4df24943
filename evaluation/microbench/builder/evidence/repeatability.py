"""How far the agreement of two rankings depends on which seeds were drawn; run as a module.

``python -m builder.evidence.repeatability [WORLD ...]`` trains every loss at the setting that ``evidence/WORLD.json``
gives it with six seeds on the search pairs and six others on the confirmation pairs. Every choice of three seeds on one
side and three on the other is a ranking against a ranking: the table has the mean of their Spearman coefficients and
the range of nine tenths of them. ``--samples 16`` answers each question so often: what it changes is the part of the
answers' sampling, the rest is the training's.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from itertools import combinations, product
from math import isnan
from statistics import fmean

from builder.evidence.losses import Loss, catalogue, probes
from builder.evidence.measures import spearman
from builder.evidence.protocol import RunAll
from builder.evidence.records import Record, read_records
from builder.evidence.running import running
from builder.evidence.trials import SAMPLES, Setting, Trial

SEEDS = {"search": range(1, 7), "confirmation": range(101, 107)}

Scores = Mapping[str, Sequence[float]]  # of each loss, one value a seed


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m builder.evidence.repeatability")
    parser.add_argument("worlds", nargs="*", help="default: every world of evidence/")
    parser.add_argument("--samples", type=int, default=SAMPLES, help="answers a question at T = 0.7")
    parser.add_argument("--workers", type=int, default=2, help="processes of one thread each")
    arguments = parser.parse_args()
    records = read_records()
    with running(arguments.workers) as run_all:
        rows = [row(records[world], arguments.samples, run_all) for world in arguments.worlds or records]
    print(
        "| world | samples | n | 1 against 1 | 2 against 2 | 3 against 3 | 6 against 6 |\n|---|---|---|---|---|---|---|"
    )
    for cells in rows:
        print(f"| {' | '.join(cells)} |")


def row(record: Record, samples: int, run_all: RunAll) -> list[str]:
    """The cells of one world."""
    one, other = (scores(record, pool, samples, run_all) for pool in SEEDS)
    names = sorted(one.keys() & other.keys())
    cells = [_cell(agreements(one, other, names, seeds)) for seeds in (1, 2, 3, 6)]
    return [f"`{record['world']}`", str(samples), str(len(names)), *cells]


def scores(record: Record, pool: str, samples: int, run_all: RunAll) -> Scores:
    """Every loss at its chosen setting, with each seed of the pool; a loss with a rejected trial is left out."""
    losses: dict[str, Loss] = {loss.name: loss for loss in [*catalogue(), *probes()]}
    plan = [
        Trial(
            record["world"],
            losses[loss["name"]],
            Setting(loss["learningRate"], loss["beta"]),
            seed,
            pool,
            held_out=pool == "confirmation" and samples == SAMPLES,  # as `run` did, whose trials need not be repeated
            samples=samples,
        )
        for loss in record["losses"]
        for seed in SEEDS[pool]
    ]
    values: dict[str, list[float]] = {}
    for trial, result in zip(plan, run_all(plan), strict=True):
        values.setdefault(trial.loss.name, []).append(result.scores.get("t07", float("nan")))
    return {name: of_loss for name, of_loss in values.items() if not any(map(isnan, of_loss))}


def agreements(one: Scores, other: Scores, names: Sequence[str], seeds: int) -> list[float]:
    """Spearman of the losses' means for every choice of so many seeds on either side."""
    sides = [
        [
            [fmean(of[name][index] for index in chosen) for name in names]
            for chosen in combinations(range(len(of[names[0]])), seeds)
        ]
        for of in (one, other)
    ]
    return [spearman(left, right) for left, right in product(*sides)]


def _cell(values: Sequence[float]) -> str:
    """Mean, and the range of nine tenths where there are enough."""
    if len(values) < 20:
        return f"{fmean(values):.3f}"
    ordered = sorted(values)
    cut = len(ordered) // 20
    return f"{fmean(values):.3f} ({ordered[cut]:.2f} to {ordered[-1 - cut]:.2f})"


if __name__ == "__main__":
    main()
