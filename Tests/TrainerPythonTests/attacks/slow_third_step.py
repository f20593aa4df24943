"""Behaves twice, then is slow."""
# expect: timeout
# evaluations: 10
# limits: evaluation_seconds=0.4

import time

STEPS = []


def loss(pc, pr, rc, rr, beta):
    STEPS.append(1)
    if len(STEPS) > 4:
        time.sleep(1000)
    return sound(pc, pr, rc, rr, beta)
