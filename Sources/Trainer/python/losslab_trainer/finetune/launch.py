"""Runs one finetune job from a file, for launchers that start several processes:

    accelerate launch --num_processes 4 -m losslab_trainer.finetune.launch JOB.json --worker PATH/losslab-worker

The job must say ``"trainer": "trl"``. Every process has a loss process of its own and asks it the same, so that all
agree. The first process writes to the job's output and prints the result as the last line of standard output; the
others write to ``output/rank-N``.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

import torch

from losslab_trainer.finetune_job import finetune
from losslab_trainer.loss_process import LossProcesses
from losslab_trainer.serve import Context


def main(arguments: list[str]) -> int:
    """Exit code 0, or 1 where the job has a problem."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("job", type=Path)
    parser.add_argument("--worker", type=Path, required=True, help="losslab-worker")
    parser.add_argument("--cache", type=Path, default=Path("~/.cache/losslab").expanduser())
    options = parser.parse_args(arguments)
    rank = int(os.environ.get("RANK", "0"))
    if torch.cuda.is_available():
        torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
    job = json.loads(options.job.read_text("utf-8"))
    if int(os.environ.get("WORLD_SIZE", "1")) > 1 and job.get("trainer") != "trl":
        print('several processes need the job to say "trainer": "trl"', file=sys.stderr)
        return 1
    if rank:
        job |= {"output": str(Path(job["output"]) / f"rank-{rank}"), "save": False, "trackers": []}

    def show(step: int, values: Mapping[str, float]) -> None:
        if rank == 0:
            print(json.dumps({"step": step, **values}), file=sys.stderr)

    with closing(LossProcesses.start(options.worker)) as processes:
        result = finetune(job, Context(processes, options.cache, show, processes.sandbox()))
    if rank == 0:
        print(json.dumps(result))
    return 1 if "problem" in result else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
