"""``python -m builder build|verify WORLD``: makes a world's files again, or checks those there are.

Run in ``evaluation/microbench`` with ``PYTHONPATH=../../Sources/Trainer/python``.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

from losslab_trainer.failures import run_program

from builder.settings import WORLDS, World
from builder.verify import verify_world
from builder.world_files import MICROBENCH


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m builder", description="Builds and checks the benchmark's worlds.")
    commands = parser.add_subparsers(dest="command", required=True)
    build = commands.add_parser("build", help="make a world's files from nothing (some minutes for one with a policy)")
    build.add_argument("world", choices=WORLDS)
    build.add_argument("--into", type=Path, default=MICROBENCH, help="folder for the world's folder")
    build.add_argument("--keep-policy", action="store_true", help="keep the SFT policy that is there")
    verify = commands.add_parser("verify", help="check a world's files against world.json, and by building it again")
    verify.add_argument("world", choices=WORLDS)
    verify.add_argument("--quick", action="store_true", help="hashes only")
    arguments = parser.parse_args()
    world = WORLDS[arguments.world]
    if arguments.command == "build":
        return _build(world, arguments.into, arguments.keep_policy)
    return _verify(world, arguments.quick)


def _build(world: World, into: Path, keep_policy: bool) -> int:
    from builder.build import build_world  # noqa: PLC0415  # verify --quick needs no torch

    base = into / world.design.name
    build_world(world, into / world.name, base if base.exists() else MICROBENCH / world.design.name, keep_policy)
    print(f"built {into / world.name}")
    return 0


def _verify(world: World, quick: bool) -> int:
    with tempfile.TemporaryDirectory() as scratch:
        problems = verify_world(world, None if quick else Path(scratch))
    for problem in problems:
        print(f"{world.name}: {problem}")
    print(f"{world.name}: {'as recorded' if not problems else f'{len(problems)} differences'}")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(run_program(main, "builder"))
