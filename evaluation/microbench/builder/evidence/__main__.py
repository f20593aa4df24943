"""``python -m builder.evidence run WORLD`` measures one world; ``... render`` writes the README's tables.

Run in ``evaluation/microbench`` with ``PYTHONPATH=../../Sources/Trainer/python``. Every trial is kept in
``.cache/evidence`` by content hash, so a run that was interrupted goes on where it was.
"""

from __future__ import annotations

import argparse
import sys

from builder.evidence.losses import Loss, catalogue, probes
from builder.evidence.protocol import RunAll, TunedLoss, repeat, tune
from builder.evidence.records import read_records, world_record, write_record
from builder.evidence.running import Runner, running
from builder.evidence.tables import write_tables
from builder.settings import WORLDS

FINAL_CATALOGUE, FINAL_PROBES = 3, 2  # how many of each get the fresh seeds of the headroom comparison


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m builder.evidence")
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="measure one world (catalogue x grid: minutes)")
    run.add_argument("world", choices=WORLDS)
    run.add_argument("--workers", type=int, default=2, help="processes of one thread each")
    run.add_argument("--losses", help="only these, by name, comma separated; nothing is written")
    commands.add_parser("render", help="write the tables of README.md from evidence/*.json")
    arguments = parser.parse_args()
    if arguments.command == "render":
        write_tables(read_records())
        return 0
    only = set(arguments.losses.split(",")) if arguments.losses else None
    losses = [loss for loss in [*catalogue(), *probes()] if only is None or loss.name in only]
    with running(arguments.workers) as runner:
        _measure(arguments.world, losses, runner, write=only is None)
    return 0


def _measure(world: str, losses: list[Loss], runner: Runner, write: bool) -> None:
    run_all: RunAll = runner
    tuned = tune(world, losses, run_all)
    repeated = repeat(world, _finalists(tuned), run_all)
    record = world_record(world, tuned, repeated, runner.trials)
    for loss in sorted(record["losses"], key=lambda loss: -sum(loss["search"]["t07"])):
        print(loss["name"], loss["learningRate"], loss["beta"], loss["search"], loss["confirmation"])
    if write:
        print(f"wrote {write_record(record)}")


def _finalists(tuned: list[TunedLoss]) -> list[TunedLoss]:
    """The best by search score of the catalogue and of the probes, and DPO."""
    ranked = sorted(tuned, key=lambda each: -sum(result.scores.get("t07", 0.0) for result in each.search))
    chosen = [each for each in ranked if each.loss.kind == "catalogue"][:FINAL_CATALOGUE]
    chosen += [each for each in ranked if each.loss.kind == "probe"][:FINAL_PROBES]
    return chosen + [each for each in ranked if each.loss.name == "dpo" and each not in chosen]


if __name__ == "__main__":
    sys.exit(main())
