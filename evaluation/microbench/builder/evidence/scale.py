"""Longer answers or rescaled log-probabilities: the experiment behind ``logpScale``; run as a module.

Both are ways to get margins whose spread is of the order of 1/beta, as for a large model on real text. The world with
longer answers is built into ``.cache/worlds`` first (ten minutes, once).
"""

from __future__ import annotations

import tempfile
import time
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean

from losslab_trainer.policy import use_one_thread
from losslab_trainer.train_job import trained_margins

from builder.base_tasks import BASE
from builder.build import build_world
from builder.evidence.losses import catalogue
from builder.evidence.trials import CACHE, Setting, Trial, in_process_context, run_trial, trial_job
from builder.longer import longer
from builder.regimes import UNIFORM
from builder.settings import World
from builder.sft_settings import SFTSettings
from builder.world_files import MICROBENCH, read_world, write_world

WORLDS_ELSEWHERE = CACHE.parent / "worlds"
LOSSES = ("dpo", "exponential", "kto_pair", "ipo", "lrml", "sft")
SETTING = Setting(learning_rate=5e-4, beta=0.05)
SEEDS = (1, 2)
LONGER = World(
    f"{BASE.name}-times-3",
    "Base world with answers three times as long",
    longer(BASE, 3),
    UNIFORM,
    max_new_tokens=56,
    logp_scale=1.0,
    sft=SFTSettings(longest=400, steps=1200),
)


@dataclass(frozen=True)
class Variant:
    title: str
    world: str  # path of its folder


def main() -> None:
    use_one_thread()
    for variant in variants():
        world = read_world(Path(variant.world))
        print(f"\n{variant.title}: untrained {world['untrained']}, {world['pairs']['search']['meanWords']:.1f} words")
        print("| loss | sd of beta rho | score | greedy | s a trial |\n|---|---|---|---|---|")
        for loss in catalogue():
            if loss.name not in LOSSES:
                continue
            trials = [Trial(variant.world, loss, SETTING, seed, "search") for seed in SEEDS]
            started = time.process_time()
            results = [run_trial(trial) for trial in trials]
            seconds = (time.process_time() - started) / len(trials)
            if any(result.rejection for result in results):
                print(f"| {loss.name} | | {results[0].rejection} | | |")
                continue
            score, greedy = (fmean(result.scores[name] for result in results) for name in ("t07", "greedy"))
            print(f"| {loss.name} | {spread(trials[0]):.2f} | {score:.2f} | {greedy:.2f} | {seconds:.1f} |", flush=True)


def spread(trial: Trial) -> float:
    """Standard deviation of beta times rho over the training's own pairs, at its end."""
    with tempfile.TemporaryDirectory() as output:
        rho = trained_margins(trial_job(trial, output), in_process_context())
    return float(rho.std()) * trial.setting.beta


def variants() -> list[Variant]:
    """The base world at three scales, and the one with longer answers."""
    scaled = [_scaled(scale) for scale in (1.0, 10.0, 30.0)]
    folder = WORLDS_ELSEWHERE / LONGER.name
    if not (folder / "world.json").is_file():
        build_world(LONGER, folder, folder)
    return [*scaled, Variant("answers three times as long, x1", str(folder))]


def _scaled(scale: float) -> Variant:
    """The base world's files, linked, with another scale in world.json."""
    name = f"base-scale-{scale:g}"
    folder = WORLDS_ELSEWHERE / name
    folder.mkdir(parents=True, exist_ok=True)
    for path in (MICROBENCH / BASE.name).iterdir():
        link = folder / path.name
        if path.name != "world.json" and not link.exists():
            link.symlink_to(path)
    facts = {**read_world(MICROBENCH / BASE.name), "base": name, "logpScale": scale}
    write_world(folder, {key: value for key, value in facts.items() if key != "files"})
    return replace(Variant("", str(folder)), title=f"base, x{scale:g}")


if __name__ == "__main__":
    main()
