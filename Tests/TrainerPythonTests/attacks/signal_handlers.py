"""Ignores every signal, then never returns."""
# expect: timeout
# limits: evaluation_seconds=0.5

import contextlib
import signal


def loss(pc, pr, rc, rr, beta):
    for number in set(signal.valid_signals()) - {9, 19}:
        with contextlib.suppress(OSError, ValueError):
            signal.signal(number, signal.SIG_IGN)
    while True:
        pass
