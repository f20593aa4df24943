"""Checks a world's files: against the hashes in world.json, and against the same world built again.

On the machine that built it, a world built again has the same bytes. Elsewhere float rounding may differ, and with it
the policy's weights and what it sampled; then the scores of the untrained policy must agree to SCORE_TOLERANCE.
"""

from __future__ import annotations

from pathlib import Path

from builder.settings import World
from builder.world_files import MICROBENCH, changed_files, read_world

SCORE_TOLERANCE = 0.3


def verify_world(world: World, scratch: Path | None) -> list[str]:
    """What is wrong, one line each. Without ``scratch`` only the hashes are checked."""
    folder = MICROBENCH / world.name
    problems = changed_files(folder)
    if scratch is not None:
        from builder.build import build_world  # noqa: PLC0415  # the hashes alone need no torch

        build_world(world, scratch / world.name, MICROBENCH / world.design.name)
        problems += differences(read_world(folder), read_world(scratch / world.name))
    return problems


def differences(recorded: dict[str, object], rebuilt: dict[str, object]) -> list[str]:
    """Where a rebuilt world.json differs beyond rounding; other bytes are told but are no problem by themselves."""
    problems: list[str] = []
    if recorded["files"] == rebuilt["files"]:
        return problems
    print("the rebuilt files are not byte for byte the same; comparing scores")
    for key in recorded.keys() | rebuilt.keys():
        if key in ("files", "pairs", "untrained"):
            continue
        if recorded.get(key) != rebuilt.get(key):
            problems.append(f"{key}: recorded {recorded.get(key)}, rebuilt {rebuilt.get(key)}")
    one, other = recorded.get("untrained"), rebuilt.get("untrained")
    if isinstance(one, dict) and isinstance(other, dict):
        problems += [
            f"untrained {name}: recorded {one[name]}, rebuilt {other[name]}"
            for name in one
            if abs(one[name] - other[name]) > SCORE_TOLERANCE
        ]
    return problems
