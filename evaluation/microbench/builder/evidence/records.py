"""One world's evidence as a small JSON file: what was measured, unrounded enough to make every table from it."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from builder.evidence.protocol import (
    CONFIRMATION_SEEDS,
    FINAL_SEEDS,
    FINALISTS,
    SEARCH_SEEDS,
    TunedLoss,
)
from builder.evidence.trials import TrialResult, engine
from builder.world_files import MICROBENCH, read_world

EVIDENCE = MICROBENCH / "evidence"

Record = dict[str, Any]


def world_record(world: str, tuned: list[TunedLoss], repeated: dict[str, list[TrialResult]], trials: int) -> Record:
    """Everything that the tables need of one world."""
    facts = read_world(MICROBENCH / world)
    return {
        "world": world,
        "files": facts["files"],
        "grid": facts["grid"],
        "untrained": read_world(MICROBENCH / facts["base"])["untrained"],
        "protocol": {
            "engine": engine(),
            "searchSeeds": list(SEARCH_SEEDS),
            "confirmationSeeds": list(CONFIRMATION_SEEDS),
            "finalSeeds": list(FINAL_SEEDS),
            "finalists": FINALISTS,
        },
        "trials": trials,
        "secondsPerTrial": _mean_seconds(tuned),
        "losses": [_loss_record(each) for each in tuned],
        "repeated": {
            name: {"heldOut": _values(results, "heldOut"), "heldOutGreedy": _values(results, "heldOutGreedy")}
            for name, results in repeated.items()
        },
    }


def write_record(record: Record) -> Path:
    EVIDENCE.mkdir(exist_ok=True)
    path = EVIDENCE / f"{record['world']}.json"
    path.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")
    return path


def read_records() -> dict[str, Record]:
    """All worlds' evidence there is, by name."""
    records = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(EVIDENCE.glob("*.json"))]
    return {record["world"]: record for record in records}


def _loss_record(tuned: TunedLoss) -> Record:
    return {
        "name": tuned.loss.name,
        "kind": tuned.loss.kind,
        "learningRate": tuned.setting.learning_rate,
        "beta": tuned.setting.beta,
        "grid": [{**asdict(setting), "score": score and round(score, 4)} for setting, score in tuned.grid.items()],
        "search": _trials(tuned.search, ("t07", "greedy")),
        "confirmation": _trials(tuned.confirmation, ("t07", "greedy", "heldOut", "heldOutGreedy")),
    }


def _trials(results: list[TrialResult], names: tuple[str, ...]) -> Record:
    kl = [None if result.kl is None else round(result.kl, 4) for result in results]
    return {**{name: _values(results, name) for name in names}, "kl": kl}


def _values(results: list[TrialResult], name: str) -> list[float | None]:
    """One value a seed; None where the trial was rejected."""
    return [round(result.scores[name], 4) if name in result.scores else None for result in results]


def _mean_seconds(tuned: list[TunedLoss]) -> float:
    seconds = [result.seconds for each in tuned for result in each.search if result.rejection is None]
    return round(sum(seconds) / len(seconds), 3) if seconds else 0.0
