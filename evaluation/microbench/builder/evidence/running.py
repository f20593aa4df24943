"""Many trials side by side, in processes of one thread each."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from multiprocessing import get_context
from multiprocessing.pool import Pool

from losslab_trainer.policy import use_one_thread

from builder.evidence.trials import Trial, TrialResult, run_trial


class Runner:
    """Runs trials in the pool, in order, and says now and then how far it is."""

    def __init__(self, pool: Pool) -> None:
        self.pool = pool
        self.trials = 0

    def __call__(self, trials: Iterable[Trial]) -> Iterator[TrialResult]:
        plan = list(trials)
        started = time.monotonic()
        for done, result in enumerate(self.pool.imap(run_trial, plan), start=1):
            self.trials += 1
            if done % 20 == 0 or done == len(plan):
                seconds = time.monotonic() - started
                left = seconds / done * (len(plan) - done)
                print(f"{done}/{len(plan)} trials, {seconds:.0f} s, {left:.0f} s left", flush=True)
            yield result


@contextmanager
def running(workers: int) -> Iterator[Runner]:
    """A runner over so many processes."""
    with get_context("spawn").Pool(workers, initializer=use_one_thread) as pool:
        yield Runner(pool)
