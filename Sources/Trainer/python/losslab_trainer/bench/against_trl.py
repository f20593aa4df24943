"""Measures one candidate's training here against a TRL script a candidate, on one thread.

Both train the same policy on the same pairs, batch size and steps.

Ours: a train job in a warm trainer, with the loss in a locked-down process forked for it. TRL's: trl_candidate.py in a
fresh process. Repeats are interleaved, so a busy machine slows both. Neither samples answers; what sampling adds to
ours is shown beside.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from losslab_trainer.bench.turns import Spread, spread

REPOSITORY = Path(__file__).parents[5]
PAIRS = 1024
WHOLE_TARGET, TRAINING_TARGET = 8.0, 3.5
LEARNING_RATE, BETA, LOGP_SCALE = 1e-3, 0.05, 1.0

Open = Callable[[str], Any]


def main() -> None:
    options = _options()
    os.environ["OMP_NUM_THREADS"] = "1"
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    open_loss, close, isolation = _losses(options.worker)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pairs = folder / "pairs.jsonl"
        lines = (
            gzip.decompress((options.world / "pairs" / "search.jsonl.gz").read_bytes()).decode().splitlines()[:PAIRS]
        )
        pairs.write_text("\n".join(lines) + "\n", "utf-8")
        _ours(options.world, pairs, open_loss, folder, sampling=False)  # warm, as the trainer is for every job but one
        figures: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        for _ in range(options.repeats):
            measured = {
                "ours": _ours(options.world, pairs, open_loss, folder, sampling=False),
                "TRL": _trl(options.world, pairs, precompute=False),
                "ours with sampling": _ours(options.world, pairs, open_loss, folder, sampling=True),
                "TRL, precomputed reference": _trl(options.world, pairs, precompute=True),
            }
            for side, parts in measured.items():
                for part, seconds in parts.items():
                    figures[side][part].append(seconds)
    close()
    if options.format == "json":
        print(json.dumps({"isolation": isolation, "seconds": figures, "ratios": _ratios(figures)}))
    else:
        _print(figures, isolation)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--world", type=Path, default=REPOSITORY / "evaluation" / "microbench" / "base")
    parser.add_argument("--worker", type=Path, default=os.environ.get("LOSSLAB_WORKER"), help="losslab-worker")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--format", choices=["table", "json"], default="table")
    return parser.parse_args()


def _losses(worker: Path | None) -> tuple[Open, Callable[[], None], str]:
    """How losses are opened: in a locked-down process, or in this one where no worker was built."""
    if worker is None:
        from losslab_trainer.in_process_loss import InProcessLoss  # noqa: PLC0415

        return InProcessLoss, lambda: None, "none: the loss runs in the trainer (give --worker to isolate it)"
    from losslab_trainer.loss_process import LossProcesses  # noqa: PLC0415

    processes = LossProcesses.start(worker)
    return processes.open, processes.close, "the loss runs in its own locked-down process"


def _ours(world: Path, pairs: Path, open_loss: Open, folder: Path, *, sampling: bool) -> dict[str, float]:
    from losslab_trainer import train_job  # noqa: PLC0415  # not before OMP_NUM_THREADS is set
    from losslab_trainer.policy import use_one_thread  # noqa: PLC0415

    use_one_thread()
    description = json.loads((world / "world.json").read_text("utf-8"))
    base = world if (world / "policy").is_dir() else world.parent / description["base"]
    training = {"learningRate": LEARNING_RATE, "batchSize": 16, "epochs": 1, "warmupSteps": 10, "maxGradientNorm": 1.0}
    decodings = [
        {"name": "sampled", "temperature": 0.7, "samples": 4},
        {"name": "greedy", "temperature": 0.0, "samples": 1},
    ]
    job = {
        "loss": {"name": "dpo", "source": (REPOSITORY / "losses" / "baselines" / "dpo.py").read_text("utf-8")},
        "beta": BETA,
        "policy": str(base / "policy"),
        "pairs": {"path": str(pairs), "count": PAIRS},
        "training": training | {"seed": 1, "logpScale": LOGP_SCALE},
        "questions": [str(base / "question.jsonl")] if sampling else [],
        "sampling": decodings if sampling else [],
        "klSamples": 1 if sampling else 0,
        "maxNewTokens": description["maxNewTokens"],
        "output": str(folder / "out"),
    }
    context: Any = SimpleNamespace(
        loss_processes=SimpleNamespace(open=open_loss),
        cache_directory=folder / "cache",
        emit_metrics=lambda step, values: None,
        sandbox={},
    )
    started, cpu = time.perf_counter(), time.process_time()
    seconds: Any = train_job.train(job, context)["seconds"]
    return {
        "whole": time.perf_counter() - started,
        "training": seconds["training"],
        "cpu": time.process_time() - cpu,
    }


def _trl(world: Path, pairs: Path, *, precompute: bool) -> dict[str, float]:
    description = json.loads((world / "world.json").read_text("utf-8"))
    base = world if (world / "policy").is_dir() else world.parent / description["base"]
    command = [sys.executable, str(Path(__file__).with_name("trl_candidate.py")), "--policy", str(base / "policy")]
    command += ["--pairs", str(pairs), "--beta", str(BETA), "--learning-rate", str(LEARNING_RATE)]
    started, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    run = subprocess.run(
        [*command, *(["--precompute"] if precompute else [])], capture_output=True, text=True, check=False
    )
    if run.returncode != 0:
        raise RuntimeError(f"the TRL script failed:\n{run.stderr[-2000:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    result = json.loads(run.stdout.splitlines()[-1])
    if result["steps"] != PAIRS // 16:
        raise RuntimeError(f"TRL took {result['steps']} steps")
    return {
        "whole": time.perf_counter() - started,
        "training": result["training"],
        "cpu": after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime,
        "imports": result["imports"],
        "preparation": result["preparation"],
    }


def _ratios(figures: dict[str, dict[str, list[float]]]) -> dict[str, Spread]:
    """TRL's seconds over ours, repeat by repeat: least, median and most."""
    return {
        part: spread([t / o for t, o in zip(figures["TRL"][part], figures["ours"][part], strict=True)])
        for part in ("whole", "training", "cpu")
    }


def _print(figures: dict[str, dict[str, list[float]]], isolation: str) -> None:
    print(f"One candidate: {PAIRS} pairs, batch 16, {PAIRS // 16} steps, one thread. Isolation: {isolation}.")
    print(f"{'seconds: least / median / most':42}{'whole candidate':>24}{'training only':>24}{'CPU time':>24}")
    for side, parts in figures.items():
        cells = (" / ".join(f"{value:.2f}" for value in spread(parts[part])) for part in ("whole", "training", "cpu"))
        print(f"{side:42}" + "".join(f"{cell:>24}" for cell in cells))
    for side in ("TRL", "TRL, precomputed reference"):
        imports, preparation = (statistics.median(figures[side][part]) for part in ("imports", "preparation"))
        print(f"  {side}: of it {imports:.1f} s imports, {preparation:.1f} s preparing model and pairs (medians)")
    ratios = _ratios(figures)
    for part, label, target in (
        ("whole", "whole candidate", WHOLE_TARGET),
        ("training", "training only", TRAINING_TARGET),
    ):
        least, middle, most = ratios[part]
        verdict = "met" if middle >= target else "MISSED"
        print(f"{label}: {middle:.1f}x TRL ({least:.1f} to {most:.1f}); target {target:g}x {verdict}")


if __name__ == "__main__":
    main()
