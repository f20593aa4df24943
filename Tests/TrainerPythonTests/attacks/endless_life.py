"""Outlives its time while each answer is in time."""
# expect: timeout
# evaluations: 20
# limits: life_seconds=1

import time


def loss(pc, pr, rc, rr, beta):
    time.sleep(0.2)
    return sound(pc, pr, rc, rr, beta)
