"""Checks a world's files: against the hashes in world.json, and against the same world built again.

On the machine that built it, with the same torch and trainer, a world built again has the same bytes. Elsewhere
rounding differs in the last place, and now and then another word is sampled: then most pairs and, to a tolerance, the
untrained policy's scores must still agree.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from builder.settings import World
from builder.world_files import MICROBENCH, changed_files, read_json_lines, read_world

SCORE_TOLERANCE = 0.3
PAIRS_IN_COMMON = 0.95  # with the same policy weights; of another SFT run nothing is asked but its scores
WEIGHTS = "policy/model.safetensors"
ROUNDED = ("files", "pairs", "untrained")  # what rounding may change in world.json


def verify_world(world: World, scratch: Path | None) -> list[str]:
    """What is wrong, one line each. Without ``scratch`` only the hashes are checked."""
    folder = MICROBENCH / world.name
    problems = changed_files(folder)
    if scratch is not None:
        from builder.build import build_world  # noqa: PLC0415  # the hashes alone need no torch

        rebuilt = scratch / world.name
        build_world(world, rebuilt, MICROBENCH / world.design.name)
        problems += differences(folder, rebuilt)
    return problems


def differences(folder: Path, rebuilt: Path) -> list[str]:
    """Where a rebuilt world differs beyond rounding. Tells on standard output which files have other bytes."""
    one, other = read_world(folder), read_world(rebuilt)
    changed = [name for name, digest in one["files"].items() if other["files"].get(name) != digest]
    if changed:
        print(f"other bytes in {', '.join(changed)}; comparing what they hold")
    else:
        print("every file has the same bytes")
    facts = [key for key in sorted(one.keys() | other.keys()) if key not in ROUNDED and one.get(key) != other.get(key)]
    problems = [f"{key}: recorded {one.get(key)}, rebuilt {other.get(key)}" for key in facts]
    problems += [f"{name}: changed" for name in changed if not name.startswith(("pairs/", "policy/"))]
    problems += _score_differences(one.get("untrained", {}), other.get("untrained", {}))
    if WEIGHTS not in changed:
        problems += [
            problem for name in changed if name.startswith("pairs/") for problem in _lost(folder, rebuilt, name)
        ]
    return problems


def _score_differences(one: dict[str, float], other: dict[str, float]) -> list[str]:
    return [
        f"untrained {name}: recorded {score}, rebuilt {other.get(name)}"
        for name, score in one.items()
        if abs(score - other.get(name, 0.0)) > SCORE_TOLERANCE
    ]


def _lost(folder: Path, rebuilt: Path, name: str) -> list[str]:
    one, other = (_pairs(read_json_lines(each / name)) for each in (folder, rebuilt))
    share = len(one & other) / len(one)
    print(f"{name}: {share:.2%} of the pairs are the same")
    return [] if share >= PAIRS_IN_COMMON else [f"{name}: only {share:.1%} of the pairs are the same"]


def _pairs(rows: list[dict[str, Any]]) -> set[str]:
    """The pairs' texts without their labels: a pair more or less moves all labels after it."""
    return {repr([row["prompt"], sorted(row[side][0]["content"] for side in ("chosen", "rejected"))]) for row in rows}
